"""What a report's value is made of: reading it by pointer, whatever shape it has."""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Iterator
from typing import Any, NamedTuple

from govlint.documents.document import join_pointer

KEYS = (
    "phase_meta objective invariants module_scope data_models flow guardrails tests acceptance"
    " rollback dependency_graph status"
).split()
STAGES = ("planned", "in_progress", "done", "blocked")
KINDS = ("table", "dto", "event")

_INVISIBLE = dict.fromkeys(map(ord, "\u00ad\u180e\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"))
MOST_READ = 12_000
_EMPTY = re.compile(r"(?:none|nil|null|n/?a|not applicable|nothing|no|-+)[.!]?", re.I)


class Breach(NamedTuple):
    """One thing wrong with a report: where, and what to say of it.

    `key` points at the key instead of its value; `span` at a part of the text there, in
    characters from its beginning. `related` are other pointers that explain it, each with
    its words and, for the set of all reports, the number of the report it lies in.
    """

    pointer: str
    message: str
    key: bool = False
    span: tuple[int, int] | None = None
    related: tuple[tuple[int, str, str], ...] = ()


class Text(NamedTuple):
    """One string of a report and its pointer."""

    pointer: str
    value: str


def at(report: Any, *path: str) -> Any:
    """The value below these keys, or None where there is none."""
    for key in path:
        if not isinstance(report, dict):
            return None
        report = report.get(key)
    return report


def text_of(report: Any, *path: str) -> str | None:
    """The string below these keys, if it is one that says something."""
    value = at(report, *path)
    return value if isinstance(value, str) and says_something(value) else None


def texts_of(report: Any, *path: str) -> list[Text] | None:
    """The strings of the list below these keys; None unless all of it is strings."""
    value = report
    for key in path:
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    if not isinstance(value, list):
        return None
    base = _base(path)
    found = []
    for index, entry in enumerate(value):
        if not isinstance(entry, str):
            return None
        found.append(Text(f"{base}/{index}", entry))
    return found


@functools.cache
def _base(path: tuple[str, ...]) -> str:
    return join_pointer(path)


def strings(value: Any) -> list[str]:
    """Every string value, in no order and without its place: quick, to see if any matters."""
    found = []
    pending = [value]
    while pending:
        here = pending.pop()
        kind = type(here)
        if kind is str:
            found.append(here)
        elif kind is dict:
            pending.extend(here.values())
        elif kind is list:
            pending.extend(here)
    return found


def all_texts(value: Any, base: str = "") -> Iterator[Text]:
    """Every string value with its pointer, in order."""
    stack: list[tuple[str, Any]] = [(base, value)]
    while stack:
        place, here = stack.pop()
        if isinstance(here, str):
            yield Text(place, here)
        elif isinstance(here, dict):
            stack.extend(
                (place + join_pointer([str(key)]), here[key]) for key in reversed(list(here))
            )
        elif isinstance(here, list):
            stack.extend((f"{place}/{n}", here[n]) for n in range(len(here) - 1, -1, -1))


def says_something(text: str) -> bool:
    """Whether there is anything in it but space and characters that are not seen."""
    if text.isascii():
        return bool(text) and not text.isspace()
    return bool(text.translate(_INVISIBLE).strip())


def names_nothing(text: str) -> bool:
    """Whether an entry only says that there is none: `none`, `n/a`, `-`."""
    return _EMPTY.fullmatch(text.strip()) is not None


@functools.lru_cache(maxsize=4096)
def plain(text: str) -> str:
    """The text as it reads: compatibility forms folded, unseen characters out, lower case.

    Typographic hyphens and quotes become the ASCII ones.
    """
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text.translate(_INVISIBLE))
        text = re.sub("[\u2010-\u2015\u2212]", "-", text)
        text = re.sub("[\u2018\u2019\u02bc]", "'", re.sub("[\u201c\u201d\u00ab\u00bb]", '"', text))
    return text.casefold()


def windows(text: str, size: int = 400, overlap: int = 80) -> Iterator[str]:
    """A long text in pieces that overlap: what is looked for in prose lies close together.

    Expressions over prose take time that grows faster than the text; in pieces it grows with
    it. Of one text no more than MOST_READ characters are read: no step or criterion is longer.
    """
    start = 0
    while start == 0 or start + overlap < min(len(text), MOST_READ):
        yield text[start : start + size]
        start += size - overlap


_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z]{2})")
_WORD = re.compile(r"[^\W_]+")


@functools.lru_cache(maxsize=4096)
def words(text: str) -> tuple[str, ...]:
    """The words in it, in lower case; names such as `costLedger` or `trace_id` are taken apart."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text.translate(_INVISIBLE))
    return tuple(_WORD.findall(_CAMEL.sub(" ", text).casefold()))


def has_words(text: str, *alternatives: str) -> bool:
    """Whether it holds one of these words or phrases; `*` ends a stem."""
    return _matcher(alternatives).search(" ".join(words(text))) is not None


@functools.lru_cache(maxsize=512)
def _matcher(alternatives: tuple[str, ...]) -> re.Pattern[str]:
    parts = []
    for alternative in alternatives:
        spaced = " ".join(alternative.replace("_", " ").replace("-", " ").split())
        parts.append(re.escape(spaced).replace(r"\*", r"\w*"))
    return re.compile(rf"(?<!\w)(?:{'|'.join(parts)})(?!\w)")


def listed(names: list[str] | tuple[str, ...], last: str = "and") -> str:
    """`a, b and c`."""
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} {last} {names[-1]}"
