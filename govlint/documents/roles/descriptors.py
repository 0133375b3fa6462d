"""The descriptor of a role's parameter: what it accepts, and what text on a line stands for.

A descriptor speaks JSON Schema, so that a schema library judges values; only words that
need no other document and no unbounded matching are handed to it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

_WORDS = frozenset(
    (
        "type enum const minimum maximum exclusiveMinimum exclusiveMaximum multipleOf minLength"
        " maxLength pattern minItems maxItems uniqueItems"
    ).split()
)
_TYPES = frozenset("string integer number boolean array object null".split())
_MAX_DEPTH = 20
_INTEGER = re.compile(r"[+-]?[0-9]{1,300}")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
_ITEM = re.compile(
    r"""\s*(?:"(?P<double>(?:[^"\\]|\\.)*)"|'(?P<single>(?:[^'\\]|\\.)*)'|(?P<bare>[^\s,"'\[\]]+))\s*(?P<end>,|\]$)"""
)


def accepts_schema(descriptor: Mapping[str, Any], depth: int = 0) -> dict[str, Any]:
    """The schema that a descriptor states, without what is no word of one or wrongly typed."""
    schema: dict[str, Any] = {}
    for word, value in descriptor.items():
        if word in _WORDS and _is_sound(word, value):
            schema[word] = value
    if descriptor.get("nullable") is True and isinstance(schema.get("type"), str):
        schema["type"] = [schema["type"], "null"]
    items, properties = descriptor.get("items"), descriptor.get("properties")
    if depth < _MAX_DEPTH:
        if isinstance(items, Mapping):
            schema["items"] = accepts_schema(items, depth + 1)
        if isinstance(properties, Mapping):
            schema["properties"] = {
                str(name): accepts_schema(part, depth + 1)
                for name, part in properties.items()
                if isinstance(part, Mapping)
            }
    return schema


def _is_sound(word: str, value: Any) -> bool:
    if word == "type":
        names = value if isinstance(value, list) and value else [value]
        return all(isinstance(name, str) and name in _TYPES for name in names)
    if word == "enum":
        return isinstance(value, list) and bool(value)
    if word == "const":
        return True
    if word == "pattern":
        return isinstance(value, str)
    if word == "uniqueItems":
        return isinstance(value, bool)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    if word.startswith(("min", "max")) and word not in ("minimum", "maximum"):
        return isinstance(value, int) and value >= 0
    return word != "multipleOf" or value > 0


def refusals(value: Any, descriptor: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Why a descriptor does not accept a value: pointers into it with what to say."""
    from govlint.documents.schema import breaches

    schema = accepts_schema(descriptor)
    found = breaches(value, schema)
    if found is None:  # its pattern is none
        schema.pop("pattern", None)
        found = breaches(value, schema) or []
    return [(violation.pointer, violation.message) for violation in found]


class ValueFault(ValueError):
    """Text that stands for no value of the descriptor's type; the message says what is due."""


def value_of(text: str, descriptor: Mapping[str, Any]) -> Any:
    """What the text of an option or input stands for. Raises ValueFault."""
    kind = descriptor.get("type")
    if isinstance(kind, list):
        return _of_several(text, kind, descriptor)
    if kind == "boolean":
        if text.lower() in ("true", "false"):
            return text.lower() == "true"
        raise ValueFault(f"found {_shown(text)}, accepted is true or false")
    if kind == "integer":
        if _INTEGER.fullmatch(text):
            return int(text)
        raise ValueFault(f"found {_shown(text)}, accepted is a whole number")
    if kind == "number":
        if _INTEGER.fullmatch(text):
            return int(text)
        if _NUMBER.fullmatch(text):
            return float(text)
        raise ValueFault(f"found {_shown(text)}, accepted is a number")
    if kind == "array":
        return _list(text, descriptor)
    if kind == "object":
        return _mapping(text)
    if kind is None:
        return _untyped(text, descriptor)
    return text


def _of_several(text: str, kinds: list[Any], descriptor: Mapping[str, Any]) -> Any:
    """A value of the first of several types that the text stands for; text is the last resort."""
    told: ValueFault | None = None
    for kind in kinds:
        if kind in ("string", "null"):
            continue
        try:
            return value_of(text, {**descriptor, "type": kind})
        except ValueFault as fault:
            told = fault
    if told is None or "string" in kinds:
        return text
    raise told


def _list(text: str, descriptor: Mapping[str, Any]) -> list[Any]:
    """A list: `["a","b"]`, `['a']` or `a,b`."""
    items = descriptor.get("items")
    entry = items if isinstance(items, Mapping) else {}
    if not text.startswith("["):
        return [value_of(part.strip(), entry) for part in text.split(",")] if text else []
    if not text.endswith("]"):
        raise ValueFault(f"found {_shown(text)}, accepted is a list such as {_sample(text)}")
    values: list[Any] = []
    inner, at = text[1:], 0
    if not inner[:-1].strip():
        return []
    while at < len(inner):
        found = _ITEM.match(inner, at)
        if found is None:
            raise ValueFault(f"found {_shown(text)}, accepted is a list such as {_sample(text)}")
        quoted = found["double"] if found["double"] is not None else found["single"]
        if quoted is not None:
            values.append(re.sub(r"\\(.)", r"\1", quoted))
        else:
            values.append(_bare(found["bare"], entry, text))
        at = found.end()
        if found["end"] != ",":
            return values if at == len(inner) else _no_list(text)
    return _no_list(text)


def _bare(word: str, entry: Mapping[str, Any], text: str) -> Any:
    if _NUMBER.fullmatch(word):
        return json.loads(word.lstrip("+")) if _is_json(word.lstrip("+")) else float(word)
    if word in ("true", "false"):
        return word == "true"
    raise ValueFault(f"`{word}` in {_shown(text)} is text without quotes: write {_sample(word)}")


def _no_list(text: str) -> list[Any]:
    raise ValueFault(f"found {_shown(text)}, accepted is a list such as {_sample(text)}")


def _mapping(text: str) -> dict[str, Any]:
    value = json.loads(text) if _is_json(text) else None
    if isinstance(value, dict):
        return value
    raise ValueFault(f"found {_shown(text)}, accepted is a mapping in JSON")


def _untyped(text: str, descriptor: Mapping[str, Any]) -> Any:
    """A value of a descriptor without a type: what its enum holds, as text or as JSON has it."""
    options = descriptor.get("enum")
    if isinstance(options, list) and text not in options and _is_json(text):
        value = json.loads(text)
        if value in options:
            return value
    return text


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _sample(text: str) -> str:
    words = [part.strip() for part in re.split(r"[\[\],\"']+", text) if part.strip()][:2]
    return json.dumps(words or ["a", "b"], separators=(",", ":"), ensure_ascii=False)


def _shown(text: str) -> str:
    short = text if len(text) <= 60 else text[:59] + "…"
    return f"`{short}`" if text else "no value"
