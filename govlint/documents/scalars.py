"""YAML scalars as YAML 1.2's core schema types them, and what 1.1 would make of them.

YAML 1.2.2 section 10.3.2; YAML 1.1's types (yaml.org/type) for the hints.
"""

from __future__ import annotations

import math
import re
from typing import Any

from govlint.documents.limits import MAX_DIGITS

_INT = re.compile(r"[-+]?[0-9]+")
_OCTAL = re.compile(r"0o[0-7]+")
_HEX = re.compile(r"0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NON_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys(("null", "Null", "NULL", "~", ""), None),
}
FIRST = frozenset("-+.0123456789tTfFnN~")  # what a scalar that is no text begins with

_OLD_TRUE = frozenset("y Y yes Yes YES on On ON".split())
_OLD_FALSE = frozenset("n N no No NO off Off OFF".split())
_SEXAGESIMAL = re.compile(r"[-+]?[1-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt ].*)?")
_OLD_OCTAL = re.compile(r"[-+]?0[0-7_]+")
_UNDERSCORED = re.compile(r"[-+]?[0-9][0-9_]*_[0-9_]*(?:\.[0-9_]*)?")
_BINARY = re.compile(r"[-+]?0b[01_]+")


class NumberFault(ValueError):
    """A number that no JSON value can hold. `kind` is a fault's: non-finite or number."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


def typed(text: str) -> Any:
    """The value of a plain scalar. Raises NumberFault for one that is not finite."""
    if text in _WORDS:
        return _WORDS[text]
    if len(text) > MAX_DIGITS and any(x.fullmatch(text) for x in (_INT, _OCTAL, _HEX)):
        raise NumberFault("number", f"a number of {len(text)} digits is out of range")
    if _INT.fullmatch(text):
        return int(text)
    if _OCTAL.fullmatch(text):
        return int(text[2:], 8)
    if _HEX.fullmatch(text):
        return int(text[2:], 16)
    if _FLOAT.fullmatch(text):
        number = float(text)
        if math.isinf(number):
            raise NumberFault("non-finite", f"`{_short(text)}` is beyond the largest number")
        return number
    if _NON_FINITE.fullmatch(text):
        raise NumberFault("non-finite", f"`{text}` is no finite number")
    return text


def _short(text: str) -> str:
    return text if len(text) <= 40 else text[:39] + "…"


def explain(raw: str, syntax: str) -> str | None:
    """What is special about a scalar as it stands in the text; None for an ordinary one."""
    if syntax == "json" or raw[:1] in ("'", '"', "|", ">", "!", "&", "*", "[", "{"):
        return None
    if raw in _OLD_TRUE | _OLD_FALSE:
        what = "true" if raw in _OLD_TRUE else "false"
        return f"YAML 1.1 reads `{raw}` as {what}, YAML 1.2 as text; put it in quotes"
    if _SEXAGESIMAL.fullmatch(raw):
        return (
            f"YAML 1.1 reads `{raw}` as the number {_sexagesimal(raw)} (base 60), YAML 1.2 as"
            " text; put it in quotes"
        )
    if _DATE.fullmatch(raw):
        return f"YAML 1.1 reads `{raw}` as a date, YAML 1.2 as text; put it in quotes"
    if _BINARY.fullmatch(raw) or (_UNDERSCORED.fullmatch(raw) and not _OLD_OCTAL.fullmatch(raw)):
        return f"YAML 1.1 reads `{raw}` as a number, YAML 1.2 as text; put it in quotes"
    try:
        value = typed(raw)
    except NumberFault:
        return None
    if isinstance(value, str):
        return None
    if value is None:
        shown = f"`{raw}`" if raw else "nothing"
        return f"{shown} is null in YAML" + ("; for text, put it in quotes" if raw else "")
    if isinstance(value, bool):
        return f'`{raw}` without quotes is a boolean; for text, write "{raw}"'
    said = f'`{raw}` without quotes is a number; for text, write "{raw}"'
    if _OLD_OCTAL.fullmatch(raw) and raw.strip("+-0"):
        said = f"YAML 1.1 reads `{raw}` as the octal number {int(raw, 8)}, YAML 1.2 as {value}"
        return f'{said}; for text, write "{raw}"'
    if raw.startswith("0o"):
        return f"YAML 1.2 reads `{raw}` as the octal number {value}, YAML 1.1 as text"
    return said


def _sexagesimal(raw: str) -> str:
    sign = -1 if raw.startswith("-") else 1
    total = 0.0
    for part in raw.lstrip("+-").replace("_", "").split(":"):
        total = total * 60 + float(part)
    total *= sign
    return str(int(total)) if total.is_integer() else str(total)
