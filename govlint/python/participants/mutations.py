"""Calls that change the object they are made on, or their first argument."""

from __future__ import annotations

import ast
import re

from govlint.python.paths.static import dotted

MUTATORS = frozenset(
    """append add extend update insert setdefault pop popitem clear remove discard appendleft
    extendleft popleft move_to_end sort reverse rotate subtract difference_update
    intersection_update symmetric_difference_update __setitem__ __delitem__ __setattr__
    __delattr__ __ior__ __iadd__""".split()
)
# functions of the library that change what they are given first
_BY_ARGUMENT = re.compile(
    r"(?:heapq\.|_heapq\.)?(?:heappush|heappop|heapify|heapreplace|heappushpop)|"
    r"(?:bisect\.)?insort(?:_left|_right)?|random\.shuffle|"
    r"(?:operator\.)?(?:setitem|delitem|i(?:or|add|concat))"
)
_CLASSES = frozenset(
    {"dict", "list", "set", "deque", "defaultdict", "OrderedDict", "object", "type"}
)


def changed_by_argument(call: ast.Call) -> ast.expr | None:
    """What `heappush(queue, x)`, `dict.update(rules, …)` or `setitem(rules, …)` changes."""
    if not call.args:
        return None
    name = dotted(call.func)
    if _BY_ARGUMENT.fullmatch(name):
        return call.args[0]
    owner, _, method = name.rpartition(".")
    if owner.rpartition(".")[2] in _CLASSES and method in MUTATORS:
        return call.args[0]
    return None


def set_by_call(program_name: str, call: ast.Call) -> ast.expr | None:
    """The object whose attribute `setattr(x, …)` or `object.__setattr__(x, …)` sets.

    `program_name` is the callee's dotted name once aliases are seen through.
    """
    method = program_name.rpartition(".")[2]
    if method in ("setattr", "delattr") and call.args:
        return call.args[0]
    if method in ("__setattr__", "__delattr__"):
        function = call.func
        if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Call):
            given = function.value.args  # super(Class, x).__setattr__(…)
            return given[1] if len(given) == 2 else ast.Name("self", ast.Load())
        return call.args[0] if len(call.args) > (1 if method == "__delattr__" else 2) else None
    return None
