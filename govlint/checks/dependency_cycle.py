"""No steps wait for each other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from govlint.documents.document import Documents
    from govlint.model import Finding, Rule

KIND = "dependency-cycle"
TRIGGERS: tuple[str, ...] = ()
DOCUMENTS = ("mission",)


@dataclass(frozen=True)
class Params:
    """This check has no settings."""


def run(rule: Rule, params: Params, documents: Documents) -> Iterable[Finding]:
    """Report each cycle, whole, at the dependency that closes it in the file."""
    from govlint.documents.missions.mission import mission_of
    from govlint.model import Related

    for document in documents.of("mission"):
        mission = mission_of(document)
        for cycle in mission.cycles:
            names = [mission.steps[index].id for index in [*cycle, cycle[0]]]
            shown = names if len(names) <= 12 else [*names[:6], "…", *names[-5:]]
            first = mission.steps[cycle[0]]
            related = tuple(
                Related(
                    document.location(
                        _dependency(mission.steps[a].raw, mission.steps[a].pointer, b)
                    ),
                    f"{mission.steps[a].id!r} waits for {b!r}",
                )
                for a, b in list(zip(cycle, names[1:], strict=True))[:20]
            )
            yield rule.finding(
                f"these steps wait for each other and none ever starts: {' → '.join(shown)}",
                document.location(_dependency(first.raw, first.pointer, names[1])),
                related=related,
            )


def _dependency(raw: Mapping[str, Any], pointer: str, name: str) -> str:
    """The pointer of the dependency `name` of a step."""
    return f"{pointer}/depends_on/{list(raw['depends_on']).index(name)}"
