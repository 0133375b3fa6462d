"""What `{{ … }}` names is there."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from govlint.documents.document import Documents
    from govlint.model import Finding, Rule

KIND = "mission-variable"
TRIGGERS: tuple[str, ...] = ()
DOCUMENTS = ("mission",)


@dataclass(frozen=True)
class Params:
    """This check has no settings."""


def run(rule: Rule, params: Params, documents: Documents) -> Iterable[Finding]:
    """Report each reference in a step's parameters that names nothing."""
    from govlint.documents.missions.mission import mission_of
    from govlint.documents.missions.variables import fault_of, place_of, references

    for document in documents.of("mission"):
        mission = mission_of(document)
        for text in mission.texts():
            for reference in references(text.text):
                fault = fault_of(mission, text, reference)
                if fault is not None:
                    yield rule.finding(fault, place_of(document, text, reference))
