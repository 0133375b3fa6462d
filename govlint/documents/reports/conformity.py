"""Whether a report keeps to the canonical shape (RPT002, RPT003, RPT004), by its schema.

What the schema says is shared out to three rules; a value that another rule is about (the
template's own list of choices, which is RPT005) is left to that rule.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from weakref import WeakKeyDictionary

from govlint.documents.document import Document, Documents
from govlint.documents.reports.findings import finding, readable
from govlint.documents.reports.measurable import immeasurable
from govlint.documents.reports.module_paths import inexplicit
from govlint.documents.reports.shape import Breach
from govlint.documents.reports.unfilled import unfilled
from govlint.documents.schema import Violation, violations
from govlint.model import Finding, Rule

SCHEMA = "phase-report"
_UNKNOWN = ("additionalProperties", "unevaluatedProperties")


def missing_keys(rule: Rule, documents: Documents) -> Iterator[Finding]:
    """A finding for every key that is missing."""
    return _share(rule, documents, lambda violation: violation.keyword == "required")


def unknown_keys(rule: Rule, documents: Documents) -> Iterator[Finding]:
    """A finding for every key that the protocol does not have."""
    return _share(rule, documents, lambda violation: violation.keyword in _UNKNOWN)


def wrong_values(rule: Rule, documents: Documents) -> Iterator[Finding]:
    """A finding for every value that has the wrong type, says nothing, or is out of its set."""
    return _share(rule, documents, lambda v: v.keyword != "required" and v.keyword not in _UNKNOWN)


def _share(
    rule: Rule, documents: Documents, wanted: Callable[[Violation], bool]
) -> Iterator[Finding]:
    told = _told.setdefault(documents, {})
    for document in readable(documents):
        found = [violation for violation in _violations(told, document) if wanted(violation)]
        if not found:
            continue
        left = {breach.pointer for breach in unfilled(document.value)}
        for violation in found:
            if violation.pointer in left and not violation.key:
                continue
            breach = Breach(violation.pointer, violation.message, key=violation.key)
            yield finding(rule, document, breach)


# three rules share what the schema says of the documents of one run
_told: WeakKeyDictionary[Documents, dict[str, list[Violation]]] = WeakKeyDictionary()


def _violations(told: dict[str, list[Violation]], document: Document) -> list[Violation]:
    if document.path not in told:
        told[document.path] = _one_a_fault(violations(document, SCHEMA))
    return told[document.path]


def _one_a_fault(found: list[Violation]) -> list[Violation]:
    """The same, without the key that is missing because it is misspelt."""
    slips = {
        (each.pointer.rpartition("/")[0], each.nearest)
        for each in found
        if each.keyword in _UNKNOWN and each.nearest
    }
    return [v for v in found if v.keyword != "required" or (v.pointer, v.name) not in slips]


def unclear_places(report: Any) -> list[str]:
    """Where a report's words cannot be compared yet: other rules ask for other words there."""
    return [
        *(breach.pointer for breach in unfilled(report)),
        *(breach.pointer for breach in inexplicit(report)),
        *(breach.pointer for breach in immeasurable(report)),
    ]
