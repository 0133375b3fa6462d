"""What the schemas of the step types say of their parameters beside their types.

`schemas/steps/README.md` has the vocabulary. Read once; a schema file is the only place
where a step type is described, for the rules, the runtime and an editor alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from govlint.documents.document import split_pointer
from govlint.documents.schema import load_schema, schema_names

_FOLDER = "steps/"


@cache
def step_types() -> frozenset[str]:
    """The names of all step types."""
    names = schema_names()
    return frozenset(n.removeprefix(_FOLDER) for n in names if n.startswith(_FOLDER))


@cache
def described(step_type: str) -> Mapping[str, Any]:
    """What `x-govlint` says of a step type: `can-hang`, `writes`, `outputs`, `nested-steps` …"""
    found: Mapping[str, Any] = load_schema(_FOLDER + step_type)["x-govlint"]
    return found


@cache
def roles_of(step_type: str, parameter: str) -> tuple[str, ...]:
    """The roles of one parameter, such as `path-write`; none for plain data."""
    described = load_schema(_FOLDER + step_type)["properties"].get(parameter, {})
    return tuple(described.get("x-govlint", {}).get("roles", ()))


@cache
def alternatives(step_type: str) -> list[list[str]]:
    """The forms a type may be given in, each the parameters that it needs; none for one form."""
    return [list(form["required"]) for form in load_schema(_FOLDER + step_type).get("anyOf", ())]


def accepted_form(step_type: str, pointer: str) -> str:
    """What the schema calls the value at a pointer into the parameters; empty where nothing."""
    schema: Any = load_schema(_FOLDER + step_type)
    for part in split_pointer(pointer):
        if part.isdecimal() and "items" in schema:
            schema = schema["items"]
        else:
            within = schema.get("properties", {}).get(part)
            schema = within if within is not None else schema.get("additionalProperties")
        if not isinstance(schema, Mapping):
            return ""
    return str(schema.get("title", "")) or _TYPES.get(_only_type(schema), "")


def _only_type(schema: Mapping[str, Any]) -> str:
    types = schema.get("type", "")
    left = [name for name in types if name != "null"] if isinstance(types, list) else [types]
    return str(left[0]) if len(left) == 1 else ""


_TYPES = {"string": "text", "object": "a mapping"}
