"""Finds comments in Python text, with the logical line each belongs to.

The standard library's tokenizer knows only the syntax of the interpreter that runs it
(before 3.12 it misreads nested quotes in f-strings), so this scans for itself: strings,
brackets, line ends and comments are all it has to tell apart.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

_TOKEN = re.compile(
    r"""(?P<comment>\#[^\r\n]*)
      | (?P<string>(?:[rRbBuUfFtT]{1,3})?(?:'{3}|"{3}|'|"))
      | (?P<word>[^\W\d]\w*)
      | (?P<open>[(\[{]) | (?P<close>[)\]}])
      | (?P<joined>\\(?:\r\n|\r|\n))
      | (?P<end>\r\n|\r|\n)""",
    re.X,
)
_FIELD = re.compile(r"[#'\"()\[\]{}:\r\n]|(?<!\w)[rRbBuUfFtT]{1,3}(?=['\"])")
_LINE_END = re.compile(r"[\r\n]|$")
_MAX_NESTING = 150  # f-strings within f-strings; Python itself allows 150


class Comment(NamedTuple):
    """A comment: its text from the `#` on, where it starts (from 1), and its logical line.

    `first` and `last` are the physical lines of the logical line (a statement, or a
    compound statement's head) it stands in; `alone` says that nothing but space is before it,
    `gap` how much space.
    """

    text: str
    line: int
    column: int
    first: int
    last: int
    alone: bool
    gap: int


class _Scanner:
    def __init__(self, text: str) -> None:
        self.text = text
        self.line = 1
        self.line_start = 0
        self.open: list[tuple[str, int, int, bool, int]] = []
        self.first = 1  # where the logical line began
        self.depth = 0

    def newlines(self, start: int, end: int) -> None:
        """Count the line ends in `text[start:end]`."""
        text = self.text
        position = start
        while position < end:
            char = text[position]
            if char == "\r" and text.startswith("\r\n", position):
                position += 1
            elif char not in "\r\n":
                position += 1
                continue
            position += 1
            self.line += 1
            self.line_start = position

    def comments(self) -> Iterator[Comment]:
        text, position = self.text, 0
        while True:
            found = _TOKEN.search(text, position)
            if found is None:
                break
            start, position = found.span()
            kind = found.lastgroup
            if kind == "comment":
                before = text[self.line_start : start]
                code = before.rstrip(" \t\f\ufeff")
                gap = len(before) - len(code)
                self.open.append((found.group(), self.line, len(before) + 1, not code, gap))
                continue
            if kind == "end":
                if self.depth == 0:
                    yield from self._close()
                self.newlines(start, position)
                if self.depth == 0:
                    self.first = self.line
                continue
            if kind == "joined":
                self.newlines(start, position)
            elif kind == "open":
                self.depth += 1
            elif kind == "close":
                self.depth = max(0, self.depth - 1)
            elif kind == "string":
                position = self.string(found.group(), position, 0)
        yield from self._close()

    def _close(self) -> Iterator[Comment]:
        for comment, line, column, alone, gap in self.open:
            yield Comment(comment, line, column, self.first, self.line, alone, gap)
        self.open = []

    def string(self, opening: str, position: int, nesting: int) -> int:
        """Skip a string whose opening quote ends at `position`; return where it ends."""
        quote = opening.lstrip("rRbBuUfFtT")
        prefix = opening[: -len(quote)].lower()
        formatted = "f" in prefix or "t" in prefix
        text, size = self.text, len(self.text)
        start = position
        while position < size:
            char = text[position]
            if char == "\\":
                position += 3 if text.startswith("\r\n", position + 1) else 2
            elif text.startswith(quote, position):
                position += len(quote)
                break
            elif len(quote) == 1 and char in "\r\n":
                break  # never closed: a syntax error, the line end goes on as one
            elif formatted and char == "{" and nesting < _MAX_NESTING:
                if text.startswith("{", position + 1):
                    position += 2
                    continue
                self.newlines(start, position)
                position = start = self.field(position + 1, quote, nesting)
            else:
                position += 1
        position = min(position, size)
        self.newlines(start, position)
        return position

    def field(self, position: int, quote: str, nesting: int) -> int:
        """Skip a replacement field's inside; return where the text of the string goes on."""
        text, depth = self.text, 0
        while True:
            found = _FIELD.search(text, position)
            if found is None:
                return len(text)
            start, position = found.span()
            char = found.group()
            if char in "([{":
                depth += 1
            elif char in ")]" or (char == "}" and depth):
                depth = max(0, depth - 1)
            elif char == "}":
                return position
            elif char == ":" and depth == 0:
                return self._format(position, quote, nesting)
            elif char in "\r\n":
                if len(quote) == 1 and depth == 0 and not _closes(text, position):
                    return start
                end = position + (1 if text.startswith("\r\n", start) else 0)
                self.newlines(start, end)
                position = end
            elif char == "#":
                stop = _LINE_END.search(text, position)
                position = stop.start() if stop else len(text)
            elif char != ":":
                opening = char
                if char not in "'\"":
                    opening += text[position]
                    start = position
                mark = opening[-1]
                if text.startswith(mark * 3, start):
                    opening = opening[:-1] + mark * 3
                    position = start + 3
                else:
                    position = start + 1
                position = self.string(opening, position, nesting + 1)

    def _format(self, position: int, quote: str, nesting: int) -> int:
        """Skip a format specification, which may hold replacement fields of its own."""
        text = self.text
        while position < len(text):
            char = text[position]
            if char == "{" and nesting < _MAX_NESTING:
                position = self.field(position + 1, quote, nesting + 1)
                continue
            if char == "}":
                return position + 1
            if text.startswith(quote, position) or (char in "\r\n" and len(quote) == 1):
                return position
            if char in "\r\n":
                self.newlines(position, position + 1)
            position += 1
        return position


def _closes(text: str, position: int) -> bool:
    """Say whether a field that goes over a line end is closed at all (else: a broken string)."""
    return "}" in text[position : position + 10_000]


def find_comments(text: str) -> list[Comment]:
    """Return every comment of `text`, in order. Text that is not valid Python gives its best."""
    return list(_Scanner(text).comments())
