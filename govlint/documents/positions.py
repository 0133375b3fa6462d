"""Where every value of a document stands: three numbers a value, names looked up in the text.

The index is made only for documents that there is something to say about, and has to fit
in memory for those of 100 MB too: it keeps offsets, no nodes, and reads a key back from
the text when a pointer leads through its mapping.
"""

from __future__ import annotations

import json
import re
from array import array
from bisect import bisect_right
from typing import NamedTuple

from govlint.documents.document import join_pointer, split_pointer

_LINE_END = re.compile(r"\r\n|\r|\n")
_JSON_TOKEN = re.compile(r'[{}\[\]]|"[^"\\]*(?:\\.[^"\\]*)*"|[^\s,:{}\[\]"]+', re.S)
_SCALAR, _SEQUENCE, _MAPPING, _ALIAS = range(4)


class LineTable:
    """Turns offsets in a text into lines and columns, both from 1."""

    def __init__(self, text: str) -> None:
        self._starts = array("q", [0])
        self._starts.extend(found.end() for found in _LINE_END.finditer(text))

    def place(self, offset: int) -> tuple[int, int]:
        """The line and column of an offset."""
        line = bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1

    def offset(self, line: int, column: int) -> int:
        """The offset of a line and column."""
        return self._starts[line - 1] + column - 1


class Place(NamedTuple):
    """Where a pointer leads. `exact` is False where it names nothing and this is the nearest."""

    pointer: str
    start: int
    end: int
    key: tuple[int, int] | None
    exact: bool


class Index:
    """The values of a text in the order they begin: offsets, and how many lie in each."""

    def __init__(self, text: str, syntax: str) -> None:
        self._text, self._syntax = text, syntax
        self.kinds = bytearray()
        self.starts, self.ends, self.sizes = array("q"), array("q"), array("q")
        self.anchored: dict[int, int] = {}  # alias → the value it stands for
        self._children: dict[int, dict[str, tuple[int, int]]] = {}

    def open(self, kind: int, start: int, end: int) -> int:
        """Add a value; returns its number. Containers are closed by `close`."""
        number = len(self.kinds)
        self.kinds.append(kind)
        self.starts.append(start)
        self.ends.append(end)
        self.sizes.append(1)
        return number

    def close(self, number: int, end: int) -> None:
        """Say where a container ends: at `end`, and with the value added last."""
        self.ends[number] = end
        self.sizes[number] = len(self.kinds) - number

    def find(self, pointer: str) -> Place:
        """Where `pointer` leads, or the nearest value on the way that there is."""
        if not self.kinds:
            return Place("", 0, 0, None, not pointer)
        node, key = 0, None
        parts = split_pointer(pointer)
        for depth, part in enumerate(parts):
            found = self._members(node).get(part)
            if found is None:
                done = join_pointer(parts[:depth])
                return Place(done, self.starts[node], self.ends[node], key, False)
            name, node = found
            key = (self.starts[name], self.ends[name]) if name >= 0 else None
        return Place(pointer, self.starts[node], self.ends[node], key, True)

    def _members(self, node: int) -> dict[str, tuple[int, int]]:
        """The key (-1 in a sequence) and value of every member, by its name in a pointer."""
        while self.kinds[node] == _ALIAS:
            node = self.anchored[node]
        known = self._children.get(node)
        if known is not None:
            return known
        members: dict[str, tuple[int, int]] = {}
        last = node + self.sizes[node]
        at = node + 1
        if self.kinds[node] == _SEQUENCE:
            while at < last:
                members[str(len(members))] = (-1, at)
                at += self.sizes[at]
        elif self.kinds[node] == _MAPPING:
            merged: list[int] = []
            while at < last:
                value = at + self.sizes[at]
                raw = self._text[self.starts[at] : self.ends[at]]
                if raw == "<<" and self._syntax == "yaml":
                    merged.append(value)
                else:
                    members.setdefault(self._name(raw), (at, value))
                at = value + self.sizes[value]
            for source in merged:
                self._merge(members, source)
        self._children[node] = members
        return members

    def _merge(self, members: dict[str, tuple[int, int]], source: int) -> None:
        while self.kinds[source] == _ALIAS:
            source = self.anchored[source]
        entries = self._members(source)
        if self.kinds[source] == _SEQUENCE:
            for _, part in entries.values():
                self._merge(members, part)
            return
        for name, entry in entries.items():
            members.setdefault(name, entry)

    def _name(self, raw: str) -> str:
        """The key that stands in the text as `raw`."""
        if self._syntax == "json":
            name: str = json.loads(raw, strict=False)
            return name
        if raw[:1] not in ("'", '"', "&", "!", "|", ">") and "\n" not in raw:
            return raw
        from govlint.documents.yaml_reader import parse_scalar

        return parse_scalar(raw)


def index_json(text: str) -> Index:
    """The places of a JSON text that is known to be one."""
    index = Index(text, "json")
    open_: list[int] = []
    for found in _JSON_TOKEN.finditer(text):
        char = text[found.start()]
        if char == "{":
            open_.append(index.open(_MAPPING, found.start(), found.end()))
        elif char == "[":
            open_.append(index.open(_SEQUENCE, found.start(), found.end()))
        elif char in "}]":
            index.close(open_.pop(), found.end())
        else:
            index.open(_SCALAR, found.start(), found.end())
    return index


def index_whole(text: str) -> Index:
    """The places of a text that has no parts, or none that are known: one, all of it."""
    index = Index(text, "text")
    index.open(_SCALAR, 0, len(text))
    return index


def index_yaml(text: str) -> Index:
    """The places of a YAML text that is known to be one."""
    from govlint.documents.yaml_reader import events

    index = Index(text, "yaml")
    anchors: dict[str, int] = {}
    open_: list[tuple[int, bool]] = []
    last = 0  # the end of the last token: a block ends with it, not where the next begins
    for name, event in events(text):
        start, end = event.start_mark.index, event.end_mark.index
        if name == "ScalarEvent":
            number = index.open(_SCALAR, start, end)
            last = end
        elif name == "AliasEvent":
            number = index.open(_ALIAS, start, end)
            index.anchored[number] = anchors[event.anchor]
            last = end
            continue
        elif name in ("MappingStartEvent", "SequenceStartEvent"):
            kind = _MAPPING if name[0] == "M" else _SEQUENCE
            number = index.open(kind, start, end)
            open_.append((number, event.flow_style))
            last = max(last, end)
        elif name in ("MappingEndEvent", "SequenceEndEvent"):
            number, flow = open_.pop()
            last = end if flow else max(last, index.starts[number])
            index.close(number, last)
            continue
        else:
            continue
        if event.anchor is not None:
            anchors[event.anchor] = number
    return index
