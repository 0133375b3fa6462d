"""The `gitlab` format: a Code Quality report for merge requests.

Format: https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format.
GitLab drops an issue whose fingerprint it has already seen in the report, so equal ones
are told apart by their order.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from typing import Any

from govlint.model import Finding, Problem, RunResult, Severity
from govlint.output._characters import well_formed

FORMAT = "gitlab"

_SEVERITIES = {Severity.ERROR: "major", Severity.WARNING: "minor", Severity.NOTE: "info"}


def render(result: RunResult) -> str:
    """A JSON array of issues, one a line; problems are issues of severity `blocker`."""
    seen: Counter[str] = Counter()
    rows = [json.dumps(_finding(f, seen)) for f in result.findings]
    rows += [json.dumps(_problem(p, seen)) for p in result.problems]
    body = ",\n".join(rows)
    return f"[\n{body}\n]\n" if rows else "[]\n"


def _finding(finding: Finding, seen: Counter[str]) -> dict[str, Any]:
    place = finding.location
    identity = finding.fingerprint or f"{finding.rule}\0{place.path}\0{finding.message}"
    return {
        "description": well_formed(f"{finding.rule} [{finding.name}] {finding.message}"),
        "check_name": well_formed(finding.rule),
        "fingerprint": _fingerprint(identity, seen),
        "severity": _SEVERITIES[finding.severity],
        "location": {
            "path": well_formed(place.path),
            "lines": {"begin": place.line, "end": max(place.line, place.end_line)},
        },
    }


def _problem(problem: Problem, seen: Counter[str]) -> dict[str, Any]:
    return {
        "description": well_formed(f"govlint could not decide ({problem.kind}): {problem.message}"),
        "check_name": well_formed(f"govlint/{problem.kind}"),
        "fingerprint": _fingerprint(f"{problem.kind}\0{problem.path}\0{problem.message}", seen),
        "severity": "blocker",
        "location": {
            "path": well_formed(problem.path) or ".",
            "lines": {"begin": problem.line, "end": problem.line},
        },
    }


def _fingerprint(identity: str, seen: Counter[str]) -> str:
    """The identity's digest; from its second occurrence on, with the occurrence's number."""
    seen[identity] += 1
    if seen[identity] > 1:
        identity = f"{identity}\0{seen[identity]}"
    # "surrogatepass": two file names that differ in one undecodable byte stay different.
    return hashlib.sha256(identity.encode("utf-8", "surrogatepass")).hexdigest()
