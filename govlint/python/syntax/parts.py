"""Text with some statements of newer syntax: those alone are lowered.

Lowering takes thirty times as long as `ast.parse`, and of a file with newer syntax mostly
one line needs it (`type Name = …`). A statement that both its neighbours leave complete can
be parsed by itself, so the tree is put together from parts: those of the module, and those
of a class that is long.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from functools import lru_cache

_MAX_PARTS = 40  # beyond these the whole is lowered at once
_MAX_ENDS = 3  # of a part that are tried
_LONG = 25  # lines from which on a class is worth taking apart
_HEADER = re.compile(r"(?:(?!class\b)[^\n]*\n)*class\b(?:[^\n]*\n)*?[^\n]*:[ \t]*(?:#[^\n]*)?\n")
_INDENT = re.compile(r"(?:[ \t]*(?:#[^\n]*)?\n)*([ \t]+)")
_BLANK = "if 1:\n"  # stands above statements that are indented

Parse = Callable[[str], ast.Module]


@lru_cache(maxsize=16)
def _start(indent: str) -> re.Pattern[str]:
    """A line that begins a statement if the text before it is complete.

    What continues a statement (`else`, `except`) is none.
    """
    words = r"@|(?!(?:else|elif|except|finally|case)\b)[^\W\d]\w*"
    return re.compile(rf"^{indent}({words})", re.MULTILINE)


def _starts(text: str, begin: int, indent: str) -> list[int]:
    """Where a statement may begin, decorated definitions at their first decorator."""
    found: list[int] = []
    decorated = False
    for match in _start(indent).finditer(text, begin):
        word = match[1]
        if decorated and word != "@":
            decorated = word not in ("def", "async", "class")
            continue
        if word == "@" and decorated:
            continue
        decorated = word == "@"
        found.append(match.start())
    return found


def parse_in_parts(text: str, parse: Parse, lower: Parse, fault: SyntaxError) -> ast.Module | None:
    """The tree of `text`, which `parse` refuses with `fault`; None where that takes the whole.

    Each part is complete as it stands, or `parse` or `lower` would refuse it. So their
    statements, one part after the other, are those of the whole.
    """
    if "\r" in text.replace("\r\n", "\n") or "barry_as_FLUFL" in text:
        return None
    body = _Parts(text, parse, lower).statements(0, "", fault)
    return ast.Module(body, []) if body is not None else None


class _Parts:
    """The parts of one text, from the first to the last line of a block."""

    def __init__(self, text: str, parse: Parse, lower: Parse) -> None:
        self.text, self.parse, self.lower = text, parse, lower
        self.lines = [0, *(m.end() for m in re.finditer("\n", text))]

    def _part(self, begin: int, end: int, indent: str) -> str:
        """A part with as many lines above it as there are, so that it keeps its positions."""
        above = self.text.count("\n", 0, begin)
        if not indent:
            return "\n" * above + self.text[begin:end]
        return "\n" * (above - 1) + _BLANK + self.text[begin:end]

    def _read(self, read: Parse, begin: int, end: int, indent: str) -> list[ast.stmt]:
        tree = read(self._part(begin, end, indent))
        if not indent:
            return tree.body
        (block,) = tree.body
        assert isinstance(block, ast.If)
        return block.body

    def statements(
        self, done: int, indent: str, fault: SyntaxError, limit: int | None = None
    ) -> list[ast.stmt] | None:
        """The statements from `done` to `limit`, of which that at `fault` is refused."""
        limit = len(self.text) if limit is None else limit
        bounds = [b for b in _starts(self.text, done, indent) if b < limit] + [limit]
        body: list[ast.stmt] = []
        for _ in range(_MAX_PARTS):
            row = fault.lineno or 0
            if not 0 < row <= len(self.lines):
                return None
            start = max((b for b in bounds if b <= self.lines[row - 1]), default=done)
            if start < done:
                return None
            try:
                if start > done:
                    body += self._read(self.parse, done, start, indent)
            except (SyntaxError, ValueError):
                return None
            ends = [b for b in bounds if b > start][:_MAX_ENDS]
            for end in ends:
                lowered = self._lowered(start, end, indent)
                if lowered is not None:
                    break
            else:
                return None
            body += lowered
            done = end
            if done >= limit:
                return body
            try:
                return body + self._read(self.parse, done, limit, indent)
            except ValueError:
                return None
            except SyntaxError as error:
                fault = error
        return None

    def _lowered(self, start: int, end: int, indent: str) -> list[ast.stmt] | None:
        """The statements of one part; None where it ends too early, in a string for example."""
        if not indent and self.text.count("\n", start, end) >= _LONG:
            taken = self._class(start, end)
            if taken is not None:
                return [taken]
        try:
            return self._read(self.lower, start, end, indent)
        except (SyntaxError, ValueError):
            return None

    def _class(self, start: int, end: int) -> ast.ClassDef | None:
        """A class of which the header is read by itself, and the body in parts."""
        header = _HEADER.match(self.text, start, end)
        if header is None:
            return None
        begin = header.end()
        inside = _INDENT.match(self.text, begin, end)
        if inside is None:
            return None
        indent = inside[1]
        alone = "\n" * self.text.count("\n", 0, start) + f"{header[0]}{indent}pass\n"
        try:
            try:
                tree = self.parse(alone)
            except SyntaxError:
                tree = self.lower(alone)
            (node,) = tree.body
            if not isinstance(node, ast.ClassDef) or not isinstance(node.body[0], ast.Pass):
                return None  # what looked like the header's end was none
            try:
                body = self._read(self.parse, begin, end, indent)
            except SyntaxError as fault:
                body = self.statements(begin, indent, fault, end) or []
        except (SyntaxError, ValueError):
            return None
        if not body:
            return None
        node.body = body
        node.end_lineno, node.end_col_offset = body[-1].end_lineno, body[-1].end_col_offset
        return node
