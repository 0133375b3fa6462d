"""Examples of the pages about receipts: a run in a few words, sealed, tampered with, verified.

A block of `jsonl` has an event a line, of which only what matters is said
(`receipts.sample` completes and signs it). `tamper="…"` is what somebody without the key does then.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from govlint.catalog import Catalog
from govlint.errors import RuleError
from govlint.model import Location, RunResult
from govlint.pages import Example, Page
from govlint.receipts.policy import policy_of_keys
from govlint.receipts.request import Request
from govlint.receipts.sample import PLAIN, completed, sample_key, sealed

EVENTS = "events.jsonl"
Files = dict[str, bytes]


def verify_example(
    page: Page, example: Example, text: str, name: str, catalog: Catalog
) -> RunResult:
    """What the verifier says of an example: lines of the block are lines of the run.

    Another file of the bundle is a pointer (`/checkpoint`). Raises RuleError.
    """
    from dataclasses import replace

    from govlint.receipts.verify import Verifier
    from govlint.verification import as_result

    key = sample_key()
    files = sealed(completed(_events(page, example, text, name)), key)
    files = _tampered(page, example, files, name)
    verifier = Verifier(Request(policy_of_keys((key.verifier.text,))))
    with tempfile.TemporaryDirectory(prefix="govlint-example-") as folder:
        root = os.path.realpath(folder)
        for file, data in files.items():
            Path(root, file).write_bytes(data)
        verifier.folder(root)
        result = as_result(verifier.finish(), catalog)
    findings = []
    for finding in result.findings:
        file = os.path.basename(finding.location.path)
        line = finding.location.line
        if file == EVENTS:
            place = Location(name, line, 1, line, 1)
        else:
            place = Location(name, 1, 1, 1, 1, f"/{file}")
        findings.append(replace(finding, location=place))
    result.findings = findings
    return result


def _events(page: Page, example: Example, text: str, name: str) -> list[dict[str, object]]:
    events = []
    for number, line in enumerate(text.splitlines(), 1):
        try:
            event = json.loads(line)
            if not isinstance(event, dict) or not isinstance(event.get("type"), str):
                raise ValueError("an event is an object with a `type`")
        except ValueError as error:
            said = f"a line of an example about receipts is one event: {error}"
            raise RuleError(said, page.rule.path, example.page_line(name, number)) from None
        events.append(event)
    if not events:
        raise RuleError("an example about receipts has events", page.rule.path, example.line)
    return events


def _tampered(page: Page, example: Example, files: Files, name: str) -> Files:
    for words in filter(None, (part.strip() for part in example.tamper.split(";"))):
        verb, *rest = words.split()
        try:
            files = _WAYS[verb](files, *rest)
        except (KeyError, TypeError, ValueError, IndexError):
            said = f"`tamper` knows no way {words!r}; there are {', '.join(sorted(_WAYS))}"
            raise RuleError(said, page.rule.path, example.page_line(name, 0)) from None
    return files


def _on_lines(change: Callable[[list[bytes], list[int]], None]) -> Callable[..., Files]:
    def way(files: Files, *numbers: str) -> Files:
        lines = files[EVENTS].splitlines(keepends=True)
        change(lines, [int(number) - 1 for number in numbers])
        return {**files, EVENTS: b"".join(lines)}

    return way


def _delete(lines: list[bytes], at: list[int]) -> None:
    del lines[at[0]]


def _repeat(lines: list[bytes], at: list[int]) -> None:
    lines.insert(at[0] + 1, lines[at[0]])


def _swap(lines: list[bytes], at: list[int]) -> None:
    lines[at[0]], lines[at[1]] = lines[at[1]], lines[at[0]]


def _cut(lines: list[bytes], at: list[int]) -> None:
    del lines[at[0] :]


def _splice(lines: list[bytes], at: list[int]) -> None:
    other = sealed(completed(PLAIN, run="r-2"), sample_key())[EVENTS]
    lines[at[0]] = other.splitlines(keepends=True)[at[0]]


def _edit(files: Files, number: str, old: str, new: str) -> Files:
    lines = files[EVENTS].splitlines(keepends=True)
    edited = lines[int(number) - 1].replace(old.encode(), new.replace("_", " ").encode(), 1)
    if edited == lines[int(number) - 1]:
        raise ValueError("nothing to edit")
    lines[int(number) - 1] = edited
    return {**files, EVENTS: b"".join(lines)}


def _sign_anew(files: Files) -> Files:
    """Everything again, signed with another key of the same name."""
    events = [json.loads(line) for line in files[EVENTS].splitlines()]
    return sealed(events, sample_key(seed=1))


def _take_from_another(files: Files, name: str) -> Files:
    return {**files, name: sealed(completed(PLAIN, run="r-2"), sample_key())[name]}


def _remove(files: Files, name: str) -> Files:
    return {file: data for file, data in files.items() if file != name or not data}


def _add(files: Files, name: str) -> Files:
    return {**files, name: b"x"}


_WAYS: dict[str, Callable[..., Files]] = {
    "delete": _on_lines(_delete),
    "repeat": _on_lines(_repeat),
    "swap": _on_lines(_swap),
    "cut": _on_lines(_cut),
    "splice": _on_lines(_splice),
    "edit": _edit,
    "sign-anew": _sign_anew,
    "other-run": _take_from_another,
    "remove": _remove,
    "add": _add,
}
