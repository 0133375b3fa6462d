"""A value of a phase report that is of the wrong type, empty or outside its set (RPT004)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from govlint.documents.document import Documents
from govlint.documents.reports.conformity import wrong_values
from govlint.model import Finding, Rule

KIND = "report-type"
TRIGGERS: tuple[str, ...] = ()
DOCUMENTS = ("report",)
ALONE = True  # each report is judged by itself


@dataclass(frozen=True)
class Params:
    """This check takes no parameters."""


def run(rule: Rule, params: Params, documents: Documents) -> Iterable[Finding]:
    """One finding a value, at the value."""
    return wrong_values(rule, documents)
