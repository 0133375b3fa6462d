"""No two steps of a mission have one id."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from govlint.documents.document import Documents
    from govlint.model import Finding, Rule

KIND = "step-id"
TRIGGERS: tuple[str, ...] = ()
DOCUMENTS = ("mission",)


@dataclass(frozen=True)
class Params:
    """This check has no settings."""


def run(rule: Rule, params: Params, documents: Documents) -> Iterable[Finding]:
    """Report each id that an earlier step has already."""
    from govlint.documents.missions.mission import mission_of
    from govlint.model import Related

    for document in documents.of("mission"):
        mission = mission_of(document)
        for step in mission.steps:
            first = mission.by_id.get(step.id, step)
            if first is not step:
                said = f"the id {step.id!r} is taken by step {first.index + 1} already"
                earlier = document.location(f"{first.pointer}/id")
                related = (Related(earlier, f"the first step {step.id!r}"),)
                yield rule.finding(said, document.location(f"{step.pointer}/id"), related=related)
