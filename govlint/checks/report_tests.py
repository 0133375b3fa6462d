"""What a phase report claims without a test that shows it (RPT015)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from govlint.documents.document import Documents
from govlint.documents.reports.claims import missing_tests, untested
from govlint.documents.reports.findings import each_report
from govlint.model import Finding, Rule

KIND = "report-tests"
TRIGGERS: tuple[str, ...] = ()
DOCUMENTS = ("report",)
ALONE = True  # each report is judged by itself


@dataclass(frozen=True)
class Params:
    """`against` is the repository that tests are looked up in; none where it is empty."""

    against: str = ""


def run(rule: Rule, params: Params, documents: Documents) -> Iterable[Finding]:
    """One finding an empty list of tests, or one a report with too few, or one a test that is"
    " not there."""
    yield from each_report(rule, documents, untested)
    if params.against:
        yield from each_report(
            rule, documents, lambda report: missing_tests(report, params.against)
        )
