"""Reading JSON: the fastest parser there is, and slower ones where it cannot be sure.

The fast reading only has to notice that something may be wrong. What is wrong, and where, is
said by `json_faults`, which knows what people and models write instead of JSON.
"""

from __future__ import annotations

import json
import math
import re
from contextlib import suppress
from typing import Any

from govlint.documents.document import Fault
from govlint.documents.limits import MAX_DEPTH, MAX_DIGITS

_LARGE = 9e18  # a float beyond this may have been a whole number
_KEY_END = re.compile(r'"[ \t\n\r]*:')  # a string may hold one too: never too few are counted
_LONE = re.compile(r"\\u[dD][89a-fA-F]")  # half a surrogate pair, or a whole one


class _SlowError(Exception):
    """The slow reading has to look at this text."""


def read_json(text: str) -> tuple[Any, list[Fault], Any]:
    """The value of a JSON text (RFC 8259), or its faults and what can be made of it."""
    import orjson

    with suppress(ValueError):
        data = text.encode()
        value = orjson.loads(data)
        shallow = text.count("[") + text.count("{") <= MAX_DEPTH
        if shallow and orjson.dumps(value, option=orjson.OPT_INDENT_2) == data.rstrip():
            return value, [], None  # written down again it is the same: nothing was lost
        if _is_sure(text, value):
            return value, [], None
    try:
        value = (_CAREFUL if _LONG_NUMBER.search(text) else _DECODER).decode(text)
        if "\\u" in text and _LONE.search(text):
            value_text = json.dumps(value, ensure_ascii=False)
            value_text.encode()  # UnicodeEncodeError, a ValueError: a lone surrogate
        if not (text.count("[") + text.count("{") > MAX_DEPTH and _too_deep(value)):
            return value, [], None
    except (ValueError, RecursionError, _SlowError):
        pass
    from govlint.documents.json_faults import find_faults

    return None, find_faults(text), _sketch(text)


def _is_sure(text: str, value: Any) -> bool:
    """Whether a value is all that a text says: no key twice, no number cut, not too deep.

    orjson keeps the last of two equal keys, and makes a float of a number beyond 64 bits. A
    text has as many keys as it has colons that stand in no string, so where there are no more
    colons than the value has keys, none is lost.
    """
    keys = 0
    level = [value]
    for _ in range(MAX_DEPTH):
        below: list[Any] = []
        for part in level:
            kind = type(part)
            if kind is dict:
                keys += len(part)
                below += part.values()
            elif kind is list:
                below += part
            elif kind is float and not -_LARGE < part < _LARGE:
                return False
        if not below:
            break
        level = below
    else:
        return False
    return text.count(":") == keys or len(_KEY_END.findall(text)) == keys


def _sketch(text: str) -> Any:
    """What a lenient parser makes of the beginning; None where that is nothing."""
    try:
        return json.JSONDecoder().raw_decode(text.lstrip())[0]
    except (ValueError, RecursionError):
        return None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise _SlowError
    return made


def _float(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise _SlowError
    return number


def _constant(_text: str) -> Any:
    raise _SlowError


def _int(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise _SlowError
    return int(text)


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_float=_float, parse_constant=_constant)
# reading each number by a function costs, so only a text that may hold a long one is read so
_CAREFUL = json.JSONDecoder(
    object_pairs_hook=_object, parse_float=_float, parse_int=_int, parse_constant=_constant
)
_LONG_NUMBER = re.compile(rf"\d{{{MAX_DIGITS}}}")


def _too_deep(value: Any) -> bool:
    """Say whether containers lie more than MAX_DEPTH deep, without recursion."""
    level = [value]
    for _ in range(MAX_DEPTH):
        below: list[Any] = []
        for part in level:
            if type(part) is dict:
                below += [item for item in part.values() if type(item) in (dict, list)]
            elif type(part) is list:
                below += [item for item in part if type(item) in (dict, list)]
        if not below:
            return False
        level = below
    return True
