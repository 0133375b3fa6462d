"""`{{ … }}` in a mission: what it refers to (spec 002, Variable Substitution).

Four sources: `env.NAME`, `STEP.output` with or without fields, `context.NAME`,
`config.NAME`. `{{{{` writes two braces. Single braces and `$` are text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from govlint.documents.document import Document
from govlint.documents.missions.mission import Mission, Step, Text
from govlint.model import Location

FORMS = "{{env.NAME}}, {{STEP.output.FIELD}}, {{context.NAME}} and {{config.NAME}}"
_TEMPLATE = re.compile(r"\{\{\{\{|\{\{(?P<inside>[^{}]*)\}\}")
_NAME = re.compile(r"[A-Za-z_][\w-]*(?:\.[\w-]+|\[\d+\])*")
_SOURCES = ("env", "context", "config")
# what a step's dependents see of it whatever its type
_LONG_ENOUGH = 5  # letters, for a name to be told from another that is near
_ALWAYS = ("status", "error", "duration_ms", "step_id")
# settings that every mission has, written down or not
_SETTINGS = frozenset(
    "timeout_seconds fail_fast max_concurrent_steps retry_attempts retry_delay_ms".split()
)


@dataclass(frozen=True, slots=True)
class Reference:
    """One `{{ … }}`: its text without blanks, and where it stands in the string."""

    name: str
    start: int
    end: int

    @property
    def source(self) -> str:
        """The part before the first dot."""
        return self.name.partition(".")[0]


def references(text: str) -> Iterator[Reference]:
    """The references in a string, in order."""
    if "{{" not in text:
        return
    for found in _TEMPLATE.finditer(text):
        inside = found["inside"]
        if inside is not None:
            yield Reference(inside.strip(), found.start(), found.end())


def step_of(mission: Mission, name: str) -> Step | None:
    """The step whose output a reference names, if it has that form. Ids may hold dots."""
    found = None
    for end in _ends(name):
        found = mission.by_id.get(name[:end]) or found
    return found


def _ends(name: str) -> Iterator[int]:
    for word in (".output", ".status", ".error"):
        at = name.find(word)
        while at > 0:
            after = name[at + len(word) : at + len(word) + 1]
            if after in ("", ".", "["):
                yield at
            at = name.find(word, at + 1)


def fault_of(mission: Mission, text: Text, reference: Reference) -> str | None:
    """Why a reference names nothing; None where it names something, or a step out of order."""
    name = reference.name
    if text.text[: reference.start].endswith("$") and not _is_of_a_source(mission, name):
        return None  # `${{ secrets.TOKEN }}` is text for another program
    if not name:
        return f"`{{{{}}}}` names nothing; the forms are {FORMS}"
    source, _, rest = name.partition(".")
    if step_of(mission, name) is not None and source not in _SOURCES:
        return _field_fault(mission, name)
    if text.step is not None and _is_earlier(text.step, name):
        return None
    if source in ("env", "context"):
        if _NAME.fullmatch(rest):
            return None
        return f"`{{{{{name}}}}}` has no name after `{source}.`; write {{{{{source}.NAME}}}}"
    if source == "config":
        return _config_fault(mission, name, rest)
    return _unknown(mission, text, name, source)


def _is_of_a_source(mission: Mission, name: str) -> bool:
    return name.partition(".")[0] in _SOURCES or any(True for _ in _ends(name))


def place_of(document: Document, text: Text, reference: Reference) -> Location:
    """Where a reference stands: in a value, or in the key of a mapping."""
    if text.is_key:
        return document.location(text.pointer, key=True)
    return document.scalar_location(text.pointer, reference.start, reference.end)


def _config_fault(mission: Mission, name: str, rest: str) -> str | None:
    value: object = mission.config
    parts = rest.split(".")
    if rest in _SETTINGS:
        return None
    for part in parts:
        if not isinstance(value, dict) or part not in value:
            if parts[0] in ("variables",) or not rest:
                break
            from govlint.documents.schema import nearest

            near = nearest(part, [*mission.config, *_SETTINGS])
            hint = f"; did you mean `{{{{config.{near}}}}}`?" if near and part == parts[0] else ""
            return f"`{{{{{name}}}}}` names a setting that `config` does not have{hint}"
        value = value[part]
    return None if rest else f"`{{{{{name}}}}}` has no name after `config.`"


def _field_fault(mission: Mission, name: str) -> str | None:
    step = step_of(mission, name)
    assert step is not None
    rest = name[len(step.id) :].removeprefix(".output")
    if rest.endswith("."):
        return f"`{{{{{name}}}}}` has no name after its last dot"
    field = re.split(r"[.\[]", rest.lstrip("."))[0]
    outputs = step.notes.get("outputs") or {}
    if not field or not outputs or field in outputs or field in _ALWAYS:
        return None
    from govlint.documents.schema import nearest

    near = nearest(field, outputs)
    if step.notes.get("open-outputs") and (near is None or len(field) < _LONG_ENOUGH):
        return None  # it may give that too; only what is all but a name it gives is a slip
    hint = f"; did you mean `{near}`?" if near else f"; it has {', '.join(outputs)}"
    return f"`{{{{{name}}}}}` names a field that the output of a {step.kind} step has not{hint}"


def _is_earlier(step: Step, name: str) -> bool:
    """Whether a name means what an earlier sub-step of the same chain gave."""
    return any(name == other or name.startswith(f"{other}.") for other in step.earlier if other)


def _unknown(mission: Mission, text: Text, name: str, source: str) -> str:
    from govlint.documents.schema import nearest

    head = next((name[:end] for end in _ends(name)), "")
    if head:
        near = nearest(head, mission.by_id)
        hint = f"; did you mean {near!r}?" if near else ""
        return f"`{{{{{name}}}}}` names the output of {head!r}, which is no step{hint}"
    said = f"`{{{{{name}}}}}` is none of the four forms: {FORMS}"
    if name in mission.by_id:
        return f"{said}; the output of that step is `{{{{{name}.output}}}}`"
    if source in mission.by_id and "." in name:
        field = name.partition(".")[2]
        return f"{said}; did you mean `{{{{{source}.output.{field}}}}}`?"
    return said
