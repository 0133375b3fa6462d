"""An execution context or its policy context changed after it was built (GOV507)."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from govlint.model import Finding, Rule
from govlint.python.node_index import nodes_of
from govlint.python.participants.runtime import TRIGGERS, is_builder, starts_in
from govlint.python.participants.services import is_context
from govlint.python.paths.static import dotted
from govlint.python.program import Program
from govlint.python.symbols import FunctionInfo

__all__ = ["KIND", "TRIGGERS", "Params", "run", "starts_in"]
KIND = "context-mutation"
_MUTATORS = frozenset(
    [
        "update",
        "setdefault",
        "pop",
        "popitem",
        "clear",
        "append",
        "extend",
        "insert",
        "remove",
        "add",
        "discard",
        "__setitem__",
        "__delitem__",
        "__setattr__",
    ]
)
# parts of a context that are the runtime's own and made to be written through
_PORTS = frozenset(
    {"state_surface", "wal", "saga_coordinator", "logger", "log", "tracer", "metrics"}
)


@dataclass(frozen=True)
class Params:
    """This check takes no parameters."""


def run(rule: Rule, params: Params, program: Program) -> Iterable[Finding]:
    """At the statement or call that changes it."""
    judge = _Judge(program)
    seen: set[tuple[str, int]] = set()
    for module in list(program.modules.values()):
        if module.is_test:
            continue
        for node in nodes_of(module, ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Delete, ast.Call,
                             ast.For, ast.With):  # fmt: skip
            for place, what in judge.changes(node):
                location = program.location(module, place)
                if (location.path, location.line) in seen:
                    continue
                seen.add((location.path, location.line))
                yield Finding(
                    rule=rule.code,
                    name=rule.name,
                    severity=rule.severity,
                    message=f"{what} is changed here, after it was built; policy is not "
                    "renegotiated while an intent executes: build another context.",
                    location=location,
                    help=rule.fix,
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
            if self._is_built(target.value) or self._is_part(target.value):
                yield target, f"{ast.unparse(target)[:60]}"
        elif isinstance(target, ast.Subscript) and self._is_part(target.value):
            yield target, f"{ast.unparse(target.value)[:60]}"

    def _called(self, call: ast.Call) -> Iterator[tuple[ast.AST, str]]:
        name = dotted(call.func)
        if name in ("setattr", "delattr", "object.__setattr__", "object.__delattr__") and call.args:
            if self._is_built(call.args[0]):
                yield call, ast.unparse(call.args[0])[:60]
            return
        if not isinstance(call.func, ast.Attribute) or call.func.attr not in _MUTATORS:
            return
        owner = call.func.value
        if (
            (call.func.attr == "__setattr__" and self._is_built(owner))
            or self._is_part(owner)
            or self._is_namespace(owner)
        ):
            yield call, ast.unparse(owner)[:60]

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
            if self._is_built(node.value):
                return True
            return isinstance(node.value, ast.Attribute | ast.Subscript) and self._is_part(
                node.value
            )
        if not isinstance(node, ast.Name) or not depth:
            return False
        function = self.program.function_of(node)
        if function is None:
            return False
        if node.id in function.params:
            return self._is_given_part(function, node.id, depth - 1)
        found = [
            child.value
            for child in ast.walk(function.node)
            if isinstance(child, ast.Assign | ast.AnnAssign | ast.NamedExpr)
            and child.value is not None
            and any(
                isinstance(t, ast.Name) and t.id == node.id
                for t in (child.targets if isinstance(child, ast.Assign) else [child.target])
            )
        ]
        return bool(found) and any(
            isinstance(value, ast.Attribute | ast.Name | ast.Subscript)
            and not self._names_itself(value, node)
            and self._is_mapping_part(value, depth - 1)
            for value in found
        )

    def _is_mapping_part(self, value: ast.expr, depth: int) -> bool:
        if isinstance(value, ast.Attribute) and value.attr not in (
            "policy_context", "payload", "metadata", "intent", "session", "solution_context",
        ):  # fmt: skip
            return False
        return self._is_part(value, depth)

    @staticmethod
    def _names_itself(value: ast.expr, node: ast.Name) -> bool:
        return isinstance(value, ast.Name) and value.id == node.id

    def _is_given_part(self, function: FunctionInfo, name: str, depth: int) -> bool:
        if function.cls is not None and function.params[:1] == [name]:
            return False
        position = function.params.index(name) - (
            function.cls is not None and "staticmethod" not in function.decorators
        )
        for site in self.program.callers(function):
            if not isinstance(site, ast.Call):
                continue
            given = [k.value for k in site.keywords if k.arg == name]
            if not given and 0 <= position < len(site.args):
                given = [site.args[position]]
            if (
                given
                and isinstance(given[0], ast.Attribute)
                and self._is_mapping_part(given[0], depth)
            ):
                return True
        return False
