"""The `sarif` format, version 2.1.0: code scanning services and editors.

Standard: https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/. What is beyond
its schema but asked for by its text is kept too: braces in messages are doubled,
locations are relative to a declared base, a run with problems is not successful.
Each result stands on a line of its own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import quote_from_bytes

from govlint import __version__
from govlint.model import Edit, Finding, Fix, Location, Problem, Rule, RunResult, Suppressed
from govlint.output._characters import well_formed
from govlint.output._summary import advice

FORMAT = "sarif"

SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)

_BASE = "%SRCROOT%"
_BASE_MEANING = "The directory in which govlint was run."
_DRIVE = re.compile("[A-Za-z]:/")
_FINGERPRINT = "govlint/v1"
_MAX_DESCRIPTION = 1024  # characters; GitHub code scanning cuts a longer one off
_PROBLEMS = {
    "unreadable": "A file could not be read.",
    "undecodable": "A file could not be decoded.",
    "too-large": "A file is larger than the limit.",
    "timeout": "A decision was not reached in time.",
    "crash": "A check failed on a file.",
    "missing": "A path does not exist.",
    "nothing-to-check": "There was nothing to check.",
    "limit": "A limit was reached before a decision.",
}


def render(result: RunResult) -> str:
    """The run as a SARIF log with one run."""
    rules = _rules(result)
    index = {rule["id"]: number for number, rule in enumerate(rules)}
    results = _join(map(_dump, _results(result, index)))
    run = (
        f'"tool": {{"driver": {_dump(_driver(result, rules))}}}',
        f'"invocations": {_dump([_invocation(result.problems)])}',
        f'"originalUriBaseIds": {_dump({_BASE: {"description": _message(_BASE_MEANING)}})}',
        '"columnKind": "unicodeCodePoints"',
        *(f'"automationDetails": {_dump(details)}' for details in _automation(result)),
        f'"properties": {_dump({"ruleset": well_formed(result.ruleset), "files": result.files})}',
        f'"results": [\n{results}\n]' if results else '"results": []',
    )
    return f'{{"$schema": {_dump(SCHEMA)},\n"version": "2.1.0",\n"runs": [{{\n{_join(run)}\n}}]}}\n'


def _dump(value: Any) -> str:
    return json.dumps(value, ensure_ascii=True, allow_nan=False)


def _join(rows: Iterable[str]) -> str:
    return ",\n".join(rows)


def _message(text: str) -> dict[str, str]:
    """A plain text message: braces doubled (3.11.5), no `[text](target)` left (3.11.6)."""
    text = well_formed(text).replace("{", "{{").replace("}", "}}")
    return {"text": text.replace("](", "\\](")}


def _driver(result: RunResult, rules: list[dict[str, Any]]) -> dict[str, Any]:
    driver: dict[str, Any] = {
        "name": "govlint",
        "version": __version__,
        "semanticVersion": __version__,
        "rules": rules,
    }
    if kinds := sorted({problem.kind for problem in result.problems}):
        driver["notifications"] = [
            {"id": well_formed(kind), "shortDescription": {"text": _describe_kind(kind)}}
            for kind in kinds
        ]
    return driver


def _describe_kind(kind: str) -> str:
    return well_formed(_PROBLEMS.get(kind, f"The run could not decide: {kind}."))


def _rules(result: RunResult) -> list[dict[str, Any]]:
    """The rules of the run, then those that only a finding names (no page of this run)."""
    descriptors = {well_formed(rule.code): _rule(rule) for rule in result.rules}
    for finding in (*result.findings, *(entry.finding for entry in result.suppressed)):
        code = well_formed(finding.rule)
        if code not in descriptors:
            descriptors[code] = _unlisted_rule(finding)
    return list(descriptors.values())


def _rule(rule: Rule) -> dict[str, Any]:
    summary = well_formed(rule.summary) or well_formed(rule.name)
    why = well_formed(rule.why).strip()
    fix = well_formed(rule.fix).strip()
    return {
        "id": well_formed(rule.code),
        "name": well_formed(rule.name),
        "shortDescription": {"text": summary[:_MAX_DESCRIPTION]},
        "fullDescription": {"text": (advice(why)[0] or summary)[:_MAX_DESCRIPTION]},
        "help": {
            "text": "\n\n".join(filter(None, (why, fix))) or summary,
            "markdown": _page(rule, summary, why, fix),
        },
        "defaultConfiguration": {"level": rule.severity.label},
        "properties": {
            "tags": [tag for tag in dict.fromkeys(("governance", well_formed(rule.pack))) if tag],
            "spec": well_formed(rule.spec),
            "since": well_formed(rule.since),
        },
    }


def _page(rule: Rule, summary: str, why: str, fix: str) -> str:
    parts = [f"# {well_formed(rule.name)}", summary, why]
    if fix:
        parts.append(f"## How to fix\n\n{fix}")
    return "\n\n".join(filter(None, parts))


def _unlisted_rule(finding: Finding) -> dict[str, Any]:
    name = well_formed(finding.name)
    help_text = well_formed(finding.help).strip() or name
    return {
        "id": well_formed(finding.rule),
        "name": name,
        "shortDescription": {"text": name},
        "fullDescription": {"text": name},
        "help": {"text": help_text, "markdown": help_text},
        "defaultConfiguration": {"level": finding.severity.label},
        "properties": {"tags": ["governance"]},
    }


def _results(result: RunResult, index: Mapping[str, int]) -> Iterator[dict[str, Any]]:
    # Where one result tells of suppressions, all have to: absent means "not known".
    bare: dict[str, Any] = {"suppressions": []} if result.suppressed else {}
    for finding in result.findings:
        yield {**_result(finding, index), **bare}
    for entry in result.suppressed:
        yield {**_result(entry.finding, index), "suppressions": [_suppression(entry)]}


def _invocation(problems: list[Problem]) -> dict[str, Any]:
    invocation: dict[str, Any] = {"executionSuccessful": not problems}
    if problems:
        invocation["toolExecutionNotifications"] = list(map(_notification, problems))
    return invocation


def _notification(problem: Problem) -> dict[str, Any]:
    notification: dict[str, Any] = {
        "level": "error",
        "message": _message(problem.message),
        "descriptor": {"id": well_formed(problem.kind)},
    }
    if problem.path:
        line = max(1, problem.line)
        notification["locations"] = [
            {
                "physicalLocation": {
                    "artifactLocation": _artifact(problem.path),
                    "region": {"startLine": line},
                }
            }
        ]
    return notification


def _automation(result: RunResult) -> list[dict[str, str]]:
    """An id of its own for each shard: a service takes one upload a tool and id."""
    if result.shard is None:
        return []
    return [{"id": f"govlint/shard-{result.shard[0]}-of-{result.shard[1]}/"}]


def _result(finding: Finding, index: Mapping[str, int]) -> dict[str, Any]:
    rule = well_formed(finding.rule)
    result: dict[str, Any] = {
        "ruleId": rule,
        "ruleIndex": index[rule],
        "level": finding.severity.label,
        "message": _message(finding.message),
        "locations": [_location(finding.location)],
    }
    if finding.related:
        steps = [(step.location, step.message) for step in finding.related]
        result["relatedLocations"] = [
            {"id": number, **_location(place, message)}
            for number, (place, message) in enumerate(steps, start=1)
        ]
        if steps[-1][0] != finding.location:
            steps.append((finding.location, finding.message))
        flow = [{"location": _location(place, message)} for place, message in steps]
        result["codeFlows"] = [{"threadFlows": [{"locations": flow}]}]
    if finding.fix is not None and finding.fix.edits:
        result["fixes"] = [_fix(finding.fix)]
    if finding.fingerprint:
        result["partialFingerprints"] = {_FINGERPRINT: well_formed(finding.fingerprint)}
    return result


def _location(place: Location, message: str | None = None) -> dict[str, Any]:
    location: dict[str, Any] = {
        "physicalLocation": {
            "artifactLocation": _artifact(place.path),
            "region": _region(place),
        }
    }
    if place.pointer is not None:
        location["logicalLocations"] = [{"fullyQualifiedName": well_formed(place.pointer)}]
    if message is not None:
        location["message"] = _message(message)
    return location


@lru_cache(maxsize=1024)  # a run names the same files again and again
def _artifact(path: str) -> dict[str, str]:
    """The file as a URI: relative to the base, or `file:` where it lies outside."""
    uri = quote_from_bytes(_file_name_bytes(path), safe="/")
    if path.startswith("/"):
        return {"uri": f"file://{uri}"}
    if _DRIVE.match(path):
        return {"uri": f"file:///{path[0]}:{uri.removeprefix(f'{path[0]}%3A')}"}
    return {"uri": uri, "uriBaseId": _BASE}


def _file_name_bytes(path: str) -> bytes:
    """The bytes the file system has for `path`, also where they are no UTF-8."""
    try:
        return path.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # no file name decodes to such a surrogate
        return path.encode("utf-8", "backslashreplace")


def _region(place: Location) -> dict[str, int]:
    """The range, made legal: it starts at 1 or later and does not end before it starts."""
    line, column = max(1, place.line), max(1, place.column)
    end_line = max(line, place.end_line)
    least = column if end_line == line else 1
    return {
        "startLine": line,
        "startColumn": column,
        "endLine": end_line,
        "endColumn": max(least, place.end_column),
    }


def _fix(fix: Fix) -> dict[str, Any]:
    changes: dict[str, list[Edit]] = {}
    for edit in fix.edits:
        changes.setdefault(edit.location.path, []).append(edit)
    return {
        "description": _message(fix.message),
        "artifactChanges": [
            {
                "artifactLocation": _artifact(path),
                "replacements": [
                    {
                        "deletedRegion": _region(edit.location),
                        "insertedContent": {"text": well_formed(edit.content)},
                    }
                    for edit in edits
                ],
            }
            for path, edits in changes.items()
        ],
        "properties": {"safety": fix.safety.value},
    }


def _suppression(entry: Suppressed) -> dict[str, Any]:
    suppression: dict[str, Any] = {
        "kind": "inSource" if entry.kind == "comment" else "external",
        "status": "accepted",
        "justification": well_formed(entry.reason),
        "properties": {"source": well_formed(entry.kind)},
    }
    if entry.until is not None:
        suppression["properties"]["until"] = well_formed(entry.until)
    return suppression
