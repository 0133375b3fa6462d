"""Validators, gates, guards and scorers that cannot fail (GOV701)."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from govlint.model import Finding, Location, Related, Rule
from govlint.python.paths.static import dotted
from govlint.python.program import Program
from govlint.python.syntax.source import UnparsableError
from govlint.python.syntax.walk import children, walk
from govlint.python.vacuity import glance, names
from govlint.python.vacuity.judge import Judge, Verdict, may_be_vacuous, subclass_overrides
from govlint.python.vacuity.sources import AnyDef, Source, Sources

KIND = "vacuous-gate"
_VERBS = (
    "validate verify check gate guard authori authenticate score assess approve permit allow "
    "accepts enforce passes vet is_ has_ compute_ calculate_ evaluate measure_ should_ run_ "
    "apply_ quality async_validate async_check async_verify"
).split()
_PLACES = (
    "_gate( _check( _guard( _validator( _verifier( _scorer( _checker( _validation( _verification( "
    "_assessment( _score( _authorization( Gate Validator Verifier Guard Scorer Checker Authorizer "
    "Assessor validators VALIDATORS GATES gates CHECKS GUARDS SCORERS validator="
).split()
TRIGGERS: tuple[str, ...] = (
    *(f"def {under}{verb}" for under in ("", "_") for verb in _VERBS),
    *_PLACES,
)


@dataclass(frozen=True)
class Params:
    """This check takes no parameters."""


# nothing is followed for this check: what a gate answers is in its text
starts_in: None = None
may_hold = glance.may_hold


def run(rule: Rule, params: Params, program: Program) -> Iterable[Finding]:
    """One finding a gate, at its definition; what decides it is the related place."""
    sources = Sources(program)
    judge = Judge(sources)
    for source in sources.glanced(KIND, may_hold):
        for node, label, cls in _gates(source, sources):
            verdict = judge.verdict(source, node, label, cls)
            if verdict is None or (cls is not None and _is_hook(program, source, cls, label)):
                continue
            yield _finding(rule, program, source, node, label, verdict)


def _finding(
    rule: Rule,
    program: Program,
    source: Source,
    node: AnyDef | ast.Lambda,
    label: str,
    verdict: Verdict,
) -> Finding:
    place = program.location(source.module, node)
    if not isinstance(node, ast.Lambda):
        text = source.module.lines[place.line - 1]
        place = Location(place.path, place.line, place.column, place.line, len(text.rstrip()) + 1)
    related: tuple[Related, ...] = ()
    if hasattr(verdict.culprit, "lineno"):
        related = (Related(program.location(source.module, verdict.culprit), verdict.why),)
    return rule.finding(
        f"{label} cannot fail: {verdict.why}. Let it refuse what is wrong, or take it out.",
        place,
        related=related,
    )


# -- which functions -------------------------------------------------------------------------------

_Gate = tuple["AnyDef | ast.Lambda", str, "ast.ClassDef | None"]


def _gates(source: Source, sources: Sources) -> Iterator[_Gate]:
    seen: set[ast.AST] = set()
    slots = list(_slots(source.nodes))
    local = frozenset({*(f.name for f, _ in _definitions(source.tree)), *source.classes})
    local |= source.lambdas.keys()
    # what only hands over may hand over to an imported gate
    everything = local | source.imports.keys()
    registered = _registered(source, slots)
    for node, cls in _definitions(source.tree):
        gate = (
            names.is_gate_name(node.name)
            or (cls is not None and names.is_gate_method(cls.name, node.name))
            or any(names.is_registration(d) for d in node.decorator_list)
            or (cls is None and node.name in registered)
        )
        if gate and node not in seen:
            seen.add(node)
            if not may_be_vacuous(node, everything if len(node.body) <= 3 else local):
                continue
            yield node, node.name, cls
    for inline, label in _lambdas(slots):
        if inline not in seen:
            seen.add(inline)
            yield inline, label, None


def _definitions(tree: ast.Module) -> Iterator[tuple[AnyDef, ast.ClassDef | None]]:
    stack: list[tuple[ast.AST, ast.ClassDef | None]] = [(tree, None)]
    while stack:
        node, cls = stack.pop()
        for child in children(node):
            if isinstance(child, AnyDef):
                yield child, cls
                stack.append((child, None))
            elif isinstance(child, ast.ClassDef):
                stack.append((child, child))
            elif isinstance(child, ast.stmt | ast.ExceptHandler | ast.match_case):
                stack.append((child, cls))


def _registered(source: Source, slots: list[tuple[str, ast.expr]]) -> set[str]:
    """Names of functions that the file puts where gates are kept."""
    found: set[str] = set()
    for _, value in slots:
        for node in walk(value):
            if isinstance(node, ast.Name):
                found.add(node.id)
    return found & set(source.functions)


def _lambdas(slots: list[tuple[str, ast.expr]]) -> Iterator[tuple[ast.Lambda, str]]:
    for label, value in slots:
        parts: list[ast.expr] = [value]
        if isinstance(value, ast.Dict):
            parts = list(value.values)
        elif isinstance(value, ast.List | ast.Tuple | ast.Set):
            parts = list(value.elts)
        for part in parts:
            if isinstance(part, ast.Lambda):
                yield part, label


def _slots(nodes: list[ast.AST]) -> Iterator[tuple[str, ast.expr]]:
    """What stands where a gate is kept: `VALIDATORS = {…}`, `register_gate("x", f)`, `gate=f`."""
    for node in nodes:
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets:
                base = target.value if isinstance(target, ast.Subscript) else target
                last = dotted(base).rpartition(".")[2]
                if last and (names.is_gate_slot(last) or names.is_gate_name(last)):
                    yield last, node.value
        elif isinstance(node, ast.Call):
            if names.registers(node):
                for argument in [*node.args, *(k.value for k in node.keywords)]:
                    yield dotted(node.func).rpartition(".")[2] or "the gate", argument
            for keyword in node.keywords:
                if keyword.arg and names.is_gate_slot(keyword.arg):
                    yield keyword.arg, keyword.value


def _is_hook(program: Program, source: Source, cls: ast.ClassDef, method: str) -> bool:
    """Whether a method is a default that some subclass of the project overrides."""
    if subclass_overrides(source.classes.values(), cls.name, method):
        return True
    pattern = re.compile(rb"class\s+\w+\s*\([^)]*\b" + cls.name.encode() + rb"\b")
    for name in program.mentions(cls.name, source.file):
        file = program.files[name]
        if not pattern.search(file.load()):
            continue
        try:
            inner = [n for n in walk(file.tree()) if isinstance(n, ast.ClassDef)]
        except UnparsableError:
            continue
        if subclass_overrides(inner, cls.name, method):
            return True
    return False
