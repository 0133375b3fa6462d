"""Whether the metrics call is made on every path: of a `finally`, a helper, a manager."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from govlint.python.flow.values import BoundMethod, FunctionValue, Instance
from govlint.python.gate.frames import Chain, own_nodes
from govlint.python.gate.metrics_calls import MetricsCalls
from govlint.python.paths.cfg import Graph, Node, Tries, build, suppresses
from govlint.python.paths.search import IN_FLIGHT, Facts, Pass, Search, fact
from govlint.python.paths.static import dotted

if TYPE_CHECKING:
    from govlint.python.program import Program
    from govlint.python.symbols import FunctionInfo


_GENERATOR_MANAGERS = {"contextmanager", "asynccontextmanager"}


@dataclass(frozen=True, slots=True)
class Cover:
    """A `finally` or context manager around the plugin call.

    `guaranteed`: the metrics are recorded on every path through it; `mentioned`: on some.
    """

    function: FunctionInfo
    node: Tries | ast.withitem
    guaranteed: bool
    mentioned: bool
    witness: Node | None = None


class MetricsPaths:
    """Answers about one program; remembers what it found about helpers."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.calls = MetricsCalls(program, self.always)
        self.names = self.calls.names
        self._always: dict[tuple[FunctionInfo, frozenset[str]], bool] = {}
        self._open: set[tuple[FunctionInfo, frozenset[str]]] = set()
        self._assumed = False

    # what covers a plugin call

    def covers(self, chain: Chain) -> list[Cover]:
        """The covers of a plugin call, innermost first."""
        return [
            cover for frame in chain for cover in self._around(frame.function, frame.node, set())
        ]

    def _around(
        self, function: FunctionInfo, node: ast.AST, seen: set[FunctionInfo]
    ) -> list[Cover]:
        found: list[Cover] = []
        child, parent = node, self.program.parent(node)
        while parent is not None and child is not function.node:
            if isinstance(parent, ast.Try | ast.TryStar) and parent.finalbody:
                if child not in parent.finalbody:
                    witness = self.gap(parent.finalbody)
                    mentioned = self.mentions(parent.finalbody)
                    found.append(Cover(function, parent, witness is None, mentioned, witness))
            elif isinstance(parent, ast.With | ast.AsyncWith):
                items = list(parent.items)
                if isinstance(child, ast.withitem):
                    items = items[: items.index(child)]
                for item in reversed(items):
                    found += self._managed(function, item, node, seen)
            child, parent = parent, self.program.parent(parent)
        return found

    def _managed(
        self, function: FunctionInfo, item: ast.withitem, node: ast.AST, seen: set[FunctionInfo]
    ) -> list[Cover]:
        found: list[Cover] = []
        for generator in self._generators(item.context_expr):
            if generator in seen:
                continue
            for inner in own_nodes(generator.node):
                if isinstance(inner, ast.Yield):
                    found += self._around(generator, inner, seen | {generator})
        for leave in self._exits(item.context_expr):
            if self.mentions(leave.node.body if not isinstance(leave.node, ast.Lambda) else ()):
                found.append(Cover(function, item, self.always(leave), True))
        stack = self._stack(item)
        if stack is not None:
            covered = self._stacked(function, item, stack, node)
            if covered is not None:
                found.append(Cover(function, item, covered, True))
        return found

    def _generators(self, manager: ast.expr) -> list[FunctionInfo]:
        if not isinstance(manager, ast.Call):
            return []
        callees = list(self.program.callees(manager))
        if not callees:  # a decorated generator: look at what is named, not what it gives
            for value in self.program.values(manager.func):
                if isinstance(value, FunctionValue | BoundMethod):
                    callees.append(value.function)
            callees = callees or self._named(manager.func)
        return [callee for callee in callees if _is_generator_manager(callee)]

    def _named(self, function: ast.expr) -> list[FunctionInfo]:
        """The function that `name` or `self.name` means by its spelling alone."""
        owner = self.program.class_of(function)
        if isinstance(function, ast.Attribute) and dotted(function.value) in ("self", "cls"):
            method = self.program.find_method(owner, function.attr) if owner else None
            return [method] if method is not None else []
        if isinstance(function, ast.Name):
            module = self.program.module_of(function)
            return [
                info for info in module.functions if info.name == function.id and info.cls is None
            ]
        return []

    def _exits(self, manager: ast.expr) -> list[FunctionInfo]:
        found: list[FunctionInfo] = []
        for value in self.program.values(manager):
            if isinstance(value, Instance):
                for name in ("__exit__", "__aexit__"):
                    method = self.program.find_method(value.cls, name)
                    if method is not None and method not in found:
                        found.append(method)
        return found

    @staticmethod
    def _stack(item: ast.withitem) -> str | None:
        manager = item.context_expr
        if (
            isinstance(manager, ast.Call)
            and isinstance(item.optional_vars, ast.Name)
            and dotted(manager.func).rpartition(".")[2] in ("ExitStack", "AsyncExitStack")
        ):
            return item.optional_vars.id
        return None

    def _stacked(
        self, function: FunctionInfo, item: ast.withitem, stack: str, node: ast.AST
    ) -> bool | None:
        """Whether the metrics are on the exit stack whenever `node` runs; None: never."""

        def registers(call: ast.AST | None) -> bool:
            if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
                return False
            if dotted(call.func.value) != stack or not call.args:
                return False
            if call.func.attr in ("callback", "push_async_callback", "push"):
                return self.calls.is_reference(call.args[0])
            if call.func.attr in ("enter_context", "enter_async_context"):
                covers = self._managed(
                    function, ast.withitem(context_expr=call.args[0]), node, set()
                )
                return any(cover.guaranteed for cover in covers)
            return False

        calls = [inner for inner in own_nodes(function.node) if isinstance(inner, ast.Call)]
        if not any(map(registers, calls)):
            return None
        if any(dotted(call.func) == f"{stack}.pop_all" for call in calls):
            return False
        graph = self.graph(function)
        search = Search(graph, event=lambda at, _: Pass.DONE if registers(at.ast) else Pass.ON)
        return all(
            search.path(lambda at, _: at.ast is node, search.after(start)) is None
            for start in graph.at(item, "enter")
        )

    # paths

    def graph(self, function: FunctionInfo) -> Graph:
        """The control flow of a function's body."""
        return build(function.node.body, suppresses)

    def gap(self, body: Sequence[ast.stmt], given: frozenset[str] = frozenset()) -> Node | None:
        """Where a path leaves `body` without the metrics call; None if none does.

        An exception of an ordinary statement on the way counts only where a handler would
        hide it: else no `finally` of more than one statement could ever be right.
        """
        return self._gap(build(body, suppresses), given)

    def _gap(self, graph: Graph, given: frozenset[str]) -> Node | None:
        search = Search(
            graph,
            event=lambda node, _: Pass.STOP if self._happens(node, given) else Pass.ON,
            may_raise=self.calls.may_raise,
        )

        def leaves(node: Node, facts: Facts) -> bool:
            explicit = fact(facts, IN_FLIGHT) == "explicit"
            return node is graph.exit or (node is graph.raised and explicit)

        path = search.path(leaves)
        if path is None:
            return None
        for node in reversed(path):
            if node.ast is not None and hasattr(node.ast, "lineno"):
                return node
        return path[-1]

    def _happens(self, node: Node, given: frozenset[str]) -> bool:
        if node.kind == "call" and isinstance(node.ast, ast.Call):
            return self.calls.runs(node.ast, given)
        if node.kind == "await" and isinstance(node.ast, ast.Await):
            return self.calls.kept_task(node.ast)
        if node.kind == "enter" and isinstance(node.ast, ast.withitem):
            covers = self._managed_anywhere(node.ast)
            return any(cover.guaranteed for cover in covers)
        return False

    def _managed_anywhere(self, item: ast.withitem) -> list[Cover]:
        function = self.program.function_of(item.context_expr)
        return [] if function is None else self._managed(function, item, item, {function})

    def always(self, function: FunctionInfo, given: frozenset[str] = frozenset()) -> bool:
        """Whether every path through `function` calls the metrics.

        `given` names the parameters that hold the metrics function. A recursive call
        counts: a run that ends has gone through one of the other paths.
        """
        key = (function, given)
        if key in self._always:
            return self._always[key]
        if key in self._open:
            self._assumed = True
            return True
        if any(isinstance(n, ast.Yield | ast.YieldFrom) for n in own_nodes(function.node)):
            return False
        self._open.add(key)
        before, self._assumed = self._assumed, False
        body = function.node.body
        graph = build(body, suppresses)
        gap = self._gap(graph, given)
        result = gap is None and self.mentions(body if isinstance(body, list) else [body], given)
        self._open.discard(key)
        if not (self._assumed and self._open):
            self._always[key] = result
        self._assumed = self._assumed or before
        return result

    def mentions(
        self, body: Sequence[ast.AST], given: frozenset[str] = frozenset(), depth: int = 6
    ) -> bool:
        """Whether the metrics are called or named anywhere in `body` or what it calls."""
        for part in body:
            for node in ast.walk(part):
                if isinstance(node, ast.Name | ast.Attribute) and (
                    self.calls.is_named(node) or (isinstance(node, ast.Name) and node.id in given)
                ):
                    return True
                if isinstance(node, ast.Call):
                    if self.calls.is_metrics(node):
                        return True
                    if any(self.calls.is_reference(argument, given) for argument in node.args):
                        return True
                    if depth and any(
                        self.mentions([callee.node], frozenset(), depth - 1)
                        for callee in (*self.program.callees(node), *self._generators(node))
                    ):
                        return True
                    if depth and any(
                        self.mentions([leave.node], frozenset(), depth - 1)
                        for leave in self._exits(node)
                    ):
                        return True
        return False


def _is_generator_manager(function: FunctionInfo) -> bool:
    for decorator in getattr(function.node, "decorator_list", ()):
        target = decorator.func if isinstance(decorator, ast.Call) else decorator
        if dotted(target).rpartition(".")[2] in _GENERATOR_MANAGERS:
            return True
    return False


_latest: list[tuple[Program, MetricsPaths]] = []


def metrics_paths(program: Program) -> MetricsPaths:
    """The answers for `program`, made once and shared by the checks."""
    if not _latest or _latest[0][0] is not program:
        _latest[:] = [(program, MetricsPaths(program))]
    return _latest[0][1]
