"""A status that contradicts itself, or the reports on other phases (RPT008)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from govlint.documents.document import Documents
from govlint.documents.reports.claims import inconsistencies
from govlint.documents.reports.findings import each_report, report_set
from govlint.documents.reports.phase_graph import told, unready
from govlint.model import Finding, Rule

KIND = "report-status"
TRIGGERS: tuple[str, ...] = ()
DOCUMENTS = ("report",)
TOLD = told


@dataclass(frozen=True)
class Params:
    """This check takes no parameters."""


def run(rule: Rule, params: Params, documents: Documents) -> Iterable[Finding]:
    """One finding a contradiction, where the value stands that cannot be right."""
    yield from alone(rule, params, documents)
    yield from together(rule, params, documents)


def alone(rule: Rule, params: Params, documents: Documents) -> Iterable[Finding]:
    """The contradictions within one report."""
    return each_report(rule, documents, inconsistencies)


def together(rule: Rule, params: Params, documents: Documents) -> Iterable[Finding]:
    """The contradictions between reports."""
    return report_set(rule, documents, unready)
