"""Where code of one layer of the execution chain calls code of another."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from govlint.python.flow import attributes
from govlint.python.flow import values as v
from govlint.python.flow.values import Values
from govlint.python.layers import Chain
from govlint.python.program import Program
from govlint.python.states.parameters import argument_for, receiver_count
from govlint.python.symbols import FunctionInfo
from govlint.python.syntax.walk import walk

Given = dict[str, Values]
Path = tuple[ast.AST, ...]


@dataclass(frozen=True)
class Crossing:
    """A call from layer `source` to layer `target`, and the calls that led to it."""

    node: ast.AST
    source: int
    target: int
    callee: str
    path: tuple[ast.AST, ...]

    @property
    def is_legal(self) -> bool:
        """Whether the chain has this step."""
        return self.target == self.source + 1


def crossings(program: Program, chain: Chain, legal: bool = False) -> list[Crossing]:
    """The calls that the chain does not have, the shortest way to each first.

    With `legal`, also those from a layer to the next one.
    """
    return sorted(_crossings(program, chain, legal), key=_shortest)


def _crossings(program: Program, chain: Chain, legal: bool) -> Iterator[Crossing]:
    for module in list(program.modules.values()):
        if module.is_test:
            continue
        for function in module.functions:
            level = chain.level_of(function)
            if level is not None:
                yield from _Walk(program, chain, level, legal).through(function, {}, ())
        if chain.is_api_module(module):
            yield from _Walk(program, chain, 0, legal).body(module.tree, None, {}, ())
    for cls, level, function in chain.inherited():
        given: Given = {name: frozenset({v.instance(cls)}) for name in function.params[:1]}
        yield from _Walk(program, chain, level, legal).through(function, given, ())


class _Walk:
    """From one function of a layer through the helper functions it calls.

    A helper is used by several layers, so its parameters stand for what this way there
    passes, not for all they were ever seen to be.
    """

    def __init__(self, program: Program, chain: Chain, level: int, legal: bool) -> None:
        self.program = program
        self.chain = chain
        self.level = level
        self.legal = legal
        self.seen: set[tuple[FunctionInfo, frozenset[tuple[str, Values]]]] = set()

    def through(self, function: FunctionInfo, given: Given, path: Path) -> Iterator[Crossing]:
        """The crossings in one function, entered with `given` for its parameters."""
        key = (function, frozenset(given.items()))
        if key in self.seen or len(path) > 12 or len(self.seen) > 400:
            return
        self.seen.add(key)
        yield from self.body(function.node, function, given, path)

    def body(
        self, root: ast.AST, function: FunctionInfo | None, given: Given, path: Path
    ) -> Iterator[Crossing]:
        """The crossings in a function's own code, and through the helpers it calls."""
        for node in walk(root):
            if not isinstance(node, ast.Call | ast.Attribute):
                continue
            if self.program.function_of(node) is not function:
                continue
            if isinstance(node, ast.Attribute):
                yield from self.reference(node, given, path)
                continue
            yield from self.called(node, given, path)
            for callee in self.chain.helpers(node, self.values(node.func, given)):
                if self.chain.is_direct(node, callee):
                    inner = self.given(node, callee, given)
                    yield from self.through(callee, inner, (*path, node))

    def called(self, call: ast.Call, given: Given, path: Path) -> Iterator[Crossing]:
        """The crossing that a call is."""
        values = self.values(call.func, given) if _root(call.func) in given else None
        for function, target in self.chain.targets(call, values):
            if not self.is_wanted(target):
                continue
            if target < self.level and not self.chain.is_own_reference(call, function, self.level):
                continue  # a callback that was handed down
            yield Crossing(_place(call), self.level, target, _shown(function), path)

    def reference(self, node: ast.Attribute, given: Given, path: Path) -> Iterator[Crossing]:
        """A bound method given to code that is not there (an executor, a thread) to be called."""
        parent = self.program.parent(node)
        if isinstance(parent, ast.keyword):
            call = self.program.parent(parent)
        else:
            call = parent if isinstance(parent, ast.Call) and node in parent.args else None
        if not isinstance(call, ast.Call) or not self.chain.hands_on(call):
            return
        for value in self.values(node, given):
            target = self.chain.level_of_value(value)
            if target is not None and isinstance(value, v.BoundMethod) and self.is_wanted(target):
                yield Crossing(node, self.level, target, _shown(value.function), path)

    def is_wanted(self, target: int) -> bool:
        """Whether a call from this layer to `target` is one of those asked for."""
        return target != self.level and (self.legal or target != self.level + 1)

    def given(self, call: ast.Call, callee: FunctionInfo, given: Given) -> Given:
        """What the call passes for the parameters of `callee`."""
        found: Given = {}
        for name in callee.params:
            argument = argument_for(self.program, call, callee, name)
            if argument is not None:
                values = self.values(argument, given)
                if values:
                    found[name] = values
        if callee.params and receiver_count(self.program, call, callee):
            owner = call.func.value if isinstance(call.func, ast.Attribute) else None
            values = self.values(owner, given) if owner is not None else frozenset()
            if any(isinstance(x, v.Instance) for x in values):
                found.setdefault(callee.params[0], values)
        return found

    def values(self, expression: ast.expr, given: Given) -> Values:
        """The values of an expression where the parameters are what was given."""
        if isinstance(expression, ast.Name) and expression.id in given:
            return given[expression.id]
        if isinstance(expression, ast.Attribute) and _root(expression) in given:
            found: set[v.Value] = set()
            for owner in self.values(expression.value, given):
                if isinstance(owner, v.Instance | v.ClassValue):
                    found |= attributes.load(self.program.flow, owner, expression.attr, expression)
            if found:
                return frozenset(found)
        return self.program.values(expression)


def _root(expression: ast.expr) -> str:
    while isinstance(expression, ast.Attribute):
        expression = expression.value
    return expression.id if isinstance(expression, ast.Name) else ""


def _shortest(crossing: Crossing) -> tuple[int, int, list[int], str]:
    """The shortest way first; the rest only makes the order the same in every run."""
    lines = [getattr(step, "lineno", 0) for step in crossing.path]
    return len(crossing.path), crossing.source, lines, crossing.callee


def _place(call: ast.Call) -> ast.AST:
    """The callee's own expression: a chain of calls over lines is found where the name is."""
    return call.func if not isinstance(call.func, ast.Call) else call


def _shown(function: FunctionInfo) -> str:
    owner = f"{function.cls.name}." if function.cls is not None else ""
    return f"{owner}{function.name}()"
