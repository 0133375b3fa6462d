"""The fields of a mission, its steps and its configuration are there and of their types."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from govlint.documents.document import Document, Documents
    from govlint.model import Finding, Rule

KIND = "mission-schema"
TRIGGERS: tuple[str, ...] = ()
DOCUMENTS = ("mission",)


@dataclass(frozen=True)
class Params:
    """This check has no settings."""


def run(rule: Rule, params: Params, documents: Documents) -> Iterable[Finding]:
    """Report what breaks the schema; unknown keys and a missing name are warnings."""
    for document in documents.of("mission"):
        if isinstance(document.value, dict):
            yield from _violations(rule, document)
            yield from _unnamed(rule, document)


def _violations(rule: Rule, document: Document) -> Iterator[Finding]:
    from govlint.documents.missions.dialect import of_unknown_key, renamed_key, wrapped
    from govlint.documents.schema import violations
    from govlint.model import Severity

    if wrapped(document):
        said = "the mission stands under the key `mission`; its keys belong at the top"
        yield rule.finding(said, document.location("/mission", key=True))
        return
    found = violations(document, "mission")
    slips = {
        (v.pointer.rpartition("/")[0], of_unknown_key(document, v) or v.nearest)
        for v in found
        if v.keyword == "additionalProperties"
    }
    for violation in found:
        where = violation.pointer
        if violation.keyword == "additionalProperties":
            if _is_referred_to(document, violation.pointer):
                continue
            dialect = of_unknown_key(document, violation)
            right = dialect or violation.nearest
            said = f"there is no key `{violation.name}` here, and it would be ignored"
            said += f"; did you mean `{right}`?" if right else ""
            if not right:
                said += f"; keys are {', '.join(violation.accepted)}"
            fix = renamed_key(document, where, dialect) if dialect else None
            place = document.location(where, key=True)
            yield rule.finding(said, place, severity=Severity.WARNING, fix=fix)
        elif violation.keyword == "required":
            if (where, violation.name) in slips:
                continue  # the misspelt key is the fault
            place = document.location(where, key=bool(where) and not where[-1:].isdigit())
            at = f" of {_called(document, where)}" if where else ""
            yield rule.finding(f"the key `{violation.name}`{at} is missing", place)
        else:
            name = where.removeprefix("/").replace("/", ".")
            yield rule.finding(f"`{name}`: {violation.message}", document.location(where))


def _called(document: Document, pointer: str) -> str:
    value = document.at(pointer)
    name = value.get("id") or value.get("name") if isinstance(value, dict) else None
    return f"step {name!r}" if isinstance(name, str) else f"`{pointer.removeprefix('/')}`"


def _unnamed(rule: Rule, document: Document) -> Iterator[Finding]:
    from govlint.documents.missions.dialect import named
    from govlint.model import Severity

    steps = document.value.get("steps")
    for number, step in enumerate(steps if isinstance(steps, list) else ()):
        if isinstance(step, dict) and "name" not in step and isinstance(step.get("id"), str):
            said = f"step {step['id']!r} has no name"
            yield rule.finding(
                said,
                document.location(f"/steps/{number}"),
                severity=Severity.WARNING,
                fix=named(document, number),
            )


def _is_referred_to(document: Document, pointer: str) -> bool:
    """A setting of the mission's own: somebody reads it as `{{config.NAME}}`."""
    if not pointer.startswith("/config/"):
        return False
    from govlint.documents.missions.mission import mission_of
    from govlint.documents.missions.variables import references

    name = "config." + pointer.removeprefix("/config/")
    return any(
        reference.name == name or reference.name.startswith(f"{name}.")
        for text in mission_of(document).texts()
        for reference in references(text.text)
    )
