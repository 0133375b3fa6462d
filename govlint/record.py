"""What a run is remembered by: scans and findings, as plain rows and back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from govlint.linked import Linked
from govlint.model import Edit, Finding, Fix, Location, Problem, Related, Rule, Safety, Severity

Row = list[Any]


class Scan(NamedTuple):
    """What the first look told about a file. Most files are PLAIN: nothing to remember."""

    words: tuple[str, ...] = ()
    fault: tuple[int, int, str] | None = None  # of its syntax: line, column, message
    nonascii: bool = False
    problem: tuple[str, str] | None = None  # kind, message


PLAIN = Scan()
NONASCII = Scan(nonascii=True)


def load_scan(row: Any) -> Scan:
    """Read a scan's row. Raises TypeError or ValueError for what is none."""
    words, fault, nonascii, problem = row
    if fault is not None:
        line, column, message = fault
        fault = (int(line), int(column), str(message))
    if problem is not None:
        kind, message = problem
        problem = (str(kind), str(message))
    return Scan(tuple(map(str, words)), fault, bool(nonascii), problem)


class Outcome(NamedTuple):
    """What an analysis found in a project; `undecided` are the rules whose check failed.

    `linked` says what it depends on, None where that cannot be said.
    """

    findings: list[Finding]
    problems: list[Problem]
    undecided: set[str]
    linked: Linked | None = None

    def mentions(self, path: str) -> bool:
        """Whether anything that was found speaks of the file reported as `path`."""
        return any(problem.path == path for problem in self.problems) or any(
            place.path == path for finding in self.findings for place in _places(finding)
        )


def _places(finding: Finding) -> Iterator[Location]:
    yield finding.location
    for related in finding.related:
        yield related.location
    if finding.fix is not None:
        for edit in finding.fix.edits:
            yield edit.location


def dump_outcome(outcome: Outcome) -> Row:
    """Write an outcome as a row."""
    return [
        [dump_finding(finding) for finding in outcome.findings],
        [dump_problem(problem) for problem in outcome.problems],
        sorted(outcome.undecided),
        outcome.linked.row() if outcome.linked is not None else None,
    ]


def load_outcome(row: Any, rules: Mapping[str, Rule]) -> Outcome | None:
    """Read an outcome's row; None for what is none."""
    try:
        findings, problems, undecided, linked = row
        return Outcome(
            [load_finding(item, rules) for item in findings],
            [load_problem(item) for item in problems],
            {str(code) for code in undecided},
            Linked.load(linked) if linked is not None else None,
        )
    except (TypeError, ValueError, KeyError, AttributeError, IndexError):
        return None


def _place(location: Location) -> Row:
    return [
        location.path,
        location.line,
        location.column,
        location.end_line,
        location.end_column,
        location.pointer,
    ]


def _read_place(row: Row) -> Location:
    path, line, column, end_line, end_column, pointer = row
    if not isinstance(path, str) or not isinstance(line, int):
        raise TypeError("not a location")
    return Location(path, line, column, end_line, end_column, pointer)


def dump_finding(finding: Finding) -> Row:
    """Write a finding as a row; what its rule says (name, help) is not repeated."""
    fix = None
    if finding.fix is not None:
        edits = [[_place(edit.location), edit.content] for edit in finding.fix.edits]
        fix = [finding.fix.message, finding.fix.safety.value, edits]
    return [
        finding.rule,
        finding.message,
        _place(finding.location),
        [[_place(related.location), related.message] for related in finding.related],
        fix,
        int(finding.severity),
    ]


def load_finding(row: Row, rules: Mapping[str, Rule]) -> Finding:
    """Read what `dump_finding` wrote. Raises KeyError, TypeError or ValueError otherwise."""
    code, message, place, related, fix, severity = row
    rule = rules[code]
    made = None
    if fix is not None:
        edits = tuple(Edit(_read_place(where), str(content)) for where, content in fix[2])
        made = Fix(str(fix[0]), edits, Safety(fix[1]))
    return Finding(
        rule=rule.code,
        name=rule.name,
        severity=Severity(severity),
        message=str(message),
        location=_read_place(place),
        related=tuple(Related(_read_place(where), str(text)) for where, text in related),
        fix=made,
        help=rule.fix,
    )


def dump_problem(problem: Problem) -> Row:
    """Write a problem as a row."""
    return [problem.kind, problem.message, problem.path, problem.line]


def load_problem(row: Row) -> Problem:
    """Read what `dump_problem` wrote."""
    kind, message, path, line = row
    return Problem(str(kind), str(message), str(path), int(line))
