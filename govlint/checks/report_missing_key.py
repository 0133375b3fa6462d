"""A key of the canonical shape that a phase report lacks (RPT002)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from govlint.documents.document import Documents
from govlint.documents.reports.conformity import missing_keys
from govlint.model import Finding, Rule

KIND = "report-missing-key"
TRIGGERS: tuple[str, ...] = ()
DOCUMENTS = ("report",)
ALONE = True  # each report is judged by itself


@dataclass(frozen=True)
class Params:
    """This check takes no parameters."""


def run(rule: Rule, params: Params, documents: Documents) -> Iterable[Finding]:
    """One finding a missing key, at the object that lacks it."""
    return missing_keys(rule, documents)
