"""An acceptance criterion with nothing to measure (RPT006)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from govlint.documents.document import Documents
from govlint.documents.reports.findings import each_report
from govlint.documents.reports.measurable import immeasurable
from govlint.model import Finding, Rule

KIND = "report-acceptance"
TRIGGERS: tuple[str, ...] = ()
DOCUMENTS = ("report",)
ALONE = True  # each report is judged by itself


@dataclass(frozen=True)
class Params:
    """This check takes no parameters."""


def run(rule: Rule, params: Params, documents: Documents) -> Iterable[Finding]:
    """One finding a criterion."""
    return each_report(rule, documents, immeasurable)
