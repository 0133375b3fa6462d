"""A mission step is given what its type takes: nothing missing, unknown or of another type.

What a type takes is its schema's to say (`schemas/steps/`); here is only what a schema
cannot: which of several refusals are one fault, and where it stands.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from govlint.model import Finding

if TYPE_CHECKING:
    from govlint.documents.document import Document, Documents
    from govlint.documents.schema import Violation
    from govlint.model import Rule

KIND = "step-parameters"
TRIGGERS: tuple[str, ...] = ()
DOCUMENTS = ("mission",)

_MAX_NESTING = 50  # of chains in chains
_OF_VALUES = ("minimum", "maximum", "minLength", "minItems", "pattern")
_STEP_KEYS = {"name": "step_name", "id": "step_name", "type": "step_type"}


@dataclass(frozen=True)
class Params:
    """This check has no settings."""


class _Step(NamedTuple):
    """One step or sub-step: where it stands, how a message calls it, and what it is given."""

    pointer: str
    called: str
    kind: str
    parameters: Mapping[str, Any]
    written: bool  # whether the key `parameters` is there


def run(rule: Rule, params: Params, documents: Documents) -> Iterable[Finding]:
    """Report each parameter that its step type does not take so, and each that it lacks."""
    for document in documents.of("mission"):
        if isinstance(document.value, dict):
            for step in _steps(document.value.get("steps"), "/steps", ("id", "name")):
                for pointer, key, message in _faults(step, document):
                    yield rule.finding(
                        f"{step.called} {message}",
                        document.location(pointer, key=key),
                    )


def _steps(listed: Any, pointer: str, names: tuple[str, ...], depth: int = 0) -> Iterator[_Step]:
    """All steps of a list whose type is known, with the sub-steps of chains."""
    from govlint.documents.steps import described, step_types

    if not isinstance(listed, list) or depth > _MAX_NESTING:
        return
    known = step_types()
    for number, entry in enumerate(listed):
        if not isinstance(entry, dict):
            continue
        kind, given = entry.get("step_type"), entry.get("parameters")
        if not isinstance(kind, str) or kind not in known:
            continue
        if given is not None and not isinstance(given, dict):
            continue  # it breaks the mission's schema, which says so
        place = f"{pointer}/{number}"
        named = next((entry[key] for key in names if isinstance(entry.get(key), str)), "")
        called = f"step {named!r} ({kind})" if named else f"this {kind} step"
        yield _Step(place, called, kind, given or {}, "parameters" in entry)
        nested = described(kind).get("nested-steps", {})
        if given and "loaders" in nested:
            yield from _tool(given, nested, place, called)
        if given and "list-in" in nested:
            inner = f"{place}/parameters/{nested['list-in']}"
            yield from _steps(given.get(nested["list-in"]), inner, (nested["name-in"],), depth + 1)


def _tool(
    given: Mapping[str, Any], nested: Mapping[str, Any], place: str, called: str
) -> Iterator[_Step]:
    """What a tool is given, where it is one that a step type describes."""
    name, inner = given.get(nested["type-in"]), given.get(nested["parameters-in"])
    if isinstance(name, str) and name in nested["types"] and isinstance(inner, dict):
        called = f"{called.rpartition(' (')[0] or called} ({name})"
        yield _Step(f"{place}/parameters", called, name, inner, True)


def _faults(step: _Step, document: Document) -> Iterator[tuple[str, bool, str]]:
    """Each fault of one step: its pointer, whether the key is meant, and what to say."""
    from govlint.documents.schema import is_valid, violations
    from govlint.documents.steps import alternatives

    name = f"steps/{step.kind}"
    if is_valid(step.parameters, name):
        return
    base = f"{step.pointer}/parameters"
    found = _told_apart(violations(step.parameters, name))
    slips = {
        (v.pointer.rpartition("/")[0], v.nearest)
        for v in found
        if v.keyword == "additionalProperties" and v.nearest
    }
    forms = alternatives(step.kind)
    lacking = [] if _any_form(step, forms, {key for at, key in slips if not at}) else forms
    members = {key for form in forms for key in form}
    missing: dict[str, list[str]] = {}
    for violation in found:
        pointer, keyword = violation.pointer, violation.keyword
        if keyword == "required":
            if (pointer, violation.name) in slips or (
                violation.name in members and _of_form(violation)
            ):
                continue
            missing.setdefault(pointer, []).append(violation.name)
        elif keyword == "additionalProperties":
            yield base + pointer, True, _unknown(violation)
        elif keyword == "not":
            continue  # null where a form needs a value: the form is lacking
        elif keyword == "minimum" and _is_bound(step.kind, pointer):
            continue  # whether a bound fits is another rule's to say
        else:
            yield base + pointer, False, _wrong(step, violation, document, base + pointer)
    if lacking and not any(set(keys) & members for keys in missing.values()):
        missing.setdefault("", []).append(_forms(lacking))
    for pointer, keys in missing.items():
        said = " and ".join(key if " " in key or "`" in key else f"`{key}`" for key in keys)
        if pointer:
            yield base + pointer, False, f"needs {said} in the sub-step"
        elif step.written:
            yield base, True, f"needs {said}"
        else:
            yield step.pointer, False, f"needs `parameters` with {said}"


def _is_bound(kind: str, pointer: str) -> bool:
    """Whether a parameter is a bound of its step, or one of a sub-step of a chain."""
    from govlint.documents.steps import described, roles_of

    *above, name = pointer.split("/")[1:]
    if not above:
        return "timeout" in roles_of(kind, name)
    nested = described(kind).get("nested-steps", {})
    listed, bound = nested.get("list-in"), nested.get("timeout-in", "timeout_seconds")
    return (above[0], name) == (listed, bound)


def _told_apart(found: list[Violation]) -> list[Violation]:
    """The same refusals, with a step's own keys in a sub-step taken for what they mean there."""
    lacking = {(v.pointer, v.name) for v in found if v.keyword == "required"}
    told = []
    mistyped = {v.pointer for v in found if v.keyword == "type"}
    for violation in found:
        if violation.pointer in mistyped and violation.keyword in _OF_VALUES:
            continue  # it is of the wrong type, so its size says nothing
        place, _, key = violation.pointer.rpartition("/")
        meant = _STEP_KEYS.get(key, "")
        if violation.keyword == "additionalProperties" and (place, meant) in lacking:
            lacking.discard((place, meant))
            violation = replace(violation, nearest=meant)
        told.append(violation)
    return told


def _of_form(violation: Violation) -> bool:
    return "read as" in violation.message


def _any_form(step: _Step, forms: list[list[str]], slips: set[str]) -> bool:
    """Whether one of the alternative forms is given, counting a misspelt key as the key."""
    given = {key for key, value in step.parameters.items() if value is not None} | slips
    return not forms or any(given.issuperset(form) for form in forms)


def _forms(forms: list[list[str]]) -> str:
    return ", or ".join(" with ".join(f"`{key}`" for key in form) for form in forms)


def _unknown(violation: Violation) -> str:
    near = violation.nearest
    if near:
        return f"has no parameter `{violation.name}`; did you mean `{near}`?"
    if not violation.accepted:
        return f"has no parameter `{violation.name}`; it takes none"
    return f"has no parameter `{violation.name}`; it takes {', '.join(violation.accepted)}"


def _wrong(step: _Step, violation: Violation, document: Document, pointer: str) -> str:
    from govlint.documents.schema import describe
    from govlint.documents.steps import accepted_form

    path = violation.pointer.removeprefix("/").replace("/", ".")
    form = accepted_form(step.kind, violation.pointer)
    if violation.keyword not in ("type", "pattern") or not form:
        return f"has a wrong `{path}`: {violation.message}"
    hint = document.hint(pointer) if "text" in form else None
    said = f"; {hint}" if hint else ""
    return f"has a wrong `{path}`: found {describe(document.at(pointer))}, accepted is {form}{said}"
