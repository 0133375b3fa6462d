"""Somebody downstream can see each failure that is let pass, and every step can run."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from govlint.documents.document import Documents
    from govlint.model import Finding, Rule

KIND = "unseen-failure"
TRIGGERS: tuple[str, ...] = ()
DOCUMENTS = ("mission",)


@dataclass(frozen=True)
class Params:
    """This check has no settings."""


def run(rule: Rule, params: Params, documents: Documents) -> Iterable[Finding]:
    """Report failures that nothing can see, and steps whose turn never comes."""
    from govlint.documents.missions.mission import mission_of

    for document in documents.of("mission"):
        mission = mission_of(document)
        for step in mission.steps:
            if step.raw.get("continue_on_error") is True and not mission.dependents[step.index]:
                said = (
                    f"{step.called} may fail and the mission goes on, but no step depends on it, so"
                    " nothing sees the failure"
                )
                yield rule.finding(said, document.location(f"{step.pointer}/continue_on_error"))
            elif step.index not in mission.in_cycle and any(
                other in mission.in_cycle for other in mission.needs[step.index]
            ):  # the first step behind a cycle stands for all that come after it
                said = f"{step.called} can never run: it waits for steps that wait for each other"
                yield rule.finding(said, document.location(f"{step.pointer}/depends_on", key=True))
