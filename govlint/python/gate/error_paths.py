"""What becomes of an exception of the plugin call: an envelope, or something else."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING

from govlint.python.gate.envelopes import BAD, GOOD, OPEN, Envelopes, assigned
from govlint.python.gate.frames import Chain, Frame, own_nodes
from govlint.python.paths.cfg import Graph, Node, build
from govlint.python.paths.search import NOTHING, Facts, Pass, Search, fact, undisturbed, word
from govlint.python.paths.static import catches_all, caught_names

if TYPE_CHECKING:
    from govlint.python.program import Program

_LOGGING = {"debug", "info", "warning", "error", "exception", "critical", "log", "print"}
# leaving the gate raw is what these are for: they end the run from outside
_ENDINGS = {"CancelledError", "KeyboardInterrupt", "SystemExit", "GeneratorExit"}


@dataclass(frozen=True, slots=True)
class Escape:
    """Where an exception gets away: `by` is raised, swallowed, or returned (as no envelope)."""

    node: ast.AST
    by: str


class ErrorPaths:
    """Follows the exceptions of one program's gates."""

    def __init__(self, program: Program, envelopes: Envelopes) -> None:
        self.program = program
        self.envelopes = envelopes

    def escapes(self, chain: Chain) -> list[Escape]:
        """How an exception raised at the innermost frame gets past the envelope."""
        found: list[Escape] = []
        source = chain[0].node
        raised: ast.AST = source
        for index, frame in enumerate(chain):
            out, inside = self._frame(frame, outermost=index == len(chain) - 1)
            if index + 1 < len(chain):
                inside = [e for e in inside if not self._looked_at(chain[index + 1])]
            found += inside
            if out is None:
                return found
            if raised is source and isinstance(out, ast.Raise | ast.Call) and out is not frame.node:
                raised = out
        return [*found, Escape(raised, "raised")]

    def _frame(self, frame: Frame, outermost: bool) -> tuple[ast.AST | None, list[Escape]]:
        """The node from which an exception leaves this function, and what is lost in it."""
        if isinstance(frame.function.node, ast.Lambda):
            return frame.node, []
        graph = build(frame.function.node.body, returns=self.envelopes.returns)
        search = self._search(graph, frame)
        out: ast.AST | None = None
        found: list[Escape] = []

        def goal(node: Node, facts: Facts) -> bool:
            if node is graph.raised:
                return True
            if not undisturbed(facts):
                return False
            if node is graph.exit:
                return True
            return node.kind == "return" and self._is_lost(node, facts, frame)

        sources = [n for n in graph.nodes if n.ast is frame.node and n.raises]
        for start in sources:
            for path in search.paths(goal, search.raised(start, NOTHING)):
                last = path[-1]
                if last is graph.raised:
                    raising = (n.ast for n in reversed(path) if _ends_here(n, frame))
                    out = next((self._raised_in(tree) for tree in raising if tree), frame.node)
                else:
                    found.append(self._escape(path, frame, graph))
        if sources and out is None and any(graph.raised in node.raises for node in sources):
            out = frame.node
        return out, list(dict.fromkeys(found))

    def _search(self, graph: Graph, frame: Frame) -> Search:
        shadowed = _shadowed(frame.function.node)
        names = {
            node.value.id
            for node in own_nodes(frame.function.node)
            if isinstance(node, ast.Return) and isinstance(node.value, ast.Name)
        }

        def event(node: Node, facts: Facts) -> Pass:
            if node.ast is frame.node and node.kind != "raise":
                return Pass.DONE
            if node.kind == "return" or (node.kind == "assume" and self._tries_again(node)):
                return Pass.STOP
            if _ends_here(node, frame) and self.envelopes.carries(self._raised_in(node.ast)):
                return Pass.STOP
            return Pass.STOP if self._hands_over(node, facts) else Pass.ON

        def may_raise(node: Node) -> bool:
            return node.ast is frame.node or _ends_here(node, frame)

        def catches(node: Node, handler: ast.ExceptHandler) -> bool:
            return handler not in shadowed and not caught_names(handler) <= _ENDINGS

        def classify(value: ast.expr, facts: Facts) -> str | None:
            if isinstance(value, ast.Constant | ast.Name):
                return None
            verdict = self.envelopes.verdict(value, facts)
            return {GOOD: "FT|good", OPEN: "NFT|open"}.get(verdict, f"{_truth(value)}|bad")

        return Search(
            graph,
            event=event,
            may_raise=may_raise,
            catches=catches,
            classify=classify,
            also=frozenset(names),
        )

    def _tries_again(self, node: Node) -> bool:
        """Whether a branch of a handler is for all but the last attempt of the loop around it.

        `if attempt == last: raise`: behind the other branch the plugin runs once more, and
        it is that call whose exception counts.
        """
        test, loop = self._branch(node.ast)
        if test is None or loop is None:
            return False
        counters = {n.id for n in ast.walk(loop.target) if isinstance(n, ast.Name)}
        if not counters & {n.id for n in ast.walk(test.test) if isinstance(n, ast.Name)}:
            return False
        ends = ast.Raise | ast.Return
        if node.holds:
            return isinstance(test.body[-1], ast.Continue) or (
                bool(test.orelse) and isinstance(test.orelse[-1], ends)
            )
        return isinstance(test.body[-1], ends) and not any(
            isinstance(part, ast.Return | ast.Break) for part in self._behind(test)
        )

    def _branch(self, leaf: ast.AST | None) -> tuple[ast.If | None, ast.For | ast.AsyncFor | None]:
        """The `if` of a handler that a condition belongs to, and the loop around that."""
        test: ast.If | None = None
        handled = False
        parent = leaf
        while parent is not None and not isinstance(parent, ast.FunctionDef | ast.AsyncFunctionDef):
            if isinstance(parent, ast.If) and test is None:
                test = parent
            handled = handled or isinstance(parent, ast.ExceptHandler)
            if isinstance(parent, ast.For | ast.AsyncFor):
                return (test, parent) if handled else (None, None)
            parent = self.program.parent(parent)
        return None, None

    def _behind(self, test: ast.If) -> list[ast.AST]:
        """All that stands behind an `if` in its block."""
        parent = self.program.parent(test)
        for block in (getattr(parent, "body", []), getattr(parent, "orelse", [])):
            if test in block:
                rest = block[block.index(test) + 1 :]
                return [
                    *(n for s in rest for n in ast.walk(s)),
                    *(n for s in test.orelse for n in ast.walk(s)),
                ]
        return []

    def _raised_in(self, tree: ast.AST | None) -> ast.AST | None:
        """The `raise` that a call of a helper which always raises comes down to."""
        if isinstance(tree, ast.Call):
            for callee in self.program.callees(tree):
                raises = [n for n in own_nodes(callee.node) if isinstance(n, ast.Raise)]
                if len(raises) == 1:
                    return raises[0]
        return tree

    def _hands_over(self, node: Node, facts: Facts) -> bool:
        """Whether an envelope goes to whoever waits for it by another way than `return`."""
        tree = node.ast
        if node.kind == "yield" and isinstance(tree, ast.Yield):
            return self.envelopes.verdict(tree.value, facts) != BAD
        if node.kind == "statement" and isinstance(tree, ast.Assign):
            outside = any(isinstance(t, ast.Attribute | ast.Subscript) for t in tree.targets)
            return outside and self.envelopes.is_envelope(tree.value, facts)
        if node.kind == "call" and isinstance(tree, ast.Call) and tree.args:
            logging = isinstance(tree.func, ast.Attribute) and tree.func.attr in _LOGGING
            return not logging and any(
                self.envelopes.is_envelope(argument, facts) for argument in tree.args
            )
        return False

    def _is_lost(self, node: Node, facts: Facts, frame: Frame) -> bool:
        assert isinstance(node.ast, ast.Return)
        value = node.ast.value
        if any(part is frame.node for part in ast.walk(node.ast)):
            return False
        if self.envelopes.verdict(value, facts) == BAD:
            return True
        if isinstance(value, ast.Name) and not word(facts, value.id) and not fact(facts, value.id):
            return self._is_stale(value, frame)
        return False

    def _is_stale(self, name: ast.Name, frame: Frame, depth: int = 2) -> bool:
        """Whether a name can only hold a result or a literal: nothing of the error is in it."""
        values = list(assigned(frame.function, name.id))
        return bool(values) and all(
            isinstance(value, ast.Constant | ast.List)
            or (isinstance(value, ast.Dict) and self._is_result(value))
            or any(part is frame.node for part in ast.walk(value))
            or (isinstance(value, ast.Name) and depth and self._is_stale(value, frame, depth - 1))
            for value in values
        )

    def _is_result(self, value: ast.Dict) -> bool:
        """Whether a display is no envelope, and nothing of an error is put into it."""
        caught = any(
            isinstance(part, ast.Name) and self.envelopes.is_caught(part)
            for part in ast.walk(value)
        )
        return not caught and self.envelopes.verdict(value, NOTHING) == BAD

    def _escape(self, path: list[Node], frame: Frame, graph: Graph) -> Escape:
        last = path[-1]
        if last.kind == "return" and isinstance(last.ast, ast.Return):
            value = last.ast.value
            if isinstance(value, ast.Name) and self.envelopes.is_caught(value):
                return Escape(last.ast, "returned")
            if value is not None and not isinstance(value, ast.Name):
                empty = isinstance(value, ast.Constant) and not value.value
                return Escape(last.ast, "swallowed" if empty else "returned")
            if value is None:
                return Escape(last.ast, "swallowed")
            bad = [
                node.ast
                for node in path
                if node.kind == "statement"
                and isinstance(node.ast, ast.Assign)
                and any(isinstance(t, ast.Name) and t.id == value.id for t in node.ast.targets)
                and not isinstance(node.ast.value, ast.Constant)
            ]
            if bad:
                return Escape(last.ast, "returned")
        for node in reversed(path):
            if node.kind == "handler" and node.ast is not None:
                return Escape(node.ast, "swallowed")
            if node.kind == "leave" and isinstance(node.ast, ast.withitem):
                return Escape(node.ast.context_expr, "swallowed")
        return Escape(last.ast if last.ast is not None else frame.node, "swallowed")

    def _looked_at(self, outer: Frame) -> bool:
        """Whether the caller of a helper tests what it got back, or unpacks it."""
        node: ast.AST | None = outer.node
        while isinstance(node, ast.expr):
            if isinstance(node, ast.NamedExpr | ast.Compare | ast.BoolOp):
                return True
            node = self.program.parent(node)
        if not isinstance(node, ast.Assign | ast.AnnAssign):
            return isinstance(node, ast.If)
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        names = {t.id for t in targets if isinstance(t, ast.Name)}
        return not names or any(
            isinstance(inner, ast.If | ast.IfExp | ast.Match)
            and any(
                isinstance(part, ast.Name) and part.id in names
                for part in ast.walk(inner.subject if isinstance(inner, ast.Match) else inner.test)
            )
            for inner in own_nodes(outer.function.node)
        )


def _ends_here(node: Node, frame: Frame) -> bool:
    """Whether a node can only raise: a `raise`, or a call that never returns."""
    if node.kind == "raise":
        return True
    return node.kind == "call" and not node.after and node.ast is not frame.node


def _truth(value: ast.expr) -> str:
    return "FT" if isinstance(value, ast.Dict | ast.JoinedStr | ast.List | ast.Tuple) else "NFT"


def _shadowed(function: ast.AST) -> set[ast.ExceptHandler]:
    """The handlers behind one that takes every `Exception`: only exits reach them."""
    found: set[ast.ExceptHandler] = set()
    for node in own_nodes(function):
        if isinstance(node, ast.Try | ast.TryStar):
            taken = False
            for handler in node.handlers:
                if taken:
                    found.add(handler)
                taken = taken or catches_all(handler)
    return found
