"""Characters that must not reach a reader as they are, and how wide the others stand.

File names, source lines and messages come from the code that is judged, so they are
hostile until shown otherwise: an escape sequence could repaint the terminal, a
bidirectional override could show code in another order than it runs (CVE-2021-42574),
and an unpaired surrogate (Python's stand-in for a byte that is no UTF-8) cannot be
written to any UTF-8 file.
"""

from __future__ import annotations

import re
import unicodedata

_SURROGATE = re.compile("[\ud800-\udfff]")
# C0 without tab and line ends, DEL, C1, surrogates, and the two characters below
# U+10000 that XML 1.0 forbids beside them (https://www.w3.org/TR/xml/#charsets).
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def _escape_match(match: re.Match[str]) -> str:
    return _escape(match.group())


def well_formed(text: str) -> str:
    """`text` with unpaired surrogates written as `\\udcXX`, so that it can be encoded."""
    if text.isascii():
        return text
    return _SURROGATE.sub(_escape_match, text)


def inert(text: str) -> str:
    """`text` with control characters written as escapes; line ends and tabs stay.

    For formats that another program reads and later shows: legal in XML 1.0, and
    nothing in it moves a cursor.
    """
    return _CONTROL.sub(_escape_match, text)


def visible(text: str) -> str:
    """`text` on one line, every character that does not show itself written as an escape.

    Line ends, tabs, control and format characters (bidirectional overrides, zero-width
    joiners) and spaces other than U+0020 become `\\n`, `\\u202e` and so on, as in a
    Python literal.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else _escape(c) for c in text)


def cell_width(character: str) -> int:
    """How many terminal cells a printable character takes: 0, 1 or 2.

    Combining marks and the medial and final Hangul letters stand in the cell before
    them; wide and full-width East Asian characters take two.
    """
    if character < "\u0300":
        return 1
    if unicodedata.category(character) in ("Mn", "Me") or "\u1160" <= character <= "\u11ff":
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
