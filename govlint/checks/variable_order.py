"""A step uses the output only of steps that are done when it starts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from govlint.documents.document import Documents
    from govlint.model import Finding, Rule

KIND = "variable-order"
TRIGGERS: tuple[str, ...] = ()
DOCUMENTS = ("mission",)


@dataclass(frozen=True)
class Params:
    """This check has no settings."""


def run(rule: Rule, params: Params, documents: Documents) -> Iterable[Finding]:
    """Report each reference to the output of a step that is not upstream."""
    from govlint.documents.missions.mission import mission_of
    from govlint.documents.missions.variables import place_of, references, step_of

    for document in documents.of("mission"):
        mission = mission_of(document)
        for text in mission.texts():
            for reference in references(text.text):
                other = step_of(mission, reference.name)
                step = text.step
                if (
                    other is None
                    or step is None
                    or reference.source in ("env", "context", "config")
                ):
                    continue
                if any(reference.name.startswith(f"{name}.") for name in step.earlier if name):
                    continue
                if other.index == step.index:
                    said = f"{step.called} uses its own output before it has one"
                elif mission.is_upstream(other.index, step.index):
                    continue
                elif not mission.runs(step.index) or not mission.runs(other.index):
                    continue  # behind a cycle nothing has an order; the cycle is reported
                else:
                    said = (
                        f"{step.called} uses the output of {other.id!r} but does not wait for it;"
                        f" add {other.id!r} to its depends_on"
                    )
                yield rule.finding(said, place_of(document, text, reference))
