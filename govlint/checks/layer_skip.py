"""Calls that leave out a layer of the execution chain, or go back up it (GOV103)."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from govlint.model import Finding, Related, Rule
from govlint.python.flow import attributes
from govlint.python.flow import values as v
from govlint.python.flow.values import Values
from govlint.python.layers import Chain
from govlint.python.program import Program
from govlint.python.states.parameters import argument_for, receiver_count
from govlint.python.symbols import FunctionInfo

Given = dict[str, Values]
Path = tuple[ast.AST, ...]

KIND = "layer-skip"
TRIGGERS: tuple[str, ...] = (
    "AnalysisExecutionService",
    "JobExecutionService",
    "PluginExecutionService",
    "ToolRunner",
)


@dataclass(frozen=True)
class Params:
    """This check takes no parameters."""


@dataclass(frozen=True)
class _Crossing:
    """A call from layer `source` to layer `target`, and the calls that led to it."""

    node: ast.AST
    source: int
    target: int
    callee: str
    path: tuple[ast.AST, ...]


def run(rule: Rule, params: Params, program: Program) -> Iterable[Finding]:
    """One finding a call; the way there through helper functions is related."""
    chain = Chain(program)
    if len(chain.names) < 2:
        return
    seen: set[tuple[str, int]] = set()
    for crossing in sorted(_crossings(program, chain), key=_shortest):
        place = crossing.node
        module = program.module_of(place)
        location = program.location(module, place)
        if (location.path, location.line) in seen:
            continue
        seen.add((location.path, location.line))
        source = chain.names[crossing.source]
        said = f"{source} calls {crossing.callee}"
        if crossing.target < crossing.source:
            said += " back up the chain; results go up as return values"
        else:
            following = chain.names[crossing.source + 1]
            said += f" and leaves out {following}; call {following} instead"
        yield Finding(
            rule=rule.code,
            name=rule.name,
            severity=rule.severity,
            message=f"{said} (the chain is {' → '.join(chain.names)})",
            location=location,
            related=tuple(
                Related(
                    program.location(program.module_of(step), step),
                    f"{source} comes here from this call",
                )
                for step in crossing.path
            ),
            help=rule.fix,
        )


def _crossings(program: Program, chain: Chain) -> Iterator[_Crossing]:
    for module in list(program.modules.values()):
        if module.is_test:
            continue
        for function in module.functions:
            level = chain.level_of(function)
            if level is not None:
                yield from _Walk(program, chain, level).through(function, {}, ())
        if chain.is_api_module(module):
            yield from _Walk(program, chain, 0).body(module.tree, None, {}, ())
    for cls, level, function in chain.inherited():
        given: Given = {name: frozenset({v.instance(cls)}) for name in function.params[:1]}
        yield from _Walk(program, chain, level).through(function, given, ())


class _Walk:
    """From one function of a layer through the helper functions it calls.

    A helper is used by several layers, so its parameters stand for what this way there
    passes, not for all they were ever seen to be.
    """

    def __init__(self, program: Program, chain: Chain, level: int) -> None:
        self.program = program
        self.chain = chain
        self.level = level
        self.seen: set[tuple[FunctionInfo, frozenset[tuple[str, Values]]]] = set()

    def through(self, function: FunctionInfo, given: Given, path: Path) -> Iterator[_Crossing]:
        """The crossings in one function, entered with `given` for its parameters."""
        key = (function, frozenset(given.items()))
        if key in self.seen or len(path) > 12 or len(self.seen) > 400:
            return
        self.seen.add(key)
        yield from self.body(function.node, function, given, path)

    def body(
        self, root: ast.AST, function: FunctionInfo | None, given: Given, path: Path
    ) -> Iterator[_Crossing]:
        """The crossings in a function's own code, and through the helpers it calls."""
        for node in ast.walk(root):
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

    def called(self, call: ast.Call, given: Given, path: Path) -> Iterator[_Crossing]:
        """The crossing that a call is."""
        values = self.values(call.func, given) if _root(call.func) in given else None
        for function, target in self.chain.targets(call, values):
            if not self.is_fault(target):
                continue
            if target < self.level and not self.chain.is_own_reference(call, function, self.level):
                continue  # a callback that was handed down
            yield _Crossing(_place(call), self.level, target, _shown(function), path)

    def reference(self, node: ast.Attribute, given: Given, path: Path) -> Iterator[_Crossing]:
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
            if target is not None and isinstance(value, v.BoundMethod) and self.is_fault(target):
                yield _Crossing(node, self.level, target, _shown(value.function), path)

    def is_fault(self, target: int) -> bool:
        """Whether the chain does not go from this layer to `target`."""
        return target not in (self.level, self.level + 1)

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


def _shortest(crossing: _Crossing) -> tuple[int, int, list[int], str]:
    """The shortest way first; the rest only makes the order the same in every run."""
    lines = [getattr(step, "lineno", 0) for step in crossing.path]
    return len(crossing.path), crossing.source, lines, crossing.callee


def _place(call: ast.Call) -> ast.AST:
    """The callee's own expression: a chain of calls over lines is found where the name is."""
    return call.func if not isinstance(call.func, ast.Call) else call


def _shown(function: FunctionInfo) -> str:
    owner = f"{function.cls.name}." if function.cls is not None else ""
    return f"{owner}{function.name}()"
