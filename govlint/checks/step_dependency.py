"""What a step depends on is another step of its mission."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from govlint.documents.document import Documents
    from govlint.model import Finding, Rule

KIND = "step-dependency"
TRIGGERS: tuple[str, ...] = ()
DOCUMENTS = ("mission",)


@dataclass(frozen=True)
class Params:
    """This check has no settings."""


def run(rule: Rule, params: Params, documents: Documents) -> Iterable[Finding]:
    """Report each dependency that names no step, or the step itself."""
    from govlint.documents.missions.mission import mission_of
    from govlint.documents.schema import nearest

    for document in documents.of("mission"):
        mission = mission_of(document)
        for step in mission.steps:
            listed = step.raw.get("depends_on")
            for number, name in enumerate(listed if isinstance(listed, list) else ()):
                if not isinstance(name, str):
                    continue
                if name == step.id and name:
                    said = f"{step.called} depends on itself and so never starts"
                elif name not in mission.by_id:
                    near = nearest(name, [x for x in mission.by_id if x != step.id])
                    hint = f"; did you mean {near!r}?" if near else ""
                    said = f"{step.called} depends on {name!r}, which is no step here{hint}"
                else:
                    continue
                yield rule.finding(said, document.location(f"{step.pointer}/depends_on/{number}"))
