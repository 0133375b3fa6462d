"""What `govlint report store` does: only what passes its check becomes part of the ledger."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from govlint.documents.reports.ledger import Entry, Ledger, canonical, digest, open_ledger
from govlint.errors import EXIT_CLEAN, IncompleteError, UsageError
from govlint.model import Finding, RunResult, exit_code


def store_reports(
    path: str,
    files: Sequence[str],
    params: Mapping[str, Mapping[str, Any]],
    anchor: str | None,
    config_file: str | None,
) -> int:
    """Check `files` and append them to the ledger at `path`; the exit code. Raises GovlintError."""
    contents = {file: _read(file) for file in files}
    if any(os.path.realpath(file) == os.path.realpath(path) for file in files):
        raise UsageError(f"{path}: is the ledger and no report to store in it")
    with open_ledger(path, anchor) as ledger:
        if ledger.dropped:
            print(
                f"govlint: {path}: an unfinished line of {len(ledger.dropped)} bytes was put aside",
                file=sys.stderr,
            )
        result, values = _judge(ledger, contents, params, config_file)
        if result.findings or result.problems:
            from govlint.cli.checking import write_outputs

            write_outputs(result, [("text", None)], "auto", False, False)
            print(f"govlint: nothing was appended to {path}", file=sys.stderr)
            return exit_code(result)
        return _append(ledger, values, result.ruleset)


def _read(file: str) -> bytes:
    try:
        with open(file, "rb") as stream:
            return stream.read()
    except OSError as error:
        raise IncompleteError(f"{file}: cannot be read: {error.strerror}") from None


def _judge(
    ledger: Ledger,
    contents: Mapping[str, bytes],
    params: Mapping[str, Mapping[str, Any]],
    config_file: str | None,
) -> tuple[RunResult, dict[str, Any]]:
    """What the rules say of the new reports beside those stored, and the values of the new."""
    from govlint import engine
    from govlint.catalog import load_catalog
    from govlint.config import load_config
    from govlint.documents.reader import read

    config = load_config(list(contents), config_file)
    for rule, given in params.items():
        merged = {**config.params.get(rule, {}), **given}
        config = replace(config, params={**config.params, rule: merged})
    catalog = load_catalog([Path(folder) for folder in config.rules])
    documents = {file: read(file, data, "json", "report") for file, data in contents.items()}
    values = {file: document.value for file, document in documents.items() if not document.faults}
    given = {os.path.abspath(file): data for file, data in contents.items()}
    base = os.path.abspath(ledger.path)
    for entry in _beside(ledger.entries, list(values.values())):
        given[f"{base}#{entry.seq}"] = canonical(entry.report)
    about = tuple(rule.code for rule in catalog.rules.values() if "report" in rule.documents)
    options = engine.Options(select=about, cache=False, given=given, kinds=("report",))
    result = engine.run(list(contents), config, catalog, options)
    new = {path for path in result.documents if f"{base}#" not in os.path.abspath(path)}
    result.findings = [finding for finding in result.findings if _is_about(finding, new)]
    if len(new) < len({os.path.abspath(file) for file in contents}) and not result.problems:
        raise IncompleteError(f"{ledger.path}: not all reports were judged; nothing is appended")
    return result, values


def _beside(entries: Sequence[Entry], new: Sequence[Any]) -> list[Entry]:
    """The stored reports that matter for new ones: those that count, and those of one version.

    One that is stored already, byte for byte, is not held against itself.
    """
    from govlint.documents.reports.phase_graph import ReportSet, version_key
    from govlint.documents.reports.shape import at

    stored = ReportSet(tuple(entry.report for entry in entries))
    wanted = set(stored.current.values())
    keys = {(str(at(v, "phase_meta", "phase_id")), version_key(v)) for v in new}
    for index, name in enumerate(stored.ids):
        if (name, version_key(entries[index].report)) in keys:
            wanted.add(index)
    same = {
        digest(canonical(value)) for value in new if isinstance(value, dict) and _is_sound(value)
    }
    return [entries[index] for index in sorted(wanted) if entries[index].digest not in same]


def _is_sound(value: Any) -> bool:
    try:
        canonical(value)
    except ValueError:
        return False
    return True


def _is_about(finding: Finding, new: set[str]) -> bool:
    """Whether a finding lies in a new report, or in a stored one because of a new one."""
    places = [finding.location, *(related.location for related in finding.related)]
    return any(place.path in new for place in places)


def _append(ledger: Ledger, values: Mapping[str, Any], ruleset: str) -> int:
    """Append what is not stored yet, and say what became of each."""
    known = {entry.digest: entry.seq for entry in ledger.entries}
    told: list[str] = []
    new: list[Any] = []
    for file, value in values.items():
        meta = value["phase_meta"]
        name = f"{file}: {meta['phase_id']} {meta['version']}"
        try:
            mark = digest(canonical(value))
        except ValueError as error:
            raise UsageError(f"{file}: has no canonical form (RFC 8785): {error}") from None
        if mark in known:
            told.append(f"{name} is entry {known[mark]} already")
            continue
        known[mark] = len(ledger.entries) + len(new)
        told.append(f"{name} is entry {known[mark]}")
        new.append(value)
    if new:
        ledger.append(new, ruleset, time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()))
    print("\n".join(told))
    print(f"head {ledger.head}")
    return EXIT_CLEAN
