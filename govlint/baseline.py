"""The baseline: findings a team accepted when it adopted a rule. It only ever shrinks.

Entries are fingerprints, so moving code about does not lose them; two equal findings
need two entries. Accepting a new one later takes an explicit flag and a reason.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from govlint.errors import BaselineError
from govlint.model import Finding, Suppressed

VERSION = 1
DEFAULT_NAME = ".govlint-baseline.json"
_MAX_BYTES = 200_000_000


class Entry(NamedTuple):
    """One accepted finding. Only `fingerprint` decides; the rest is for readers."""

    fingerprint: str
    rule: str
    name: str
    path: str
    message: str
    reason: str
    since: str


class Baseline(NamedTuple):
    """A baseline file's content, entries sorted by path, rule and fingerprint."""

    entries: tuple[Entry, ...] = ()


class Applied(NamedTuple):
    """What a baseline made of findings; `stale` are entries that met none."""

    kept: list[Finding]
    suppressed: list[Suppressed]
    stale: list[Entry]


def read(path: str, shown: str | None = None) -> Baseline:
    """Read a baseline file. Raises BaselineError with the reason it cannot be used."""
    shown = shown or path
    try:
        if os.path.getsize(path) > _MAX_BYTES:
            raise BaselineError(f"{shown}: is too large to be a baseline")
        with open(path, encoding="utf-8") as stream:
            document = json.load(stream)
    except FileNotFoundError:
        raise BaselineError(
            f"{shown}: there is no such baseline; `govlint baseline` writes one"
        ) from None
    except OSError as error:
        raise BaselineError(f"{shown}: cannot be read: {error.strerror}") from None
    except json.JSONDecodeError as error:
        raise BaselineError(f"{shown}:{error.lineno}: is not JSON: {error.msg}") from None
    except (UnicodeDecodeError, RecursionError, ValueError) as error:
        raise BaselineError(f"{shown}: is not a baseline: {error}") from None
    if not isinstance(document, dict) or document.get("version") != VERSION:
        found = document.get("version") if isinstance(document, dict) else type(document).__name__
        raise BaselineError(f"{shown}: is not a baseline of version {VERSION} (found {found!r})")
    listed = document.get("findings")
    if not isinstance(listed, list):
        raise BaselineError(f"{shown}: has no list 'findings'")
    return Baseline(tuple(_entry(item, index, shown) for index, item in enumerate(listed)))


def _entry(item: Any, index: int, shown: str) -> Entry:
    if not isinstance(item, dict):
        raise BaselineError(f"{shown}: findings[{index}] is not an object")
    values = []
    for key in Entry._fields:
        value = item.get(key, "")
        if not isinstance(value, str) or (key == "fingerprint" and not value):
            raise BaselineError(f"{shown}: findings[{index}].{key} is {value!r}; a text is due")
        values.append(value)
    return Entry(*values)


def apply(
    baseline: Baseline, findings: Iterable[Finding], judged: Callable[[Entry], bool]
) -> Applied:
    """Take the findings that the baseline accepts out of `findings`.

    An entry that meets no finding is stale where `judged` says that this run looked at
    its path with its rule.
    """
    waiting: dict[str, list[Entry]] = {}
    for entry in baseline.entries:
        waiting.setdefault(entry.fingerprint, []).append(entry)
    applied = Applied([], [], [])
    for finding in findings:
        entries = waiting.get(finding.fingerprint)
        if entries:
            entry = entries.pop(0)
            reason = entry.reason or "accepted in the baseline"
            applied.suppressed.append(Suppressed(finding, "baseline", reason))
        else:
            applied.kept.append(finding)
    applied.stale.extend(
        entry for entries in waiting.values() for entry in entries if judged(entry)
    )
    return applied


class Update(NamedTuple):
    """A new baseline and how it differs from the old one."""

    baseline: Baseline
    added: list[Finding]
    removed: list[Entry]


def update(
    old: Baseline | None,
    findings: Sequence[Finding],
    judged: Callable[[Entry], bool],
    path_of: Callable[[Finding], str],
    reason: str,
    today: str,
    accept_new: bool = False,
) -> Update:
    """Make the baseline for `findings`: stale entries leave, new ones only if accepted.

    With no `old` one everything is new and accepted. Raises BaselineError where new
    findings would have to enter an existing baseline unasked.
    """
    applied = apply(old or Baseline(), findings, judged)
    added = applied.kept
    if old is not None and added and not accept_new:
        raise BaselineError(_refusal(added))
    gone = Counter(applied.stale)
    kept = []
    for entry in (old or Baseline()).entries:
        if gone[entry]:
            gone[entry] -= 1
        else:
            kept.append(entry)
    for finding in added:
        kept.append(
            Entry(
                finding.fingerprint,
                finding.rule,
                finding.name,
                path_of(finding),
                finding.message,
                reason,
                today,
            )
        )
    kept.sort(key=lambda e: (e.path, e.rule, e.fingerprint, e.since))
    return Update(Baseline(tuple(kept)), added, applied.stale)


def _refusal(added: Sequence[Finding]) -> str:
    first = ", ".join(f"{f.location.path}:{f.location.line} {f.rule}" for f in added[:3])
    more = f" and {len(added) - 3} more" if len(added) > 3 else ""
    count = "1 finding" if len(added) == 1 else f"{len(added)} findings"
    return (
        f"the baseline would grow by {count} ({first}{more}); fix them, or accept them with"
        " --accept-new --reason TEXT"
    )


def dump(baseline: Baseline) -> str:
    """Write a baseline as text: one entry a line, in a fixed order, so that diffs are small."""
    lines = [json.dumps(entry._asdict(), ensure_ascii=False) for entry in baseline.entries]
    body = ",\n".join(f"    {line}" for line in lines)
    inner = f"\n{body}\n  " if body else ""
    return f'{{\n  "version": {VERSION},\n  "tool": "govlint",\n  "findings": [{inner}]\n}}\n'
