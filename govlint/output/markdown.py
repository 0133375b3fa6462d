"""The `markdown` format: GitHub's step summary, a merge request's comment.

Findings are grouped by rule, the worst first. Whatever comes from the code is escaped:
no cell can end its table, no file name can become a link or an element.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from urllib.parse import quote

from govlint.model import Finding, Location, RunResult
from govlint.output._characters import inert
from govlint.output._summary import (
    SUPPRESSION_WORDS,
    advice,
    describe_problem,
    rules_of,
    sentences,
)

FORMAT = "markdown"

# GitHub refuses a step summary of more than 1 MiB whole; the rest is for other steps' text.
_MAX_BYTES = 1_000_000
# Entities are never read as structure, in any dialect; backslashes keep names legible.
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "|": "&#124;", "\\": "&#92;", "`": "&#96;"}
# A code span is kept where nothing in it could matter if a reader paired it otherwise.
_SPECIAL = re.compile(r"`[^`|\\<>\[\]&\r\n]+`|[&<>|\\`*_~\[\]!#]|\r\n|[\r\n]")


def render(result: RunResult, base_url: str = "", max_bytes: int = _MAX_BYTES) -> str:
    """The run as GitHub-flavoured Markdown of at most about `max_bytes` bytes.

    Links lead to `base_url` + path (`https://github.com/o/r/blob/<commit>/`), or stay
    relative. What does not fit is counted, never dropped in silence.
    """
    heading = "## govlint"
    head = [heading, "", *(f"- {_escape(line)}" for line in sentences(result))]
    room = max_bytes - sum(len(line.encode()) + 1 for line in head)
    return "\n".join([*head, *_fill(result, base_url, room)]) + "\n"


def _fill(result: RunResult, base_url: str, room: int) -> Iterator[str]:
    """Problems, findings and suppressions, until `room` bytes are used up."""
    shown = 0
    total = len(result.problems) + len(result.findings) + len(result.suppressed)
    for line, is_entry in _body(result, base_url):
        room -= len(line.encode()) + 1
        if room < 0:
            yield ""
            yield f"**{total - shown} more are not shown**: this page would be too long."
            return
        shown += is_entry
        yield line


def _body(result: RunResult, base_url: str) -> Iterator[tuple[str, bool]]:
    """Lines, and whether the line stands for one problem, finding or suppression."""
    if result.problems:
        yield from _plain("", "### Problems: what could not be decided", "")
        for problem in result.problems:
            yield f"- {_escape(describe_problem(problem))}", True
    rules = rules_of(result)
    for code, findings in _group(result.findings):
        first = findings[0]
        title = f"### {_escape(code)} {_escape(first.name)} ({first.severity.label})"
        yield from _plain("", f"{title}: {len(findings)}", "")
        rule = rules.get(code)
        if rule is not None:
            yield from _plain(_escape(rule.summary), "")
        yield from _plain("| Where | What |", "| --- | --- |")
        for finding in findings:
            steps = "".join(
                f"<br>{number}. {_link(step.location, base_url)} {_escape(step.message)}"
                for number, step in enumerate(finding.related, start=1)
            )
            where = _link(finding.location, base_url)
            yield f"| {where} | {_escape(finding.message)}{steps} |", True
        prose, example = advice(first.help or (rule.fix if rule else ""))
        if prose:
            yield from _plain("", f"**How to fix:** {_escape(prose)}")
            if example:
                # Longer than any fence inside, so nothing in it can end it.
                fence = "`" * max(3, *(line.count("`") + 1 for line in example))
                block = "\n".join([f"{fence}python", *map(inert, example), fence])
                yield from _plain("", block)
    if result.suppressed:
        yield from _plain("", "### Suppressed", "", "| Where | Rule | By | Reason | Until |")
        yield from _plain("| --- | --- | --- | --- | --- |")
        for entry in result.suppressed:
            kind = SUPPRESSION_WORDS.get(entry.kind, entry.kind).removeprefix("by ")
            cells = (
                _link(entry.finding.location, base_url),
                _escape(f"{entry.finding.rule} {entry.finding.name}"),
                _escape(kind),
                _escape(entry.reason),
                _escape(entry.until or ""),
            )
            yield f"| {' | '.join(cells)} |", True


def _plain(*lines: str) -> Iterator[tuple[str, bool]]:
    return ((line, False) for line in lines)


def _group(findings: Iterable[Finding]) -> list[tuple[str, list[Finding]]]:
    """The findings by rule: the worst rules first, then in the order they came."""
    groups: dict[str, list[Finding]] = {}
    for finding in findings:
        groups.setdefault(finding.rule, []).append(finding)
    return sorted(groups.items(), key=lambda group: -max(f.severity for f in group[1]))


def _link(place: Location, base_url: str) -> str:
    text = f"{place.path}:{place.line}"
    lines = f"#L{place.line}"
    if place.end_line > place.line:
        lines += f"-L{place.end_line}"
    path = quote(inert(place.path), safe="/")
    if not base_url and path.startswith("//"):
        path = f".{path}"  # two slashes would make the first folder a host
    pointer = f" {_escape(place.pointer)}" if place.pointer else ""
    return f"[{_escape(text)}]({base_url}{path}{lines}){pointer}"


def _escape(text: str) -> str:
    return _SPECIAL.sub(_escape_match, inert(text))


def _escape_match(match: re.Match[str]) -> str:
    special = match.group()
    if special in "\r\n":
        return " "
    if len(special) > 1:
        return special
    return _ENTITIES.get(special) or f"\\{special}"
