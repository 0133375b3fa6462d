"""What the text of an expression decides by itself: truth, loop turns, dotted names.

Kept apart from the flow of values: a constant that a module sets (`VALIDATE = True`)
is one edit away from its opposite, so it decides no path here; a literal does.
"""

from __future__ import annotations

import ast

_CATCH_ALL = {"Exception", "BaseException", "ExceptionGroup", "BaseExceptionGroup"}


def dotted(node: ast.AST | None) -> str:
    """`a.b.c` of a chain of names, as written; empty for anything else."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return ""
    parts.append(node.id)
    return ".".join(reversed(parts))


def truth(test: ast.expr) -> bool | None:
    """What `test` is in every run, where the text alone decides it; else None.

    `__debug__` is not decided: it is False under `-O`.
    """
    if isinstance(test, ast.Constant):
        return bool(test.value)
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        inner = truth(test.operand)
        return None if inner is None else not inner
    if isinstance(test, ast.Tuple | ast.List | ast.Set):
        if any(not isinstance(element, ast.Starred) for element in test.elts):
            return True
        return None if test.elts else False
    if isinstance(test, ast.Dict):
        return bool(test.keys) if None not in test.keys else None
    if isinstance(test, ast.Lambda):
        return True
    if dotted(test).rpartition(".")[2] == "TYPE_CHECKING":
        return False
    return None


def runs_at_least_once(iterable: ast.expr) -> bool | None:
    """Whether a loop over `iterable` has a first turn: True, False, or None for "maybe"."""
    if isinstance(iterable, ast.Tuple | ast.List | ast.Set | ast.Dict):
        return truth(iterable)
    if isinstance(iterable, ast.Constant) and isinstance(iterable.value, str | bytes):
        return bool(iterable.value)
    if isinstance(iterable, ast.Call) and not iterable.keywords:
        name = dotted(iterable.func)
        if name == "range" and 1 <= len(iterable.args) <= 3:
            numbers = [_integer(argument) for argument in iterable.args]
            if None in numbers:
                return None
            known = [number for number in numbers if number is not None]
            try:
                return len(range(*known)) > 0
            except (ValueError, OverflowError):
                return None
        if name in ("enumerate", "reversed", "sorted", "list", "tuple") and iterable.args:
            return runs_at_least_once(iterable.args[0])
        if name in ("itertools.count", "count"):
            return True
    return None


def _integer(node: ast.expr) -> int | None:
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        inner = _integer(node.operand)
        return None if inner is None else -inner
    return node.value if isinstance(node, ast.Constant) and type(node.value) is int else None


def catches_all(handler: ast.ExceptHandler) -> bool:
    """Whether `handler` takes every `Exception`."""
    return handler.type is None or bool(caught_names(handler) & _CATCH_ALL)


def caught_names(handler: ast.ExceptHandler) -> set[str]:
    """The last parts of the names of the classes that `handler` catches."""
    if handler.type is None:
        return {"BaseException"}
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return {dotted(kind).rpartition(".")[2] for kind in kinds}
