"""A mission file is one YAML or JSON mapping that every reader reads alike."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from govlint.documents.document import Documents
    from govlint.model import Finding, Rule

KIND = "mission-syntax"
TRIGGERS: tuple[str, ...] = ()
DOCUMENTS = ("mission",)


@dataclass(frozen=True)
class Params:
    """This check has no settings."""


def run(rule: Rule, params: Params, documents: Documents) -> Iterable[Finding]:
    """Report what keeps a file from being read, and a file that holds something else."""
    for document in documents.of("mission"):
        for fault in document.faults:
            yield rule.finding(fault.message, document.fault_location(fault))
        if not document.faults and not isinstance(document.value, dict):
            from govlint.documents.schema import describe

            said = f"a mission is one mapping with version, name and steps; this is {describe(document.value)}"
            yield rule.finding(said, document.location())
