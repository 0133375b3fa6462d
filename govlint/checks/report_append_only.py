"""An event or ledger model that is not append-only (RPT014)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from govlint.documents.document import Documents
from govlint.documents.reports.findings import each_report
from govlint.documents.reports.models import mutable_records
from govlint.model import Finding, Rule

KIND = "report-append-only"
TRIGGERS: tuple[str, ...] = ()
DOCUMENTS = ("report",)
ALONE = True  # each report is judged by itself


@dataclass(frozen=True)
class Params:
    """This check takes no parameters."""


def run(rule: Rule, params: Params, documents: Documents) -> Iterable[Finding]:
    """One finding a model, at its append_only."""
    return each_report(rule, documents, mutable_records)
