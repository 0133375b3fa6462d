"""Title, modules or acceptance that leave out what the phase registry asks (RPT016)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from govlint.documents.document import Documents
from govlint.documents.reports.conformity import unclear_places
from govlint.documents.reports.findings import finding, readable
from govlint.documents.reports.registry import mismatches
from govlint.model import Finding, Rule

KIND = "report-registry"
TRIGGERS: tuple[str, ...] = ()
DOCUMENTS = ("report",)
ALONE = True  # each report is judged by itself


@dataclass(frozen=True)
class Params:
    """This check takes no parameters."""


def run(rule: Rule, params: Params, documents: Documents) -> Iterable[Finding]:
    """At most one finding for each of title, modules and acceptance."""
    for document in readable(documents):
        for breach in mismatches(document.value, unclear_places):
            yield finding(rule, document, breach)
