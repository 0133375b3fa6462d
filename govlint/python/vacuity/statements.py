"""Which answers the statements of a gate can end in: what it returns, whether it raises."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from govlint.python.paths.static import catches_all, caught_names, dotted
from govlint.python.syntax.walk import walk
from govlint.python.vacuity import domain as d
from govlint.python.vacuity.domain import UNKNOWN, Val
from govlint.python.vacuity.expressions import Expressions, Notes

# exceptions that say the surroundings failed, not that what was checked is wrong
_SURROUNDINGS = frozenset(
    [
        "ImportError",
        "ModuleNotFoundError",
        "NotImplementedError",
        "TimeoutError",
        "ConnectionError",
        "OSError",
        "IOError",
        "FileNotFoundError",
        "FileExistsError",
        "CancelledError",
        "KeyboardInterrupt",
        "SystemExit",
        "StopIteration",
        "GeneratorExit",
        "BlockingIOError",
        "InterruptedError",
        "EOFError",
    ]
)
_MAX_LOOPS = 3


@dataclass
class Outcome:
    """What a run of the statements can come to."""

    returns: list[tuple[Val, ast.AST]] = field(default_factory=list)
    raised: set[str] = field(default_factory=set)
    swallowed: list[ast.ExceptHandler | ast.With | ast.AsyncWith] = field(default_factory=list)
    open_handlers: list[tuple[ast.ExceptHandler, ast.Try]] = field(default_factory=list)
    falls: bool = True  # control can reach what follows
    yields: bool = False


class Statements:
    """Runs the body of one function abstractly, all branches that can be taken."""

    def __init__(self, expressions: Expressions, notes: Notes) -> None:
        self.expressions = expressions
        self.notes = notes
        self.outcome = Outcome()
        self._breaks: list[list[dict[str, Val]]] = []

    def run(self, body: Sequence[ast.stmt]) -> Outcome:
        """All that `body` can end in."""
        self.outcome.falls = self._block(body)
        self.outcome.raised |= self.notes.raised
        return self.outcome

    @property
    def _env(self) -> dict[str, Val]:
        return self.expressions.env

    def _block(self, body: Sequence[ast.stmt]) -> bool:
        return all(self._statement(statement) for statement in body)

    def _statement(self, node: ast.stmt) -> bool:
        """Run one statement; whether control can go on after it."""
        method = getattr(self, f"_{type(node).__name__.lower()}", None)
        if method is not None:
            goes_on: bool = method(node)
            return goes_on
        return True

    def _expr(self, node: ast.Expr) -> bool:
        if isinstance(node.value, ast.Yield | ast.YieldFrom):
            self.outcome.yields = True
        self.expressions.value(node.value)
        return True

    def _return(self, node: ast.Return) -> bool:
        self.outcome.returns.append((self.expressions.value(node.value), node))
        return False

    def _raise(self, node: ast.Raise) -> bool:
        if node.exc is not None:
            target = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
            self.notes.raised.add(dotted(target).rpartition(".")[2] or "Exception")
        else:
            self.notes.raised.add("Exception")
        return False

    def _assert(self, node: ast.Assert) -> bool:
        truth = self.expressions.truth(node.test)
        if truth is True:
            self.notes.reasons.append(("assert", node))
        else:
            self.notes.raised.add("AssertionError")
        return truth is not False

    # -- binding ---------------------------------------------------------------------------

    def _assign(self, node: ast.Assign) -> bool:
        value = self.expressions.value(node.value)
        for target in node.targets:
            self._bind(target, value, node.value)
        return True

    def _annassign(self, node: ast.AnnAssign) -> bool:
        if node.value is not None:
            self._bind(node.target, self.expressions.value(node.value), node.value)
        return True

    def _augassign(self, node: ast.AugAssign) -> bool:
        if isinstance(node.target, ast.Name):
            value = self.expressions.value(node.value)
            old = self._env.get(node.target.id, UNKNOWN)
            self._env[node.target.id] = d.arithmetic(node.op, old, value)
        else:
            self._bind(node.target, UNKNOWN, node.value)
        return True

    def _bind(self, target: ast.expr, value: Val, source: ast.expr | None) -> None:
        if isinstance(target, ast.Name):
            self._env[target.id] = value
        elif isinstance(target, ast.Tuple | ast.List):
            parts: list[ast.expr | None] = [None] * len(target.elts)
            if isinstance(source, ast.Tuple | ast.List) and len(source.elts) == len(parts):
                parts = list(source.elts)
            for one, part in zip(target.elts, parts, strict=True):
                self._bind(one, self.expressions.value(part) if part else UNKNOWN, part)
        elif isinstance(target, ast.Attribute | ast.Subscript):
            root: ast.expr = target
            while isinstance(root, ast.Attribute | ast.Subscript):
                root = root.value
            if isinstance(root, ast.Name):
                if root.id in self.expressions.parameters or root.id not in self._env:
                    self.notes.effects = True
                else:
                    self._env[root.id] = UNKNOWN
        elif isinstance(target, ast.Starred):
            self._bind(target.value, UNKNOWN, None)

    def _delete(self, node: ast.Delete) -> bool:
        self.notes.effects = True
        return True

    def _functiondef(self, node: ast.FunctionDef) -> bool:
        self._env[node.name] = UNKNOWN
        return True

    _asyncfunctiondef = _functiondef

    # -- branches ------------------------------------------------------------------------------

    def _if(self, node: ast.If) -> bool:
        marks = len(self.notes.reasons)
        truth = self.expressions.truth(node.test)
        if truth is not None:
            taken, left = (node.body, node.orelse) if truth else (node.orelse, node.body)
            if any(isinstance(n, ast.Raise | ast.Return) for s in left for n in walk(s)):
                self.notes.reasons.append(("never", node))
            return self._block(taken)
        del self.notes.reasons[marks:]
        return self._either([node.body, node.orelse])

    def _either(self, blocks: Sequence[Sequence[ast.stmt]]) -> bool:
        before = dict(self._env)
        after: list[dict[str, Val]] = []
        for block in blocks:
            self.expressions.env = dict(before)
            if self._block(block):
                after.append(self.expressions.env)
        self.expressions.env = _merged(after) if after else before
        return bool(after)

    def _match(self, node: ast.Match) -> bool:
        self.expressions.value(node.subject)
        blocks: list[Sequence[ast.stmt]] = [case.body for case in node.cases]
        last = node.cases[-1]
        total = (
            last.guard is None
            and isinstance(last.pattern, ast.MatchAs)
            and (last.pattern.pattern is None)
        )
        for case in node.cases:
            for part in walk(case.pattern):
                name = getattr(part, "name", None)
                if isinstance(name, str):
                    self._env[name] = UNKNOWN
        return self._either(blocks if total else [*blocks, []])

    def _for(self, node: ast.For | ast.AsyncFor) -> bool:
        over = self.expressions.value(node.iter)
        if over.truth is False:
            self.notes.reasons.append(("empty", node))
            return self._block(node.orelse)
        return self._loop(node.target, None, node.body, node.orelse)

    _asyncfor = _for

    def _while(self, node: ast.While) -> bool:
        truth = self.expressions.truth(node.test)
        if truth is False:
            return self._block(node.orelse)
        return self._loop(None, node.test, node.body, node.orelse)

    def _loop(
        self,
        target: ast.expr | None,
        test: ast.expr | None,
        body: Sequence[ast.stmt],
        orelse: Sequence[ast.stmt],
    ) -> bool:
        self._breaks.append([])
        endless = test is not None and self.expressions.truth(test) is True
        seen = len(self.outcome.returns)
        before = dict(self._env)
        for _ in range(_MAX_LOOPS):
            del self.outcome.returns[seen:]
            start = dict(before)
            if target is not None:
                self._bind(target, UNKNOWN, None)
            ended = self._block(body)
            after = self._env if ended else before
            before = {
                name: d.widen(start[name], after[name]) if name in after else start[name]
                for name in start
            }
            self.expressions.env = dict(before)
            if before == start:
                break
        broken = self._breaks.pop()
        goes_on = not endless and self._block(orelse)
        ends = [*broken, *([self._env] if goes_on else [])]
        self.expressions.env = _merged(ends) if ends else before
        return bool(ends)

    def _break(self, node: ast.Break) -> bool:
        if self._breaks:
            self._breaks[-1].append(dict(self._env))
        return False

    def _continue(self, node: ast.Continue) -> bool:
        return False

    # -- exceptions -----------------------------------------------------------

    def _with(self, node: ast.With | ast.AsyncWith) -> bool:
        caught: set[str] | None = None
        for item in node.items:
            expression = item.context_expr
            name = dotted(expression.func) if isinstance(expression, ast.Call) else ""
            if name.rpartition(".")[2] == "suppress" and isinstance(expression, ast.Call):
                caught = {dotted(argument).rpartition(".")[2] for argument in expression.args}
            else:
                self.expressions.value(expression)
            if item.optional_vars is not None:
                self._bind(item.optional_vars, UNKNOWN, None)
        if caught is None:
            return self._block(node.body)
        outside, self.notes.raised = self.notes.raised, set()
        before = dict(self._env)
        goes_on = self._block(node.body)
        inner, self.notes.raised = self.notes.raised, outside
        left = _left_over(inner, caught, bool(caught & _BROAD))
        if left != inner:
            self.outcome.swallowed.append(node)
            self.expressions.env = _merged([before, self._env])
            goes_on = True
        self.notes.raised |= left
        return goes_on

    _asyncwith = _with

    def _try(self, node: ast.Try) -> bool:
        outside, self.notes.raised = self.notes.raised, set()
        returned = len(self.outcome.returns)
        before = dict(self._env)
        ends: list[dict[str, Val]] = []
        if self._block(node.body):
            body_raised, self.notes.raised = self.notes.raised, set()
            if self._block(node.orelse):
                ends.append(self._env)
        else:
            body_raised, self.notes.raised = self.notes.raised, set()
        late = self.notes.raised
        normal = [value for value, _ in self.outcome.returns[returned:]]
        left = set(body_raised)
        in_body = _merged([before, *ends]) if ends else before
        for handler in node.handlers:
            catches = _left_over(left, caught_names(handler), catches_all(handler))
            if catches == left and not catches_all(handler) and not left & {"?"}:
                continue
            self.expressions.env = dict(in_body)
            if handler.name:
                self._env[handler.name] = d.truthy(True)
            self.notes.raised = set()
            count = len(self.outcome.returns)
            goes_on = self._block(handler.body)
            fresh = [value for value, _ in self.outcome.returns[count:]]
            if goes_on:
                ends.append(self._env)
            if not self.notes.raised and body_raised:
                self.outcome.swallowed.append(handler)
                checks = catches_all(handler) or bool(caught_names(handler) - _SURROUNDINGS)
                if checks and _passes(fresh) and not goes_on and _may_fail(normal):
                    self.outcome.open_handlers.append((handler, node))
            late |= self.notes.raised
            left = catches
        self.notes.raised = outside | left | late
        self.expressions.env = _merged(ends) if ends else before
        goes_on = bool(ends)
        if node.finalbody:
            count = len(self.outcome.returns)
            if not self._block(node.finalbody):
                final = self.outcome.returns[count:]
                if final:  # it takes the place of whatever the body came to
                    self.outcome.returns[returned:] = final
                    self.notes.raised = outside
                    self.notes.reasons.append(("finally", node.finalbody[-1]))
                return False
        return goes_on

    _trystar = _try


_BROAD = {"Exception", "BaseException"}


def _left_over(raised: set[str], caught: set[str], broad: bool) -> set[str]:
    """What of `raised` gets past a handler for `caught`."""
    if broad:
        return set()
    left = raised - caught
    if "LookupError" in caught or "KeyError" in caught or "IndexError" in caught:
        left -= {"LookupError"}
    if caught - _SURROUNDINGS:
        left -= {"?"}
    return left


def _passes(values: Sequence[Val]) -> bool:
    return bool(values) and all(
        (value.is_literal and value.const is True) or (bool(value.word) and _accepts(value))
        for value in values
    )


def _accepts(value: Val) -> bool:
    return value.truth is not False and not value.refuses and speaks_of_passing(value)


def speaks_of_passing(value: Val) -> bool:
    """Whether a constant says that all is well: `Verdict.PASS`, `{"valid": True}`."""
    text = value.word or repr(value.const)
    return _PASSING.search(re.sub(r"[_.]", " ", text)) is not None


_PASSING = re.compile(
    r"\b(?:ok|okay|pass|passed|passes|allow|allowed|valid|approve|approved|accept|accepted|"
    r"success|granted|grant|permit|permitted|safe|clean|green|healthy|true|trusted|verified)\b",
    re.IGNORECASE,
)


def _may_fail(values: Sequence[Val]) -> bool:
    """Whether the way without an exception can pass, too: else the handler turns it round."""
    return not values or any(
        not (value.is_literal and not value.const) and not value.refuses for value in values
    )


def _merged(environments: Sequence[dict[str, Val]]) -> dict[str, Val]:
    first = environments[0]
    names = set(first)
    for other in environments[1:]:
        names &= set(other)
    merged = {}
    for name in names:
        value = first[name]
        for other in environments[1:]:
            value = d.join(value, other[name])
        merged[name] = value
    for other in environments:
        for name in other:
            merged.setdefault(name, UNKNOWN)
    return merged
