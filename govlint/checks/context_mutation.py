"""An execution context or its policy context changed after it was built (GOV507)."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from govlint.model import Finding, Rule, first_of_each_line
from govlint.python.node_index import nodes_of
from govlint.python.participants.aliases import origins
from govlint.python.participants.mutations import MUTATORS, changed_by_argument, set_by_call
from govlint.python.participants.runtime import TRIGGERS, is_builder, starts_in
from govlint.python.participants.services import is_context
from govlint.python.paths.static import dotted
from govlint.python.program import Program
from govlint.python.symbols import FunctionInfo

__all__ = ["KIND", "TRIGGERS", "Params", "run", "starts_in"]
KIND = "context-mutation"
# parts of a context that are the runtime's own and made to be written through
_PORTS = frozenset(
    {"state_surface", "wal", "saga_coordinator", "logger", "log", "tracer", "metrics"}
)
# parts of a context that are what an intent is judged by
_CARRIED = frozenset(
    {"policy_context", "payload", "metadata", "intent", "session", "solution_context"}
)


@dataclass(frozen=True)
class Params:
    """This check takes no parameters."""


@first_of_each_line
def run(rule: Rule, params: Params, program: Program) -> Iterable[Finding]:
    """At the statement or call that changes it."""
    judge = _Judge(program)
    for module in list(program.modules.values()):
        if module.is_test:
            continue
        for node in nodes_of(module, ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Delete, ast.Call,
                             ast.For, ast.With):  # fmt: skip
            for place, what in judge.changes(node):
                location = program.location(module, place)
                yield rule.finding(
                    f"{what} is changed here, after it was built; policy is not "
                    "renegotiated while an intent executes: build another context.",
                    location,
                )


class _Judge:
    def __init__(self, program: Program) -> None:
        self.program = program

    def changes(self, node: ast.AST) -> Iterator[tuple[ast.AST, str]]:
        if isinstance(node, ast.Assign | ast.Delete):
            for target in node.targets:
                yield from self._stored(target)
        elif isinstance(node, ast.AnnAssign | ast.AugAssign | ast.For):
            if not (isinstance(node, ast.AnnAssign) and node.value is None):
                yield from self._stored(node.target)
        elif isinstance(node, ast.With):
            for item in node.items:
                if item.optional_vars is not None:
                    yield from self._stored(item.optional_vars)
        elif isinstance(node, ast.Call):
            yield from self._called(node)

    def _stored(self, target: ast.expr) -> Iterator[tuple[ast.AST, str]]:
        if isinstance(target, ast.Tuple | ast.List):
            for part in target.elts:
                yield from self._stored(part)
        elif isinstance(target, ast.Attribute):
            if (
                self._is_built(target.value)
                or self._is_part(target.value)
                or self._is_its_class(target.value)
            ):
                yield target, f"{ast.unparse(target)[:60]}"
        elif isinstance(target, ast.Subscript) and (
            self._is_part(target.value) or self._is_namespace(target.value)
        ):
            yield target, f"{ast.unparse(target.value)[:60]}"

    def _called(self, call: ast.Call) -> Iterator[tuple[ast.AST, str]]:
        target = set_by_call(self._name(call.func), call)
        if target is not None and self._is_built(target):
            yield call, ast.unparse(target)[:60]
            return
        given = changed_by_argument(call)
        if given is not None and (self._is_part(given) or self._is_namespace(given)):
            yield call, ast.unparse(given)[:60]
            return
        if not isinstance(call.func, ast.Attribute) or call.func.attr not in MUTATORS:
            return
        owner = call.func.value
        if (
            (call.func.attr in ("__setattr__", "__delattr__") and self._is_built(owner))
            or self._is_part(owner)
            or self._is_namespace(owner)
        ):
            yield call, ast.unparse(owner)[:60]

    def _name(self, function: ast.expr) -> str:
        """The dotted name of what is called, also behind `force = object.__setattr__`."""
        if isinstance(function, ast.Attribute):
            return f".{function.attr}"
        names = [dotted(origin) for origin in origins(self.program, function)]
        return next((name for name in names if name.rpartition(".")[2].startswith("__")),
                    dotted(function))  # fmt: skip

    def _is_its_class(self, node: ast.expr) -> bool:
        """`type(context)`, `context.__class__`: the class of every context there is."""
        if isinstance(node, ast.Call) and dotted(node.func) == "type" and len(node.args) == 1:
            return self._is_built(node.args[0])
        return (
            isinstance(node, ast.Attribute)
            and node.attr == "__class__"
            and (self._is_built(node.value))
        )

    def _is_namespace(self, node: ast.expr) -> bool:
        if isinstance(node, ast.Attribute) and node.attr == "__dict__":
            return self._is_built(node.value)
        if isinstance(node, ast.Call) and dotted(node.func) == "vars" and node.args:
            return self._is_built(node.args[0])
        return False

    def _is_built(self, node: ast.expr) -> bool:
        """Whether an expression is a context that somebody else has built."""
        if not is_context(self.program, node):
            return False
        function = self.program.function_of(node)
        if is_builder(self.program, function):
            return False
        return not self._is_made_here(node, function)

    def _is_made_here(self, node: ast.expr, function: FunctionInfo | None) -> bool:
        """Whether the context is still being built: made in this function, not yet handed on."""
        if not isinstance(node, ast.Name) or function is None or node.id in function.params:
            return False
        made_at: int | None = None
        for child in ast.walk(function.node):
            if (
                isinstance(child, ast.Assign)
                and any(isinstance(t, ast.Name) and t.id == node.id for t in child.targets)
                and isinstance(child.value, ast.Call)
                and self._makes(child.value)
            ):
                made_at = child.lineno
        if made_at is None:
            return False
        for child in ast.walk(function.node):
            if isinstance(child, ast.Call) and made_at < child.lineno < node.lineno:
                given = [*child.args, *(k.value for k in child.keywords)]
                if any(isinstance(a, ast.Name) and a.id == node.id for a in given):
                    return False
        return True

    def _makes(self, call: ast.Call) -> bool:
        name = dotted(call.func).rpartition(".")[2]
        wanted = {entry.rpartition(".")[2] for entry in self.program.bindings.contexts}
        return name in wanted

    def _is_part(self, node: ast.expr, depth: int = 3) -> bool:
        """Whether an expression is a mapping or object that a context carries."""
        while isinstance(node, ast.Subscript):
            node = node.value
        if isinstance(node, ast.Attribute):
            if node.attr in _PORTS:
                return False
            if self._is_built(node.value) or (
                node.attr in _CARRIED and self._shares(node.value, node.attr)
            ):
                return True
            return isinstance(node.value, ast.Attribute | ast.Subscript) and self._is_part(
                node.value
            )
        if not isinstance(node, ast.Name) or not depth:
            return False
        return any(
            origin is not node and self._is_mapping_part(origin, depth - 1)
            for origin in origins(self.program, node)
        )

    def _shares(self, node: ast.expr, attribute: str) -> bool:
        """A shallow copy, `copy(context)`, `replace(context, …)`, carries the same mappings."""
        for origin in origins(self.program, node):
            if not isinstance(origin, ast.Call) or not origin.args:
                continue
            if dotted(origin.func).rpartition(".")[2] not in ("copy", "replace", "evolve"):
                continue
            if any(k.arg == attribute for k in origin.keywords):
                continue
            if is_context(self.program, origin.args[0]):
                return True
        return False

    def _is_mapping_part(self, value: ast.expr, depth: int) -> bool:
        base: ast.expr = value
        while isinstance(base, ast.Subscript):
            base = base.value
        if not isinstance(base, ast.Attribute) or base.attr not in _CARRIED:
            return False
        return self._is_part(value, depth)
