"""A role definition or registry can be read and keeps to its schema.

The schemas allow further keys, so that a team can add its own; one that is all but a key
of the schema is a slip, and its value would be ignored without a word.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from govlint.model import Finding

if TYPE_CHECKING:
    from govlint.documents.document import Document, Documents
    from govlint.model import Location, Rule

KIND = "role-schema"
TRIGGERS: tuple[str, ...] = ()
DOCUMENTS = ("role", "role-registry")

_ALIKE = 0.85  # of two spellings, from 0 to 1
_MAX_DEPTH = 30


@dataclass(frozen=True)
class Params:
    """This check has no settings."""


def run(rule: Rule, params: Params, documents: Documents) -> Iterable[Finding]:
    """Report what cannot be read, what breaks the schema, and keys that are slips."""
    for document in documents.of(*DOCUMENTS):
        for location, message in _faults(document):
            yield rule.finding(
                message,
                location,
            )


def _faults(document: Document) -> Iterator[tuple[Location, str]]:
    from govlint.documents.schema import load_schema, violations

    for fault in document.faults:
        yield document.fault_location(fault), fault.message
    if document.faults:
        return
    schema = load_schema(document.kind)
    slips = dict(_slips(document.value, schema, schema, ""))
    meant = {(pointer.rpartition("/")[0], key) for pointer, key in slips.items()}
    found = violations(document, document.kind)
    missing = {(v.pointer, v.name) for v in found if v.keyword == "required"}
    for pointer, key in slips.items():
        place = pointer.rpartition("/")
        needed = ", which is missing" if (place[0], key) in missing else ""
        said = f"there is no key `{place[2]}` here; did you mean `{key}`{needed}?"
        yield document.location(pointer, key=True), said
    mistyped = {v.pointer for v in found if v.keyword in ("type", "enum")}
    for violation in found:
        if violation.pointer in mistyped and violation.keyword not in ("type", "enum", "required"):
            continue  # it is of the wrong type, so its size says nothing
        if violation.keyword == "required" and (violation.pointer, violation.name) in meant:
            continue
        at_key = violation.key or violation.keyword == "required"
        where = violation.pointer.removeprefix("/").replace("/", ".")
        said = f"`{where}`: {violation.message}" if where else violation.message
        yield document.location(violation.pointer, key=at_key), said


def _slips(
    value: Any, schema: Mapping[str, Any], root: Mapping[str, Any], pointer: str, depth: int = 0
) -> Iterator[tuple[str, str]]:
    """Keys that are not in the schema and nearly one that is, with that one."""
    from govlint.documents.document import join_pointer

    if depth > _MAX_DEPTH:
        return
    reference = schema.get("$ref", "")
    if reference.startswith("#/$defs/"):
        schema = root["$defs"][reference.removeprefix("#/$defs/")]
    if isinstance(value, list):
        for number, entry in enumerate(value):
            yield from _slips(
                entry, schema.get("items", {}), root, f"{pointer}/{number}", depth + 1
            )
    if not isinstance(value, dict):
        return
    known = schema.get("properties", {})
    further = schema.get("additionalProperties", {})
    for key, inner in value.items():
        place = f"{pointer}{join_pointer([key])}"
        if key in known:
            yield from _slips(inner, known[key], root, place, depth + 1)
        elif further:
            yield from _slips(inner, further, root, place, depth + 1)
        elif near := _slip(key, [name for name in known if name not in value]):
            yield place, near


def _slip(key: str, names: list[str]) -> str | None:
    from difflib import SequenceMatcher

    folded = _fold(key)
    for name in names:
        alike = sorted(folded) == sorted(_fold(name))  # equal, or letters exchanged
        if alike or SequenceMatcher(None, folded, _fold(name)).ratio() >= _ALIKE:
            return name
    return None


def _fold(key: str) -> str:
    return "".join(char for char in key[:100].lower() if char.isalnum() or char == "$")
