"""Which argument of a call fills which parameter."""

from __future__ import annotations

import ast

from govlint.python.flow import values as v
from govlint.python.program import Program
from govlint.python.symbols import ClassInfo, FunctionInfo


def argument_for(
    program: Program, call: ast.Call, function: FunctionInfo, name: str
) -> ast.expr | None:
    """The expression that `call` gives for parameter `name` of `function`, if it shows one."""
    for keyword in call.keywords:
        if keyword.arg == name:
            return keyword.value
    spec = function.node.args
    positional = [arg.arg for arg in [*spec.posonlyargs, *spec.args]]
    if name not in positional:
        return None
    index = positional.index(name) - receiver_count(program, call, function)
    if index < 0 or index >= len(call.args):
        return None
    if any(isinstance(arg, ast.Starred) for arg in call.args[: index + 1]):
        return None
    return call.args[index]


def receiver_count(program: Program, call: ast.Call, function: FunctionInfo) -> int:
    """How many leading parameters the call fills by itself: the receiver, or none."""
    for value in program.values(call.func):
        if isinstance(value, v.BoundMethod) and value.function is function:
            return 1
        if isinstance(value, v.FunctionValue) and value.function is function:
            return 0
        if isinstance(value, v.ClassValue) and function.name in ("__init__", "__new__"):
            return 1
    return 0 if function.cls is None or "staticmethod" in function.decorators else 1


def parameter_of(program: Program, name: ast.Name) -> FunctionInfo | None:
    """The function whose parameter `name` is where it is read, if it is never rebound."""
    function = program.function_of(name)
    while function is not None:
        if name.id in function.params:
            return None if is_rebound(function, name.id) else function
        if name.id in function.stored:
            return None
        function = function.parent
    return None


def is_rebound(function: FunctionInfo, name: str) -> bool:
    """Whether the body of `function` assigns to its own name."""
    return any(
        isinstance(node, ast.Name) and node.id == name and not isinstance(node.ctx, ast.Load)
        for node in ast.walk(function.node)
    )


def fields_of(program: Program, cls: ClassInfo) -> list[str]:
    """The annotated names of a class and its bases, in the order a dataclass takes them."""
    names: list[str] = []
    for entry in reversed(program.mro(cls)):
        if isinstance(entry, ClassInfo):
            rows = sorted(entry.annotations.items(), key=lambda row: _position(row[1]))
            names += [name for name, _ in rows if name not in names]
    return names


def _position(node: ast.AST) -> tuple[int, int]:
    return getattr(node, "lineno", 0), getattr(node, "col_offset", 0)
