"""Clearing documents in which a rule about texts can find nothing, many times as fast as judging.

A rule that looks for something in texts tries its expressions on every text. Most documents
hold nothing that any of them could match. Whether that is so can be asked at once, of a
whole document, with the regular expressions of jsonschema-rs: they take time that grows with
the text and nothing else. They know no look-around, so what is asked is wider than what the
rule looks for: what a screen clears holds nothing, what it does not clear is judged.

The wider expressions are made from the rule's own, so that the two cannot part.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib import import_module
from typing import Any, NamedTuple

_WORTH = 100  # documents that are judged before a screen is made, which costs as much
_LONGEST = 300  # characters of a text that can be cleared; `windows` cuts none of these
_PRINTABLE = [chr(code) for code in range(32, 127)]
_NEVER = r"\x01"  # stands for what no text that can be cleared holds
# one line of ASCII, without space that folding would take out
_PLAIN = r"^(?:[!-~](?: [!-~]|[!-~])*)?$"
_PLAIN_LINES = r"^[\t\n -~]*$"


class Suspect(NamedTuple):
    """An expression that has to match somewhere for a rule to find anything.

    `how` is `search`, `match` or `fullmatch`; `folded` says that it is tried on the text in
    lower case, `edges` that `^`, `$` and `\\b` mean the text's own, not those of a part of it.
    `strip` are characters that are taken from both ends before. `lines` says that the text may
    have several; then it is tried as it is, and `edges` are no text's own.
    """

    pattern: re.Pattern[str]
    how: str = "search"
    folded: bool = True
    edges: bool = True
    strip: str = ""
    lines: bool = False


Doubt = tuple[str, ...]  # expressions that all match a text of which nothing is known


class Screen:
    """Says of documents that a rule can find nothing in their texts.

    `doubts` is asked once for the expressions, which come in groups: a text that all of one
    group match is not cleared. With `lines` texts may have several lines, of any length.
    """

    def __init__(self, doubts: Callable[[], Sequence[Doubt]], lines: bool = False) -> None:
        self._doubts, self._lines = doubts, lines
        self._asked = 0
        self._validator: Any = None

    def clears(self, value: Any) -> bool:
        """Whether none of the texts in `value` can match; False where that is not known."""
        if self._asked < _WORTH:
            self._asked += 1
            if self._asked < _WORTH:
                return False
            self.make()
        return self._validator is not None and bool(self._validator.is_valid(value))

    def make(self) -> None:
        """Make the screen now, however few documents were asked about.

        Without one, every document is judged: that takes longer and says the same.
        """
        self._asked = _WORTH
        with suppress(ImportError, AttributeError, NotImplementedError, ValueError):
            self._validator = _validator(self._doubts(), self._lines)


def _validator(doubts: Sequence[Doubt], lines: bool) -> Any:
    """A validator of values whose texts are all plain and clear of doubt."""
    import jsonschema_rs

    alone = "|".join(f"(?:{doubt[0]})" for doubt in doubts if len(doubt) == 1)
    groups: list[dict[str, Any]] = [{"pattern": alone}] if alone else []
    groups += [{"allOf": [{"pattern": each} for each in d]} for d in doubts if len(d) > 1]
    plain = {"pattern": _PLAIN_LINES} if lines else {"pattern": _PLAIN, "maxLength": _LONGEST}
    schema = {
        **plain,
        "additionalProperties": {"$ref": "#"},
        "items": {"$ref": "#"},
        "not": {"type": "string", "anyOf": groups},
    }
    options = jsonschema_rs.RegexOptions(size_limit=1 << 26, dfa_size_limit=1 << 26)
    return jsonschema_rs.Draft202012Validator(schema, pattern_options=options)


def wider(suspect: Suspect) -> str:
    """An expression without look-around that matches every plain text the suspect matches.

    Raises NotImplementedError for what it cannot be made from.
    """
    parser: Any = import_module("re._parser")  # what `re` itself reads expressions with
    pattern = suspect.pattern
    parts = parser.parse(pattern.pattern, pattern.flags & ~re.UNICODE)
    either = bool(pattern.flags & re.IGNORECASE)
    made = _Wider(suspect, either).sequence(parts)
    ends = _class(set(suspect.strip)) + "*" if suspect.strip else ""
    before = f"^{ends}" if suspect.how != "search" else ""
    after = f"{ends}$" if suspect.how == "fullmatch" else ""
    return f"{before}(?:{made}){after}"


class _Wider:
    """Writes a parsed expression anew, for plain texts."""

    def __init__(self, suspect: Suspect, either: bool) -> None:
        self._folded, self._either, self._edges = suspect.folded, either, suspect.edges
        self._chars = ["\t", "\n", *_PRINTABLE] if suspect.lines else _PRINTABLE
        self._classes: dict[tuple[str, str], str] = {}

    def sequence(self, parts: Any) -> str:
        return "".join(self._one(str(kind), value) for kind, value in parts)

    def _one(self, kind: str, value: Any) -> str:
        if kind == "LITERAL" and 32 <= value < 127:
            char = chr(value)
            if char.isalpha() and (self._either or self._folded):
                lower = self._either or char.islower()
                return f"[{char.upper()}{char.lower()}]" if lower else _NEVER
            return _escaped(value)
        if kind in ("LITERAL", "NOT_LITERAL", "IN", "ANY"):
            key = kind, repr(value)
            if key not in self._classes:
                members = {char for char in self._chars if self._is_in(char, kind, value)}
                self._classes[key] = _class(members)
            return self._classes[key]
        if kind == "BRANCH":
            return f"(?:{'|'.join(self.sequence(branch) for branch in value[1])})"
        if kind == "SUBPATTERN":
            return f"(?:{self.sequence(value[-1])})"
        if kind == "ATOMIC_GROUP":
            return f"(?:{self.sequence(value)})"
        if kind in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
            least, most, parts = value
            above = "" if str(most) == "MAXREPEAT" else str(int(most))
            return f"(?:{self.sequence(parts)}){{{least},{above}}}"
        if kind in ("ASSERT", "ASSERT_NOT"):
            return ""
        if kind == "GROUPREF":  # the same again: anything
            return f"{_class(set(self._chars))}*"
        if kind == "AT":
            known = {"AT_BEGINNING": "^", "AT_BEGINNING_STRING": "^", "AT_BOUNDARY": r"\b"}
            known |= {"AT_END": "$", "AT_END_STRING": "$"}
            return known.get(str(value), "") if self._edges else ""
        raise NotImplementedError(kind)

    def _is_in(self, char: str, kind: str, value: Any) -> bool:
        forms = [char.lower()] if self._folded else [char]
        forms += [char.lower(), char.upper()] if self._either else []
        if kind == "ANY":
            return char != "\n"
        if kind == "LITERAL":
            return any(ord(form) == value for form in forms)
        if kind == "NOT_LITERAL":
            return any(ord(form) != value for form in forms)
        negated = any(str(part) == "NEGATE" for part, _ in value)
        return any(
            any(_holds(form, str(part), given) for part, given in value) != negated
            for form in forms
        )


def _holds(char: str, kind: str, value: Any) -> bool:
    if kind == "LITERAL":
        return bool(ord(char) == value)
    if kind == "RANGE":
        return bool(value[0] <= ord(char) <= value[1])
    if kind == "CATEGORY":
        name = str(value).removeprefix("CATEGORY_")
        what = name.removeprefix("NOT_")
        is_one = char.isdigit() if what == "DIGIT" else char.isspace()
        return (_is_word(char) if what == "WORD" else is_one) != name.startswith("NOT_")
    if kind == "NEGATE":
        return False
    raise NotImplementedError(kind)


def _is_word(char: str) -> bool:
    return char.isalnum() or char == "_"


def _class(members: set[str]) -> str:
    """A class of characters; of one that is empty, what never matches."""
    if not members:
        return _NEVER
    codes = sorted(map(ord, members))
    ranges: list[tuple[int, int]] = []
    for code in codes:
        if ranges and ranges[-1][1] == code - 1:
            ranges[-1] = (ranges[-1][0], code)
        else:
            ranges.append((code, code))
    if len(codes) == 1:
        return _escaped(codes[0])
    said = (_escaped(a) if a == b else f"{_escaped(a)}-{_escaped(b)}" for a, b in ranges)
    return f"[{''.join(said)}]"


def _escaped(code: int) -> str:
    char = chr(code)
    return char if char.isalnum() or char in " _" else f"\\x{code:02x}"
