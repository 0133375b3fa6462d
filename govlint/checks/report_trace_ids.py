"""Trace ids that a phase report's audit trace lacks (RPT009)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from govlint.documents.document import Documents
from govlint.documents.reports.findings import each_report
from govlint.documents.reports.guardrails import missing_trace_ids
from govlint.model import Finding, Rule

KIND = "report-trace-ids"
TRIGGERS: tuple[str, ...] = ()
DOCUMENTS = ("report",)
ALONE = True  # each report is judged by itself


@dataclass(frozen=True)
class Params:
    """This check takes no parameters."""


def run(rule: Rule, params: Params, documents: Documents) -> Iterable[Finding]:
    """One finding an audit trace, that names all it lacks."""
    return each_report(rule, documents, missing_trace_ids)
