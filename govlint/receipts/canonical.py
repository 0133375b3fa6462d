"""The one byte form that a value has in a receipt, as a reader sees it.

RFC 8785 in the profile of schemas/receipts/README.md: ASCII keys, no floats, integers within
2**53 - 1, no lone surrogates, no key twice, 32 levels. A reader never makes bytes to check a
signature over; it only asks whether stored bytes are the canonical form of what they hold.

Inside the profile orjson's sorted form is RFC 8785's; tests hold it against `rfc8785` and against
the standard library's parser, since a runtime may well write with orjson too.
"""

from __future__ import annotations

import re
from typing import Any

from govlint.receipts.faults import Malformed

MAX_DEPTH = 32
MAX_INTEGER = 2**53 - 1
MAX_LINE = 1 << 20

# what could be a float or a large integer; that it stands in a string is found by looking into it
_IN_OBJECT = re.compile(rb'":-?(?:[0-9]{16}|[0-9]+[.eE])')
_IN_ARRAY = re.compile(rb"[\[,]-?[0-9]")


def parse(data: bytes) -> Any:
    """The value of canonical bytes. Raises Malformed for bytes that are not canonical."""
    import orjson

    try:
        value = orjson.loads(data)
        same = orjson.dumps(value, option=orjson.OPT_SORT_KEYS) == data
    except (orjson.JSONDecodeError, orjson.JSONEncodeError, RecursionError) as error:
        said = " ".join(str(error).split())
        raise Malformed(f"is no JSON value: {said}") from None
    if not same:
        raise Malformed("is not in canonical form (RFC 8785): its bytes are not those of its value")
    arrays = data.count(b"[")
    if (
        arrays + data.count(b"{") > MAX_DEPTH
        or not data.isascii()
        or data[:1] != b"{"
        or _IN_OBJECT.search(data)
        or (arrays and _IN_ARRAY.search(data))
    ):
        _check(value, 1)
    return value


def canonical(value: Any) -> bytes:
    """The bytes of a value of the profile. Raises Malformed for a value outside of it."""
    import orjson

    _check(value, 1)
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except orjson.JSONEncodeError as error:
        raise Malformed(f"has no canonical form: {error}") from None


def _check(value: Any, depth: int) -> None:
    if isinstance(value, float):
        raise Malformed(f"holds the number {value!r}; decimals are strings here")
    if isinstance(value, int):
        if not -MAX_INTEGER <= value <= MAX_INTEGER:
            raise Malformed(f"holds the integer {value}, which is not below 2**53")
    elif isinstance(value, dict | list):
        if depth > MAX_DEPTH:
            raise Malformed(f"is nested more than {MAX_DEPTH} deep")
        if isinstance(value, dict):
            for key in value:
                if not key.isascii():
                    raise Malformed(f"has the key {key!r}; keys are ASCII")
        for item in value.values() if isinstance(value, dict) else value:
            _check(item, depth + 1)
