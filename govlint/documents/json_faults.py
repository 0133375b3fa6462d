"""What is wrong with a text that is no JSON, said in words of the one who wrote it.

A scanner of its own, because the standard library's names the first place where it could
not go on and nothing else: not the comma two lines up that is one too many, not the
Markdown fence round a whole report, and neither duplicate keys nor numbers without end.
"""

from __future__ import annotations

import json
import math
import re
from contextlib import suppress
from typing import NamedTuple

from govlint.documents.document import Fault
from govlint.documents.limits import MAX_DEPTH, MAX_DIGITS, MAX_FAULTS
from govlint.documents.positions import LineTable

_SPACE = re.compile(r"[ \t\n\r]*")
_STRING = re.compile(r'"[^"\\\x00-\x1f]*(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\x00-\x1f]*)*"')
_STRING_END = re.compile(r'"[^"\\\n\r]*(?:\\.[^"\\\n\r]*)*"')
_IN_STRING = re.compile(r'[^"\\\x00-\x1f]*(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\x00-\x1f]*)*')
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?")
_WORD = re.compile(r"[-+]?[\w.$]+")
_FENCE = re.compile(r"[ \t\n\r]*(```|~~~)")
_ODD_SPACE = re.compile("[\u00a0\u2000-\u200b\u2028\u2029\u202f\u205f\u3000\ufeff\x0b\x0c]")
_LITERALS = ("true", "false", "null")
_SIMILAR = {
    "True": "true",
    "False": "false",
    "None": "null",
    "TRUE": "true",
    "FALSE": "false",
    "NULL": "null",
    "nil": "null",
    "undefined": "null",
}
_NON_FINITE = frozenset("NaN Infinity -Infinity +Infinity nan inf -inf Inf -Inf +inf".split())
_QUOTES = "'`\u2018\u2019\u201c\u201d\u00ab\u00bb"


class _SyntaxError(Exception):
    """Nothing after this fault can be told."""


class _Open(NamedTuple):
    """An object or array that is not closed yet."""

    brace: str
    start: int
    keys: dict[str, int]


def find_faults(text: str) -> list[Fault]:
    """All that keeps a text from being one JSON value; a fault of syntax is the last."""
    scan = _Scan(text)
    with suppress(_SyntaxError):
        scan.run()
    return scan.faults


class _Scan:
    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0
        self.faults: list[Fault] = []
        self.lines = LineTable(text)
        self.open: list[_Open] = []

    # -- saying it -----------------------------------------------------------------------

    def tell(self, kind: str, message: str, start: int, end: int | None = None) -> None:
        line, column = self.lines.place(start)
        last = min(end if end is not None else start + 1, len(self.text))
        end_line, end_column = self.lines.place(max(last, start))
        self.faults.append(Fault(kind, message, line, column, end_line, end_column))
        if len(self.faults) >= MAX_FAULTS:
            raise _SyntaxError

    def stop(self, kind: str, message: str, start: int, end: int | None = None) -> _SyntaxError:
        if len(self.faults) < MAX_FAULTS:
            self.tell(kind, message, start, end)
        return _SyntaxError()

    # -- the grammar ------------------------------------------------------------------------

    def run(self) -> None:
        fence = _FENCE.match(self.text)
        if fence is not None:
            message = "a Markdown fence stands round the JSON; the file is the JSON alone"
            raise self.stop("fence", message, fence.start(1), fence.end(1))
        self.space()
        if self.at >= len(self.text):
            raise self.stop("empty", "there is no JSON value in this file", 0, 0)
        if self.text[self.at] not in '{["' and not self._is_value():
            self.before()
        self.value()
        self.end()

    def _is_value(self) -> bool:
        found = _WORD.match(self.text, self.at)
        word = found.group() if found else self.text[self.at]
        rest = self.text[found.end() if found else self.at :].strip()
        return (not rest and len(word) <= 40) or self.text.startswith(("//", "/*", "#"), self.at)

    def before(self) -> None:
        """Something stands before the value: prose, mostly."""
        inner = re.search(r"[{\[]", self.text)
        fence = re.search(r"^(```|~~~)", self.text, re.M)
        if fence is not None and (inner is None or fence.start() < inner.start()):
            message = "text and a Markdown fence stand round the JSON; the file is the JSON alone"
            raise self.stop("fence", message, self.at, self._line_end(self.at))
        what = "text stands before the JSON" if inner is not None else "this is no JSON"
        message = f"{what}; the file is one JSON value and nothing else"
        raise self.stop("prose", message, self.at, self._line_end(self.at))

    def _line_end(self, start: int) -> int:
        found = re.compile(r"[\r\n]|\Z").search(self.text, start)
        return found.start() if found else len(self.text)

    def space(self) -> None:
        found = _SPACE.match(self.text, self.at)
        self.at = found.end() if found else self.at
        if self.text.startswith(("//", "/*", "#"), self.at):
            message = "JSON has no comments"
            raise self.stop("comment", message, self.at, self._line_end(self.at))
        odd = _ODD_SPACE.match(self.text, self.at)
        if odd is not None:
            message = f"the character U+{ord(odd.group()):04X} is no space in JSON"
            raise self.stop("syntax", message, self.at)

    def value(self) -> None:
        """Read one value with all that is in it; a loop, so that depth costs no stack."""
        expect_value = True
        while True:
            if expect_value:
                self.space()
                if self.at >= len(self.text):
                    raise self.cut_off()
                char = self.text[self.at]
                if char in "{[":
                    self.begin(char)
                    self.space()
                    closing = "}" if char == "{" else "]"
                    if not self.text.startswith(closing, self.at):
                        if char == "{":
                            self.key()
                        continue
                    self.at += 1
                    self.open.pop()
                elif char == '"':
                    self.string()
                else:
                    self.scalar(char)
            if not self.open:
                return
            expect_value = self.after_value()

    def begin(self, brace: str) -> None:
        if len(self.open) >= MAX_DEPTH:
            message = f"the document is nested more than {MAX_DEPTH} deep"
            raise self.stop("too-deep", message, self.at)
        self.open.append(_Open(brace, self.at, {}))
        self.at += 1

    def after_value(self) -> bool:
        """Read a comma or what closes; True where a value is next."""
        inside = self.open[-1]
        ended = self.at
        self.space()
        if self.at >= len(self.text):
            raise self.cut_off()
        char = self.text[self.at]
        closing = "}" if inside.brace == "{" else "]"
        if char == ",":
            comma = self.at
            self.at += 1
            self.space()
            if self.text.startswith(("}", "]"), self.at):
                message = "there is a comma after the last entry; JSON has none there"
                raise self.stop("trailing-comma", message, comma)
            if self.text.startswith(",", self.at):
                raise self.stop("syntax", "there are two commas with nothing between", self.at)
            if self.at >= len(self.text):
                raise self.cut_off()
            if inside.brace == "{":
                self.key()
            return True
        if char == closing:
            self.at += 1
            self.open.pop()
            return False
        what = "object" if inside.brace == "{" else "array"
        line = self.lines.place(inside.start)[0]
        if char in "}]":
            message = f"`{char}` closes the {what} of line {line}, which `{closing}` would close"
            raise self.stop("syntax", message, self.at)
        if char == ":":
            raise self.stop("syntax", "a colon stands where a comma or an end is due", self.at)
        if char == '"' or char in "{[-" or char.isalnum():
            message = f"a comma is missing before this entry of the {what} of line {line}"
            raise self.stop("syntax", message, self.at)
        message = f"`{char}` stands where a comma or `{closing}` is due"
        raise self.stop("syntax", message, max(self.at, ended))

    def key(self) -> None:
        self.space()
        start = self.at
        if start >= len(self.text):
            raise self.cut_off()
        if self.text[start] != '"':
            raise self.bad_key(start)
        name = self.string()
        keys = self.open[-1].keys
        if name in keys:
            line = self.lines.place(keys[name])[0]
            message = f"the key {json.dumps(name, ensure_ascii=False)} stands twice"
            self.tell(
                "duplicate-key", f"{message}; it stands on line {line} already", start, self.at
            )
        else:
            keys[name] = start
        self.space()
        if self.at >= len(self.text):
            raise self.cut_off()
        if self.text[self.at] != ":":
            if self.text[self.at] in "=-":
                message = f"a colon is due after the key, found `{self.text[self.at]}`"
            else:
                message = "a colon is missing after the key"
            raise self.stop("syntax", message, self.at)
        self.at += 1

    def bad_key(self, start: int) -> _SyntaxError:
        char = self.text[start]
        if char in _QUOTES:
            return self.stop("syntax", f"keys stand in double quotes, found {char}", start)
        word = _WORD.match(self.text, start)
        if word is not None:
            message = f"the key `{word.group()[:60]}` is not in double quotes"
            return self.stop("syntax", message, start, word.end())
        return self.stop("syntax", f"`{char}` stands where a key is due", start)

    def string(self) -> str:
        start = self.at
        found = _STRING.match(self.text, start)
        if found is None:
            raise self.bad_string(start)
        self.at = found.end()
        if "\\" not in found.group():
            return found.group()[1:-1]
        value: str = json.loads(found.group())
        if any("\ud800" <= char <= "\udfff" for char in value):
            message = "half a surrogate pair (`\\ud8…`) is no character"
            self.tell("undecodable", message, start, self.at)
        return value

    def bad_string(self, start: int) -> _SyntaxError:
        found = _IN_STRING.match(self.text, start + 1)
        at = found.end() if found else start + 1
        line = self.lines.place(start)[0]
        char = self.text[at : at + 1]
        if char == "\\":
            shown = self.text[at : at + 2]
            message = f"`{shown}` is no escape of JSON; a backslash itself is written `\\\\`"
            return self.stop("syntax", message, at, at + 2)
        if char in ("\n", "\r"):
            message = "this text has no closing quote on its line; a line end is written `\\n`"
            return self.stop("syntax", message, start, at)
        if char:
            message = f"the control character U+{ord(char):04X} stands in a text"
            return self.stop("syntax", f"{message}; write `\\u{ord(char):04x}`", at)
        message = f"the file ends within a text that begins on line {line}; it is cut off"
        return self.stop("syntax", message, start, len(self.text))

    def scalar(self, char: str) -> None:
        """Read a number or one of the three words; anything else is said to be what it is."""
        start = self.at
        word = _WORD.match(self.text, start)
        if word is None:
            if char in _QUOTES:
                raise self.stop("syntax", f"text stands in double quotes, found {char}", start)
            if char in "}])":
                raise self.stop("syntax", f"a value is missing before `{char}`", start)
            raise self.stop("syntax", f"`{char}` stands where a value is due", start)
        said = word.group()
        self.at = word.end()
        if said in _LITERALS:
            return
        if said in _NON_FINITE:
            message = f"`{said}` is no JSON; numbers are finite (null says that there is none)"
            self.tell("non-finite", message, start, self.at)
            return
        exponent = _NUMBER.match(self.text, start)
        if exponent is not None and exponent.end() >= self.at:
            self.at = exponent.end()
            self.number(exponent.group(), start)
            return
        shown = said[:60]
        if said in _SIMILAR:
            message = f"`{shown}` is no JSON; write `{_SIMILAR[said]}`"
        elif re.fullmatch(r"[-+]?[0-9.]+(?:[eE].*)?", said) or said.startswith("0x"):
            message = f"`{shown}` is no number in JSON{_number_hint(said)}"
        else:
            message = f"`{shown}` is not in double quotes"
        raise self.stop("syntax", message, start, word.end())

    def number(self, said: str, start: int) -> None:
        if re.search(r"[.eE]", said):
            if math.isinf(float(said)):
                message = f"`{said[:40]}` is beyond the largest number"
                self.tell("non-finite", message, start, self.at)
            return
        if len(said) > MAX_DIGITS:
            message = f"a number of {len(said)} digits is out of range"
            self.tell("number", message, start, self.at)

    def end(self) -> None:
        self.space()
        if self.at >= len(self.text):
            return
        line_end = self._line_end(self.at)
        if self.text.startswith(("```", "~~~"), self.at):
            message = "a Markdown fence stands after the JSON; the file is the JSON alone"
            raise self.stop("fence", message, self.at, line_end)
        if self.text[self.at] in '{["':
            message = "a second value stands after the first; the file is one JSON value"
            raise self.stop("several-documents", message, self.at, line_end)
        if self.text[self.at] in ",}]":
            message = f"`{self.text[self.at]}` stands after the end of the JSON value"
            raise self.stop("syntax", message, self.at)
        message = "text stands after the JSON; the file is one JSON value and nothing else"
        raise self.stop("prose", message, self.at, line_end)

    def cut_off(self) -> _SyntaxError:
        inside = self.open[-1]
        what = "object" if inside.brace == "{" else "array"
        line = self.lines.place(inside.start)[0]
        at = len(self.text.rstrip())
        message = f"the file ends within the {what} that begins on line {line}; it is cut off"
        return self.stop("syntax", message, max(at - 1, 0), at)


def _number_hint(said: str) -> str:
    if said.startswith("+"):
        return "; it takes no `+`"
    if re.match(r"-?0[0-9]", said):
        return "; it has no leading zeros"
    if re.match(r"-?\.", said):
        return "; a digit stands before the point"
    if re.match(r"-?[0-9]+\.(?![0-9])", said):
        return "; a digit stands after the point"
    return ""
