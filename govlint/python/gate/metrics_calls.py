"""What one call does for the metrics: makes their call, hands it on, or has nothing to do
with it."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import TYPE_CHECKING

from govlint.python.bindings import matches, matches_any
from govlint.python.flow.values import BoundMethod, External, FunctionValue
from govlint.python.gate.frames import own_nodes
from govlint.python.paths.cfg import Node
from govlint.python.paths.static import dotted

if TYPE_CHECKING:
    from govlint.python.program import Program
    from govlint.python.symbols import FunctionInfo

Always = Callable[["FunctionInfo", frozenset[str]], bool]


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# what is handed to these runs later, elsewhere, or not at all
_LATER = _words(
    "submit create_task ensure_future call_soon call_later call_at call_soon_threadsafe "
    "add_task add_done_callback add_callback apply_async delay register callback push "
    "push_async_callback Thread Timer Process partial partialmethod start_soon spawn "
    "run_coroutine_threadsafe finalize append put put_nowait"
)
# what is handed to these runs before they return, or before the `await` of them does
_NOW = _words("run run_until_complete run_sync from_thread call apply")
_AWAITED_NOW = _words("to_thread run_in_executor run_sync run_in_threadpool sync_to_async")
_QUIET = _words(
    "time monotonic perf_counter perf_counter_ns monotonic_ns time_ns process_time now utcnow "
    "debug info warning error exception critical log getLogger get_logger bind len str repr int "
    "float bool round max min abs isinstance type id dict list tuple set total_seconds "
    "isoformat timedelta get keys values items getattr hasattr append print format sum "
    "clear discard setdefault copy is_set done cancelled locked"
)


class MetricsCalls:
    """Judges single calls; `always` says of a function whether each path of it calls them."""

    def __init__(self, program: Program, always: Always) -> None:
        self.program = program
        self.always = always
        self.names = tuple(name.rpartition(".")[2] for name in program.bindings.metrics)
        self._quiet: dict[FunctionInfo, bool] = {}

    def runs(self, call: ast.Call, given: frozenset[str] = frozenset()) -> bool:
        """Whether `call`, once it is reached, calls the metrics."""
        last = _last(call.func)
        callees = self.program.callees(call)
        if self.is_metrics(call) or (isinstance(call.func, ast.Name) and call.func.id in given):
            coroutine = any(isinstance(c.node, ast.AsyncFunctionDef) for c in callees)
            return self._awaited(call) if coroutine else not self._discarded_coroutine(call)
        references = [a for a in self._arguments(call) if self.is_reference(a, given)]
        if references:
            if last in _AWAITED_NOW:
                return self._awaited(call)
            if last == "submit":
                holder = self.program.parent(call)
                return isinstance(holder, ast.Attribute) and holder.attr == "result"
        if last in _LATER:
            return False
        if not callees:
            return self.is_reference(call.func, given)
        for callee in callees:
            held = self._held(call, callee, given)
            if not self.always(callee, held):
                return False
            if isinstance(callee.node, ast.AsyncFunctionDef) and not self._awaited(call):
                return False
        return True

    def _held(self, call: ast.Call, callee: FunctionInfo, given: frozenset[str]) -> frozenset[str]:
        """The parameters of `callee` to which `call` hands the metrics function."""
        arguments = callee.node.args
        names = [argument.arg for argument in (*arguments.posonlyargs, *arguments.args)]
        if callee.cls is not None and isinstance(call.func, ast.Attribute):
            names = names[1:]
        held = {
            name
            for name, argument in zip(names, call.args, strict=False)
            if self.is_reference(argument, given)
        }
        for keyword in call.keywords:
            if keyword.arg and self.is_reference(keyword.value, given):
                held.add(keyword.arg)
        return frozenset(held)

    @staticmethod
    def _arguments(call: ast.Call) -> list[ast.expr]:
        return [*call.args, *(keyword.value for keyword in call.keywords)]

    def is_named(self, node: ast.expr) -> bool:
        """Whether a name or attribute is called like the metrics function."""
        last = _last(node)
        return bool(last) and any(matches(name, last) for name in self.names)

    def is_metrics(self, call: ast.Call) -> bool:
        """Whether `call` is of the metrics function itself."""
        if self.is_named(call.func):
            return True
        known = [callee.qualname for callee in self.program.callees(call)]
        known += self.program.externals(call)
        wanted = self.program.bindings.metrics
        return bool(known) and all(matches_any(wanted, name) for name in known)

    def is_reference(
        self, node: ast.expr, given: frozenset[str] = frozenset(), depth: int = 4
    ) -> bool:
        """Whether `node` is a callable that calls the metrics, however it was made."""
        if isinstance(node, ast.Name | ast.Attribute) and self.is_named(node):
            return True
        if isinstance(node, ast.Name) and node.id in given:
            return True
        if isinstance(node, ast.Lambda):
            info = self.program.function_of(node.body)
            return info is not None and info.node is node and self.always(info, frozenset())
        if isinstance(node, ast.Call) and depth:
            if _last(node.func) == "partial" and node.args:
                return self.is_reference(node.args[0], given, depth - 1)
            if dotted(node.func) == "getattr" and len(node.args) > 1:
                name = node.args[1]
                return isinstance(name, ast.Constant) and name.value in self.names
            return False
        if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Dict) and depth:
            held = node.value.values
            return bool(held) and all(self.is_reference(v, given, depth - 1) for v in held)
        if isinstance(node, ast.Name) and depth:
            value = self._only_value(node)
            if value is not None and self.is_reference(value, given, depth - 1):
                return True
        if isinstance(node, ast.Name | ast.Attribute):
            functions = [
                value.function
                for value in self.program.values(node)
                if isinstance(value, FunctionValue | BoundMethod)
            ]
            wanted = self.program.bindings.metrics
            outside = [v.dotted for v in self.program.values(node) if isinstance(v, External)]
            if outside and not functions:
                return all(matches_any(wanted, name) for name in outside)
            return bool(functions) and all(
                matches_any(wanted, f.qualname) or self.always(f, frozenset()) for f in functions
            )
        return False

    def _only_value(self, name: ast.Name) -> ast.expr | None:
        """What a local name is, where the function assigns it once."""
        function = self.program.function_of(name)
        while function is not None:
            assigned = [
                node
                for node in own_nodes(function.node)
                if isinstance(node, ast.Assign | ast.AnnAssign | ast.NamedExpr)
                for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
                if isinstance(target, ast.Name) and target.id == name.id
            ]
            if assigned:
                return assigned[0].value if len(assigned) == 1 else None
            function = function.parent
        return None

    # coroutines

    def _awaited(self, call: ast.Call) -> bool:
        """Whether the coroutine that `call` makes is run before the next statement."""
        node: ast.AST = call
        parent = self.program.parent(call)
        while isinstance(parent, ast.expr | ast.keyword):
            if isinstance(parent, ast.Await):
                return True
            if isinstance(parent, ast.Call) and node is not parent.func:
                if _last(parent.func) in _NOW:
                    return True
            elif not isinstance(parent, ast.keyword | ast.Starred | ast.List | ast.Tuple):
                return False
            node, parent = parent, self.program.parent(parent)
        return False

    def _discarded_coroutine(self, call: ast.Call) -> bool:
        """Whether `call`, of unknown code, is handed to a task that nobody waits for."""
        parent = self.program.parent(call)
        return (
            isinstance(parent, ast.Call)
            and _last(parent.func) in ("create_task", "ensure_future", "run_coroutine_threadsafe")
            and not self._awaited(call)
        )

    def kept_task(self, node: ast.Await) -> bool:
        """Whether what is awaited is a name that holds the metrics' coroutine or task."""
        if not isinstance(node.value, ast.Name):
            return False
        value = self._only_value(node.value)
        for part in ast.walk(value) if value is not None else ():
            if isinstance(part, ast.Call) and _last(part.func) not in _LATER:
                if self.is_metrics(part):
                    return True
                callees = self.program.callees(part)
                if callees and all(self.always(callee, frozenset()) for callee in callees):
                    return True
        return False

    # exceptions

    def may_raise(self, node: Node) -> bool:
        """Whether an exception at `node` is to be reckoned with."""
        if node.kind == "call" and isinstance(node.ast, ast.Call):
            return not self._is_quiet(node.ast)
        return node.kind in ("await", "yield", "raise")

    def _is_quiet(self, call: ast.Call, depth: int = 2) -> bool:
        """Whether `call` is of the kind that does not raise (clocks, logging, `len`)."""
        callees = self.program.callees(call)
        if not callees:
            return _last(call.func) in _QUIET
        for callee in callees:
            if callee not in self._quiet:
                self._quiet[callee] = depth > 0 and all(
                    not isinstance(node, ast.Raise | ast.Await | ast.Subscript)
                    and (not isinstance(node, ast.Call) or self._is_quiet(node, depth - 1))
                    for node in own_nodes(callee.node)
                )
            if not self._quiet[callee]:
                return False
        return True


def _last(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""
