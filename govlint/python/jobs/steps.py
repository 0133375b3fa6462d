"""How each event of a function changes what is known of its jobs."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from govlint.python.flow import values as v
from govlint.python.jobs.births import birth_of
from govlint.python.jobs.places import Scope
from govlint.python.jobs.tokens import ANYTHING, Facts, Step, Token, joined, tokens_of
from govlint.python.jobs.writes import Write
from govlint.python.paths.cfg import Node
from govlint.python.program import Program
from govlint.python.symbols import FunctionInfo

if TYPE_CHECKING:
    from govlint.python.jobs.paths import JobPaths

_MAX_CALLS = 5
_RUNS = re.compile(
    r"run|exec|start|process|handle|submit|dispatch|perform|call|refresh|reload|sync|work|resume|retry"
)
_MAKES = re.compile(r"create|new|add|submit|enqueue|register|insert|init|setup|make|build|load")
_READS = re.compile(r"^(to_|as_|is_|has_|get|json|dict|copy|model_dump|describe|format|keys|items)")


class Steps:
    """The transfer functions of one function under one scope."""

    def __init__(self, paths: JobPaths, scope: Scope) -> None:
        self.paths = paths
        self.space = paths.space
        self.scope = scope
        self.steps: list[Step] = []

    def out(self, node: Node, facts: Facts) -> list[tuple[Node, Facts]]:
        """What holds along each edge that leaves `node`."""
        after: Facts | None = facts
        tree = node.ast
        if node.kind == "assume" and isinstance(tree, ast.expr):
            after = self.assume(tree, node.holds, facts)
        elif node.kind == "case" and isinstance(tree, ast.match_case):
            return self.case(node, tree, facts)
        elif node.kind == "handler":
            after = facts = self.at_handler(facts)
            if isinstance(tree, ast.ExceptHandler) and tree.name:
                after = self.forget(facts, tree.name)
        elif node.kind == "loop" and isinstance(tree, ast.For | ast.AsyncFor):
            after = self.rebind(tree.target, facts)
        elif node.kind == "enter" and isinstance(tree, ast.withitem) and tree.optional_vars:
            after = self.rebind(tree.optional_vars, facts)
        elif node.kind == "store" and isinstance(tree, ast.NamedExpr):
            after = self.assign(tree.target, tree.value, facts)
        elif node.kind == "call" and isinstance(tree, ast.Call):
            after = self.call(tree, facts)
        elif node.kind == "statement" and isinstance(tree, ast.stmt):
            after = self.statement(tree, facts)
        edges: list[tuple[Node, Facts]] = []
        if after is not None:
            edges += [(target, after) for target in node.after]
        edges += [(target, self.raised(facts, target)) for target in node.raises]
        return edges

    def raised(self, facts: Facts, target: Node) -> Facts:
        """What a handler may count on: an end state just written is not judged there.

        `job.status = SUCCESS` at the end of a try, FAILED in its handler: that something
        after the write raised is possible, but is not what the code says. What was written
        before the try is.
        """
        final = self.paths.final
        entered = target.ast if target.kind == "handler" else None
        handled = self.paths.program.parent(entered) if entered is not None else None
        return {
            k: frozenset(
                Token() if t.state in final and not self._precedes(t, handled) else t for t in ts
            )
            for k, ts in facts.items()
        }

    def _precedes(self, token: Token, handled: ast.AST | None) -> bool:
        """Whether a state was written outside the `try` whose handler is entered."""
        if handled is None or token.written is None:
            return False
        above: ast.AST | None = token.written
        while above is not None and above is not handled:
            above = self.paths.program.parent(above)
        return above is None

    def at_handler(self, facts: Facts) -> Facts:
        """Where the try sets the job going, its handler is taken to see it going."""
        initial = self.paths.initial
        result: Facts = {}
        for key, tokens in facts.items():
            if any(t.state is not None and t.state not in initial for t in tokens):
                tokens = frozenset(t for t in tokens if t.state not in initial)
            result[key] = tokens
        return result

    # -- guards ------------------------------------------------------------------------

    def assume(self, test: ast.expr, holds: bool, facts: Facts) -> Facts | None:
        """Narrow by a test that came out as `holds`; None where it cannot."""
        if not isinstance(test, ast.Compare) or len(test.ops) != 1:
            return facts
        op = test.ops[0]
        if isinstance(op, ast.NotEq | ast.IsNot | ast.NotIn):
            holds = not holds
        if isinstance(op, ast.In | ast.NotIn):
            return self.narrow(test.left, self.members(test.comparators[0]), holds, facts)
        if not isinstance(op, ast.Eq | ast.NotEq | ast.Is | ast.IsNot):
            return facts
        left, right = test.left, test.comparators[0]
        for slot, other in ((left, right), (right, left)):
            states = self.paths.states(self.scope, other)
            if None not in states and len(states) == 1:
                return self.narrow(slot, frozenset(s for s in states if s), holds, facts)
        return facts

    def members(self, holder: ast.expr) -> frozenset[str]:
        """The states that a collection holds, if all of it is known."""
        found: set[str | None] = set()
        if isinstance(holder, ast.Tuple | ast.List | ast.Set):
            for part in holder.elts:
                found |= self.paths.states(self.scope, part)
        else:
            flow = self.paths.program.flow
            values = self.paths.program.values(holder)
            for value in values:
                held = (
                    flow.read((value, "keys"))
                    if (isinstance(value, v.Container) and value.shape == "dict")
                    else flow.elements(frozenset({value}))
                )
                for x in held:
                    name = self.space.member_name(x)
                    word = name or (x.value if isinstance(x, v.Const) else None)
                    found.add(self.space.canonical(word) if word is not None else None)
        return frozenset() if None in found else frozenset(s for s in found if s)

    def narrow(
        self, slot: ast.expr, states: frozenset[str], holds: bool, facts: Facts
    ) -> Facts | None:
        """Keep what agrees with "the state is (not) one of `states`"."""
        place = self.scope.slot(slot)
        if not states or place is None or not self.paths.writes.is_slot(slot):
            return facts
        kept: set[Token] = set()
        for token in facts.get(place, ANYTHING):
            if token.state is not None:
                if (token.state in states) is holds:
                    kept.add(token)
            elif holds:
                kept.update(Token(s) for s in states - token.excluded)
            else:
                excluded = token.excluded | states
                if not excluded >= set(self.space.allowed):
                    kept.add(Token(None, excluded, token.inherited))
        if not kept:
            return None
        return {**facts, place: frozenset(kept)}

    def case(self, node: Node, case: ast.match_case, facts: Facts) -> list[tuple[Node, Facts]]:
        """A case of a match: its body, and (first edge, where it can fail) the next case."""
        match = self.paths.program.parent(case)
        states = self.pattern(case.pattern)
        edges: list[tuple[Node, Facts]] = []
        targets = list(node.after)
        if isinstance(match, ast.Match) and states and len(targets) > 1:
            other = facts if case.guard else self.narrow(match.subject, states, False, facts)
            if other is not None:
                edges.append((targets[0], other))
            targets = targets[1:]
        taken: Facts | None = facts
        if isinstance(match, ast.Match) and states:
            taken = self.narrow(match.subject, states, True, facts)
        if taken is not None:
            edges += [(target, taken) for target in targets]
        return edges

    def pattern(self, pattern: ast.pattern) -> frozenset[str]:
        """The states that a pattern matches; empty for patterns of another kind."""
        if isinstance(pattern, ast.MatchValue):
            states = self.space.states(pattern.value)
            return frozenset() if None in states else frozenset(s for s in states if s)
        if isinstance(pattern, ast.MatchOr):
            parts = [self.pattern(part) for part in pattern.patterns]
            return frozenset().union(*parts) if all(parts) else frozenset()
        if isinstance(pattern, ast.MatchAs) and pattern.pattern is not None:
            return self.pattern(pattern.pattern)
        return frozenset()

    # -- effects -----------------------------------------------------------------------

    def forget(self, facts: Facts, name: str) -> Facts:
        """Drop what was known of places that go through a name which is bound anew."""
        token = self.scope.token(name)
        if not any(token in place for place in facts):
            return facts
        return {place: tokens for place, tokens in facts.items() if token not in place}

    def rebind(self, target: ast.expr, facts: Facts) -> Facts:
        """Forget all names that a target stores."""
        for node in ast.walk(target):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                facts = self.forget(facts, node.id)
        return facts

    def statement(self, statement: ast.stmt, facts: Facts) -> Facts:
        """Assignments: jobs that are written, made or bound to another name."""
        if isinstance(statement, ast.Assign):
            for target in statement.targets:
                facts = self.assign(target, statement.value, facts)
        elif isinstance(statement, ast.AnnAssign) and statement.value is not None:
            facts = self.assign(statement.target, statement.value, facts)
        elif isinstance(statement, ast.AugAssign | ast.Delete):
            targets = statement.targets if isinstance(statement, ast.Delete) else [statement.target]
            for target in targets:
                if isinstance(target, ast.Name):
                    facts = self.forget(facts, target.id)
        return facts

    def assign(self, target: ast.expr, value: ast.expr, facts: Facts) -> Facts:
        """One target of an assignment."""
        if isinstance(target, ast.Tuple | ast.List):
            if isinstance(value, ast.Tuple | ast.List) and len(value.elts) == len(target.elts):
                for one, part in zip(target.elts, value.elts, strict=True):
                    facts = self.assign(one, part, facts)
                return facts
            return self.rebind(target, facts)
        write = self.paths.writes.of_target(target, value)
        if write is not None:
            return self.write(write, facts)
        if isinstance(target, ast.Name):
            if target.id in self.scope.aliases:
                self_place = self.scope.place(target)
                if self_place is not None and not self_place.startswith(
                    self.scope.token(target.id)
                ):
                    return facts
            facts = self.forget(facts, target.id)
        if isinstance(target, ast.Name | ast.Attribute | ast.Subscript):
            place = self.scope.place(target)
            born = birth_of(self.space, value, lambda e: self.paths.states(self.scope, e))
            if place is not None and born is not None:
                name, states = born
                return {**facts, f"{place}.{name}": tokens_of(states)}
        return facts

    def write(self, write: Write, facts: Facts) -> Facts:
        """A job's state is replaced: check each transition, then know the new one."""
        owner = self.scope.place(write.owner) if write.owner is not None else None
        if owner is None:
            return facts
        place = f"{owner}.{write.name}"
        return {**facts, place: self.written(write.node, place, write.value, facts)}

    def written(self, node: ast.AST, place: str, value: ast.expr, facts: Facts) -> frozenset[Token]:
        """Check the transitions at `place` to what `value` is; the tokens that then hold."""
        if isinstance(value, ast.IfExp):
            found: frozenset[Token] = frozenset()
            for branch, holds in ((value.body, True), (value.orelse, False)):
                narrowed = self.assume(value.test, holds, facts)
                if narrowed is not None:
                    found |= self.written(node, place, branch, narrowed)
            return found
        before = facts.get(place, ANYTHING)
        if self.scope.slot(value) == place:
            return before
        states = self.paths.states(self.scope, value)
        self.check(node, before, states, before == ANYTHING and self.is_stored(place))
        return tokens_of(states, node)

    def is_stored(self, place: str) -> bool:
        """Whether the job was looked up, by a function that does not make jobs."""
        function = self.scope.function.name.lower().lstrip("_")
        looked_up = "[" in place or "(" in place
        return looked_up and not self.scope.given and not _MAKES.search(function)

    def check(
        self,
        node: ast.AST,
        tokens: frozenset[Token],
        states: frozenset[str | None],
        stored: bool,
    ) -> None:
        """Note the transitions from `tokens` to `states` that the machine does not have."""
        for after in sorted(s for s in states if s is not None):
            for token in sorted(tokens, key=str):
                before = self.before(token, after, stored)
                if before is not None:
                    self.steps.append(Step(node, before, after, token.inherited))

    def before(self, token: Token, after: str, stored: bool) -> str | None:
        """The state from which `after` is illegal, or None; for exclusions, all that remain.

        A job of which nothing is known is judged only where it is `stored`, not new.
        """
        if token.state is not None:
            return token.state if self.paths.illegal(token.state, after) else None
        if not token.excluded and not stored:
            return None
        rest = [s for s in self.space.allowed if s not in token.excluded and s != after]
        if rest and all(self.paths.illegal(s, after) for s in rest):
            return " or ".join(rest)
        return None

    def call(self, call: ast.Call, facts: Facts) -> Facts:
        """What a call does to the jobs that are known."""
        paths, program = self.paths, self.paths.program
        write = paths.writes.of_call(call)
        if write is not None:
            return self.write(write, facts)
        functions = [f for f in program.callees(call) if f in paths.writes.reaching]
        direct = _called(program, call)
        if functions:
            entered = [f for f in functions if f in direct and self.follows(call, f)]
            if len(entered) != len(functions):
                return {}
            ends: list[Facts] = []
            for function in entered:
                end, steps = paths.enter(self.scope, call, function, facts)
                for step in steps:
                    if step.inherited:
                        self.steps += self.handed_up(call, step, facts)
                ends.append(
                    {k: frozenset(Token(t.state, t.excluded) for t in ts) for k, ts in end.items()}
                )
            result = ends[0]
            for end in ends[1:]:
                result = joined(result, end)
            return result
        if program.callees(call):
            return facts
        return self.unknown(call, facts)

    def handed_up(self, call: ast.Call, step: Step, facts: Facts) -> list[Step]:
        """A step of a callee as this function's own, for each way this one knew its start."""
        write = step.write or step.node
        known = {
            t.inherited
            for tokens in facts.values()
            for t in tokens
            if t.state == step.before or (t.state is None and t.excluded)
        }
        return [Step(call, step.before, step.after, flag, write) for flag in sorted(known)]

    def follows(self, call: ast.Call, function: FunctionInfo) -> bool:
        """Whether the callee runs here and now, and is not already being followed."""
        if function in self.paths.active or len(self.paths.active) > _MAX_CALLS:
            return False
        if isinstance(function.node, ast.Lambda) or function.is_generator:
            return False
        parent = self.paths.program.parent(call)
        return not function.is_async or isinstance(parent, ast.Await)

    def unknown(self, call: ast.Call, facts: Facts) -> Facts:
        """Code that is not there may run a job that it is given; most calls do not."""
        if not facts:
            return facts
        name = (
            call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        )
        touched: set[str] = set()
        if _RUNS.search(name.lower()) or not name:
            for argument in [*call.args, *(k.value for k in call.keywords)]:
                place = self.scope.place(argument)
                if place is not None:
                    touched |= {k for k in facts if k.rpartition(".")[0] in _prefixes(place)}
        if isinstance(call.func, ast.Attribute) and not _READS.match(name):
            place = self.scope.place(call.func.value)
            touched |= {k for k in facts if place is not None and k.rpartition(".")[0] == place}
        return {k: t for k, t in facts.items() if k not in touched} if touched else facts


def _prefixes(place: str) -> set[str]:
    """`job` and `job.id` for `job.id`: handing on an id hands on the job."""
    found = {place}
    if place.endswith((".id", ".job_id", ".uuid", ".key")):
        found.add(place.rpartition(".")[0])
    return found


def _called(program: Program, call: ast.Call) -> set[FunctionInfo]:
    """The functions that the call's own callee expression is, not those it hands on."""
    found: set[FunctionInfo] = set()
    for value in program.values(call.func):
        if isinstance(value, v.FunctionValue | v.BoundMethod):
            found.add(value.function)
    return found
