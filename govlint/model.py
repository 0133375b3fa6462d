"""The value types that every part of govlint exchanges.

A leaf: it imports nothing of govlint, so that engine, checks and writers can all
depend on it. Lines and columns count from 1; columns count characters, not bytes;
ends are exclusive in columns, inclusive in lines (as SARIF and editors have it).
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import wraps
from typing import Any, ParamSpec


class Severity(enum.IntEnum):
    """How bad a finding is; ordered, so that `--fail-on` can compare."""

    NOTE = 1
    WARNING = 2
    ERROR = 3

    @property
    def label(self) -> str:
        """The lower-case word used in pages, configuration and output."""
        return self.name.lower()

    @classmethod
    def parse(cls, word: str) -> Severity:
        """Read `note`, `warning` or `error`; anything else raises ValueError."""
        try:
            return cls[word.upper()]
        except KeyError:
            raise ValueError(f"severity {word!r} is none of note, warning, error") from None


class Safety(enum.Enum):
    """Whether a fix may be applied without a person looking (ruff's applicability)."""

    SAFE = "safe"
    UNSAFE = "unsafe"


@dataclass(frozen=True, slots=True, order=True)
class Location:
    """A place in a file.

    `path` is relative to the working directory with forward slashes (absolute only
    where the file lies outside it). `pointer` is a JSON pointer in documents.
    """

    path: str
    line: int = 1
    column: int = 1
    end_line: int = 1
    end_column: int = 1
    pointer: str | None = None


@dataclass(frozen=True, slots=True)
class Related:
    """A second place that explains a finding: one step of the path a value took."""

    location: Location
    message: str


@dataclass(frozen=True, slots=True)
class Edit:
    """Replace the text of `location` (its whole range) by `content`."""

    location: Location
    content: str


@dataclass(frozen=True, slots=True)
class Fix:
    """Edits that remove a finding, and whether they may be applied unseen."""

    message: str
    edits: tuple[Edit, ...]
    safety: Safety = Safety.SAFE


@dataclass(frozen=True, slots=True)
class Rule:
    """What one rule page says. The page is the only place where a rule is stated.

    `triggers` are its check's, kept here so that a run which has nothing to analyse need
    not import the check; None where they are not known.
    `documents` are the kinds of document that its check looks at; none for Python code.
    """

    code: str
    name: str
    severity: Severity
    since: str
    check: str
    params: Mapping[str, Any]
    spec: str
    pack: str
    summary: str
    why: str
    fix: str
    path: str
    digest: str
    triggers: tuple[str, ...] | None = None
    documents: tuple[str, ...] = ()

    def finding(
        self,
        message: str,
        location: Location,
        *,
        severity: Severity | None = None,
        related: tuple[Related, ...] = (),
        fix: Fix | None = None,
    ) -> Finding:
        """What this rule says about one place; `severity` where it is not the page's."""
        return Finding(
            rule=self.code,
            name=self.name,
            severity=self.severity if severity is None else severity,
            message=message,
            location=location,
            related=related,
            fix=fix,
            help=self.fix,
        )


@dataclass(frozen=True, slots=True)
class Finding:
    """One violation at one place.

    `related` is ordered: for a value that was followed, the steps from its source to
    `location`. `fingerprint` is filled in by the engine (stable under edits that move
    lines), as is `suppressed_by`, the reason where a comment or baseline silences it.
    """

    rule: str
    name: str
    severity: Severity
    message: str
    location: Location
    related: tuple[Related, ...] = ()
    fix: Fix | None = None
    help: str = ""
    fingerprint: str = ""


_P = ParamSpec("_P")


def first_of_each_line(
    check: Callable[_P, Iterable[Finding]],
) -> Callable[_P, Iterator[Finding]]:
    """Let a check report one finding a line, the first: several faults there are one to mend."""

    @wraps(check)
    def once(*args: _P.args, **kwargs: _P.kwargs) -> Iterator[Finding]:
        seen: set[tuple[str, int]] = set()
        for finding in check(*args, **kwargs):
            key = finding.location.path, finding.location.line
            if key not in seen:
                seen.add(key)
                yield finding

    return once


@dataclass(frozen=True, slots=True)
class Suppressed:
    """A finding that a comment, the baseline or per-path configuration silences."""

    finding: Finding
    kind: str  # "comment" | "baseline" | "config"
    reason: str
    until: str | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """Something the run could not decide. A problem is never a pass: exit code 3.

    `kind` is one of: unreadable, undecodable, too-large, timeout, crash, missing,
    nothing-to-check, limit.
    """

    kind: str
    message: str
    path: str = ""
    line: int = 1


@dataclass(slots=True)
class Statistics:
    """Counts and seconds of one run, for `--statistics` and the JSON summary."""

    files: int = 0
    skipped: int = 0
    parsed: int = 0
    cached: int = 0
    seconds: dict[str, float] = field(default_factory=dict)
    rules: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class RunResult:
    """All that one run found. Every writer in `govlint.output` takes this and no more."""

    findings: list[Finding] = field(default_factory=list)
    suppressed: list[Suppressed] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    rules: list[Rule] = field(default_factory=list)
    ruleset: str = ""
    files: int = 0
    statistics: Statistics = field(default_factory=Statistics)
    fixed: int = 0
    stale: int = 0  # baseline entries that meet no finding any more
    shard: tuple[int, int] | None = None
    sources: Mapping[str, str] = field(default_factory=dict)  # path → text, for carets
    documents: dict[str, str] = field(default_factory=dict)  # path → kind, of what was judged


def exit_code(result: RunResult, fail_on: Severity = Severity.NOTE) -> int:
    """The process exit code: 3 beats 1, findings below `fail_on` do not count."""
    if result.problems:
        return 3
    return 1 if any(f.severity >= fail_on for f in result.findings) else 0
