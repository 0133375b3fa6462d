"""Two steps without an order between them do not touch one file when one of them writes it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from govlint.documents.document import Documents
    from govlint.documents.missions.mission import Mission
    from govlint.documents.missions.paths import Access
    from govlint.model import Finding, Rule

KIND = "file-access"
TRIGGERS: tuple[str, ...] = ()
DOCUMENTS = ("mission",)

_MOST = 2_000  # accesses with templates that are compared each with each


@dataclass(frozen=True)
class Params:
    """This check has no settings."""


def run(rule: Rule, params: Params, documents: Documents) -> Iterable[Finding]:
    """Report the later of two such steps, once for each path that it names."""
    from govlint.documents.missions.mission import mission_of
    from govlint.documents.missions.paths import accesses
    from govlint.model import Related

    for document in documents.of("mission"):
        mission = mission_of(document)
        told: dict[str, tuple[Access, Access]] = {}
        for one, other in _conflicts(mission, list(accesses(mission))):
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


def _conflicts(mission: Mission, found: list[Access]) -> Iterator[tuple[Access, Access]]:
    from govlint.documents.missions.paths import may_be_one

    by_path: dict[str, list[Access]] = defaultdict(list)
    for access in found:
        by_path[access.path].append(access)
    for path, group in by_path.items():
        yield from _within(mission, group)
        above = path
        while above:
            above = above.rpartition("/")[0]
            if above in by_path:
                yield from _between(mission, by_path[above], group)
    templated = [access for access in found if "{{" in access.path][:_MOST]
    for number, access in enumerate(templated):
        for other in found if len(found) <= _MOST else templated[:number]:
            if other.path == access.path or not (access.writes or other.writes):
                continue
            if mission.ordered(access.step.index, other.step.index):
                continue
            if may_be_one(access.path, other.path):
                yield access, other


def _within(mission: Mission, group: list[Access]) -> Iterator[tuple[Access, Access]]:
    """Pairs of one path. What follows in a chain is ordered, so neighbours tell it quickly."""
    writers = [access for access in group if access.writes]
    if not writers:
        return
    chained = all(
        mission.ordered(a.step.index, b.step.index) for a, b in zip(group, group[1:], strict=False)
    )
    if chained and _is_chain(mission, group):
        return
    for number, access in enumerate(group):
        for other in group[:number] if access.writes else writers:
            if other is not access and not mission.ordered(other.step.index, access.step.index):
                yield other, access
                break


def _is_chain(mission: Mission, group: list[Access]) -> bool:
    """Whether each waits for the one before, so that all of them are in order."""
    return all(
        a.step.index == b.step.index or mission.is_upstream(a.step.index, b.step.index)
        for a, b in zip(group, group[1:], strict=False)
    )


def _between(
    mission: Mission, folders: list[Access], inside: list[Access]
) -> Iterator[tuple[Access, Access]]:
    for folder in folders:
        for access in inside:
            if (folder.writes or access.writes) and not mission.ordered(
                folder.step.index, access.step.index
            ):
                yield folder, access
