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
    from govlint.documents.missions.contested import contested
    from govlint.documents.missions.mission import mission_of
    from govlint.documents.missions.paths import accesses
    from govlint.model import Related

    for document in documents.of("mission"):
        mission = mission_of(document)
        told: dict[str, tuple[Access, Access]] = {}
        for one, other in _conflicts(mission, contested(list(accesses(mission)))):
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

    yield from _plain(mission, found)
    templated = [access for access in found if "{{" in access.path][:_MOST]
    for number, access in enumerate(templated):
        for other in found if len(found) <= _MOST else templated[:number]:
            if other.path == access.path or not (access.writes or other.writes):
                continue
            if mission.ordered(access.step.index, other.step.index):
                continue
            if may_be_one(access.path, other.path):
                yield access, other


def _plain(mission: Mission, found: list[Access]) -> Iterator[tuple[Access, Access]]:
    """For each access the first earlier one without an order that touches what it touches.

    A folder holds its files. Sets of steps are bits of a number, so that thousands of
    accesses to one path are not compared each with each.
    """
    # path → steps that touch it; and that touch it or something in it: any, only writing
    at, at_writing, below, below_writing = (defaultdict[str, int](int) for _ in range(4))
    by_step: dict[int, list[Access]] = defaultdict(list)
    for access in found:
        bit = 1 << access.step.index
        by_step[access.step.index].append(access)
        at[access.path] |= bit
        at_writing[access.path] |= bit if access.writes else 0
        for path in (access.path, *_above(access.path)):
            below[path] |= bit
            below_writing[path] |= bit if access.writes else 0
    for access in found:
        over, under = (at, below) if access.writes else (at_writing, below_writing)
        touching = under[access.path]
        for path in _above(access.path):
            touching |= over.get(path, 0)
        earlier = (1 << access.step.index) - 1
        free = mission.free_of(access.step.index, touching & earlier)
        if free:
            for other in by_step[(free & -free).bit_length() - 1]:
                if (access.writes or other.writes) and _touch(access.path, other.path):
                    yield other, access
                    break


def _above(path: str) -> Iterator[str]:
    """The folders that a path is in, up to the workspace."""
    while path:
        path = path.rpartition("/")[0]
        yield path


def _touch(one: str, other: str) -> bool:
    return one == other or one in _above(other) or other in _above(one)
