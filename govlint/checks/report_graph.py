"""A graph of phases that cannot be (RPT012)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from govlint.documents.document import Documents
from govlint.documents.reports.findings import each_report, report_set
from govlint.documents.reports.phase_graph import own_breaches, set_breaches, told
from govlint.model import Finding, Rule

KIND = "report-graph"
TRIGGERS: tuple[str, ...] = ()
DOCUMENTS = ("report",)
TOLD = told


@dataclass(frozen=True)
class Params:
    """This check takes no parameters."""


def run(rule: Rule, params: Params, documents: Documents) -> Iterable[Finding]:
    """One finding a fault of the graph, in the report that tells the edge."""
    yield from alone(rule, params, documents)
    yield from together(rule, params, documents)


def alone(rule: Rule, params: Params, documents: Documents) -> Iterable[Finding]:
    """The faults that lie in one report's own lists."""
    return each_report(rule, documents, own_breaches)


def together(rule: Rule, params: Params, documents: Documents) -> Iterable[Finding]:
    """The faults that show only in the set of all reports."""
    return report_set(rule, documents, set_breaches)
