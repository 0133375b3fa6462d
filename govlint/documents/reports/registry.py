"""The phase registry: what the protocol asks of each phase, read from the law book's data."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from govlint.data import data_dir
from govlint.documents.reports.shape import (
    Breach,
    Text,
    has_words,
    listed,
    plain,
    says_something,
    text_of,
    texts_of,
    words,
)

SCOPE = ("write_modules", "read_modules", "external_surfaces")
PROTOCOL = "P1-P13 Unified Specification Protocol v1"
_LONGEST = 1024  # characters of a path
_SMALL = frozenset(("and", "of", "the", "a", "an", "for", "to"))
_SAME = {"grey": "gray", "eight": "8", "event": "events"}


@dataclass(frozen=True, slots=True, eq=False)  # there is one of each: told apart by identity
class Module:
    """A primary module of a phase, and by what an entry of the scope is known to mean it."""

    name: str
    kind: str  # "path" | "words" | "beside"
    words: tuple[str, ...] = ()
    folder: str = ""
    but: str = ""

    def is_met_by(self, entry: str) -> bool:
        """Whether a scope entry is this module, or a path below it."""
        return _meets(self, entry)

    def meets(self, entry: str) -> bool:
        """The same, worked out again."""
        if plain(entry).strip() == self.name:
            return True
        parts = _parts(entry)
        if self.kind == "words":
            return has_words(entry, *self.words)
        if self.kind == "beside":
            if self.folder not in parts[:-1]:
                return False
            return not Module(self.but, "path").meets(entry)
        wanted = self.name.split("/")
        for start in range(len(parts) - len(wanted) + 1):
            found = parts[start : start + len(wanted)]
            if found == wanted or [*found[:-1], _stem(found[-1])] == wanted:
                return True
        return False


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """A part of a phase's core acceptance: one criterion has to hold a word of each group."""

    what: str
    groups: tuple[tuple[str, ...], ...]

    def is_met_by(self, criterion: str) -> bool:
        return _covers(self, criterion)


@functools.lru_cache(maxsize=1 << 16)
def _meets(module: Module, entry: str) -> bool:
    return module.meets(entry)


@functools.lru_cache(maxsize=1 << 16)
def _covers(part: Part, criterion: str) -> bool:
    return all(has_words(criterion, *group) for group in part.groups)


@dataclass(frozen=True, slots=True, eq=False)
class Phase:
    """One row of the registry."""

    id: str
    target: str
    title: str
    modules: tuple[Module, ...]
    acceptance: str
    asked: tuple[Part, ...]
    core_flow: tuple[str, ...]


@functools.cache
def phases() -> Mapping[str, Phase]:
    """The phases P1 to P13 by id, in order."""
    import json

    path = data_dir("schemas") / "phase-registry.json"
    rows = json.loads(path.read_text(encoding="utf-8"))["phases"]
    return {row["id"]: _phase(row) for row in rows}


def _phase(row: Mapping[str, Any]) -> Phase:
    return Phase(
        id=row["id"],
        target=row["target"],
        title=row["title"],
        modules=tuple(
            Module(
                m["name"],
                m["kind"],
                tuple(m.get("words", ())),
                m.get("folder", ""),
                m.get("but", ""),
            )
            for m in row["modules"]
        ),
        acceptance=row["acceptance"],
        asked=tuple(
            Part(part["what"], tuple(tuple(group) for group in part["groups"]))
            for part in row["asked"]
        ),
        core_flow=tuple(row["core_flow"]),
    )


def number(phase_id: str) -> int:
    """The number in `P7`, by which phases are ordered."""
    return int(phase_id[1:])


def phase_of(report: Any) -> Phase | None:
    """The registry's row for a report, where it names a phase that exists."""
    name = text_of(report, "phase_meta", "phase_id")
    return phases().get(name) if name is not None else None


def _parts(entry: str) -> list[str]:
    entry = plain(entry[:_LONGEST]).strip().replace("\\", "/")
    return [part for part in entry.split("/") if part not in ("", ".")]


def _stem(part: str) -> str:
    return re.sub(r"\.\w+$", "", part)


def mismatches(report: Any, unclear: Callable[[Any], Sequence[str]]) -> Iterator[Breach]:
    """What a report leaves out that the registry asks of its phase.

    `unclear` gives the pointers that another rule finds fault with: a list with such an
    entry cannot be judged here before that is mended. It is asked only where there is
    something to say.
    """
    phase = phase_of(report)
    if phase is None:
        return
    title = text_of(report, "phase_meta", "title")
    if (
        title is not None
        and not _titles(phase, title)
        and "/phase_meta/title" not in unclear(report)
    ):
        yield Breach(
            "/phase_meta/title",
            f"the title of {phase.id} is “{phase.title}” in the phase registry"
            f" (target: {phase.target}), found “{title}”",
        )
    entries = [texts_of(report, "module_scope", key) for key in SCOPE]
    if all(given is not None for given in entries):
        scope = [entry for given in entries for entry in given or ()]
        if _is_clear(scope) and entries[0]:
            missing = [m.name for m in phase.modules if not _is_in(m, scope)]
            if missing and not _any_below("/module_scope", unclear(report)):
                yield Breach(
                    "/module_scope",
                    f"the scope of {phase.id} leaves out {listed(missing)}; the phase registry has"
                    f" {listed([m.name for m in phase.modules])} as its primary modules",
                )
    criteria = texts_of(report, "acceptance")
    if criteria and _is_clear(criteria):
        asked = [p.what for p in phase.asked if not any(p.is_met_by(c.value) for c in criteria)]
        if asked and not _any_below("/acceptance", unclear(report)):
            yield Breach(
                "/acceptance",
                f"no criterion of {phase.id} covers {listed(asked, 'or')}; its core acceptance"
                f" in the phase registry is “{phase.acceptance}”",
            )


@functools.lru_cache(maxsize=4096)
def _titles(phase: Phase, title: str) -> bool:
    found = _significant(title)
    return any(_significant(wanted) <= found for wanted in (phase.title, phase.target))


def _significant(title: str) -> set[str]:
    plural = {_SAME.get(word, word) for word in words(title)} - _SMALL
    return {word[:-1] if len(word) > 3 and word.endswith("s") else word for word in plural}


def _is_in(module: Module, scope: Sequence[Text]) -> bool:
    return any(module.is_met_by(entry.value) for entry in scope)


def _is_clear(entries: Sequence[Text]) -> bool:
    return all(says_something(entry.value) for entry in entries)


def _any_below(base: str, pointers: Sequence[str]) -> bool:
    return any(pointer == base or pointer.startswith(base + "/") for pointer in pointers)
