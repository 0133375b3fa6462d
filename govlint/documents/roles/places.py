"""Where in a text an `@role` line stands, and how sure it is to be one.

The same letters are a decorator, a JSDoc tag, a team in CODEOWNERS, part of an address or
a word of prose. What counts is the place: where a command stands (a shell line, a `run:`
of a workflow) all that follows `@role` is a call, in a string or a code span what looks
like one, in prose only what also reads as one.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from govlint.documents.positions import LineTable
from govlint.documents.roles.shell import shell_calls
from govlint.documents.roles.tokens import KEYWORD
from govlint.model import Location

START = re.compile(r"@role(?=[ \t]|\\?[\r\n]|$)")
_OPENED = re.compile(r"""["'`]\s*@role(?=[ \t])""")
_JOINED = re.compile(r"(?:&&|\|\||;|\|)[ \t]*@role(?=[ \t])")
_AT_LINE = re.compile(r"^[ \t]*(?:[-*+] |\d+\. |[$%>] )?@role(?=[ \t])", re.MULTILINE)


class Sureness(enum.Enum):
    """How sure it is that a place holds a call."""

    COMMAND = 3  # a command has to stand here
    STRING = 2  # a string or code span that begins with it
    PROSE = 1  # a line of prose that begins with it, or one word among others


@dataclass(frozen=True, slots=True)
class Call:
    """A place where `@role` stands: its text from the keyword on, and how far it may reach.

    `base` is where the text begins in its region. The text is cut out, so that a file with
    thousands of calls is not read to its end for each.
    """

    text: str
    base: int
    sureness: Sureness


def call_at(text: str, end: int, stop: int, sureness: Sureness) -> Call:
    """The call whose keyword ends at `end` and whose words reach to `stop` at most."""
    base = end - len(KEYWORD)
    return Call(text[base:stop], base, sureness)


@dataclass(frozen=True, slots=True)
class Region:
    """A piece of a file: its text, and where the characters from one offset to another stand."""

    text: str
    place: Callable[[int, int], Location]


Found = tuple[Region, Call]


def whole(path: str, text: str) -> Region:
    """A file's text as one region."""
    lines = LineTable(text)

    def place(start: int, end: int) -> Location:
        return Location(path, *lines.place(start), *lines.place(max(start, end)))

    return Region(text, place)


def in_shell(region: Region) -> Iterator[Found]:
    """The calls of a shell script: commands, and strings that begin with the keyword."""
    for start, stop, is_command, is_string in shell_calls(region.text):
        sure = Sureness.COMMAND if is_command else Sureness.STRING if is_string else Sureness.PROSE
        yield region, call_at(region.text, start + len(KEYWORD), stop, sure)


def in_lines(region: Region, sureness: Sureness) -> Iterator[Found]:
    """The calls that begin a line of a text that is no script."""
    for found in _AT_LINE.finditer(region.text):
        end = _line_end(region.text, found.end())
        yield region, call_at(region.text, found.end(), end, sureness)


def in_quotes(region: Region) -> Iterator[Found]:
    """The calls that stand first in quotes, whatever language the text is in."""
    for found in _OPENED.finditer(region.text):
        quote = found.group()[0]
        end = _line_end(region.text, found.end())
        shut = _closing(region.text, quote, found.end(), end)
        if shut >= 0:
            yield region, call_at(region.text, found.end(), shut, Sureness.STRING)


def in_string(region: Region, sureness: Sureness) -> Iterator[Found]:
    """The calls of one string's text: the string as a whole, or lines of a longer one."""
    text = region.text
    first = re.match(r"\s*@role(?=[ \t])", text)
    lines = list(_AT_LINE.finditer(text))
    if first is not None and len(text[first.start() :].strip().splitlines()) == 1:
        yield region, call_at(text, first.end(), len(text), sureness)
    elif lines:
        yield from in_lines(region, Sureness.STRING if first else Sureness.PROSE)
    else:
        for found in _JOINED.finditer(text):
            yield region, call_at(text, found.end(), len(text), Sureness.STRING)


def in_any(region: Region) -> Iterator[Found]:
    """The calls of a text of no known kind: in quotes, or at the beginning of a line."""
    quoted = list(in_quotes(region))
    seen = {call.base for _, call in quoted}
    yield from quoted
    for found in in_lines(region, Sureness.PROSE):
        if found[1].base not in seen:
            yield found


def _line_end(text: str, at: int) -> int:
    """Where the line ends, and those that continue it."""
    while True:
        end = text.find("\n", at)
        if end < 0:
            return len(text)
        if not text[max(end - 2, 0) : end].rstrip("\r").endswith("\\"):
            return end
        at = end + 1


def _closing(text: str, quote: str, start: int, end: int) -> int:
    """Where the quote is closed, or -1."""
    at = start
    while at < end:
        if text[at] == "\\":
            at += 1
        elif text[at] == quote:
            return at
        at += 1
    return -1
