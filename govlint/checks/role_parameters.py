"""A role's parameters fit together: what is required is declared, defaults are accepted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from govlint.model import Finding, Related

if TYPE_CHECKING:
    from govlint.documents.document import Document, Documents
    from govlint.model import Rule

KIND = "role-parameters"
TRIGGERS: tuple[str, ...] = ()
DOCUMENTS = ("role",)

_BASE = "/inputs/parameters"
_SPANS = (
    ("minimum", "maximum"),
    ("minLength", "maxLength"),
    ("minItems", "maxItems"),
)


@dataclass(frozen=True)
class Params:
    """This check has no settings."""


def run(rule: Rule, params: Params, documents: Documents) -> Iterable[Finding]:
    """Report required names that nothing declares, and defaults that would be refused."""
    for document in documents.of("role"):
        for pointer, message, related in _faults(document):
            yield rule.finding(
                message,
                document.location(pointer),
                related=(
                    (Related(document.location(related), "the constraint"),) if related else ()
                ),
            )


def _faults(document: Document) -> Iterator[tuple[str, str, str]]:
    role = document.value
    inputs = role.get("inputs") if isinstance(role, dict) else None
    if not isinstance(inputs, dict):
        return
    declared = inputs.get("parameters")
    parameters = declared if isinstance(declared, dict) else {}
    yield from _undeclared(inputs.get("required"), parameters)
    defaults: dict[str, Any] = {}
    for name, descriptor in parameters.items():
        if not isinstance(descriptor, dict):
            continue
        base = _pointer(name)
        impossible = _impossible(descriptor)
        if impossible is not None:
            yield (
                f"{base}/{impossible[0]}",
                f"parameter `{name}` accepts nothing: {impossible[1]}",
                "",
            )
        elif "default" in descriptor:
            found = _refused(descriptor)
            for pointer, message in found:
                said = f"the default of `{name}` is none of its values: {message}"
                yield f"{base}/default{pointer}", said, ""
            if not found:
                defaults[name] = descriptor["default"]
    yield from _broken(role, defaults)


def _pointer(name: str) -> str:
    from govlint.documents.document import join_pointer

    return _BASE + join_pointer([name])


def _undeclared(required: Any, parameters: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    from govlint.documents.schema import nearest

    if not isinstance(required, list):
        return
    for number, name in enumerate(required):
        if not isinstance(name, str):
            continue
        pointer = f"/inputs/required/{number}"
        if name not in parameters:
            near = nearest(name, parameters)
            hint = f"did you mean `{near}`?" if near else "declare it or take it out"
            yield pointer, f"`{name}` is required and not declared; {hint}", ""
        elif isinstance(parameters[name], dict) and parameters[name].get("required") is False:
            yield pointer, f"`{name}` is required here, and its declaration says that it is not", ""


def _impossible(descriptor: Mapping[str, Any]) -> tuple[str, str] | None:
    """Why no value at all fits a descriptor: the key that says so, and the reason."""
    from govlint.documents.roles.descriptors import accepts_schema, refusals

    schema = accepts_schema(descriptor)
    for low, high in _SPANS:
        if low in schema and high in schema and schema[low] > schema[high]:
            return low, f"`{low}` {schema[low]} is above `{high}` {schema[high]}"
    options = schema.get("enum")
    if options and all(refusals(option, descriptor) for option in options):
        return "enum", f"none of its `enum` is {schema.get('type', 'one of its values')}"
    return None


def _refused(descriptor: Mapping[str, Any]) -> list[tuple[str, str]]:
    from govlint.documents.roles.descriptors import refusals

    return refusals(descriptor["default"], descriptor)


def _broken(role: Mapping[str, Any], defaults: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Defaults that break one of the role's own constraints."""
    from govlint.documents.roles.domains import breaks, satisfiable_rules

    told = set()
    for pointer, text, rule in satisfiable_rules(role):
        name = breaks(rule, defaults)
        if name is not None and name not in told:
            told.add(name)
            said = f"the default of `{name}` breaks the role's own constraint `{text}`"
            yield f"{_pointer(name)}/default", said, pointer
