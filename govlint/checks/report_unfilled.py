"""Template text left in a phase report (RPT005)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from govlint.documents.document import Documents
from govlint.documents.reports.findings import each_report
from govlint.documents.reports.unfilled import unfilled
from govlint.model import Finding, Rule

KIND = "report-unfilled"
TRIGGERS: tuple[str, ...] = ()
DOCUMENTS = ("report",)
ALONE = True  # each report is judged by itself


@dataclass(frozen=True)
class Params:
    """This check takes no parameters."""


def run(rule: Rule, params: Params, documents: Documents) -> Iterable[Finding]:
    """One finding a text that was never filled in."""
    return each_report(rule, documents, unfilled)
