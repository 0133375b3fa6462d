"""Two steps without an order between them do not touch one file when one of them writes it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from govlint.documents.document import Documents
    from govlint.documents.missions.paths import Access
    from govlint.model import Finding, Rule

KIND = "file-access"
TRIGGERS: tuple[str, ...] = ()
DOCUMENTS = ("mission",)


@dataclass(frozen=True)
class Params:
    """This check has no settings."""


def run(rule: Rule, params: Params, documents: Documents) -> Iterable[Finding]:
    """Report the later of two such steps, once for each path that it names."""
    from govlint.documents.missions.conflicts import conflicts
    from govlint.documents.missions.contested import contested
    from govlint.documents.missions.mission import mission_of
    from govlint.documents.missions.paths import accesses
    from govlint.model import Related

    for document in documents.of("mission"):
        mission = mission_of(document)
        told: dict[str, tuple[Access, Access]] = {}
        for one, other in conflicts(mission, contested(list(accesses(mission)))):
            first, second = sorted((one, other), key=lambda x: (x.step.index, x.pointer))
            known = told.get(second.pointer)
            if known is None or first.step.index < known[0].step.index:
                told[second.pointer] = (first, second)
        for first, second in told.values():
            did = "writes" if first.writes else "reads"
            does = "writes" if second.writes else "reads"
            path = second.path or "."
            what = (
                f"`{path}`" if first.path == path else f"`{path}`, where `{first.path or '.'}` is"
            )
            said = (
                f"{second.step.called} {does} {what} while {first.step.called} {did} it: no"
                " dependency orders the two"
            )
            related = (Related(document.location(first.pointer), f"{first.step.called} {did} it"),)
            yield rule.finding(said, document.location(second.pointer), related=related)
