"""Which job states follow each other on some path through a function.

The current state of each job is followed along the control flow: guards narrow it,
writes replace it, calls of the program's own functions are entered with what is known.
"""

from __future__ import annotations

import ast

from govlint.python.jobs.places import Scope
from govlint.python.jobs.steps import Steps
from govlint.python.jobs.tokens import Facts, Step, Token, joined
from govlint.python.jobs.writes import Writes
from govlint.python.paths.cfg import Graph, Node, build
from govlint.python.program import Program
from govlint.python.states.holders import StateSpace
from govlint.python.states.parameters import receiver_count
from govlint.python.symbols import FunctionInfo

_MAX_STEPS = 4000


class JobPaths:
    """Finds the illegal transitions of a program's functions."""

    def __init__(self, space: StateSpace) -> None:
        self.space = space
        self.program: Program = space.program
        self.transitions = frozenset(self.program.bindings.job_transitions)
        sources = {before for before, _ in self.transitions}
        targets = {after for _, after in self.transitions}
        self.initial = sources - targets
        self.final = targets - sources
        self.writes = Writes(space)
        self.graphs: dict[FunctionInfo, Graph] = {}
        self.steps: dict[tuple[ast.AST, str, str], Step] = {}
        self.active: list[FunctionInfo] = []
        self._exits: dict[tuple[object, ...], tuple[Facts, list[Step]]] = {}

    def find(self) -> list[Step]:
        """The illegal transitions of all functions that write job states."""
        for module in self.program.modules.values():
            if module.is_test:
                continue
            for function in module.functions:
                if function in self.writes.reaching and not isinstance(function.node, ast.Lambda):
                    _, steps = self.run(Scope(self.program, function), {})
                    for step in steps:
                        if step.inherited:
                            continue
                        self.steps.setdefault((step.node, step.before, step.after), step)
        return list(self.steps.values())

    def illegal(self, before: str, after: str) -> bool:
        """Whether the machine has no such transition; staying is none."""
        return before != after and (before, after) not in self.transitions

    # -- one function -----------------------------------------------------------------

    def run(self, scope: Scope, entry: Facts) -> tuple[Facts, list[Step]]:
        """Follow a function from `entry`: the facts at its end, and its illegal transitions."""
        function = scope.function
        graph = self.graphs.get(function)
        if graph is None:
            assert not isinstance(function.node, ast.Lambda)
            graph = self.graphs[function] = build(function.node.body)
        run = Steps(self, scope)
        before: dict[Node, Facts] = {graph.entry: entry}
        queue: dict[Node, None] = {graph.entry: None}
        self.active.append(function)
        try:
            for _ in range(_MAX_STEPS):
                if not queue:
                    break
                node = next(iter(queue))
                del queue[node]
                for target, facts in run.out(node, before[node]):
                    old = before.get(target)
                    new = facts if old is None else joined(old, facts)
                    if old is None or new != old:
                        before[target] = new
                        queue[target] = None
        finally:
            self.active.pop()
        return before.get(graph.exit, {}), run.steps

    def enter(
        self, scope: Scope, call: ast.Call, function: FunctionInfo, facts: Facts
    ) -> tuple[Facts, list[Step]]:
        """Follow a call into `function` with what the caller knows."""
        given: dict[str, str] = {}
        arguments: dict[str, frozenset[str | None]] = {}
        spec = function.node.args
        positional = [arg.arg for arg in [*spec.posonlyargs, *spec.args]]
        skipped = receiver_count(self.program, call, function)
        if skipped and positional and isinstance(call.func, ast.Attribute):
            owner = scope.place(call.func.value)
            if owner is not None:
                given[positional[0]] = owner
        rows: list[tuple[str, ast.expr]] = [*zip(positional[skipped:], call.args, strict=False)]
        rows += [(k.arg, k.value) for k in call.keywords if k.arg is not None]
        for name, argument in rows:
            place = scope.place(argument)
            if place is not None:
                given[name] = place
            arguments[name] = self.states(scope, argument)
        inherited = {
            key: frozenset(Token(t.state, t.excluded, True) for t in tokens)
            for key, tokens in facts.items()
        }
        key = (
            function,
            tuple(sorted(given.items())),
            tuple(sorted((n, tuple(sorted(map(str, s)))) for n, s in arguments.items())),
            tuple(sorted((k, tuple(sorted(map(str, t)))) for k, t in inherited.items())),
        )
        found = self._exits.get(key)
        if found is None:
            self._exits[key] = ({}, [])
            inner = Scope(self.program, function, given, arguments)
            found = self._exits[key] = self.run(inner, inherited)
        return found

    def states(self, scope: Scope, expression: ast.expr) -> frozenset[str | None]:
        """The states an expression may be, with what the call in progress passes."""
        if isinstance(expression, ast.Name) and expression.id in scope.function.params:
            known = scope.arguments.get(expression.id)
            return known if known is not None else frozenset({None})
        return self.space.states(expression)
