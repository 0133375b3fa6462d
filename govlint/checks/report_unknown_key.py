"""A key in a phase report that the protocol does not have (RPT003)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from govlint.documents.document import Documents
from govlint.documents.reports.conformity import unknown_keys
from govlint.model import Finding, Rule

KIND = "report-unknown-key"
TRIGGERS: tuple[str, ...] = ()
DOCUMENTS = ("report",)
ALONE = True  # each report is judged by itself


@dataclass(frozen=True)
class Params:
    """This check takes no parameters."""


def run(rule: Rule, params: Params, documents: Documents) -> Iterable[Finding]:
    """One finding an unknown key, at the key."""
    return unknown_keys(rule, documents)
