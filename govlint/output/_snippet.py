"""The source lines of a place, with the range marked under them as rustc does it.

Columns in a `Location` count characters, but what lies under a caret is a terminal
cell: tabs are expanded, wide characters take two cells, combining marks none, and
characters that do not show themselves are written as escapes before anything is
measured. A line longer than the terminal is cut around the range.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from govlint.model import Location
from govlint.output._characters import cell_width, visible

_LINE_END = re.compile(r"\r\n|\r|\n")  # what Python counts as one; a form feed is none
_TAB_STOP = 4
_WIDTH = 100  # cells of source shown on a line
_LEAD = 30  # cells kept in front of the range when a line is cut
_CUT = "..."
_MAX_LINES = 6  # a longer range is shown by its first and its last two lines


class Sources:
    """The lines of the files of a run, split once a file however many findings it has."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._texts = texts
        self._lines: dict[str, list[str]] = {}

    def lines(self, path: str) -> list[str]:
        """The lines of `path` without their ends; none where the text is not known."""
        known = self._lines.get(path)
        if known is None:
            text = self._texts.get(path)
            known = [] if text is None else _LINE_END.split(text.removeprefix("\ufeff"))
            self._lines[path] = known
        return known


def draw(sources: Sources, place: Location) -> Iterator[tuple[str, str, str]]:
    """Rows of (line number or "", source or "", underline or ""), top to bottom.

    A row has source or underline, never both. Nothing comes out when the file's text
    is not known or the place lies outside it: a finding is printed all the same.
    """
    lines = sources.lines(place.path)
    if not 1 <= place.line <= len(lines):
        return
    last = min(max(place.line, place.end_line), len(lines))
    # An end in column 1 is the line end before it: nothing of that last line is meant.
    if last > place.line and place.end_line == last and place.end_column <= 1:
        last -= 1
        end_column = len(lines[last - 1]) + 1
    else:
        end_column = place.end_column if place.end_line == last else len(lines[last - 1]) + 1
    if last == place.line:
        text, start, end = _lay_out(lines[last - 1], place.column, end_column)
        yield str(last), text, ""
        yield "", "", " " * start + "^" * max(1, end - start)
        return
    yield from _draw_range(lines, place.line, place.column, last, end_column)


def _draw_range(
    lines: list[str], first: int, column: int, last: int, end_column: int
) -> Iterator[tuple[str, str, str]]:
    head = lines[first - 1]
    text, start, _ = _lay_out(head, column, column + 1)
    if head[: max(0, column - 1)].strip():
        yield str(first), f"  {text}", ""
        yield "", "", " " + "_" * (start + 1) + "^"
    else:  # nothing but indentation in front: the bar can start beside the line
        yield str(first), f"/ {text}", ""
    long = last - first >= _MAX_LINES
    for number in (first + 1, None, last - 1) if long else range(first + 1, last):
        if number is None:
            yield "", f"| {_CUT}", ""
        else:
            shown = _lay_out(lines[number - 1], 1, 1)[0]
            yield str(number), f"| {shown}".rstrip(), ""
    text, start, end = _lay_out(lines[last - 1], max(1, end_column - 1), end_column)
    yield str(last), f"| {text}", ""
    yield "", "", "|_" + "_" * start + "^" * max(1, end - start)


def _lay_out(line: str, column: int, end_column: int) -> tuple[str, int, int]:
    """The line as it is shown, and the cells at which columns `column` and `end_column` begin.

    Only characters near the range are measured: a finding in a line of a megabyte
    must not cost a megabyte.
    """
    start = min(max(column, 1) - 1, len(line))
    end = min(max(end_column - 1, start), len(line))
    base = 0
    if len(line) > 2 * _WIDTH:
        base = max(0, start - _WIDTH)
        line = line[base : start + 2 * _WIDTH]
        start -= base
        end = min(end - base, len(line))
    cells: list[str] = []  # one entry a character, as shown
    edges = [0]  # the cell at which each character begins
    for character in line:
        shown, width = _show(character, edges[-1])
        cells.append(shown)
        edges.append(edges[-1] + width)
    if base == 0 and edges[-1] <= _WIDTH:
        return "".join(cells).rstrip(), edges[start], edges[end]
    return _cut(cells, edges, start, end, cut_before=base > 0)


def _show(character: str, cell: int) -> tuple[str, int]:
    """A character as it is shown when it begins at `cell`, and its width in cells."""
    if character == "\t":
        width = _TAB_STOP - cell % _TAB_STOP
        return " " * width, width
    if character.isprintable():
        return character, cell_width(character)
    escaped = visible(character)
    return escaped, len(escaped)


def _cut(
    cells: list[str], edges: list[int], start: int, end: int, *, cut_before: bool
) -> tuple[str, int, int]:
    """The part of a long line that shows the range, with `...` where text is left out."""
    low = 0
    if cut_before or edges[start] > _WIDTH - _LEAD:
        while low < start and edges[start] - edges[low] > _LEAD:
            low += 1
        cut_before = cut_before or low > 0
    # A mark may not begin on its own: keep the character it belongs to.
    while 0 < low < len(cells) and edges[low + 1] == edges[low]:
        low -= 1
    high = low
    while high < len(cells) and edges[high + 1] - edges[low] <= _WIDTH:
        high += 1
    prefix = _CUT if cut_before else ""
    suffix = _CUT if high < len(cells) else ""
    shift = len(prefix) - edges[low]
    text = prefix + "".join(cells[low:high]).rstrip() + suffix
    return text, edges[start] + shift, edges[min(end, high)] + shift
