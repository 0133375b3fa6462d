"""An exception that leaves the gate or reaches the API without the error envelope, or an
envelope of a `type` that it must not have (GOV402)."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from govlint.model import Finding, Related, Rule
from govlint.python.api.surface import ApiSurface
from govlint.python.gate.envelopes import Envelopes
from govlint.python.gate.error_paths import ErrorPaths, Escape
from govlint.python.gate.frames import chains, own_nodes, ways
from govlint.python.gate.validators import Validators
from govlint.python.paths.cfg import build
from govlint.python.paths.static import catches_all, caught_names, dotted
from govlint.python.program import Program
from govlint.python.symbols import FunctionInfo

KIND = "envelope-bypass"
TRIGGERS: tuple[str, ...] = ("ToolRunner", '"_internal"', "'_internal'", "envelope")

_TEXTS = {"str", "repr"}


@dataclass(frozen=True)
class Params:
    """This check takes no parameters."""


def run(rule: Rule, params: Params, program: Program) -> Iterable[Finding]:
    """At the plugin call, the `raise`, the handler or the value that is no envelope."""
    envelopes = Envelopes(program)
    seen: set[ast.AST] = set()
    for node, message, source in _all(program, envelopes):
        if node in seen:
            continue
        seen.add(node)
        related: tuple[Related, ...] = ()
        if source is not None and source is not node:
            related = (Related(program.location(program.module_of(source), source), "raised here"),)
        yield rule.finding(
            message,
            program.location(program.module_of(node), node),
            related=related,
        )


def _all(program: Program, envelopes: Envelopes) -> Iterator[tuple[ast.AST, str, ast.AST | None]]:
    yield from _gates(program, envelopes)
    accepted = ", ".join(program.bindings.error_types)
    for node, found in envelopes.wrong_types():
        yield node, f"The envelope's type is {found}; accepted are {accepted}.", None
    surface = ApiSurface(program)
    for function in surface.functions():
        for handler, by in _mapped(function, surface, program):
            yield handler, by, None


def _gates(program: Program, envelopes: Envelopes) -> Iterator[tuple[ast.AST, str, ast.AST | None]]:
    paths = ErrorPaths(program, envelopes)
    validators = [Validators(program, "input", ()), Validators(program, "output", ())]
    for gate in program.gates:
        if program.module_of(gate.run.node).is_test:
            continue
        found: dict[ast.AST, tuple[Escape, ast.AST]] = {}
        for call in gate.plugin_calls:
            for chain in chains(program, gate, call):
                for escape in paths.escapes(chain):
                    found.setdefault(escape.node, (escape, call))
        if not any(escape.by == "raised" for escape, _ in found.values()):
            # the other ways to raise, once the plugin call itself is safe
            for function in (gate.run, *gate.private):
                for node in own_nodes(function.node):
                    if not _raises(node, validators, program) or envelopes.carries(node):
                        continue
                    for chain in ways(program, gate, node):
                        if any(_in_finally(program, frame.node) for frame in chain):
                            continue  # judged as a way past the metrics
                        for escape in paths.escapes(chain):
                            if escape.by == "raised":
                                found.setdefault(escape.node, (escape, node))
        for escape, source in found.values():
            yield escape.node, _message(escape, gate.cls.name), source


def _raises(node: ast.AST, validators: list[Validators], program: Program) -> bool:
    """Whether a node is sure to be able to raise: a `raise`, or a validator known to."""
    if isinstance(node, ast.Raise):
        parent = program.parent(node)
        while parent is not None and not isinstance(parent, ast.FunctionDef | ast.AsyncFunctionDef):
            if isinstance(parent, ast.ExceptHandler):
                return False  # judged with what it handles
            parent = program.parent(parent)
        return True
    return isinstance(node, ast.Call) and any(
        validator.is_validator(node) and validator.raises(node) for validator in validators
    )


def _in_finally(program: Program, node: ast.AST) -> bool:
    child, parent = node, program.parent(node)
    while parent is not None and not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
        if isinstance(parent, ast.Try | ast.TryStar) and child in parent.finalbody:
            return True
        child, parent = parent, program.parent(parent)
    return False


def _message(escape: Escape, gate: str) -> str:
    if escape.by == "raised":
        return (
            f"An exception leaves {gate} here without the error envelope; catch Exception around "
            f"it and return the envelope."
        )
    if escape.by == "returned":
        return (
            f"What {gate} returns for an error here is not the error envelope; return a mapping "
            f"with error (type, message, details, plugin, timestamp) and _internal."
        )
    return (
        f"An exception of the plugin is swallowed here: {gate} goes on as if nothing had "
        f"happened; return the error envelope."
    )


# the API


def _mapped(
    function: FunctionInfo, surface: ApiSurface, program: Program
) -> Iterator[tuple[ast.AST, str]]:
    """Handlers in the API that answer with an exception's text, or with nothing."""
    for node in own_nodes(function.node):
        if not isinstance(node, ast.Try | ast.TryStar):
            continue
        calls = [n for s in node.body for n in ast.walk(s) if isinstance(n, ast.Call)]
        if not any(surface.executes(call) for call in calls):
            continue
        for handler in node.handlers:
            types = set(program.bindings.error_types)
            if not catches_all(handler) and not caught_names(handler) & types:
                continue
            found = _answer(handler)
            if found is not None:
                yield found


def _answer(handler: ast.ExceptHandler) -> tuple[ast.AST, str] | None:
    for statement in handler.body:
        for node in (statement, *own_nodes(statement)):
            parts: list[ast.expr] = []
            if isinstance(node, ast.Return) and node.value is not None:
                parts = [node.value]
            elif isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
                parts = [*node.exc.args, *(keyword.value for keyword in node.exc.keywords)]
            if handler.name and any(_tells(part, handler.name) for part in parts):
                return node, (
                    "The API answers with the text of an exception instead of the error "
                    "envelope; answer with the envelope's error section."
                )
    graph = build(handler.body)
    silent = all(
        isinstance(s, ast.Pass | ast.Continue)
        or (isinstance(s, ast.Return) and _is_empty(s.value))
        or (isinstance(s, ast.Expr) and isinstance(s.value, ast.Constant))
        for s in handler.body
    )
    if silent and graph.nodes:
        return handler, (
            "The API swallows an exception of the execution chain; answer with the envelope's "
            "error section."
        )
    return None


def _is_empty(value: ast.expr | None) -> bool:
    if isinstance(value, ast.Dict):
        return not value.keys
    if isinstance(value, ast.List | ast.Tuple):
        return not value.elts
    return value is None or (isinstance(value, ast.Constant) and not value.value)


def _tells(value: ast.expr, name: str) -> bool:
    """Whether `value` has the text of the exception `name` in it, but for an envelope of it."""
    if isinstance(value, ast.Dict):
        return any(_tells(part, name) for part in value.values) and not _is_structured(value)
    if isinstance(value, ast.Call):
        if dotted(value.func) in _TEXTS:
            return any(isinstance(a, ast.Name) and a.id == name for a in value.args)
        last = value.func.attr if isinstance(value.func, ast.Attribute) else dotted(value.func)
        if last in ("JSONResponse", "jsonify", "Response", "dict", "HTTPException", "dumps"):
            return any(
                _tells(part, name) for part in [*value.args, *(k.value for k in value.keywords)]
            )
        return False
    if isinstance(value, ast.JoinedStr):
        return any(
            isinstance(part, ast.Name) and part.id == name
            for formatted in value.values
            if isinstance(formatted, ast.FormattedValue)
            for part in [formatted.value]
        )
    if isinstance(value, ast.Tuple | ast.List):
        return any(_tells(element, name) for element in value.elts)
    if isinstance(value, ast.BinOp):
        return _tells(value.left, name) or _tells(value.right, name)
    return False


def _is_structured(value: ast.Dict) -> bool:
    keys = {key.value for key in value.keys if isinstance(key, ast.Constant)}
    return {"type", "message"} <= keys
