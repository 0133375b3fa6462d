"""Whether an object is the program's own or comes from a library."""

from __future__ import annotations

import ast

from govlint.python.flow import values as v
from govlint.python.program import Program
from govlint.python.symbols import FunctionInfo

_NEUTRAL = frozenset({"builtins", "typing", "typing_extensions"})


def is_foreign(program: Program, owner: ast.expr, depth: int = 0) -> bool:
    """Whether the owner is an object of a library, or comes from one."""
    values = program.values(owner)
    if any(isinstance(x, v.Instance | v.Namespace | v.Container) for x in values):
        return False
    for value in values:
        if isinstance(value, v.ExternalInstance | v.External):
            return True
        if isinstance(value, v.BoundExternal) and not value.dotted.startswith("?."):
            return True
    return depth < 6 and _comes_from_library(program, owner, depth)


def _comes_from_library(program: Program, owner: ast.expr, depth: int) -> bool:
    """Follow `client.get(…).data` to `client`, and that to its annotation or value."""
    while isinstance(owner, ast.Attribute | ast.Call | ast.Subscript | ast.Await):
        owner = owner.func if isinstance(owner, ast.Call) else owner.value
    if not isinstance(owner, ast.Name):
        return False
    function = program.function_of(owner)
    if function is None:
        return depth > 0 and is_foreign(program, owner, 6)
    if owner.id in function.params:
        return _annotation_is_foreign(program, function, owner.id)
    for node in ast.walk(function.node):
        value: ast.expr | None = None
        if isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(isinstance(t, ast.Name) and t.id == owner.id for t in targets):
                value = node.value
        elif isinstance(node, ast.For | ast.AsyncFor | ast.comprehension):
            bound = isinstance(node.target, ast.Name) and node.target.id == owner.id
            value = node.iter if bound else None
        if value is not None and value is not owner and is_foreign(program, value, depth + 1):
            return True
    return False


def _annotation_is_foreign(program: Program, function: FunctionInfo, name: str) -> bool:
    from govlint.python.flow.annotations import resolve

    spec = function.node.args
    for arg in [*spec.posonlyargs, *spec.args, *spec.kwonlyargs]:
        if arg.arg == name and isinstance(arg.annotation, ast.Name | ast.Attribute):
            return any(
                isinstance(x, v.External) and x.dotted.partition(".")[0] not in _NEUTRAL
                for x in resolve(program.flow, arg.annotation, function.module, None)
            )
    return False
