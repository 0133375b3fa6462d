"""Validators, gates, guards and scorers that cannot fail (GOV701)."""

from __future__ import annotations

import ast
import re
import textwrap
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from govlint.model import Finding, Location, Related, Rule
from govlint.python.paths.static import dotted
from govlint.python.program import Program
from govlint.python.syntax.source import ScannedFile, UnparsableError
from govlint.python.vacuity import names
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

_DEF = re.compile(
    rb"^([ \t]*)(?:async[ \t]+)?def[ \t]+(\w+)[ \t]*\(|^([ \t]*)class[ \t]+(\w+)", re.MULTILINE
)
# where a gate may be a lambda, or a function of any name
_INLINE = re.compile(
    rb"(?:validator|gate|guard|check|checker|scorer|verifier|validate|verify)s?[\"']?\]?"
    rb"[ \t]*[=:(,][^\n]*\blambda\b",
    re.IGNORECASE,
)
_TABLE = re.compile(
    rb"(?:VALIDATORS?|GATES?|GUARDS?|CHECKS?|SCORERS?|validators|gates|guards|checks|scorers)"
    rb"(?::[^\n=]+)?[ \t]*=[ \t]*[\[({]|"
    rb"(?:register|add|use|install|attach)_(?:\w+_)?(?:validator|gate|guard|check|scorer|"
    rb"verifier)\("
)
_IMPORTED = re.compile(rb"^from[ \t]+[\w.]+[ \t]+import[ \t]+([\w, \t]+)$", re.MULTILINE)
_LOCAL = re.compile(rb"(?:\bdef|\bclass)[ \t]+(\w+)")
_TABLE_WORDS = frozenset(
    [
        "_gate(",
        "_check(",
        "_guard(",
        "_validator(",
        "_verifier(",
        "_scorer(",
        "validators",
        "VALIDATORS",
        "GATES",
        "gates",
        "CHECKS",
        "GUARDS",
        "SCORERS",
    ]
)
# `except A, B:` (PEP 758) is read by the file's own parser; here it only has to be skipped
_UNBRACKETED = re.compile(r"(?m)^(\s*except\*?[ \t]+)([\w.]+(?:[ \t]*,[ \t]*[\w.]+)+)[ \t]*:")


@dataclass(frozen=True)
class Params:
    """This check takes no parameters."""


# nothing is followed for this check: what a gate answers is in its text
starts_in: None = None


def run(rule: Rule, params: Params, program: Program) -> Iterable[Finding]:
    """One finding a gate, at its definition; what decides it is the related place."""
    sources = Sources(program)
    judge = Judge(sources)
    for name, file in program.files.items():
        if file.is_test or file.failure is not None:
            continue
        if not (file.words & _WORDS or "" in file.words):
            continue
        try:
            if not _is_candidate(file):
                continue
        except UnparsableError:
            continue
        source = sources.get(name)
        if source is None:
            continue
        for node, label, cls in _gates(source, sources):
            verdict = judge.verdict(source, node, label, cls)
            if verdict is None or (cls is not None and _is_hook(program, source, cls, label)):
                continue
            yield _finding(rule, program, source, node, label, verdict)


_WORDS = frozenset(TRIGGERS)


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
    return Finding(
        rule=rule.code,
        name=rule.name,
        severity=rule.severity,
        message=f"{label} cannot fail: {verdict.why}. Let it refuse what is wrong, or take it out.",
        location=place,
        related=related,
        help=rule.fix,
    )


# -- which files ---------------------------------------------------------------------------------


def _is_candidate(file: ScannedFile) -> bool:
    """Whether a gate of the file could be vacuous, judged by the text of that gate alone.

    Most gates raise or answer by something they compute; they are told from the rest
    without parsing the file they stand in.
    """
    data = file.load()
    if file.nonascii or b"\r" in data:
        text = unicodedata.normalize("NFKC", file.text()).replace("\r\n", "\n")
        data = text.replace("\r", "\n").encode("ascii", "replace")
    if file.words & _TABLE_WORDS and _TABLE.search(data):
        return True
    if b"lambda" in data and any(
        b"lambda" in line and _INLINE.search(line) for line in data.split(b"\n")
    ):
        return True
    in_class = ""
    local = frozenset(m.decode("ascii", "replace") for m in _LOCAL.findall(data))
    imported = local.union(
        word.decode("ascii", "replace")
        for names_ in _IMPORTED.findall(data)
        for word in re.findall(rb"\w+", names_)
    )
    for match in _DEF.finditer(data):
        if match[4] is not None:
            in_class = match[4].decode("ascii", "replace")
            continue
        name = match[2].decode("ascii", "replace")
        gate = names.is_gate_name(name) or names.is_gate_method(in_class, name)
        if not gate and not _is_decorated(data, match.start()):
            continue
        if _may_be_vacuous(_block(data, match.start(), len(match[1])), local, imported):
            return True
    return False


def _is_decorated(data: bytes, start: int) -> bool:
    before = data[max(0, start - 200) : start].rstrip().rpartition(b"\n")[2].strip()
    return (
        before.startswith(b"@")
        and names.is_gate_slot(re.split(rb"[.(]", before[1:])[-1].decode("ascii", "replace") or "x")
    ) or bool(re.match(rb"@[\w.]*(?:valid|gate|guard|check|scor|verif|register)", before))


def _block(data: bytes, start: int, indent: int) -> str:
    """The text of the definition that begins at `start`."""
    lines = data[start : start + 40_000].decode("ascii", "replace").split("\n")
    kept = [lines[0]]
    header = ":" not in lines[0].rpartition(")")[2]
    for line in lines[1:]:
        bare = line.lstrip()
        deep = len(line) - len(bare)
        if header:
            kept.append(line)
            header = not re.match(r".*\)\s*(?:->.*)?:", line)
            continue
        if bare and deep <= indent and not bare.startswith((")", "#", '"""', "'''")):
            break
        kept.append(line)
    return "\n".join(kept)


def _may_be_vacuous(text: str, local: frozenset[str], imported: frozenset[str]) -> bool:
    try:
        tree = ast.parse(_UNBRACKETED.sub(r"\1(\2):", textwrap.dedent(text)))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return True  # the file's own parse says more
    node = tree.body[0] if tree.body else None
    if not isinstance(node, AnyDef):
        return True
    return may_be_vacuous(node, imported if len(node.body) <= 3 else local)


# -- which functions -------------------------------------------------------------------------------

_Gate = tuple["AnyDef | ast.Lambda", str, "ast.ClassDef | None"]


def _gates(source: Source, sources: Sources) -> Iterator[_Gate]:
    seen: set[ast.AST] = set()
    slots = list(_slots(source.tree))
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
        for child in ast.iter_child_nodes(node):
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
        for node in ast.walk(value):
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


def _slots(tree: ast.Module) -> Iterator[tuple[str, ast.expr]]:
    """What stands where a gate is kept: `VALIDATORS = {…}`, `register_gate("x", f)`, `gate=f`."""
    for node in ast.walk(tree):
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
    for file in program.files.values():
        if file is source.file or file.failure is not None:
            continue
        try:
            data = file.load()
        except UnparsableError:
            continue
        if cls.name.encode() in data and pattern.search(data):
            try:
                inner = [n for n in ast.walk(file.tree()) if isinstance(n, ast.ClassDef)]
            except UnparsableError:
                continue
            if subclass_overrides(inner, cls.name, method):
                return True
    return False
