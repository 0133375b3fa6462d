"""A runtime gate that lacks a gate, or a flow that goes round it (RPT010)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from govlint.documents.document import Documents
from govlint.documents.reports.bypass import bypasses
from govlint.documents.reports.findings import each_report
from govlint.documents.reports.guardrails import missing_runtime_gates
from govlint.model import Finding, Rule

KIND = "report-runtime-gate"
TRIGGERS: tuple[str, ...] = ()
DOCUMENTS = ("report",)
ALONE = True  # each report is judged by itself


@dataclass(frozen=True)
class Params:
    """This check takes no parameters."""


def run(rule: Rule, params: Params, documents: Documents) -> Iterable[Finding]:
    """One finding a runtime gate, that names all it lacks, and one a step that goes round it."""
    yield from each_report(rule, documents, missing_runtime_gates)
    yield from each_report(rule, documents, bypasses)
