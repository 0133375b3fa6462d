"""The `json` format, version 1: the contract other programs read.

Its schema is `schemas/findings.schema.json`. The document is pure ASCII, so it passes
through any pipe and encoding; unpaired surrogates (bytes of a file name that are no
UTF-8) are written as the visible text `\\udcXX`, because strict parsers refuse them.
Each finding stands on a line of its own: the document can be searched and compared
by line tools.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from govlint.model import (
    Edit,
    Finding,
    Fix,
    Location,
    Problem,
    Related,
    RunResult,
    Statistics,
    Suppressed,
)
from govlint.output._characters import well_formed
from govlint.output._summary import count_fixable, count_severities, count_suppressed

FORMAT = "json"
VERSION = 1


def render(result: RunResult, statistics: bool = False) -> str:
    """The run as one JSON document ending in a line end.

    `statistics` adds counts and seconds to the summary; they differ from run to run,
    so without it two runs over the same tree give the same bytes.
    """
    parts = (
        f'{{"version": {VERSION}',
        f'"summary": {_dump(_summary(result, statistics))}',
        f'"findings": {_dump_lines(map(_finding, result.findings))}',
        f'"suppressed": {_dump_lines(map(_suppressed, result.suppressed))}',
        f'"problems": {_dump_lines(map(_problem, result.problems))}',
        f'"ruleset": {_dump(_text(result.ruleset))}}}',
    )
    return ",\n".join(parts) + "\n"


def _dump(value: Any) -> str:
    return json.dumps(value, ensure_ascii=True, allow_nan=False)


def _dump_lines(values: Iterable[Any]) -> str:
    rows = ",\n".join(map(_dump, values))
    return f"[\n{rows}\n]" if rows else "[]"


_text = well_formed


def _summary(result: RunResult, statistics: bool) -> dict[str, Any]:
    severities = count_severities(result.findings)
    summary: dict[str, Any] = {
        "files": result.files,
        "rules": len(result.rules),
        "findings": len(result.findings),
        **{f"{severity.label}s": number for severity, number in severities.items()},
        "suppressed": count_suppressed(result.suppressed),
        "problems": len(result.problems),
        "fixable": count_fixable(result.findings),
        "fixed": result.fixed,
        "shard": list(result.shard) if result.shard else None,
    }
    if statistics:
        summary["statistics"] = _statistics(result.statistics)
    return summary


def _statistics(statistics: Statistics) -> dict[str, Any]:
    return {
        "files": statistics.files,
        "skipped": statistics.skipped,
        "parsed": statistics.parsed,
        "cached": statistics.cached,
        "seconds": {_text(name): value for name, value in statistics.seconds.items()},
        "rules": {_text(rule): number for rule, number in statistics.rules.items()},
    }


def _place(location: Location) -> dict[str, Any]:
    return {
        "path": _text(location.path),
        "line": location.line,
        "column": location.column,
        "end_line": location.end_line,
        "end_column": location.end_column,
        "pointer": None if location.pointer is None else _text(location.pointer),
    }


def _related(related: Related) -> dict[str, Any]:
    return {"message": _text(related.message), **_place(related.location)}


def _edit(edit: Edit) -> dict[str, Any]:
    return {**_place(edit.location), "content": _text(edit.content)}


def _fix(fix: Fix) -> dict[str, Any]:
    return {
        "message": _text(fix.message),
        "safety": fix.safety.value,
        "edits": [_edit(edit) for edit in fix.edits],
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "rule": _text(finding.rule),
        "name": _text(finding.name),
        "severity": finding.severity.label,
        "message": _text(finding.message),
        **_place(finding.location),
        "related": [_related(related) for related in finding.related],
        "fix": None if finding.fix is None else _fix(finding.fix),
        "fingerprint": _text(finding.fingerprint),
    }


def _suppressed(suppressed: Suppressed) -> dict[str, Any]:
    return {
        **_finding(suppressed.finding),
        "kind": _text(suppressed.kind),
        "reason": _text(suppressed.reason),
        "until": None if suppressed.until is None else _text(suppressed.until),
    }


def _problem(problem: Problem) -> dict[str, Any]:
    return {
        "kind": _text(problem.kind),
        "message": _text(problem.message),
        "path": _text(problem.path),
        "line": problem.line,
    }
