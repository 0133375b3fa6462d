"""Comments of YAML and of plain scripts, for the suppressions in them.

libyaml drops comments, so they are what begins with `#` behind white space and stands in
no scalar. One behind the head of a block scalar, or behind the end of a value that takes
several lines, belongs to all lines of that value.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator

from govlint.documents.positions import LineTable
from govlint.python.syntax.comments import Comment

_COMMENT = re.compile(r"(?:(?<=[ \t\r\n])|\A)#[^\r\n]*")
_HTML_END = re.compile(r"\s*-->\s*\Z")


def yaml_comments(text: str) -> Iterator[Comment]:
    """The comments of a YAML text; of one that is broken, as far as it can be read."""
    scalars = _scalars(text)
    starts = [start for start, _ in scalars]
    lines = LineTable(text)
    first_of: dict[int, int] = {}  # last line of a value → its first
    last_of: dict[int, int] = {}
    for start, end in scalars:
        first, last = lines.place(start)[0], lines.place(max(start, end - 1))[0]
        if last > first:
            first_of[last], last_of[first] = first, last
    for found in _COMMENT.finditer(text):
        at = bisect_right(starts, found.start()) - 1
        if at >= 0 and found.start() < scalars[at][1] and not _is_head(text, *scalars[at], found):
            continue
        line = lines.place(found.start())[0]
        yield _comment(text, found, lines, first_of.get(line, line), last_of.get(line, line))


def _is_head(text: str, start: int, end: int, found: re.Match[str]) -> bool:
    """Say whether a comment stands behind the `|` or `>` of a block scalar."""
    return text[start : start + 1] in ("|", ">") and "\n" not in text[start : found.start()]


def _scalars(text: str) -> list[tuple[int, int]]:
    import yaml

    from govlint.documents.yaml_reader import events

    spans = []
    try:
        for name, event in events(text):
            if name == "ScalarEvent":
                start = event.start_mark.index
                if event.style in ("|", ">"):  # an anchor or tag stands before it
                    start = min(i for i in (text.find(c, start) for c in "|>") if i >= 0)
                spans.append((start, event.end_mark.index))
    except yaml.YAMLError:
        pass
    return spans


def line_comments(text: str) -> Iterator[Comment]:
    """What begins with `#` behind white space on each line, a Markdown comment's end left out."""
    lines = LineTable(text)
    for found in _COMMENT.finditer(text):
        line = lines.place(found.start())[0]
        comment = _comment(text, found, lines, line, line)
        yield comment._replace(text=_HTML_END.sub("", comment.text))


def _comment(text: str, found: re.Match[str], lines: LineTable, first: int, last: int) -> Comment:
    line, column = lines.place(found.start())
    before = text[found.start() - column + 1 : found.start()]
    code = before.rstrip(" \t")
    return Comment(found.group(), line, column, first, last, not code, len(before) - len(code))
