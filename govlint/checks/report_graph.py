"""A graph of phases that cannot be (RPT012)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from govlint.documents.document import Documents
from govlint.documents.reports.findings import report_set
from govlint.documents.reports.phase_graph import graph_breaches
from govlint.model import Finding, Rule

KIND = "report-graph"
TRIGGERS: tuple[str, ...] = ()
DOCUMENTS = ("report",)


@dataclass(frozen=True)
class Params:
    """This check takes no parameters."""


def run(rule: Rule, params: Params, documents: Documents) -> Iterable[Finding]:
    """One finding a fault of the graph, in the report that tells the edge."""
    return report_set(rule, documents, graph_breaches)
