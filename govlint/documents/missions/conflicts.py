"""Steps of a mission that touch one file without an order between them (spec 002, section 4).

Sets of steps are bits of a number, and paths with templates are looked up by how their last
name begins or ends: thousands of accesses are not compared each with each.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from govlint.documents.missions.mission import Mission
from govlint.documents.missions.paths import TEMPLATE, Access, pattern

Pair = tuple[Access, Access]


def conflicts(mission: Mission, found: list[Access]) -> Iterator[Pair]:
    """Pairs of accesses, the earlier step first; one for each access that there is any for."""
    whole = [access for access in found if access.only is None]
    yield from _plain(mission, whole)
    if any("{{" in access.path for access in whole):
        yield from _templated(mission, whole)
    code = [access for access in found if access.only is not None]
    if code:
        yield from _of_code(mission, code, whole)


@dataclass(slots=True)
class _Bits:
    """The steps that touch something: all of them, and those that write it."""

    touching: int = 0
    writing: int = 0

    def add(self, access: Access) -> None:
        bit = 1 << access.step.index
        self.touching |= bit
        if access.writes:
            self.writing |= bit

    def join(self, other: _Bits) -> None:
        self.touching |= other.touching
        self.writing |= other.writing

    def against(self, access: Access) -> int:
        """Those that an access is in conflict with: a reader only with writers."""
        return self.touching if access.writes else self.writing


@dataclass(slots=True)
class _Steps:
    """The accesses of each step, to find again the one that a bit stands for."""

    mission: Mission
    by_index: dict[int, list[Access]] = field(default_factory=lambda: defaultdict(list))

    def first_free(self, access: Access, touching: int) -> Iterator[Access]:
        """The accesses of the first earlier step among these that has no order with this one."""
        earlier = (1 << access.step.index) - 1
        free = self.mission.free_of(access.step.index, touching & earlier)
        if free:
            for other in self.by_index[(free & -free).bit_length() - 1]:
                if access.writes or other.writes:
                    yield other


def _steps(mission: Mission, found: Iterable[Access]) -> _Steps:
    steps = _Steps(mission)
    for access in found:
        steps.by_index[access.step.index].append(access)
    return steps


def _plain(mission: Mission, found: list[Access]) -> Iterator[Pair]:
    """For each access the first earlier one without an order that touches what it touches.

    A folder holds its files.
    """
    at: dict[str, _Bits] = defaultdict(_Bits)
    below: dict[str, _Bits] = defaultdict(_Bits)  # it, or something in it
    steps = _steps(mission, found)
    for access in found:
        at[access.path].add(access)
        for path in (access.path, *_above(access.path)):
            below[path].add(access)
    for access in found:
        touching = below[access.path].against(access)
        for path in _above(access.path):
            if path in at:
                touching |= at[path].against(access)
        for other in steps.first_free(access, touching):
            if _touch(access.path, other.path):
                yield other, access
                break


def _above(path: str) -> Iterator[str]:
    """The folders that a path is in, up to the workspace."""
    while path:
        path = path.rpartition("/")[0]
        yield path


def _touch(one: str, other: str) -> bool:
    return one == other or one in _above(other) or other in _above(one)


# -- paths with templates ----------------------------------------------------------------------


def _templated(mission: Mission, found: list[Access]) -> Iterator[Pair]:
    """Paths with templates that may turn out to be one another, or a path without any."""
    shapes: dict[str, list[Access]] = defaultdict(list)
    literal: dict[str, list[Access]] = defaultdict(list)
    for access in found:
        if "{{" in access.path:
            shapes[TEMPLATE.sub("{{}}", access.path)].append(access)
        else:
            literal[access.path].append(access)
    names = _Names(literal)
    steps = _steps(mission, found)
    met: dict[str, _Bits] = defaultdict(_Bits)  # what a path without templates may turn out as
    for shape, members in shapes.items():
        own = _bits(members)
        reached = _Bits(own.touching, own.writing)
        for path in names.matching(shape):
            met[path].join(own)
            reached.join(_bits(literal[path]))
        if not re.search(r"[^\W_]", shape):
            continue  # nothing but templates: the same one is the same path, which is no surprise
        for access in members:
            for other in steps.first_free(access, reached.against(access)):
                if may_be_one(access.path, other.path):
                    yield other, access
                    break
    for path, bits in met.items():
        for access in literal[path]:
            for other in steps.first_free(access, bits.against(access)):
                if may_be_one(access.path, other.path):
                    yield other, access
                    break


def may_be_one(first: str, second: str) -> bool:
    """Whether two normal paths, at least one of them with templates, may name one file."""
    if first == second:
        return True
    if "{{" in first and "{{" in second:
        return TEMPLATE.sub("{{}}", first) == TEMPLATE.sub("{{}}", second)
    template, other = (first, second) if "{{" in first else (second, first)
    form = pattern(template)
    return form is not None and form.fullmatch(other) is not None


def _bits(members: Iterable[Access]) -> _Bits:
    found = _Bits()
    for access in members:
        found.add(access)
    return found


class _Names:
    """Paths by their last names, to find those that a template may turn into."""

    def __init__(self, paths: Iterable[str]) -> None:
        self._by_name: dict[str, list[str]] = defaultdict(list)
        for path in paths:
            self._by_name[path.rpartition("/")[2]].append(path)
        self._names = sorted(self._by_name)
        self._reversed = sorted(name[::-1] for name in self._names)

    def matching(self, shape: str) -> Iterator[str]:
        """The paths that a path of this shape may be."""
        form = pattern(shape)
        if form is None:
            return
        for name in self._candidates(shape.rpartition("/")[2]):
            for path in self._by_name[name]:
                if form.fullmatch(path):
                    yield path

    def _candidates(self, last: str) -> Iterator[str]:
        if "{{" not in last:
            if last in self._by_name:
                yield last
            return
        head, tail = last.partition("{{")[0], last.rpartition("}}")[2]
        if head:
            yield from _starting(self._names, head)
        elif tail:
            yield from (name[::-1] for name in _starting(self._reversed, tail[::-1]))
        else:
            yield from self._names


def _starting(names: list[str], head: str) -> Iterator[str]:
    for number in range(bisect_left(names, head), len(names)):
        if not names[number].startswith(head):
            return
        yield names[number]


# -- tools that look at the sources of a whole workspace -----------------------------------------


def _of_code(mission: Mission, code: list[Access], whole: list[Access]) -> Iterator[Pair]:
    """Compilers, linters and tests of the whole workspace beside steps that touch its sources."""
    tools: dict[str, _Bits] = defaultdict(_Bits)
    sources: dict[str, _Bits] = defaultdict(_Bits)
    for access in code:
        for suffix in access.only or ():
            tools[suffix].add(access)
    touched = [(suffix, access) for access in whole if (suffix := _suffix(access.path)) in tools]
    for suffix, access in touched:
        sources[suffix].add(access)
    steps = _steps(mission, [*code, *(access for _, access in touched)])
    for access in code:
        bits = _Bits()
        for suffix in access.only or ():
            bits.join(tools[suffix])
            bits.join(sources[suffix])
        for other in steps.first_free(access, bits.against(access)):
            yield other, access
            break
    for suffix, access in touched:
        for other in steps.first_free(access, tools[suffix].against(access)):
            if other.only is not None:
                yield other, access
                break


def _suffix(path: str) -> str:
    name = path.rpartition("/")[2]
    return name.rpartition(".")[2].lower() if "." in name else ""
