"""The one byte form of a JSON value: RFC 8785, in the profile that the journal keeps to.

The profile (schemas/receipts/README.md) leaves out what canonicalisers disagree about: ASCII
keys, no floats, integers below 2**53, no lone surrogates, no duplicate keys, depth 32.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

import orjson

MAX_DEPTH = 32
MAX_INTEGER = 2**53 - 1

_OPTIONS = (
    orjson.OPT_SORT_KEYS
    | orjson.OPT_STRICT_INTEGER
    | orjson.OPT_PASSTHROUGH_DATACLASS
    | orjson.OPT_PASSTHROUGH_DATETIME
    | orjson.OPT_PASSTHROUGH_SUBCLASS
)


class NotCanonical(ValueError):
    """A value outside the profile, or bytes that are not the canonical form of what they hold."""


def canonical(value: Any) -> bytes:
    """Bytes of `value` in the profile; raises NotCanonical for what the profile leaves out.

    Inside the profile orjson's sorted form is RFC 8785's (ASCII keys sort alike by code point and
    by UTF-16 unit; there are no floats), at a fiftieth of the time; the tests hold it against
    `rfc8785`.
    """
    _check(value, 0)
    try:
        return orjson.dumps(value, option=_OPTIONS)
    except TypeError as error:  # a lone surrogate: everything else was looked at
        raise NotCanonical(f"not in the profile: {error}") from error


def canonical_user_value(value: Any) -> bytes:
    """RFC 8785 without the profile: inputs and outputs may hold floats and any key."""
    try:
        return canonical(value)  # in the profile the fast form is the same
    except NotCanonical:
        import rfc8785
    try:
        return rfc8785.dumps(value)
    except (rfc8785.CanonicalizationError, RecursionError, UnicodeError) as error:
        raise NotCanonical(f"the value has no canonical JSON form: {error}") from error


def parse_line(line: bytes) -> Any:
    """The value of a stored line; NotCanonical where the bytes are not its canonical form."""
    try:
        value = json.loads(line.decode("utf-8"), object_pairs_hook=_no_duplicates)
    except (ValueError, RecursionError) as error:
        raise NotCanonical(f"not one JSON value: {error}") from error
    if canonical(value) != line:
        raise NotCanonical("the bytes are not the canonical form of the value they hold")
    return value


def sha256_hex(data: bytes) -> str:
    """SHA-256 as 64 lower-case hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise NotCanonical("a key stands twice in one object")
    return value


def _check(value: Any, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise NotCanonical(f"deeper than {MAX_DEPTH} levels")
    kind = type(value)
    if kind is str or kind is bool or value is None:
        return
    if kind is int:
        if abs(value) > MAX_INTEGER:
            raise NotCanonical(f"the integer {value} is not below 2**53")
        return
    if kind is dict:
        for key, item in value.items():
            if type(key) is not str or not key.isascii():
                raise NotCanonical(f"the key {key!r} is not an ASCII string")
            if type(item) is not str:  # most values are: saves a call for each
                _check(item, depth + 1)
        return
    if kind is list or kind is tuple:
        for item in value:
            _check(item, depth + 1)
        return
    raise NotCanonical(f"{kind.__name__} has no place in a record (decimals are strings)")
