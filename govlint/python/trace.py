"""The path a value took from where it came from to where it is used.

Found backwards, on demand and only for findings: an expression is traced to the
assignments, arguments, returns and elements that can have given it the value, shortest
way first, until the place where the value was made, declared or looked up.
"""

from __future__ import annotations

import ast
from collections import deque
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from govlint.model import Related
from govlint.python.flow import values as v
from govlint.python.flow.values import Value
from govlint.python.symbols import FunctionInfo, Module
from govlint.python.syntax.walk import walk

if TYPE_CHECKING:
    from govlint.python.program import Program

_MAX_VISITED = 4_000
_MAX_STEPS = 12
Step = tuple[ast.AST, str]
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


def trace(
    program: Program, expression: ast.expr, wanted: Callable[[Value], bool]
) -> tuple[Related, ...]:
    """The steps by which a value that is `wanted` came to `expression`, source first."""
    before: dict[ast.AST, Step | None] = {expression: None}
    queue: deque[ast.AST] = deque([expression])
    end: ast.AST | None = None
    last: ast.AST = expression
    while queue and len(before) < _MAX_VISITED:
        node = queue.popleft()
        last = node
        if _is_source(program, node, wanted):
            end = node
            break
        for origin, note in _origins(program, node, wanted):
            if origin not in before:
                before[origin] = (node, note)
                queue.append(origin)
    if end is None:
        end = last
    chain: list[ast.AST] = []
    current: ast.AST | None = end
    while current is not None:
        chain.append(current)
        step = before[current]
        current = step[0] if step else None
    return _related(program, chain, before, wanted)


def _related(
    program: Program,
    chain: list[ast.AST],
    before: dict[ast.AST, Step | None],
    wanted: Callable[[Value], bool],
) -> tuple[Related, ...]:
    steps: list[Related] = []
    seen: set[tuple[str, int]] = set()
    for position, node in enumerate(chain[:-1]):
        step = before[node]
        module = program.module_of(node)
        if not module.path or step is None:
            continue
        location = program.location(module, node)
        key = (location.path, location.line)
        note = step[1] if position else f"{_source_note(program, node, wanted)}, {step[1]}"
        if key in seen and position and not step[1].startswith(("passed", "returned")):
            continue
        seen.add(key)
        steps.append(Related(location, note))
    if len(steps) > _MAX_STEPS:
        half = _MAX_STEPS // 2
        after = steps[-half]
        note = f"{len(steps) - _MAX_STEPS} steps later: {after.message}"
        steps = [*steps[:half], Related(after.location, note), *steps[1 - half :]]
    return tuple(steps)


def _source_note(program: Program, node: ast.AST, wanted: Callable[[Value], bool]) -> str:
    names = sorted(
        {
            value.cls.name
            for value in program.values(node)
            if isinstance(value, v.Instance | v.ClassValue) and wanted(value)
        }
    )
    what = " or ".join(names[:3]) or "the value"
    if isinstance(node, ast.arg):
        return f"declared as {what}"
    if isinstance(node, ast.Call):
        return f"{what} made" if _makes(program, node, wanted) else f"{what} obtained"
    return what


def _makes(program: Program, node: ast.Call, wanted: Callable[[Value], bool]) -> bool:
    return any(
        isinstance(value, v.Instance)
        and (
            value.site is node
            or (
                value.site is value.cls.node
                and v.class_value(value.cls) in program.values(node.func)
            )
        )
        for value in program.values(node)
    )


def _is_source(program: Program, node: ast.AST, wanted: Callable[[Value], bool]) -> bool:
    if isinstance(node, ast.Call):
        return _makes(program, node, wanted)
    if isinstance(node, ast.arg):
        return not _argument_origins(program, node)
    return isinstance(node, ast.ClassDef)


def holds(program: Program, node: ast.AST, wanted: Callable[[Value], bool], depth: int = 3) -> bool:
    """Whether the expression has a wanted value, itself or inside a container."""
    return any(_value_holds(program, value, wanted, depth) for value in program.values(node))


def _value_holds(
    program: Program, value: Value, wanted: Callable[[Value], bool], depth: int
) -> bool:
    if wanted(value):
        return True
    if not depth:
        return False
    heap = program.flow.heap
    if isinstance(value, v.BoundMethod):
        return wanted(value.receiver)
    if isinstance(value, v.Container | v.ExternalInstance):
        held = heap.get((value, "*"), v.EMPTY)
        return any(_value_holds(program, inner, wanted, depth - 1) for inner in held)
    if isinstance(value, v.Instance):
        held = heap.get((value, "attributes"), v.EMPTY)
        return any(wanted(inner) for inner in held)
    return False


def _origins(program: Program, node: ast.AST, wanted: Callable[[Value], bool]) -> Iterator[Step]:
    if isinstance(node, ast.Name):
        yield from _name_origins(program, node, wanted)
    elif isinstance(node, ast.arg):
        yield from _argument_origins(program, node)
    elif isinstance(node, ast.Attribute):
        for store in _stores(program).get(node.attr, ()):
            if holds(program, store, wanted):
                yield store, f"stored as `.{node.attr}`"
        for value in program.values(node.value):
            if isinstance(value, v.ModuleValue) and value.name in program.modules:
                module = program.modules[value.name]
                for origin in _bindings(program, module.tree).get(node.attr, ()):
                    if holds(program, origin, wanted):
                        yield origin, f"bound to `{node.attr}` in {module.name}"
        for function in _properties(program, node):
            yield from _returns(program, function, wanted)
        if holds(program, node.value, wanted):
            yield node.value, "taken from here"
    elif isinstance(node, ast.Call):
        for function in program.callees(node):
            yield from _returns(program, function, wanted)
        for part in (*node.args, *(k.value for k in node.keywords)):
            inner = part.value if isinstance(part, ast.Starred) else part
            if holds(program, inner, wanted):
                yield inner, "passed through here"
        if isinstance(node.func, ast.Attribute) and holds(program, node.func.value, wanted):
            yield node.func.value, "taken from here"
    elif isinstance(node, ast.expr):
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr) and holds(program, child, wanted):
                yield child, "held here"
            elif isinstance(child, ast.comprehension) and holds(program, child.iter, wanted):
                yield child.iter, "iterated here"


def _properties(program: Program, node: ast.Attribute) -> tuple[FunctionInfo, ...]:
    return program.callees(node)


def _returns(
    program: Program, function: FunctionInfo, wanted: Callable[[Value], bool]
) -> Iterator[Step]:
    if isinstance(function.node, ast.Lambda):
        if holds(program, function.node.body, wanted):
            yield function.node.body, "returned by the lambda"
        return
    for child in ast.walk(function.node):
        if (
            isinstance(child, ast.Return | ast.Yield)
            and child.value is not None
            and program.function_of(child) is function
            and holds(program, child.value, wanted)
        ):
            yield child.value, f"returned by `{function.name}`"


def _name_origins(
    program: Program, node: ast.Name, wanted: Callable[[Value], bool]
) -> Iterator[Step]:
    function = program.function_of(node)
    module = program.module_of(node)
    scope: FunctionInfo | None = function
    while scope is not None:
        if node.id in scope.stored and node.id not in scope.global_names | scope.nonlocal_names:
            for arg in _arguments(scope):
                if arg.arg == node.id:
                    yield arg, f"parameter `{node.id}` of `{scope.name}`"
            for origin in _bindings(program, scope.node).get(node.id, ()):
                if holds(program, origin, wanted):
                    yield origin, f"bound to `{node.id}`"
            return
        scope = scope.parent
    for origin in _comprehension_bindings(program, node):
        if holds(program, origin, wanted):
            yield origin, f"bound to `{node.id}`"
    for origin in _bindings(program, module.tree).get(node.id, ()):
        if holds(program, origin, wanted):
            yield origin, f"bound to `{node.id}`"
    yield from _imported(program, module, node.id, wanted)


def _imported(
    program: Program, module: Module, name: str, wanted: Callable[[Value], bool]
) -> Iterator[Step]:
    for statement in module.imports:
        if isinstance(statement, ast.ImportFrom):
            for alias in statement.names:
                if (alias.asname or alias.name) == name:
                    source = program.resolve_from(statement, module)
                    owner = program.resolve_module(source, module)
                    if owner in program.modules:
                        target = program.modules[owner]
                        for origin in _bindings(program, target.tree).get(alias.name, ()):
                            if holds(program, origin, wanted):
                                yield origin, f"imported from {target.name}"


def _comprehension_bindings(program: Program, node: ast.Name) -> Iterator[ast.expr]:
    current: ast.AST | None = node
    while current is not None:
        for generator in getattr(current, "generators", ()):
            names = {n.id for n in ast.walk(generator.target) if isinstance(n, ast.Name)}
            if node.id in names:
                yield generator.iter
        if isinstance(current, _FUNCTIONS):
            return
        current = program.parent(current)


def _arguments(function: FunctionInfo) -> list[ast.arg]:
    spec = function.node.args
    extra = [arg for arg in (spec.vararg, spec.kwarg) if arg is not None]
    return [*spec.posonlyargs, *spec.args, *spec.kwonlyargs, *extra]


def _argument_origins(program: Program, node: ast.arg) -> list[Step]:
    function = program.function_of(node)
    if function is None:
        return []
    names = [arg.arg for arg in [*function.node.args.posonlyargs, *function.node.args.args]]
    found: list[Step] = []
    for call in program.callers(function):
        if not isinstance(call, ast.Call):
            continue
        note = f"passed to `{function.name}`"
        offset = 1 if function.cls is not None and names[:1] != [node.arg] else 0
        if node.arg in names:
            position = names.index(node.arg) - offset
            if 0 <= position < len(call.args):
                found.append((call.args[position], note))
        for keyword in call.keywords:
            if keyword.arg in (node.arg, None):
                found.append((keyword.value, note))
        if node.arg not in names or not found:
            found.extend((a, note) for a in call.args if not isinstance(a, ast.Starred))
    return found


def _bindings(program: Program, scope: ast.AST) -> dict[str, list[ast.expr]]:
    """Name → the expressions that are bound to it in this scope."""
    cached = program.binding_tables.get(scope)
    if cached is not None:
        return cached
    table: dict[str, list[ast.expr]] = {}

    def bind(target: ast.AST, value: ast.expr) -> None:
        for part in ast.walk(target):
            if isinstance(part, ast.Name):
                table.setdefault(part.id, []).append(value)

    stack: list[ast.AST] = list(ast.iter_child_nodes(scope))
    while stack:
        node = stack.pop()
        if isinstance(node, ast.Assign):
            for target in node.targets:
                bind(target, node.value)
        elif isinstance(node, ast.AnnAssign | ast.AugAssign | ast.NamedExpr):
            if node.value is not None:
                bind(node.target, node.value)
        elif isinstance(node, ast.For | ast.AsyncFor):
            bind(node.target, node.iter)
        elif isinstance(node, ast.withitem) and node.optional_vars is not None:
            bind(node.optional_vars, node.context_expr)
        elif isinstance(node, ast.Match):
            for case in node.cases:
                for part in ast.walk(case.pattern):
                    name = getattr(part, "name", None)
                    if isinstance(name, str):
                        table.setdefault(name, []).append(node.subject)
        if not isinstance(node, _FUNCTIONS):
            stack.extend(ast.iter_child_nodes(node))
    program.binding_tables[scope] = table
    return table


def _stores(program: Program) -> dict[str, list[ast.expr]]:
    """Attribute name → the expressions stored under it anywhere in the program."""
    if program.store_table is None:
        table: dict[str, list[ast.expr]] = {}
        for module in program.modules.values():
            for node in walk(module.tree):
                targets: list[ast.expr] = []
                value: ast.expr | None = None
                if isinstance(node, ast.Assign):
                    targets, value = node.targets, node.value
                elif isinstance(node, ast.AnnAssign):
                    targets, value = [node.target], node.value
                elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                    if node.func.id == "setattr" and len(node.args) == 3:
                        name = node.args[1]
                        if isinstance(name, ast.Constant):
                            table.setdefault(str(name.value), []).append(node.args[2])
                    for keyword in node.keywords:
                        if keyword.arg is not None:
                            table.setdefault(keyword.arg, []).append(keyword.value)
                for target in targets:
                    for part in ast.walk(target):
                        if isinstance(part, ast.Attribute) and value is not None:
                            table.setdefault(part.attr, []).append(value)
        program.store_table = table
    return program.store_table
