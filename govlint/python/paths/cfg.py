"""The control flow of a block of Python.

A check that says "on every path" needs a graph, not a search through the tree: the
metrics call behind an `if`, after an early `return` or in a `try` whose earlier
statement raised is in the tree, but not on every path. Nodes are made per event (a call,
a branch taken, a return), in the order of evaluation, so that `a() and b()` and
`return f(g())` have paths of their own. A `finally` is copied for each way of entering
it; code after a `return` or under `if False` has no nodes. Nested functions are not
entered. Questions about the paths are asked in `paths`.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from govlint.python.paths.cfg_events import Context, EventBuilder, Node, Returns, Swallows, defaults
from govlint.python.paths.static import catches_all, dotted, runs_at_least_once, truth

__all__ = ["Graph", "Node", "build", "suppresses"]

Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
Tries = ast.Try | ast.TryStar


@dataclass(slots=True)
class Graph:
    """All paths of one block. `leaves` are break and continue to a loop around it."""

    nodes: list[Node]
    entry: Node
    exit: Node
    raised: Node

    def at(self, tree: ast.AST, kind: str | None = None) -> list[Node]:
        """The nodes of `tree` (several where a `finally` was copied)."""
        return [n for n in self.nodes if n.ast is tree and (kind is None or n.kind == kind)]


def build(
    body: Sequence[ast.stmt] | ast.expr,
    swallows: Swallows | None = None,
    returns: Returns | None = None,
) -> Graph:
    """The graph of `body`.

    `swallows` says of a context manager whether it may suppress an exception (by default
    only `contextlib.suppress` does); `returns` says of a call whether it can return at all.
    """
    return _Builder(swallows or suppresses, returns or (lambda call: True)).graph(body)


def suppresses(item: ast.withitem) -> bool:
    """Whether `item` is `contextlib.suppress(…)` of anything."""
    expression = item.context_expr
    return isinstance(expression, ast.Call) and (
        dotted(expression.func).rpartition(".")[2] == "suppress" and bool(expression.args)
    )


def _suppresses_all(item: ast.withitem) -> bool:
    """Whether `item` is `contextlib.suppress` of every `Exception`."""
    expression = item.context_expr
    return suppresses(item) and any(
        dotted(argument).rpartition(".")[2] in ("Exception", "BaseException")
        for argument in getattr(expression, "args", ())
    )


class _Builder(EventBuilder):
    def graph(self, body: Sequence[ast.stmt] | ast.expr) -> Graph:
        entry, leave, raised = self.make("entry"), self.make("exit"), self.make("raised")
        self.here = entry
        context = Context([raised], lambda kind: leave)
        if isinstance(body, ast.expr):
            self.expression(body, context)
        else:
            self.block(body, context)
        self.link(leave)
        return Graph(self.nodes, entry, leave, raised)

    def block(self, body: Sequence[ast.stmt], context: Context) -> None:
        for statement in body:
            if self.here is None:
                return
            self.statement(statement, context)

    # statements

    def statement(self, statement: ast.stmt, context: Context) -> None:
        match statement:
            case ast.If():
                self._if(statement, context)
            case ast.While():
                self._while(statement, context)
            case ast.For() | ast.AsyncFor():
                self._for(statement, context)
            case ast.Try() | ast.TryStar():
                self._try(statement, context)
            case ast.With() | ast.AsyncWith():
                self._with(statement, list(statement.items), context)
            case ast.Match():
                self._match(statement, context)
            case ast.Return():
                if statement.value is not None:
                    self.expression(statement.value, context)
                if self.here is not None:
                    self.add("return", statement)
                    self.link(context.leave("return"))
                    self.here = None
            case ast.Raise():
                for part in (statement.exc, statement.cause):
                    if part is not None:
                        self.expression(part, context)
                if self.here is not None:
                    self.add("raise", statement, context.raises)
                    self.here = None
            case ast.Break():
                self.link(context.leave("break"))
                self.here = None
            case ast.Continue():
                self.link(context.leave("continue"))
                self.here = None
            case ast.Assert():
                self._assert(statement, context)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                for part in (*statement.decorator_list, *defaults(statement.args)):
                    self.expression(part, context)
                self.add("statement", statement)
            case ast.ClassDef():
                for part in (*statement.decorator_list, *statement.bases):
                    self.expression(part, context)
                self.block(statement.body, context)
                if self.here is not None:
                    self.add("statement", statement)
            case ast.Pass() | ast.Global() | ast.Nonlocal():
                pass
            case _:
                self._simple(statement, context)

    def _simple(self, statement: ast.stmt, context: Context) -> None:
        value = getattr(statement, "value", None)
        if isinstance(value, ast.expr):
            self.expression(value, context)
        for name, part in ast.iter_fields(statement):
            if name == "value" or name == "annotation":
                continue
            for target in part if isinstance(part, list) else [part]:
                if isinstance(target, ast.expr):
                    self.expression(target, context)
        if self.here is not None:
            raising = isinstance(statement, ast.Import | ast.ImportFrom | ast.Delete)
            self.add("statement", statement, context.raises if raising else ())

    def _if(self, statement: ast.If, context: Context) -> None:
        self.add("if", statement)
        yes, no, after = self.make("join"), self.make("join"), self.make("join")
        self.condition(statement.test, yes, no, context)
        for start, body in ((yes, statement.body), (no, statement.orelse)):
            self.reach(start)
            self.block(body, context)
            self.link(after)
        self.reach(after)

    def _while(self, statement: ast.While, context: Context) -> None:
        head = self.add("loop", statement)
        turn, otherwise, after = self.make("join"), self.make("join"), self.make("join")
        self.condition(statement.test, turn, otherwise, context)
        self.reach(turn)
        self.block(statement.body, self._looping(context, head, after))
        self.link(head)
        self.reach(otherwise)
        self.block(statement.orelse, context)
        self.link(after)
        self.reach(after)

    @staticmethod
    def _looping(context: Context, again: Node, after: Node) -> Context:
        def leave(kind: str) -> Node:
            if kind == "break":
                return after
            return again if kind == "continue" else context.leave(kind)

        return Context(context.raises, leave)

    def _for(self, statement: ast.For | ast.AsyncFor, context: Context) -> None:
        self.expression(statement.iter, context)
        if self.here is None:
            return
        once = runs_at_least_once(statement.iter)
        raising = context.raises if once is None else []
        after = self.make("join")
        turn, again = self.make("join"), self.make("loop", statement)
        self.raising(again, raising)
        otherwise = self.make("join")
        self.add("loop", statement, raising)
        if once is not False:
            self.link(turn)
        if not once:
            self.link(otherwise)
        self.here = turn if once is not False else None
        self.block(statement.body, self._looping(context, again, after))
        self.link(again)
        if again in self.entered:
            self.here = again
            self.link(turn)
            self.link(otherwise)
        self.reach(otherwise)
        self.block(statement.orelse, context)
        self.link(after)
        self.reach(after)

    def _try(self, statement: Tries, context: Context) -> None:
        after, done = self.make("join"), self.make("join")
        outer = context
        if statement.finalbody:
            outer = self._through(
                context, lambda kind, target: self._finally(statement, kind, target, context)
            )
        handlers: list[Node] = []
        inner = list(outer.raises)
        if statement.handlers:
            handlers = [self.make("handler", handler) for handler in statement.handlers]
            inner = list(handlers)
            if not any(catches_all(handler) for handler in statement.handlers):
                inner += outer.raises
        self.block(statement.body, Context(inner, outer.leave))
        self.block(statement.orelse, outer)
        self.link(done)
        for start, handler in zip(handlers, statement.handlers, strict=True):
            if start in self.entered:
                self.here = start
                self.block(handler.body, outer)
                self.link(done)
        self.reach(done)
        if self.here is not None and statement.finalbody:
            self.add("finally", statement)
            self.block(statement.finalbody, context)
        self.link(after)
        self.reach(after)

    def _through(self, context: Context, copy: Callable[[str, list[Node]], Node]) -> Context:
        """A context whose every way out first runs a copy of some code."""
        made: dict[str, Node] = {}

        def leave(kind: str) -> Node:
            if kind not in made:
                made[kind] = copy(kind, [context.leave(kind)])
            return made[kind]

        return Context([copy("exception", context.raises)], leave)

    def _finally(self, statement: Tries, kind: str, targets: list[Node], context: Context) -> Node:
        saved, self.here = self.here, None
        start = self.make("finally", statement)
        self.here = start
        self.block(statement.finalbody, context)
        self._go_on(kind, targets)
        self.here = saved
        return start

    def _go_on(self, kind: str, targets: list[Node]) -> None:
        if self.here is None:
            return
        if kind == "exception":
            self.add("reraise", None, targets)
        else:
            for target in targets:
                self.link(target)

    def _with(
        self, statement: ast.With | ast.AsyncWith, items: list[ast.withitem], context: Context
    ) -> None:
        if not items:
            self.block(statement.body, context)
            return
        item, rest = items[0], items[1:]
        self.expression(item.context_expr, context)
        if self.here is None:
            return
        self.add("enter", item, context.raises)
        after = self.make("join")

        def leaving(kind: str, targets: list[Node]) -> Node:
            saved, self.here = self.here, None
            start = self.here = self.make("leave", item)
            if kind == "exception" and self.swallows(item):
                self.link(after)
                if _suppresses_all(item):
                    targets = []
            self._go_on(kind, targets)
            self.here = saved
            return start

        self._with(statement, rest, self._through(context, leaving))
        if self.here is not None:
            self.add("leave", item)
        self.link(after)
        self.reach(after)

    def _match(self, statement: ast.Match, context: Context) -> None:
        self.expression(statement.subject, context)
        after = self.make("join")
        for case in statement.cases:
            if self.here is None:
                break
            choice = self.add("case", case)
            otherwise = self.make("join")
            if not _irrefutable(case.pattern):
                self.link(otherwise)
            if case.guard is not None:
                turn = self.make("join")
                self.condition(case.guard, turn, otherwise, context)
                self.reach(turn)
            else:
                self.here = choice
                turn = self.make("join")
                self.link(turn)
                self.here = turn
            self.block(case.body, context)
            self.link(after)
            self.reach(otherwise)
        self.link(after)
        self.reach(after)

    def _assert(self, statement: ast.Assert, context: Context) -> None:
        passed, failed = self.make("join"), self.make("join")
        if truth(statement.test) is not False:
            self.link(passed)  # -O strips it, with every call in it
        self.condition(statement.test, passed, failed, context)
        if failed in self.entered:
            self.here = failed
            self.add("raise", statement, context.raises)
        self.reach(passed)


def _irrefutable(pattern: ast.pattern) -> bool:
    if isinstance(pattern, ast.MatchAs):
        return pattern.pattern is None or _irrefutable(pattern.pattern)
    return isinstance(pattern, ast.MatchOr) and any(map(_irrefutable, pattern.patterns))
