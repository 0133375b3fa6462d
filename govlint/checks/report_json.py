"""A phase report that is not one JSON value (RPT001)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from govlint.documents.document import Documents
from govlint.model import Finding, Rule

KIND = "report-json"
TRIGGERS: tuple[str, ...] = ()
DOCUMENTS = ("report",)
ALONE = True  # each report is judged by itself


@dataclass(frozen=True)
class Params:
    """This check takes no parameters."""


def run(rule: Rule, params: Params, documents: Documents) -> Iterable[Finding]:
    """One finding for each reason why a report cannot be read as JSON, where it stands."""
    for document in documents.of(*DOCUMENTS):
        for fault in document.faults:
            yield rule.finding(
                f"a phase report is one JSON value: {fault.message}",
                document.fault_location(fault),
            )
        if document.syntax != "json" and not document.faults:
            yield rule.finding(
                "a phase report is one JSON value, and this is YAML",
                document.location(""),
            )
