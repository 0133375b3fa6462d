"""The `text` format: for people at a terminal.

Every finding is one line that editors and `grep` can read, then the source with the
range marked, the path the value took, and how to do it right. What the page says about
the repair is printed once a rule, not a hundred times.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from govlint.model import Finding, Location, RunResult, Safety, Severity, Statistics
from govlint.output._characters import visible
from govlint.output._snippet import Sources, draw
from govlint.output._summary import (
    advice,
    counted,
    describe_problem,
    rules_of,
    sentences,
)

FORMAT = "text"

_RESET = "\x1b[0m"
_BOLD = "\x1b[1m"
_DIM = "\x1b[2m"
_GOOD = "\x1b[1;32m"
_COLORS = {
    Severity.ERROR: "\x1b[1;31m",
    Severity.WARNING: "\x1b[1;33m",
    Severity.NOTE: "\x1b[1;36m",
}
_PROSE_WIDTH = 96  # columns in which the repair is set
_CODE_LINES = 8  # a longer example is left to `govlint explain`


def render(result: RunResult, color: bool = False, statistics: bool = False) -> str:
    """The findings with their source, then problems, the table asked for, the summary.

    `color` adds ANSI colours; without it no control character but the line end comes
    out, whatever file names and source lines hold. `statistics` adds the counts and
    seconds of the run.
    """
    writer = _Writer(result, color)
    lines = list(writer.lines())
    if statistics:
        lines += [*_tabulate(result.statistics), ""]
    lines += writer.summary()
    return "\n".join(lines) + "\n"


class _Writer:
    """One rendering: remembers which rules' repair has been told."""

    def __init__(self, result: RunResult, color: bool) -> None:
        self._result = result
        self._color = color
        self._sources = Sources(result.sources)
        self._rules = rules_of(result)
        self._told: set[str] = set()

    def lines(self) -> Iterator[str]:
        for finding in self._result.findings:
            yield from self._finding(finding)
            yield ""
        for problem in self._result.problems:
            label = self._paint("problem", _COLORS[Severity.ERROR])
            yield f"{label}: {visible(describe_problem(problem))}"
        if self._result.problems:
            yield ""

    def summary(self) -> list[str]:
        clean = not self._result.findings and not self._result.problems
        first, *rest = sentences(self._result)
        return [self._paint(first, _GOOD if clean else _BOLD), *rest]

    def _paint(self, text: str, style: str) -> str:
        return f"{style}{text}{_RESET}" if self._color else text

    def _finding(self, finding: Finding) -> Iterator[str]:
        style = _COLORS[finding.severity]
        yield (
            f"{self._paint(_place(finding.location), _BOLD)}: "
            f"{visible(finding.rule)} [{visible(finding.name)}] "
            f"{self._paint(finding.severity.label, style)}: {visible(finding.message)}"
        )
        gutter = self._gutter(finding)
        rows = list(self._draw(finding.location, gutter, style))
        if rows:
            yield self._bar(gutter)
            yield from rows
        if finding.location.pointer:
            yield self._note(gutter, "at:", visible(finding.location.pointer))
        if finding.related:
            yield self._note(gutter, "path:" if len(finding.related) > 1 else "from:")
            for number, step in enumerate(finding.related, start=1):
                where = self._paint(_place(step.location, column=False), _BOLD)
                yield f"{' ' * gutter}   {number}. {where}: {visible(step.message)}"
                for row in self._draw(step.location, gutter, _DIM):
                    yield f"  {row}"
        yield from self._repair(finding, gutter)

    def _repair(self, finding: Finding, gutter: int) -> Iterator[str]:
        if finding.fix is not None:
            safe = finding.fix.safety is Safety.SAFE
            way = "safe: --fix applies it" if safe else "unsafe: look before you apply it"
            yield self._note(gutter, "edit:", f"{visible(finding.fix.message)} ({way})")
        if finding.rule in self._told:
            return
        self._told.add(finding.rule)
        rule = self._rules.get(finding.rule)
        prose, code = advice(finding.help or (rule.fix if rule else ""))
        if prose:
            width = _PROSE_WIDTH - gutter
            head, *rest = textwrap.wrap(visible(prose), width, break_on_hyphens=False)
            yield self._note(gutter, "fix:", head)
            yield from (f"{' ' * gutter}        {line}" for line in rest)
            if len(code) <= _CODE_LINES:
                code = [visible(line.expandtabs(4)) for line in code]
                yield from (f"{' ' * gutter}            {line}".rstrip() for line in code)
        if rule:
            yield self._note(gutter, "help:", f"govlint explain {visible(finding.rule)}")

    def _note(self, gutter: int, label: str, text: str = "") -> str:
        mark = self._paint("=", _DIM)
        return f"{' ' * gutter} {mark} {self._paint(label, _BOLD)} {text}".rstrip()

    def _gutter(self, finding: Finding) -> int:
        """Cells that the widest line number of the finding needs."""
        places = (finding.location, *(step.location for step in finding.related))
        return max(len(str(max(place.line, place.end_line, 1))) for place in places)

    def _bar(self, gutter: int) -> str:
        return f"{' ' * gutter} {self._paint('|', _DIM)}"

    def _draw(self, place: Location, gutter: int, style: str) -> Iterator[str]:
        for number, source, underline in draw(self._sources, place):
            bar = self._paint(f"{number:>{gutter}} |", _DIM)
            if underline:
                yield f"{bar} {self._paint(underline, style)}"
            else:
                yield f"{bar} {source}".rstrip()


def _place(place: Location, column: bool = True) -> str:
    """`path:line:column`; a name that a CI log would run as a command is led by `./`."""
    path = visible(place.path)
    if path.lstrip().startswith(("::", "##[")):
        path = f"./{path}"
    return f"{path}:{place.line}:{place.column}" if column else f"{path}:{place.line}"


def _tabulate(statistics: Statistics) -> Iterator[str]:
    """Counts and seconds, aligned; rules by number of findings, then by code."""
    rows: list[tuple[str, str]] = [
        (label, str(getattr(statistics, label)))
        for label in ("files", "skipped", "parsed", "cached")
    ]
    rows += [(f"{name} (s)", f"{value:.3f}") for name, value in statistics.seconds.items()]
    rules = sorted(statistics.rules.items(), key=lambda item: (-item[1], item[0]))
    rows += [(rule, counted(number, "finding")) for rule, number in rules]
    left = max(len(visible(label)) for label, _ in rows)
    for label, value in rows:
        yield f"  {visible(label):<{left}}  {value}"
