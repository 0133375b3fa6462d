"""Rules about documents for tests of the engine: keys that may not stand, and faults."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any

import pytest
from stub_rules import rule

from govlint.documents.document import Document, Documents, join_pointer
from govlint.model import Edit, Finding, Fix, Related, Rule

KINDS = ("report", "mission", "role", "role-registry")

RULES = [
    replace(rule("DOC001", "unreadable", "stub-fault"), documents=KINDS),
    replace(rule("DOC002", "forbidden-key", "stub-key"), documents=KINDS),
    replace(rule("DOC003", "role-line", "stub-line"), documents=("text",)),
]
READ: list[str] = []


@dataclass(frozen=True)
class Params:
    """No parameters."""


def _places(value: Any, parts: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    items: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        items = list(value.items())
    elif isinstance(value, list):
        items = list(enumerate(value))
    for name, part in items:
        yield (*parts, name)
        yield from _places(part, (*parts, name))


def _finding(rule: Rule, document: Document, place: Any, message: str, fix: Any = None) -> Finding:
    related = (Related(document.location("/name"), "named here"),)
    return Finding(
        rule.code, rule.name, rule.severity, message, place, related, fix, rule.fix
    )  # fmt: skip


def run_keys(rule: Rule, params: Params, documents: Documents) -> Iterable[Finding]:
    """Find every key `forbidden`; a fix renames it."""
    for document in documents.of(*KINDS):
        READ.append(document.path)
        for parts in _places(document.value):
            if parts[-1] == "explode":
                raise ZeroDivisionError("boom")
            if parts[-1] == "forbidden":
                place = document.location(join_pointer(parts), key=True)
                quote = '"' if document.syntax == "json" else ""
                fix = Fix("call it allowed", (Edit(place, f"{quote}allowed{quote}"),))
                yield _finding(rule, document, place, "this key is forbidden", fix)


def run_faults(rule: Rule, params: Params, documents: Documents) -> Iterable[Finding]:
    """Find the faults of reading."""
    for document in documents.of(*KINDS):
        for fault in document.faults:
            place = document.fault_location(fault)
            yield Finding(rule.code, rule.name, rule.severity, fault.message, place)


def run_lines(rule: Rule, params: Params, documents: Documents) -> Iterable[Finding]:
    """Find lines with `@role bad`."""
    for document in documents.of("text"):
        for number, line in enumerate(document.text.split("\n"), 1):
            if "@role bad" in line:
                place = document.text_location(number, line.index("@role") + 1, 9)
                yield Finding(rule.code, rule.name, rule.severity, "this role is bad", place)


def install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the stubs' checks importable where checks are looked for."""
    READ.clear()
    for name, run in (
        ("stub_key", run_keys), ("stub_fault", run_faults), ("stub_line", run_lines),
    ):  # fmt: skip
        module = ModuleType(f"govlint.checks.{name}")
        module.TRIGGERS = ()  # type: ignore[attr-defined]
        module.DOCUMENTS = KINDS if name != "stub_line" else ("text",)  # type: ignore[attr-defined]
        module.Params = Params  # type: ignore[attr-defined]
        module.run = run  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, module.__name__, module)
