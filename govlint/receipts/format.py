"""The published schemas and tables of `schemas/receipts`, loaded when first asked for."""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any

from govlint.data import data_dir

if TYPE_CHECKING:
    from collections.abc import Mapping


@cache
def validator(name: str) -> Any:
    """The validator of `schemas/receipts/<name>.schema.json`."""
    import jsonschema_rs

    return jsonschema_rs.validator_for(_load(f"{name}.schema.json"))


def schema_fault(name: str, value: Any) -> str:
    """What the schema has against a value, as one clause with its place; empty where nothing."""
    check = validator(name)
    if check.is_valid(value):
        return ""
    errors = sorted(
        (("/".join(str(part) for part in error.instance_path), error.message))
        for error in check.iter_errors(value)
    )
    place, message = errors[0]
    said = " ".join(message.split())
    return f"{said[:300]} (at /{place})" if place else said[:300]


@cache
def tables() -> Mapping[str, Any]:
    """`state-machines.json`: the machines, the terminal events, the gate's checks in order."""
    loaded: Mapping[str, Any] = _load("state-machines.json")
    return loaded


def machine(name: str) -> Mapping[str, list[str]]:
    """From each state of a machine those it may go to; `""` is where an entity begins."""
    found: Mapping[str, list[str]] = tables()["machines"][name]
    return found


def _load(name: str) -> Any:
    return json.loads((data_dir("schemas") / "receipts" / name).read_text(encoding="utf-8"))
