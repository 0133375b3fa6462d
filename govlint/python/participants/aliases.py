"""What a name stands for: the expressions that it was bound to, through names and parameters.

The flow of values follows what is governed; the parts of a context, a service's own
attributes and an intent's payload are none of that, and are followed here by their text.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from govlint.python.program import Program
from govlint.python.symbols import FunctionInfo

_DEPTH = 5


def origins(
    program: Program, node: ast.expr, depth: int = _DEPTH, to_module: bool = True
) -> list[ast.expr]:
    """The expressions that `node` may stand for; itself, where it is bound to nothing known.

    Names of a module are left as they are unless `to_module`.
    """
    if isinstance(node, ast.Await | ast.NamedExpr):
        return origins(program, node.value, depth, to_module)
    parts: list[ast.expr] = []
    if isinstance(node, ast.IfExp):
        parts = [node.body, node.orelse]
    elif isinstance(node, ast.BoolOp):
        parts = node.values
    elif isinstance(node, ast.Name) and depth:
        parts, depth = _bound_to(program, node, to_module), depth - 1
    if not parts:
        return [node]
    return [found for part in parts for found in origins(program, part, depth, to_module)]


def _bound_to(program: Program, node: ast.Name, to_module: bool) -> list[ast.expr]:
    function = program.function_of(node)
    while function is not None:
        if node.id in function.global_names:
            break
        if node.id in function.params:
            return _given(program, function, node.id)
        if node.id in function.stored:
            return [v for v in bound_in(program, function.node, node.id) if v is not node]
        function = function.parent
    if not to_module:
        return []
    return [v for v in bound_in(program, program.module_of(node).tree, node.id) if v is not node]


def bound_in(program: Program, scope: ast.AST, name: str) -> list[ast.expr]:
    """The expressions bound to a local name: assigned, unpacked, entered or iterated over."""
    table = program.alias_tables.get(scope)
    if table is None:
        table = program.alias_tables[scope] = {}
        for target, value in _pairs(scope):
            table.setdefault(target, []).append(value)
    return table.get(name, [])


def _pairs(scope: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    stack: list[ast.AST] = list(ast.iter_child_nodes(scope))
    while stack:
        child = stack.pop(0)
        if isinstance(child, ast.Assign):
            for target in child.targets:
                yield from _paired(target, child.value)
        elif isinstance(child, ast.AnnAssign | ast.NamedExpr) and child.value is not None:
            yield from _paired(child.target, child.value)
        elif isinstance(child, ast.withitem) and child.optional_vars is not None:
            yield from _paired(child.optional_vars, child.context_expr)
        elif isinstance(child, ast.For | ast.AsyncFor | ast.comprehension) and (
            isinstance(child.iter, ast.Tuple | ast.List) and child.iter.elts
        ):
            for element in child.iter.elts:
                yield from _paired(child.target, element)
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            stack.extend(ast.iter_child_nodes(child))


def _paired(target: ast.expr, value: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    if isinstance(target, ast.Name):
        yield target.id, value
    elif isinstance(target, ast.Tuple | ast.List):
        spread = any(isinstance(part, ast.Starred) for part in target.elts)
        if isinstance(value, ast.Tuple | ast.List) and (
            len(value.elts) >= len(target.elts) - spread
        ):
            for part, inner in zip(target.elts, value.elts, strict=False):
                if isinstance(part, ast.Starred):
                    break
                yield from _paired(part, inner)


def _given(program: Program, function: FunctionInfo, name: str) -> list[ast.expr]:
    """The arguments that the calls of a function give for a parameter."""
    bound = function.cls is not None and "staticmethod" not in function.decorators
    if bound and function.params[:1] == [name]:
        return []
    found: list[ast.expr] = []
    position = function.params.index(name) - bound
    for site in program.callers(function):
        if not isinstance(site, ast.Call):
            continue
        given = [k.value for k in site.keywords if k.arg == name]
        if not given and 0 <= position < len(site.args):
            given = [site.args[position]]
        found.extend(g for g in given if not isinstance(g, ast.Starred))
    return found
