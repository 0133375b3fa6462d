"""A module scope entry that is no explicit path, or one that does not exist (RPT007)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from govlint.documents.document import Documents
from govlint.documents.reports.findings import each_report
from govlint.documents.reports.module_paths import inexplicit, missing_modules
from govlint.model import Finding, Rule

KIND = "report-modules"
TRIGGERS: tuple[str, ...] = ()
DOCUMENTS = ("report",)
ALONE = True  # each report is judged by itself


@dataclass(frozen=True)
class Params:
    """`against` is the repository that paths are compared with; none where it is empty."""

    against: str = ""


def run(rule: Rule, params: Params, documents: Documents) -> Iterable[Finding]:
    """One finding an entry."""
    yield from each_report(rule, documents, inexplicit)
    if params.against:
        yield from each_report(
            rule, documents, lambda report: missing_modules(report, params.against)
        )
