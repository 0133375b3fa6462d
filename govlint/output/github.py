"""The `github` format: workflow commands, which GitHub Actions shows as annotations.

Grammar and escapes as in `packages/core/src/command.ts` of actions/toolkit; the runner
refuses `col` and `endColumn` where `line` and `endLine` differ, so a range over several
lines goes without them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from govlint.model import Finding, Problem, RunResult, Severity
from govlint.output._characters import inert
from govlint.output._summary import checked, counted, describe_problem

FORMAT = "github"

_COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}
_SHOWN = 10  # annotations of one level that GitHub shows for a step; the log has them all


def render(result: RunResult) -> str:
    """One command a line: problems, then findings; one that says so when GitHub hides some."""
    return "".join(f"{line}\n" for line in _lines(result))


def _lines(result: RunResult) -> Iterator[str]:
    yield from map(_problem, result.problems)
    # The first annotations of a level are the ones shown: the worst findings go first.
    yield from map(_finding, sorted(result.findings, key=lambda f: -f.severity))
    levels = Counter(f.severity for f in result.findings)
    levels[Severity.ERROR] += len(result.problems)
    if any(number > _SHOWN for number in levels.values()):
        message = (
            f"{checked(result)}: {counted(len(result.findings), 'finding')}, "
            f"{counted(len(result.problems), 'problem')}. GitHub shows {_SHOWN} annotations of a "
            f"level for a step; all of them are in the log of this step."
        )
        yield _command("notice", {"title": "govlint"}, message)


def _finding(finding: Finding) -> str:
    place = finding.location
    end_line = max(place.line, place.end_line)
    properties = {"file": place.path, "line": str(place.line), "endLine": str(end_line)}
    if end_line == place.line:
        properties["col"] = str(place.column)
        properties["endColumn"] = str(max(place.column, place.end_column))
    properties["title"] = f"{finding.rule} [{finding.name}]"
    return _command(_COMMANDS[finding.severity], properties, finding.message)


def _problem(problem: Problem) -> str:
    properties = {"title": f"govlint: {problem.kind}"}
    if problem.path:
        properties = {"file": problem.path, "line": str(problem.line), **properties}
    return _command("error", properties, describe_problem(problem))


def _command(name: str, properties: dict[str, str], message: str) -> str:
    values = ",".join(f"{key}={_escape_property(value)}" for key, value in properties.items())
    return f"::{name} {values}::{_escape(message)}"


def _escape(text: str) -> str:
    return inert(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _escape_property(text: str) -> str:
    return _escape(text).replace(":", "%3A").replace(",", "%2C")
