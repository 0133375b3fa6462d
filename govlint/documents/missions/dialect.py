"""Spellings that other engines write, and the edits that make them spec 002's."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from govlint.documents.document import Document
from govlint.model import Edit, Fix, Location, Safety

if TYPE_CHECKING:
    from govlint.documents.schema import Violation

# where → key → the spec's
_KEYS = {
    "config": {
        "max_parallel_steps": "max_concurrent_steps",
        "max_parallel": "max_concurrent_steps",
        "max_concurrency": "max_concurrent_steps",
        "concurrency": "max_concurrent_steps",
        "retry_count": "retry_attempts",
        "max_retries": "retry_attempts",
        "retries": "retry_attempts",
        "timeout": "timeout_seconds",
        "retry_delay": "retry_delay_ms",
    },
    "step": {
        "dependencies": "depends_on",
        "dependsOn": "depends_on",
        "needs": "depends_on",
        "config": "parameters",
        "params": "parameters",
        "with": "parameters",
        "timeout": "timeout_seconds",
        "type": "step_type",
        "stepType": "step_type",
        "continueOnError": "continue_on_error",
        "continue-on-error": "continue_on_error",
        "title": "name",
    },
    "mission": {"title": "name", "tasks": "steps"},
}
# whose value has another meaning, so that the new name alone is no fix
_OTHER_UNIT = frozenset({"retry_delay"})


def snake_case(word: str) -> str:
    """`CreateFile`, `create-file` and `create file` as `create_file`."""
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", word.strip())
    return re.sub(r"[\s-]+", "_", parted).lower()


def wrapped(document: Document) -> bool:
    """Whether all of a mission stands under one key `mission`."""
    value = document.value
    return list(value) == ["mission"] and isinstance(value["mission"], dict)


def of_unknown_key(document: Document, violation: Violation) -> str | None:
    """The spec's name of a key that is another dialect's; None where it is not, or is there."""
    above, _, _ = violation.pointer.rpartition("/")
    where = "config" if above == "/config" else "step" if above.startswith("/steps/") else "mission"
    right = _KEYS[where].get(violation.name)
    holder = document.at(above)
    return right if right is not None and right not in holder else None


def renamed_key(document: Document, pointer: str, right: str) -> Fix | None:
    """The edit that gives a key its right name; None where the value would need another, too."""
    if pointer.rpartition("/")[2] in _OTHER_UNIT:
        return None
    place = document.location(pointer, key=True)
    return _replaced(document, place, right, f"rename the key to `{right}`")


def renamed(document: Document, pointer: str, right: str) -> Fix | None:
    """The edit that writes a string value in its right spelling."""
    return _replaced(document, document.location(pointer), right, f"write `{right}`")


def _replaced(document: Document, place: Location, right: str, message: str) -> Fix | None:
    start = document.lines.offset(place.line, place.column)
    end = document.lines.offset(place.end_line, place.end_column)
    written = document.text[start:end]
    quote = written[:1] if written[:1] in ("'", '"') else ""
    if quote != written[-1:] and quote:
        return None
    return Fix(message, (Edit(place, f"{quote}{right}{quote}"),), Safety.SAFE)


def named(document: Document, number: int) -> Fix | None:
    """The edit that names a step by its id: a line after the id's, in the id's own manner."""
    pointer = f"/steps/{number}/id"
    key = document.location(pointer, key=True)
    value = document.location(pointer)
    start = document.lines.offset(value.line, value.column)
    end = document.lines.offset(value.end_line, value.end_column)
    written = document.text[start:end]
    if not written or "\n" in written:
        return None
    at = Location(value.path, value.end_line, value.end_column, value.end_line, value.end_column)
    line = document.text[document.lines.offset(key.line, 1) :].partition("\n")[0].rstrip("\r")
    before, after = line[: key.column - 1], line[value.end_column - 1 :]
    if document.syntax == "json":
        lead = f"\n{before}" if not before.strip() else " "
        text = f',{lead}"name": {json.dumps(document.at(pointer), ensure_ascii=False)}'
        return Fix("name the step by its id", (Edit(at, text),), Safety.SAFE)
    if before.replace("-", " ").strip():  # `{id: a, …}`
        return Fix("name the step by its id", (Edit(at, f", name: {written}"),), Safety.SAFE)
    indent = " " * (key.column - 1)
    ending = "\r\n" if "\r\n" in document.text else "\n"
    if after.strip():
        end_of_line = key.column + len(line[key.column - 1 :])
        at = Location(value.path, value.end_line, end_of_line, value.end_line, end_of_line)
    return Fix(
        "name the step by its id", (Edit(at, f"{ending}{indent}name: {written}"),), Safety.SAFE
    )
