"""The values of number and string literals, decoded as CPython decodes them.

`ast.literal_eval` would do, but it parses each literal anew and prints a warning for every
escape that Python does not know, for code that is only being read.
"""

from __future__ import annotations

import codecs
import re

_TEXT_ESCAPES = re.compile(
    r"(?P<wide>\\[4-7][0-7]{2})|(?P<known>\\[\n\\'\"abfnrtvxNuU0-7])|\\", re.DOTALL
)
_BYTES_ESCAPES = re.compile(
    r"(?P<wide>\\[4-7][0-7]{2})|(?P<known>\\[\n\\'\"abfnrtvx0-7])|\\", re.DOTALL
)
_BRACES = re.compile(r"(\\N\{[^}]*\}|\\[^{}])|\{\{|\}\}", re.DOTALL)
_RAW_BRACES = re.compile(r"\{\{|\}\}")


def number(text: str) -> int | float | complex:
    """The value of an integer, float or imaginary literal."""
    if text.isdigit():
        return int(text)
    text = text.replace("_", "").lower()
    if text[-1] == "j":
        return complex(0.0, float(text[:-1]))
    if text[:2] in ("0x", "0b", "0o"):
        return int(text, 0)
    if text.isdigit():
        return int(text)
    return float(text)


def string(token: str) -> str | bytes:
    """The value of one string literal that is neither an f-string nor a template.

    Raises ValueError with CPython's message where an escape is broken.
    """
    opening = min(i for i in (token.find("'"), token.find('"')) if i >= 0)
    prefix = token[:opening].lower()
    width = 3 if token[opening : opening + 3] in ("'''", '"""') and len(token) > 5 else 1
    body = token[opening + width : len(token) - width]
    raw = "r" in prefix or "\\" not in body
    if "b" not in prefix:
        return body if raw else unescape(body)
    if not body.isascii():
        raise ValueError("bytes can only contain ASCII literal characters")
    if raw:
        return body.encode("ascii")
    body = _BYTES_ESCAPES.sub(_plain_bytes_escape, body)
    try:
        return codecs.escape_decode(body.encode("ascii"))[0]
    except ValueError as error:
        raise ValueError(f"(value error) {error}") from None


def unescape(body: str) -> str:
    """Text with its backslash escapes decoded; unknown ones stand for themselves."""
    body = _TEXT_ESCAPES.sub(_plain_text_escape, body)
    try:
        return codecs.unicode_escape_decode(body.encode("ascii", "backslashreplace"))[0]
    except UnicodeDecodeError as error:
        raise ValueError(f"(unicode error) {error}") from None


def formatted(body: str, raw: bool, doubled: bool) -> str:
    """The literal text of an f-string; `doubled` where two braces stand for one."""
    if doubled and ("{" in body or "}" in body):
        if raw:
            body = _RAW_BRACES.sub(lambda found: found[0][0], body)
        else:
            body = _BRACES.sub(lambda found: found[1] or found[0][0], body)
    return body if raw or "\\" not in body else unescape(body)


# Octal escapes above 0o377 and unknown escapes are valid, but the decoders warn of them.
def _plain_text_escape(found: re.Match[str]) -> str:
    if found["wide"]:
        return f"\\u{int(found['wide'][1:], 8):04x}"
    return found["known"] or "\\\\"


def _plain_bytes_escape(found: re.Match[str]) -> str:
    if found["wide"]:
        return f"\\x{int(found['wide'][1:], 8) & 0xFF:02x}"
    return found["known"] or "\\\\"
