"""Domain logic, external calls and routing decisions inside the runtime itself (GOV508)."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from govlint.model import Finding, Rule, first_of_each_line
from govlint.python.effects import library
from govlint.python.effects.reach import Reach
from govlint.python.flow import values as v
from govlint.python.participants.aliases import origins
from govlint.python.participants.runtime import TRIGGERS, runtime_classes, starts_in
from govlint.python.participants.services import is_runtime_code
from govlint.python.paths.static import dotted
from govlint.python.program import Program
from govlint.python.symbols import FunctionInfo
from govlint.python.trust.reading import assigned

__all__ = ["KIND", "TRIGGERS", "Params", "run", "starts_in"]
KIND = "runtime-boundary"
_EXTERNAL = frozenset({library.SOCKET, library.PROCESS})
_INTENT = re.compile(r"_*+(?:\w+_)?intent")
_MATCHES = re.compile(r"(?:re\.|regex\.|fnmatch\.)?(?:match|fullmatch|search|fnmatch|fnmatchcase)")
_ROUTED = re.compile(r"intent_type|realm|intent_name|capability_name|intent_kind")
_TYPE = re.compile(r"[a-z][a-z0-9_]*(?:\.[a-z0-9_]+)*")


@dataclass(frozen=True)
class Params:
    """This check takes no parameters."""


@first_of_each_line
def run(rule: Rule, params: Params, program: Program) -> Iterable[Finding]:
    """At the comparison, table or call."""
    reach = Reach(program, lambda function: _is_storage(program, function))
    for cls in runtime_classes(program):
        for method in sorted(cls.methods.values(), key=lambda f: f.node.lineno):
            for node, what in _found(program, reach, method):
                location = program.location(method.module, node)
                yield rule.finding(
                    f"{cls.name}.{method.name} {what} here; the runtime supervises, what "
                    "to do belongs to the capability that the intent resolves to.",
                    location,
                )


def _is_storage(program: Program, function: FunctionInfo) -> bool:
    """What the runtime owns, or hands over to, is not the runtime's own doing."""
    if function.cls is None:
        return False
    own = program.is_subclass(function.cls, program.bindings.runtimes)
    return not own and (is_runtime_code(program, function) or program.is_participant(function.cls))


def _found(program: Program, reach: Reach, method: FunctionInfo) -> Iterator[tuple[ast.AST, str]]:
    for node in ast.walk(method.node):
        if isinstance(node, ast.Compare):
            kind = _routing(program, node)
            if kind:
                yield node, f"decides by {kind}"
            elif _interprets(program, node):
                yield node, "interprets the payload"
        elif isinstance(node, ast.BinOp) and not isinstance(node.op, ast.Mod | ast.BitOr):
            if any(_is_content(program, side) for side in (node.left, node.right)):
                yield node, "works with what the payload says"
        elif isinstance(node, ast.If):
            test = node.test.operand if isinstance(node.test, ast.UnaryOp) else node.test
            if _is_content(program, test) and not _refuses(node):
                yield node.test, "interprets the payload"
        elif isinstance(node, ast.Match) and _routed(program, node.subject):
            if any(_names_type(case.pattern) for case in node.cases):
                yield node.subject, f"decides by {ast.unparse(node.subject)}"
        elif isinstance(node, ast.Call):
            yield from _of_call(program, node)
        elif (isinstance(node, ast.Subscript) and _routed(program, node.slice)) and (
            _is_own_table(program, node.value)
        ):
            yield node, f"decides by {ast.unparse(node.slice)}"
    for way in reach.ways(method, _EXTERNAL):
        inner = [program.function_of(call) for call in way.calls[1:]]
        if any(f is not None and f.cls is method.cls for f in inner):
            continue
        yield way.calls[0], f"{way.effect.what} ({way.effect.by})"


def _refuses(node: ast.If) -> bool:
    """Whether a branch only turns an intent down: that is validation."""
    return all(isinstance(s, ast.Raise) or _is_report(s) for s in node.body) and not node.orelse


def _is_report(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call)


def _routed(program: Program, node: ast.expr) -> bool:
    """Whether an expression is an intent's type or realm, or a name that stands for it."""
    return _is_routed(node) or any(_is_routed(o) for o in origins(program, node, to_module=False))


def _is_routed(node: ast.expr) -> bool:
    if isinstance(node, ast.Attribute) and node.attr in ("type", "kind", "name", "action"):
        return _INTENT.fullmatch(dotted(node.value).rpartition(".")[2]) is not None
    name = node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
        name = str(node.slice.value)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        if node.func.attr in ("split", "partition", "lower", "strip"):
            return _is_routed(node.func.value)
        if node.func.attr == "get" and node.args and isinstance(node.args[0], ast.Constant):
            name = str(node.args[0].value)
    if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Call):
        return _is_routed(node.value)
    return _ROUTED.fullmatch(name) is not None


def _routing(program: Program, node: ast.Compare) -> str | None:
    sides = [node.left, *node.comparators]
    for index, operator in enumerate(node.ops):
        for one, other in ((sides[index], sides[index + 1]), (sides[index + 1], sides[index])):
            if not _routed(program, one) or isinstance(operator, ast.Is | ast.IsNot):
                continue
            if _is_type_name(program, other):
                return ast.unparse(one)
    return None


def _is_type_name(program: Program, node: ast.expr) -> bool:
    if isinstance(node, ast.Constant):
        return isinstance(node.value, str) and _TYPE.fullmatch(node.value) is not None
    if isinstance(node, ast.Tuple | ast.List | ast.Set):
        return bool(node.elts) and all(_is_type_name(program, e) for e in node.elts)
    if isinstance(node, ast.Name | ast.Attribute):
        values = program.values(node)
        return bool(values) and all(
            isinstance(x, v.Const) and isinstance(x.value, str) and _TYPE.fullmatch(x.value)
            for x in values
        )
    return False


def _names_type(pattern: ast.pattern) -> bool:
    return any(
        isinstance(n, ast.MatchValue)
        and isinstance(n.value, ast.Constant)
        and isinstance(n.value.value, str)
        for n in ast.walk(pattern)
    )


def _is_own_table(program: Program, node: ast.expr) -> bool:
    """`{"content.upload": self._upload}[intent.intent_type]`: a table spelled out here."""
    if isinstance(node, ast.Dict):
        return any(isinstance(k, ast.Constant) and isinstance(k.value, str) for k in node.keys)
    function = program.function_of(node)
    name = dotted(node)
    scopes: list[ast.AST] = [function.node] if function is not None else []
    names = {name}
    owner, _, last = name.partition(".")
    cls = function.cls if function is not None else None
    if cls is not None and owner in ("self", "cls", cls.name) and last and "." not in last:
        scopes, names = [cls.node], {name, last}
    for table in (value for scope in (*scopes, program.module_of(node).tree)
                  for each in sorted(names) for value in assigned(scope, each)):  # fmt: skip
        if isinstance(table, ast.Dict) and table.keys:
            return all(isinstance(k, ast.Constant) and isinstance(k.value, str) for k in table.keys)
    return False


def _interprets(program: Program, node: ast.Compare) -> bool:
    """Whether a comparison asks what a payload says, and not only whether there is one."""
    sides = [node.left, *node.comparators]
    if any(isinstance(side, ast.Constant) and side.value is None for side in sides):
        return False
    if any("tenant" in ast.unparse(side) or "session" in ast.unparse(side) for side in sides):
        return False  # whose it is, is the runtime's to ask
    return any(_is_content(program, side) for side in sides)


def _is_content(program: Program, node: ast.expr) -> bool:
    """`intent.payload["amount"]`, `payload.get("kind")`: what a payload says."""
    for origin in origins(program, node, to_module=False):
        inner: ast.expr = origin
        if isinstance(inner, ast.Call) and dotted(inner.func) in ("float", "int", "str", "Decimal"):
            inner = inner.args[0] if inner.args else inner
        if isinstance(inner, ast.Call) and isinstance(inner.func, ast.Attribute):
            if inner.func.attr != "get":
                continue
            inner = inner.func.value
        elif isinstance(inner, ast.Subscript):
            inner = inner.value
        else:
            continue
        for holder in origins(program, inner, to_module=False):
            while isinstance(holder, ast.Subscript):
                holder = holder.value
            if isinstance(holder, ast.Attribute) and holder.attr == "payload":
                return True
    return False


def _of_call(program: Program, call: ast.Call) -> Iterator[tuple[ast.AST, str]]:
    function = call.func
    if isinstance(function, ast.Attribute):
        text = function.attr in ("startswith", "endswith") and call.args
        if text and _routed(program, function.value) and _is_prefix(call.args[0]):
            yield call, f"decides by {ast.unparse(function.value)}"
        if (function.attr == "get" and call.args and _routed(program, call.args[0])) and (
            _is_own_table(program, function.value)
        ):
            yield call, f"decides by {ast.unparse(call.args[0])}"
    name = dotted(function)
    if _MATCHES.fullmatch(name) and len(call.args) >= 2 and "." in name:
        pattern, asked = call.args[:2]
        if name.startswith("fnmatch"):
            pattern, asked = asked, pattern
        if _routed(program, asked) and _names_a_realm(pattern):
            yield call, f"decides by {ast.unparse(asked)}"
    if name == "getattr" and len(call.args) >= 2:
        for origin in origins(program, call.args[1], to_module=False):
            looked_up = isinstance(origin, ast.Subscript) or (
                isinstance(origin, ast.Call) and dotted(origin.func).endswith(".get")
            )  # found where it is looked up
            if (
                not looked_up
                and not _routed(program, origin)
                and any(
                    isinstance(part, ast.expr) and _is_routed(part) for part in ast.walk(origin)
                )
            ):
                yield call, "chooses a method by the intent's type"
                break
    for value in program.values(function):
        if (isinstance(value, v.ClassValue) and program.is_participant(value.cls)) and (
            not dotted(function).startswith(("self.", "cls."))
        ):
            yield call, f"makes a domain service by name ({value.cls.name})"


def _names_a_realm(pattern: ast.expr) -> bool:
    """Whether a pattern spells out a realm or action, and not only the form of a type."""
    text = pattern.value if isinstance(pattern, ast.Constant) else ""
    return isinstance(text, str) and re.search(r"(?<![\\\[\w-])[a-z]{3,}", text) is not None


def _is_prefix(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and len(node.value) > 1
