"""How control comes from a gate's `run` to the call that runs the plugin.

The plugin call may stand in `run` itself, in a private helper, in a nested function or
lambda that something else calls, and `run` may be wrapped by a decorator. A chain lists
these frames from the innermost outwards, so that "is it inside a `try`" and "was it
validated before" can be asked of each frame's own control flow.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from govlint.python.flow.values import BoundMethod, FunctionValue

if TYPE_CHECKING:
    from govlint.python.governed import Gate
    from govlint.python.program import Program
    from govlint.python.symbols import FunctionInfo

_LIMIT = 64


@dataclass(frozen=True, slots=True)
class Frame:
    """`node` of `function` is where the plugin runs, or where the inner frame is entered."""

    function: FunctionInfo
    node: ast.AST


Chain = tuple[Frame, ...]


def chains(program: Program, gate: Gate, call: ast.Call) -> list[Chain]:
    """The ways from `gate.run` (or its decorators) to `call`, innermost frame first."""
    found: list[Chain] = []
    function = program.function_of(call)
    if function is not None:
        for point in run_points(program, function, call):
            for chain in _outwards(program, gate, (Frame(function, point),)):
                found.append(chain)
                if len(found) >= _LIMIT:
                    return found
    return found


def ways(program: Program, gate: Gate, node: ast.AST) -> list[Chain]:
    """The ways from `gate.run` to any node of its code, innermost frame first."""
    function = program.function_of(node)
    if function is None:
        return []
    return list(islice(_outwards(program, gate, (Frame(function, node),)), _LIMIT))


def run_points(program: Program, function: FunctionInfo, call: ast.Call) -> list[ast.expr]:
    """Where `call` really runs: the `await` of a coroutine that was kept in a name first."""
    if not isinstance(function.node, ast.AsyncFunctionDef):
        return [call]
    holder = program.parent(call)
    if isinstance(holder, ast.Assign | ast.AnnAssign | ast.NamedExpr) and holder.value is call:
        targets = holder.targets if isinstance(holder, ast.Assign) else [holder.target]
        names = {target.id for target in targets if isinstance(target, ast.Name)}
        awaits: list[ast.expr] = [
            node
            for node in own_nodes(function.node)
            if isinstance(node, ast.Await)
            and isinstance(node.value, ast.Name)
            and node.value.id in names
        ]
        if awaits:
            return awaits
    return [call]


def own_nodes(root: ast.AST) -> Iterator[ast.AST]:
    """All nodes below `root` that belong to its own scope: no nested function's body."""
    stack = list(ast.iter_child_nodes(root))
    while stack:
        node = stack.pop()
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            stack.extend(ast.iter_child_nodes(node))


def _outwards(program: Program, gate: Gate, chain: Chain) -> Iterator[Chain]:
    function = chain[-1].function
    if any(frame.function is function for frame in chain[:-1]):
        return  # recursion: the way in has been followed already
    outer = list(_entries(program, gate, function))
    if not outer:
        yield chain
    for frame in outer:
        yield from _outwards(program, gate, (*chain, frame))


def _entries(program: Program, gate: Gate, function: FunctionInfo) -> Iterator[Frame]:
    if function is gate.run:
        yield from _wrappers(program, function)
        return
    if function.parent is not None:
        for node in references(program, function):
            owner = program.function_of(node)
            if owner is not None and owner is not function:
                yield Frame(owner, node)
        return
    for call in program.callers(function):
        owner = program.function_of(call)
        if owner is not None and program.in_gate(call):
            yield Frame(owner, call)


def _wrappers(program: Program, function: FunctionInfo) -> Iterator[Frame]:
    """The calls of `function` in the wrappers that its decorators put around it."""
    for decorator in getattr(function.node, "decorator_list", ()):
        for value in program.values(decorator):
            if not isinstance(value, FunctionValue | BoundMethod):
                continue
            wrapped = _first_parameter(value)
            for node in ast.walk(value.function.node) if wrapped else ():
                if not isinstance(node, ast.Call):
                    continue
                owner = program.function_of(node)
                named = isinstance(node.func, ast.Name) and node.func.id == wrapped
                if named and owner is not None and owner is not value.function:
                    yield Frame(owner, node)


def _first_parameter(value: FunctionValue | BoundMethod) -> str | None:
    arguments = value.function.node.args
    names = [argument.arg for argument in (*arguments.posonlyargs, *arguments.args)]
    bound = 1 if isinstance(value, BoundMethod) else 0
    return names[bound] if len(names) > bound else None


def references(program: Program, function: FunctionInfo) -> list[ast.expr]:
    """Where the function around a nested one enters it: calls of it, calls it is handed to."""
    assert function.parent is not None
    names: set[str] = set()
    found: list[ast.expr] = []
    if isinstance(function.node, ast.Lambda):
        node: ast.AST | None = program.parent(function.node)
        while isinstance(node, ast.expr | ast.keyword):
            if isinstance(node, ast.Call):
                return [node]
            node = program.parent(node)
        if isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names = {target.id for target in targets if isinstance(target, ast.Name)}
    else:
        names = {function.node.name}
    inside = set(ast.walk(function.node))
    for candidate in ast.walk(function.parent.node):
        if isinstance(candidate, ast.Call) and candidate not in inside:
            parts: list[ast.expr] = [candidate.func, *candidate.args]
            parts += [keyword.value for keyword in candidate.keywords]
            if any(isinstance(part, ast.Name) and part.id in names for part in parts):
                found.append(candidate)
    return found
