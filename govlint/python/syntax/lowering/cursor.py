"""A place in the source that moves from token to token while the tree is lowered.

libcst's nodes carry no positions, and its metadata computes them ten times slower than the
lowering takes. But the tree is walked in source order and says which token comes next, so it
is enough to skip what stands between tokens and to step over each token's length.
"""

from __future__ import annotations

import ast
import re
import unicodedata
from bisect import bisect_right
from typing import Any, TypeVar

_BLANK = r"[ \t\f\n]*(?:(?:\\\n|#[^\n]*)[ \t\f\n]*)*"
_skip_blank = re.compile(_BLANK).match
_skip_commas = re.compile(rf"{_BLANK}(?:,{_BLANK})*").match

# What ast.alias, ast.arg, patterns and the rest share is that they have a position.
Node = TypeVar("Node", bound=ast.AST)


class Cursor:
    """The source, where the lowering has got to in it, and the positions this gives nodes.

    `at` is the character offset just behind the last token taken: the end of the node that is
    being made. Lowering methods take the node's tokens and then `put` the node.
    """

    def __init__(self, source: str) -> None:
        self.source = source
        self.at = 0
        self._ascii = source.isascii()
        self._starts = [0]
        self._starts.extend(found.end() for found in re.finditer("\n", source))
        self._starts.append(len(source) + 1)
        # Columns that CPython before 3.12 gets wrong inside f-strings, see `strings`.
        self.moved: dict[int, int] = {}
        self.shifted: tuple[int, int] | None = None

    def skip(self) -> int:
        """Go to the next token and return its offset."""
        self.at = _skip_blank(self.source, self.at).end()  # type: ignore[union-attr]
        return self.at

    def skip_commas(self) -> int:
        """Go to the next token that is no comma and return its offset."""
        self.at = _skip_commas(self.source, self.at).end()  # type: ignore[union-attr]
        return self.at

    def take(self, length: int) -> None:
        """Step over the next token, which is `length` characters long."""
        self.at = _skip_blank(self.source, self.at).end() + length  # type: ignore[union-attr]

    def identifier(self, raw: str) -> str:
        """Step over an identifier and return it as Python folds it (NFKC)."""
        self.take(len(raw))
        return raw if raw.isascii() else unicodedata.normalize("NFKC", raw)

    def column(self, offset: int) -> int:
        """The column of `offset`, in bytes of UTF-8 from the start of its line."""
        start = self._starts[bisect_right(self._starts, offset) - 1]
        return offset - start if self._ascii else len(self.source[start:offset].encode())

    def line(self, offset: int) -> int:
        """The line of `offset`, from 1."""
        return bisect_right(self._starts, offset)

    def put(self, node: Node, start: int, end: int = -1) -> Node:
        """Give `node` its position: from `start` to `end`, or to the last token taken."""
        if end < 0:
            end = self.at
        starts = self._starts
        place: Any = node
        line = end_line = bisect_right(starts, start)
        begin = end_begin = starts[line - 1]
        if end >= starts[line]:
            end_line = bisect_right(starts, end)
            end_begin = starts[end_line - 1]
        place.lineno = line
        place.end_lineno = end_line
        if self._ascii:
            place.col_offset = start - begin
            place.end_col_offset = end - end_begin
        else:
            place.col_offset = len(self.source[begin:start].encode())
            place.end_col_offset = len(self.source[end_begin:end].encode())
        if self.shifted or self.moved:
            self._repeat_fault(place, start)
        return node

    def _repeat_fault(self, place: Any, start: int) -> None:
        if start in self.moved:
            place.col_offset = self.moved[start]
        elif self.shifted and place.lineno == self.shifted[0]:
            place.col_offset += self.shifted[1]
        if self.shifted and place.end_lineno == self.shifted[0]:
            place.end_col_offset += self.shifted[1]

    def refuse(self, message: str, offset: int) -> SyntaxError:
        """The error for source that libcst lets pass and Python does not."""
        line = self.line(offset)
        begin = self._starts[line - 1]
        text = self.source[begin : self._starts[line] - 1] + "\n"
        return SyntaxError(message, ("<unknown>", line, offset - begin + 1, text))
