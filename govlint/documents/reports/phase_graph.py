"""The graph of phases that a set of reports draws (RPT012), and what it says of status (RPT008).

Of several reports on one phase the one with the highest version counts, and the graph is drawn
of those alone. `A unblocks B` and `B depends on A` are the same edge, told from its two ends.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from govlint.documents.reports.registry import number, phases
from govlint.documents.reports.shape import Breach, Text, at, plain, says_something, texts_of
from govlint.documents.reports.unfilled import is_unfilled

_DEPENDS, _UNBLOCKS = "/dependency_graph/depends_on", "/dependency_graph/unblocks"


@dataclass(frozen=True)
class ReportSet:
    """The reports of a run, in the order they were given."""

    reports: Sequence[Any] = field(default_factory=tuple)

    @cached_property
    def ids(self) -> list[str | None]:
        """The phase of each report; None where it names none that exists."""
        return [_phase_id(report) for report in self.reports]

    @cached_property
    def versions(self) -> list[tuple[tuple[int, int, str], ...]]:
        """The version of each report, as versions are compared."""
        return [version_key(report) for report in self.reports]

    @cached_property
    def current(self) -> Mapping[str, int]:
        """For each phase the index of the report that counts, in the order of the phases."""
        found: dict[str, int] = {}
        for index, name in enumerate(self.ids):
            if name is None:
                continue
            known = found.get(name)
            if known is None or self.versions[index] > self.versions[known]:
                found[name] = index
        return dict(sorted(found.items(), key=lambda entry: number(entry[0])))

    @cached_property
    def depends(self) -> Mapping[str, Mapping[str, Text]]:
        """For each phase with a report the phases it depends on, and where it says so."""
        return {p: _edges(self.reports[i], "depends_on", p) for p, i in self.current.items()}

    @cached_property
    def unblocks(self) -> Mapping[str, Mapping[str, Text]]:
        """For each phase with a report the phases it unblocks, and where it says so."""
        return {p: _edges(self.reports[i], "unblocks", p) for p, i in self.current.items()}


def _phase_id(report: Any) -> str | None:
    name = at(report, "phase_meta", "phase_id")
    return name if isinstance(name, str) and name in phases() else None


def version_key(report: Any) -> tuple[tuple[int, int, str], ...]:
    """A report's version for comparison: `v1.10` is above `v1.9`, whatever else it holds."""
    version = at(report, "phase_meta", "version")
    text = plain(version).strip() if isinstance(version, str) else ""
    parts = re.findall(r"\d+|[a-z]+", text.removeprefix("v"))
    key = [(1, int(p), "") if p.isdigit() and len(p) < 19 else (0, 0, p) for p in parts]
    while key and key[-1] == (1, 0, ""):
        key.pop()  # v1.0 and v1 are one version
    return (*key, (0, 1, ""))  # a pre-release is below what it precedes


def _edges(report: Any, key: str, own: str) -> dict[str, Text]:
    """The known phases in one list of a report's graph, itself left out."""
    return {
        text.value: text
        for text in reversed(texts_of(report, "dependency_graph", key) or [])
        if text.value in phases() and text.value != own
    }


def told(report: Any) -> dict[str, Any]:
    """As much of a report as is looked at when it is judged together with the others."""
    return {
        "phase_meta": {key: at(report, "phase_meta", key) for key in ("phase_id", "version")},
        "dependency_graph": at(report, "dependency_graph"),
        "status": {"stage": at(report, "status", "stage")},
    }


def graph_breaches(given: ReportSet) -> Iterator[tuple[int, Breach]]:
    """What is wrong with the graph: the index of the report, and the breach."""
    for index, report in enumerate(given.reports):
        for breach in own_breaches(report):
            yield index, breach
    yield from set_breaches(given)


def set_breaches(given: ReportSet) -> Iterator[tuple[int, Breach]]:
    """What is wrong with the graph of a set: the index of the report, and the breach."""
    yield from _twice(given)
    contradicted = set()
    for phase, unblocked in given.unblocks.items():
        for other, text in unblocked.items():
            if other in given.depends and phase not in given.depends[other]:
                where = given.current[other]
                if other in given.depends[phase] or not _is_clear(given.reports[where]):
                    continue  # said already, of one of the two
                contradicted.add((other, phase))
                yield (
                    given.current[phase],
                    Breach(
                        text.pointer,
                        f"{phase} unblocks {other}, but the report on {other} does not depend on"
                        f" {phase}",
                        related=((where, _DEPENDS, f"what {other} depends on"),),
                    ),
                )
    yield from _cycles(given, contradicted)


def _is_clear(report: Any) -> bool:
    """Whether what a report depends on is a list of phases that exist, as far as it goes."""
    listed = texts_of(report, "dependency_graph", "depends_on")
    return listed is not None and all(text.value in phases() for text in listed)


def own_breaches(report: Any) -> Iterator[Breach]:
    """What is wrong within one report's own lists."""
    own = at(report, "phase_meta", "phase_id")
    depends = {t.value: t for t in texts_of(report, "dependency_graph", "depends_on") or ()}
    for key in ("depends_on", "unblocks"):
        verb = "depends on" if key == "depends_on" else "unblocks"
        for place, name in texts_of(report, "dependency_graph", key) or ():
            if not says_something(name) or is_unfilled(name):
                continue
            if name not in phases():
                hint = _meant(name)
                yield Breach(place, f"there is no phase “{name}”; phases are P1 to P13{hint}")
            elif name == own:
                yield Breach(place, f"{own} {verb} itself")
            elif key == "unblocks" and name in depends:
                yield Breach(
                    place,
                    f"{own or 'the phase'} both depends on and unblocks {name}",
                    related=((-1, depends[name].pointer, f"depends on {name}"),),
                )


def _meant(name: str) -> str:
    found = re.fullmatch(r"\W*(?:phase|p)?[\W_]*0*(\d{1,2})\b.*", plain(name).strip()[:40])
    meant = f"P{found[1]}" if found else ""
    return f"; write {meant}" if meant in phases() else ""


def _twice(given: ReportSet) -> Iterator[tuple[int, Breach]]:
    first: dict[tuple[str, Any], int] = {}
    for index, name in enumerate(given.ids):
        version = at(given.reports[index], "phase_meta", "version")
        if name is None or not isinstance(version, str) or not says_something(version):
            continue
        key = name, given.versions[index]
        known = first.setdefault(key, index)
        if known != index:
            yield (
                index,
                Breach(
                    "/phase_meta/version",
                    f"this is the second report on {name} in version {version}; a later report"
                    " has a higher version",
                    related=((known, "/phase_meta/version", f"the first one on {name}"),),
                ),
            )


def _cycles(given: ReportSet, contradicted: set[tuple[str, str]]) -> Iterator[tuple[int, Breach]]:
    """Every cycle once, at the report of its lowest phase that tells an edge of it."""
    edges: dict[str, dict[str, tuple[int, Text]]] = {}
    for phase, index in given.current.items():
        for other, text in given.depends[phase].items():
            edges.setdefault(phase, {})[other] = (index, text)
    for phase, index in given.current.items():
        for other, text in given.unblocks[phase].items():
            told = (other, phase) in contradicted or other in given.depends[phase]
            if not told:
                edges.setdefault(other, {}).setdefault(phase, (index, text))
    for cycle in _found(edges):
        steps = list(zip(cycle, [*cycle[1:], cycle[0]], strict=True))
        places = [edges[a][b] for a, b in steps]
        index, text = places[0]
        shown = " → ".join([*cycle, cycle[0]])
        yield (
            index,
            Breach(
                text.pointer,
                f"the phases wait for each other: {shown} (each depends on the next)",
                related=tuple(
                    (other, t.pointer, f"{a} depends on {b}")
                    for (a, b), (other, t) in zip(steps[1:], places[1:], strict=True)
                ),
            ),
        )


def _found(edges: Mapping[str, Mapping[str, Any]]) -> Iterator[list[str]]:
    """One shortest cycle through each knot of phases, from its lowest phase on."""
    rest = sorted({*edges, *(b for targets in edges.values() for b in targets)}, key=number)
    seen: set[str] = set()
    for start in rest:
        if start in seen:
            continue
        before: dict[str, str] = {}
        open_ = [start]
        while open_ and start not in before:
            here = open_.pop(0)
            for other in sorted(edges.get(here, ()), key=number):
                if other not in before and other not in seen:
                    before[other] = here
                    open_.append(other)
        if start in before:
            path = [start]
            here = before[start]
            while here != start:
                path.append(here)
                here = before[here]
            cycle = [start, *reversed(path[1:])]
            seen.update(cycle)
            yield cycle


def unready(given: ReportSet) -> Iterator[tuple[int, Breach]]:
    """Every phase that is done while one it depends on has a report that is not."""
    for phase, index in given.current.items():
        if at(given.reports[index], "status", "stage") != "done":
            continue
        for other, text in sorted(given.depends[phase].items(), key=lambda e: number(e[0])):
            where = given.current.get(other)
            if where is None:
                continue
            stage = at(given.reports[where], "status", "stage")
            if isinstance(stage, str) and stage in ("planned", "in_progress", "blocked"):
                yield (
                    index,
                    Breach(
                        text.pointer,
                        f"{phase} is done, but it depends on {other}, which is {stage}",
                        related=((where, "/status/stage", f"{other} is {stage}"),),
                    ),
                )
