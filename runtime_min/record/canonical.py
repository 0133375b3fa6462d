"""The one byte form of a JSON value: RFC 8785, in the profile that the journal keeps to.

The profile (schemas/receipts/README.md) leaves out what canonicalisers disagree about: ASCII
keys, no floats, integers below 2**53, no lone surrogates, no duplicate keys, depth 32.
"""

from __future__ import annotations

import hashlib
import re
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


# Where orjson may have written a float; each begins with what makes it fast to search for.
_IN_OBJECT = re.compile(rb'":-?\d+[.eE]')
_AFTER_COMMA = re.compile(rb",-?\d+[.eE]")
_FIRST = re.compile(rb"\[-?\d+[.eE]")


class NotCanonical(ValueError):
    """A value outside the profile, or bytes that are not the canonical form of what they hold."""


def canonical(value: Any) -> bytes:
    """Bytes of `value` in the profile; raises NotCanonical for what the profile leaves out.

    Inside the profile orjson's sorted form is RFC 8785's (ASCII keys sort alike by code point and
    by UTF-16 unit; there are no floats), at a fiftieth of the time; the tests hold it against
    `rfc8785`. Nearly always the bytes alone show that nothing else can have gone in.
    """
    try:
        line = orjson.dumps(value, option=_OPTIONS)
    except TypeError as error:
        _check(value, 0)
        raise NotCanonical(f"not in the profile: {error}") from error  # a lone surrogate
    if not _shows_profile(line):
        _check(value, 0)
    return line


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
    """The value of a stored line; NotCanonical where the bytes are not its canonical form.

    What a parser could read in two ways (a key that stands twice, a minus before a zero) does not
    come out of it as it went in, and is refused by that.
    """
    try:
        value = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise NotCanonical(f"not one JSON value: {error}") from error
    if canonical(value) != line:
        raise NotCanonical("the bytes are not the canonical form of the value they hold")
    return value


def sha256_hex(data: bytes) -> str:
    """SHA-256 as 64 lower-case hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def _shows_profile(line: bytes) -> bool:
    """Whether the bytes that orjson made show that the value was in the profile; may say no."""
    return (
        line.isascii()  # so are the keys
        and line[:1] in b'{["'
        and line.count(b"{") + line.count(b"[") <= MAX_DEPTH
        and b"null" not in line  # which it also makes of NaN and of infinity
        and not _IN_OBJECT.search(line)
        and not _AFTER_COMMA.search(line)
        and not _FIRST.search(line)
    )


def _check(value: Any, depth: int) -> None:
    kind = type(value)
    if kind is dict:
        items = value.values()
        for key in value:
            if type(key) is not str or not key.isascii():
                raise NotCanonical(f"the key {key!r} is not an ASCII string")
    elif kind is list or kind is tuple:
        items = value
    else:
        items = (value,)
        depth -= 1  # a scalar is no level
    if depth > MAX_DEPTH:
        raise NotCanonical(f"deeper than {MAX_DEPTH} levels")
    for item in items:
        kind = type(item)
        if kind is str or kind is bool or item is None:
            continue
        if kind is int:
            if not -MAX_INTEGER <= item <= MAX_INTEGER:
                raise NotCanonical(f"the integer {item} is not below 2**53")
        elif kind is dict or kind is list or kind is tuple:
            _check(item, depth + 1)
        else:
            raise NotCanonical(f"{kind.__name__} has no place in a record (decimals are strings)")
