"""One document of a run: its value, what kept it from being read, and where its parts stand.

Checks work on the value, which is plain data; places are looked up by JSON pointer
(RFC 6901) only when there is something to say, because that costs a second reading.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from govlint.model import Location

if TYPE_CHECKING:
    from govlint.documents.positions import Index, LineTable, Place

# `text` is any file with an `@role` line: a script, a workflow, Python; it has no value
KINDS = ("report", "mission", "role", "role-registry", "text")


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a document cannot be read, and where. Lines and columns count from 1.

    `kind` is one of: syntax, trailing-comma, comment, fence, prose, empty, duplicate-key,
    merge, complex-key, tag, alias-bomb, non-finite, number, too-deep, several-documents,
    tab, undecodable, not-a-mapping.
    """

    kind: str
    message: str
    line: int = 1
    column: int = 1
    end_line: int = 1
    end_column: int = 2


@dataclass
class Document:
    """A JSON or YAML file. `value` is None where `faults` say why it could not be read.

    `syntax` is `json`, `yaml`, or `text` where the kind is; `kind` is one of KINDS. The
    value holds dict, list, str, int, float, bool and None; keys are text, as written; YAML
    scalars are typed by
    YAML 1.2's core schema, whatever 1.1 would make of them (`hint` tells). Of a document
    with faults `sketch` is what could be made of it: enough to tell what it was meant to
    be, not to be judged by.
    """

    path: str
    text: str
    syntax: str
    kind: str
    value: Any
    faults: tuple[Fault, ...] = ()
    sketch: Any = field(default=None, repr=False, compare=False)
    _lines: LineTable | None = field(default=None, init=False, repr=False, compare=False)
    _index: Index | None = field(default=None, init=False, repr=False, compare=False)

    @property
    def lines(self) -> LineTable:
        """The table that turns offsets in `text` into lines and columns."""
        if self._lines is None:
            from govlint.documents.positions import LineTable

            self._lines = LineTable(self.text)
        return self._lines

    @property
    def index(self) -> Index:
        """Where every value stands in `text`; made when first asked for."""
        if self._index is None:
            from govlint.documents.positions import index_json, index_whole, index_yaml

            make = {"json": index_json, "yaml": index_yaml}.get(self.syntax, index_whole)
            self._index = index_whole(self.text) if self.faults else make(self.text)
        return self._index

    def location(self, pointer: str = "", *, key: bool = False) -> Location:
        """The place of what `pointer` names; with `key`, of the key that it stands under.

        A list or mapping of a YAML block has the place of its key, which is the line above it.
        For a pointer to nothing it is the place of the nearest part that exists, which is
        then the pointer of the result: its key, or what it is where it has none.
        """
        found = self.index.find(pointer)
        start, end = found.start, found.end
        if found.key is not None and (key or not found.exact or self._is_below(found)):
            start, end = found.key
        return self._place(start, end, found.pointer)

    def _is_below(self, found: Place) -> bool:
        """Whether a list or mapping begins on a line below its key: the key stands for it."""
        if found.key is None or self.syntax != "yaml":
            return False
        between = self.text[found.key[1] : found.start]
        return "\n" in between and isinstance(self.at(found.pointer), dict | list)

    def scalar_location(self, pointer: str, start: int, end: int) -> Location:
        """The place of the characters from `start` to `end` of the text at `pointer`.

        Offsets count in the value, as a check sees it. Where escapes or folded lines make
        the text in the file another one, the place is that of the whole scalar.
        """
        found = self.index.find(pointer)
        raw = self.text[found.start : found.end]
        value = self.at(found.pointer)
        at = raw.find(value) if isinstance(value, str) and value else -1
        if found.exact and at >= 0:
            base = found.start + at
            return self._place(base + start, base + end, found.pointer)
        if found.exact and isinstance(value, str):
            part = value[start:end]
            at = _nth(raw, part, value.count(part, 0, start)) if part else -1
            if at >= 0:
                return self._place(found.start + at, found.start + at + len(part), found.pointer)
        return self._place(found.start, found.end, found.pointer)

    def text_location(self, line: int, column: int, length: int) -> Location:
        """The place of `length` characters of one line: for texts, which have no pointers."""
        return Location(self.path, line, column, line, column + length)

    def fault_location(self, fault: Fault) -> Location:
        """The place of a reading fault."""
        return Location(
            self.path, fault.line, fault.column, fault.end_line, fault.end_column, pointer=""
        )

    def at(self, pointer: str) -> Any:
        """The value at `pointer`. Raises KeyError where there is none."""
        value = self.value
        for part in split_pointer(pointer):
            if isinstance(value, dict):
                value = value[part]
            elif isinstance(value, list) and part.isdecimal() and int(part) < len(value):
                value = value[int(part)]
            else:
                raise KeyError(pointer)
        return value

    def hint(self, pointer: str, *, key: bool = False) -> str | None:
        """What makes the scalar at `pointer` another value than it looks like, if anything.

        Such as that YAML 1.1 reads `on` as true, or that `1.0` without quotes is a number.
        """
        from govlint.documents.scalars import explain

        found = self.index.find(pointer)
        if not found.exact or (key and found.key is None):
            return None
        start, end = found.key if key and found.key is not None else (found.start, found.end)
        return explain(self.text[start:end], self.syntax)

    def _place(self, start: int, end: int, pointer: str) -> Location:
        line, column = self.lines.place(start)
        end_line, end_column = self.lines.place(max(end, start))
        return Location(self.path, line, column, end_line, end_column, pointer)


def _nth(text: str, part: str, nth: int) -> int:
    """The offset of the occurrence of `part` that has `nth` others before it, or -1."""
    at = -1
    for _ in range(nth + 1):
        at = text.find(part, at + 1)
        if at < 0:
            return -1
    return at


def split_pointer(pointer: str) -> list[str]:
    """The parts of a JSON pointer, unescaped (RFC 6901 section 4)."""
    if not pointer:
        return []
    parts = pointer.removeprefix("/").split("/")
    return [part.replace("~1", "/").replace("~0", "~") for part in parts]


def join_pointer(parts: Iterable[str | int]) -> str:
    """The JSON pointer of `parts`, escaped."""
    return "".join([_step(part) if type(part) is str else f"/{part}" for part in parts])


@lru_cache(maxsize=1 << 12)  # most keys stand in a document many times
def _step(name: str) -> str:
    return "/" + name.replace("~", "~0").replace("/", "~1")


class Documents:
    """All documents of a run, in the order of their paths."""

    def __init__(self, documents: Iterable[Document] = ()) -> None:
        self._documents = tuple(documents)
        self._of: dict[tuple[str, ...], tuple[Document, ...]] = {}

    def of(self, *kinds: str) -> tuple[Document, ...]:
        """The documents of these kinds."""
        if kinds not in self._of:
            self._of[kinds] = tuple(d for d in self._documents if d.kind in kinds)
        return self._of[kinds]

    def __iter__(self) -> Iterator[Document]:
        return iter(self._documents)

    def __len__(self) -> int:
        return len(self._documents)
