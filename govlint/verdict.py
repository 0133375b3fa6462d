"""From raw findings to what a run reports: fingerprints, changes, shards, per-path rules."""

from __future__ import annotations

import datetime
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from typing import TYPE_CHECKING

from govlint.config import PerPath
from govlint.discover import SUFFIXES
from govlint.model import Finding, Location, Suppressed
from govlint.patterns import PathPatterns
from govlint.python.syntax.source import decode, split_lines

if TYPE_CHECKING:
    from govlint.changes import Changes
    from govlint.documents.document import Document

_FINGERPRINT_VERSION = "1"


class Sources(Mapping[str, str]):
    """The texts of the run's files by reported path, each read when first asked for.

    A file that cannot be decoded has the text that its bytes allow: it is for showing.
    """

    def __init__(
        self,
        abspaths: Mapping[str, str],
        given: Mapping[str, bytes],
        documents: Mapping[str, str] | None = None,
    ) -> None:
        self._abspaths, self._given = abspaths, given
        self._documents = documents or {}
        self._texts: dict[str, str] = {}
        self._lines: dict[str, list[str]] = {}

    def __getitem__(self, path: str) -> str:
        if path not in self._texts:
            abspath = self._abspaths[path]
            try:
                if abspath in self._given:
                    data = self._given[abspath]
                else:
                    with open(abspath, "rb") as stream:
                        data = stream.read()
            except OSError:
                raise KeyError(path) from None
            self._texts[path] = self._decode(path, data)
        return self._texts[path]

    def _decode(self, path: str, data: bytes) -> str:
        if path in self._documents and not path.endswith(SUFFIXES):
            from govlint.documents.reader import decode as decode_document

            return decode_document(data)[0]
        try:
            return decode(data)[0]
        except SyntaxError:
            return data.decode("utf-8", "replace")

    def syntax(self, path: str) -> str:
        """How a file is written: `python`, `json`, `yaml` or `text`."""
        return "python" if path.endswith(SUFFIXES) else self._documents.get(path, "python")

    def __iter__(self) -> Iterator[str]:
        return iter(self._abspaths)

    def __len__(self) -> int:
        return len(self._abspaths)

    def line(self, path: str, number: int) -> str:
        """One line of a file, empty where there is none."""
        if path not in self._lines:
            text = self.get(path)
            self._lines[path] = split_lines(text) if text is not None else []
        lines = self._lines[path]
        return lines[number - 1] if 0 < number <= len(lines) else ""


def order(findings: Iterable[Finding]) -> list[Finding]:
    """Sort by place, then rule, and drop what is reported twice."""
    unique = dict.fromkeys(findings)
    return sorted(unique, key=_place)


def _place(finding: Finding) -> tuple[object, ...]:
    at = finding.location
    ends = (at.end_line, at.end_column, at.pointer or "")
    return (at.path, at.line, at.column, *ends, finding.rule, finding.message)


def fingerprint(
    findings: Sequence[Finding], sources: Sources, relative: Callable[[str], str]
) -> list[Finding]:
    """Give every finding its fingerprint: stable when its lines move, not when they change.

    It digests the rule, the path below the root, the line's text without its spacing, and
    for equal ones which of them it is. `findings` have to be in order.
    """
    seen: dict[tuple[str, str, str], int] = {}
    done = []
    for finding in findings:
        place = finding.location
        line = "".join(sources.line(place.path, place.line).split())
        key = (finding.rule, relative(place.path), place.pointer or line)
        nth = seen.get(key, 0)
        seen[key] = nth + 1
        parts = "\0".join((_FINGERPRINT_VERSION, *key, str(nth)))
        digest = sha256(parts.encode("utf-8", "surrogatepass")).hexdigest()
        done.append(replace(finding, fingerprint=digest))
    return done


def in_shard(path: str, shard: tuple[int, int] | None) -> bool:
    """Say whether shard I of N reports on `path` (relative to the root)."""
    if shard is None:
        return True
    return zlib.crc32(path.encode("utf-8", "surrogatepass")) % shard[1] == shard[0] - 1


def per_path(
    findings: Iterable[Finding],
    entries: Sequence[tuple[PerPath, frozenset[str]]],
    relative: Callable[[str], str],
    today: datetime.date,
) -> tuple[list[Finding], list[Suppressed]]:
    """Take out what the configuration accepts for some paths; expired entries accept nothing."""
    active = [
        (PathPatterns(entry.paths), codes, entry)
        for entry, codes in entries
        if entry.until is None or datetime.date.fromisoformat(entry.until) >= today
    ]
    if not active:
        return list(findings), []
    kept, taken = [], []
    for finding in findings:
        path = relative(finding.location.path)
        for patterns, codes, entry in active:
            if finding.rule in codes and patterns.match(path):
                taken.append(Suppressed(finding, "config", entry.reason, entry.until))
                break
        else:
            kept.append(finding)
    return kept, taken


class ChangeFilter:
    """Decides which findings a change is answerable for.

    Those that stand on a changed line or in a function with one, and those for which one
    of the related places does: a call that became wrong by an edit elsewhere counts.
    """

    def __init__(self, changes: Changes, sources: Sources, abspaths: Mapping[str, str]) -> None:
        self._changes, self._sources, self._abspaths = changes, sources, abspaths
        self._functions: dict[str, list[tuple[int, int]]] = {}
        self._read: dict[str, Document] = {}

    def __call__(self, finding: Finding) -> bool:
        places = [finding.location, *(related.location for related in finding.related)]
        return any(self._touched(place) for place in places)

    def _touched(self, place: Location) -> bool:
        abspath = self._abspaths.get(place.path, "")
        if abspath not in self._changes.files:
            return False
        if self._changes.touches(abspath, place.line, place.end_line):
            return True
        if place.pointer is not None:
            first, last = self._unit(place)
            return self._changes.touches(abspath, first, last)
        if place.path not in self._functions:
            self._functions[place.path] = _functions(self._sources.get(place.path) or "")
        around = [
            (first, last)
            for first, last in self._functions[place.path]
            if first <= place.line <= last
        ]
        if not around:
            return False
        first, last = min(around, key=lambda span: span[1] - span[0])
        return self._changes.touches(abspath, first, last)

    def _unit(self, place: Location) -> tuple[int, int]:
        if place.path not in self._read:
            from govlint.documents.reader import read_text

            text, syntax = self._sources.get(place.path) or "", self._sources.syntax(place.path)
            self._read[place.path] = read_text(place.path, text, syntax)
        return _unit_of(self._read[place.path], place.pointer or "")


def _unit_of(document: Document, pointer: str) -> tuple[int, int]:
    """The first and last line of the part of a document that a pointer lies in.

    What a function is to code, an entry of the document is, or of a list right below it.
    """
    from govlint.documents.document import join_pointer, split_pointer

    if document.faults:
        return 1, document.text.count("\n") + 1
    parts = split_pointer(pointer)
    listed = isinstance(document.value, dict) and isinstance(
        document.value.get(parts[0] if parts else ""), list
    )
    unit = join_pointer(parts[: 2 if listed else 1])
    around, key = document.location(unit), document.location(unit, key=True)
    return min(around.line, key.line), around.end_line


def _functions(text: str) -> list[tuple[int, int]]:
    """The first and last lines of every function of a file, decorators included."""
    import ast

    from govlint.python.syntax.parse import parse_text

    try:
        tree = parse_text(text, "<changed>")
    except (SyntaxError, RecursionError, MemoryError):
        return [(1, text.count("\n") + 1)]  # cannot be told apart: all of the file counts
    spans = []
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
            spans.append((first, node.end_lineno or node.lineno))
    return spans
