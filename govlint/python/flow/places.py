"""What a place such as `self.a` or `table["k"]` holds after an assignment to it.

Attributes and elements live in the heap, which only grows. Between an assignment and the
next thing that may change the place, its new value is all that it holds, and the frame
remembers it under the place's text.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from govlint.python.flow.values import Values
from govlint.python.symbols import FunctionInfo

if TYPE_CHECKING:
    from govlint.python.flow.expressions import Environment, Expressions
    from govlint.python.flow.fixpoint import Flow

# methods of built-in containers that change what they hold
CHANGES = frozenset(
    "append appendleft extend extendleft insert update setdefault pop popitem popleft clear "
    "remove discard add sort reverse rotate __setitem__ __delitem__ __ior__ __iadd__".split()
)
# functions that a call is looked through for what it may assign
_MOST_CALLEES = 60


def place(node: ast.expr) -> str | None:
    """`self.a["k"]` as a key of the environment; None for a bare name and anything else."""
    parts: list[str] = []
    while True:
        if isinstance(node, ast.Attribute):
            parts.append(f".{node.attr}")
        elif isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
            parts.append(f"[{node.slice.value!r}]")
        else:
            break
        node = node.value
    if not isinstance(node, ast.Name) or not parts:
        return None
    parts.append(node.id)
    return "".join(reversed(parts))


def assigned(run: Expressions, path: str, values: Values) -> None:
    """Remember what was put in a place; other names of the object may reach it, too."""
    last = path[max(path.rfind("."), path.rfind("[")) :]
    forget_below(run.environment, path)
    for other in _places(run.environment):
        if other.endswith(last):
            del run.environment[other]
    run.environment[path] = values


def forget_below(environment: Environment, prefix: str) -> None:
    """Drop the places inside `prefix`, which is something else now."""
    for name in _places(environment):
        if name.startswith((f"{prefix}.", f"{prefix}[")):
            del environment[name]


def forget_elements(environment: Environment) -> None:
    """Drop all elements: one of them was set, nobody knows which."""
    for name in _places(environment):
        if "[" in name:
            del environment[name]


def _places(environment: Environment) -> list[str]:
    return [name for name in environment if "." in name or "[" in name]


def called(run: Expressions, node: ast.Call) -> None:
    """Drop the places that a call may have changed."""
    environment = run.environment
    if isinstance(node.func, ast.Attribute) and node.func.attr == "update":
        _updated(run, node, node.func.value)
        return
    places = _places(environment)
    if not places:
        return
    targets = run.flow.targets.get(node)
    if targets:
        changed = _assigned_by(run.flow, targets)
        for name in places:
            attributes = {part.partition("[")[0] for part in name.split(".")[1:]}
            if "[" in name or changed is None or not attributes.isdisjoint(changed):
                del environment[name]
    elif isinstance(node.func, ast.Attribute) and node.func.attr in CHANGES:
        forget_elements(environment)


def _updated(run: Expressions, node: ast.Call, owner: ast.expr) -> None:
    """`table.update({"k": x})` assigns the elements that a literal writes down."""
    forget_elements(run.environment)
    path = owner.id if isinstance(owner, ast.Name) else place(owner)
    given = node.args[0] if len(node.args) == 1 else None
    if path is not None and isinstance(given, ast.Dict) and not node.keywords:
        for key, value in zip(given.keys, given.values, strict=True):
            if isinstance(key, ast.Constant) and value in run.flow.recorded:
                run.environment[f"{path}[{key.value!r}]"] = run.flow.recorded[value]


def _assigned_by(flow: Flow, functions: set[FunctionInfo]) -> set[str] | None:
    """The attributes that functions and what they call assign; None where that is a lot."""
    seen = set(functions)
    pending = list(functions)
    found: set[str] = set()
    while pending:
        function = pending.pop()
        found |= function.sets
        if len(seen) > _MOST_CALLEES:
            return None
        for other in flow.called_by(function):
            if other not in seen:
                seen.add(other)
                pending.append(other)
    return found
