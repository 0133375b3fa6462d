"""Text that only some statements of keep from being parsed: those alone are lowered.

Lowering takes thirty times as long as `ast.parse`, and of a file with newer syntax mostly
one line needs it (`type Name = …`). A top-level statement that both its neighbours leave
complete can be parsed by itself, so the tree is put together from parts.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable

# A line that begins a statement if the text before it is complete. What continues a
# statement (`else`, `except`) is none, and a definition belongs to its decorators.
_START = re.compile(r"^(?:@|(?!(?:else|elif|except|finally|case)\b)[^\W\d]\w*)", re.MULTILINE)
_MAX_PARTS = 40  # beyond these the whole is lowered at once
_MAX_ENDS = 3  # of a part that are tried

Parse = Callable[[str], ast.Module]


def _starts(text: str) -> list[int]:
    """Where a top-level statement may begin, decorated definitions at their first decorator."""
    found: list[int] = []
    decorated = False
    for match in _START.finditer(text):
        word = match[0]
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
    bounds = [*_starts(text), len(text)]
    lines = [0, *(m.end() for m in re.finditer("\n", text))]
    body: list[ast.stmt] = []
    done = done_lines = 0

    def part(end: int) -> str:
        return "\n" * done_lines + text[done:end]

    for _ in range(_MAX_PARTS):
        row = fault.lineno or 0
        if not done_lines < row <= len(lines):
            return None
        at = lines[row - 1]
        start = max((b for b in bounds if b <= at), default=0)
        if start < done:
            return None
        try:
            if start > done:
                body += parse(part(start)).body
                done_lines += text.count("\n", done, start)
                done = start
        except SyntaxError:
            return None
        for end in [b for b in bounds if b > done][:_MAX_ENDS]:
            try:
                body += lower(part(end)).body
            except SyntaxError:  # what looked like another statement is in this one's string
                continue
            done_lines += text.count("\n", done, end)
            done = end
            break
        else:
            return None
        try:
            body += parse(part(len(text))).body
        except SyntaxError as error:
            fault = error
            continue
        return ast.Module(body, [])
    return None
