"""The words of one `@role` line, split as a shell would, with what is known only at run time.

Quotes protect blanks; a list in square brackets keeps its quotes; what a variable, a
substitution or a template brings in is a word, or part of one, that nothing is said about.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

KEYWORD = "@role"
UNKNOWN = "\0"  # stands for what is put into the text at run time

_VARIABLE = re.compile(r"\$(?:[A-Za-z_][A-Za-z0-9_]*|[@*#?$!0-9-])")
_FORMAT = re.compile(r"%(?:\([^)]*\))?[sdrifx]")
_TEMPLATE_WORD = re.compile(
    r"<[A-Za-z][^<>\n]*>|\[[A-Za-z-][A-Za-z _|=<>.-]*\](?:\.\.\.|…)?|\.\.\.|…"
)
_SHUT = {"(": ")", "{": "}"}


@dataclass(frozen=True, slots=True)
class Word:
    """One word: its text without quotes, and where it stands in the line.

    `unknown` says that part of it is known only at run time, `whole` that all of it is,
    so that it may be several words. `template` marks a placeholder such as `<input>`;
    `quoted` that its text began with a quote.
    """

    text: str
    start: int
    end: int
    unknown: bool = False
    whole: bool = False
    template: bool = False
    quoted: bool = False
    raw: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """The words of a line, where it ends in the text, and what keeps it from being read."""

    words: tuple[Word, ...]
    end: int
    fault: tuple[int, int, str] | None = None


def split(text: str, start: int = 0) -> Line:
    """Split `text` from `start` into words, up to where the command ends."""
    return _Splitter(text, start).run()


class _Splitter:
    def __init__(self, text: str, start: int) -> None:
        self.text, self.at, self.size = text, start, len(text)
        self.words: list[Word] = []

    def run(self) -> Line:
        while True:
            self._blanks()
            char = self.text[self.at : self.at + 1]
            if not char or char in "\n\r;&|)`>#":
                return Line(tuple(self.words), self.at)
            if char == "<" and not _TEMPLATE_WORD.match(self.text, self.at):
                return Line(tuple(self.words), self.at)
            fault = self._word()
            if fault is not None:
                return Line(tuple(self.words), self.size, fault)

    def _blanks(self) -> None:
        """Go past blanks and continued lines."""
        while self.at < self.size:
            if self.text[self.at] in " \t":
                self.at += 1
            elif self.text.startswith(("\\\n", "\\\r\n"), self.at):
                self.at = self.text.index("\n", self.at) + 1
            else:
                return

    def _word(self) -> tuple[int, int, str] | None:
        text, start = self.text, self.at
        template = _TEMPLATE_WORD.match(text, start)
        if template and (template.end() == self.size or text[template.end()] in " \t\r\n"):
            self.at = template.end()
            self.words.append(Word(template.group(), start, self.at, template=True))
            return None
        parts: list[str] = []
        quoted = text[start] in "\"'"
        unknown = outside = False
        while self.at < self.size:
            char = text[self.at]
            if char in " \t\n\r;&|`>" or (char == ")" and self.at > start):
                break
            if char == "\\" and self.at + 1 < self.size:
                if text[self.at + 1] in "\r\n":
                    break
                parts.append(text[self.at + 1])
                self.at += 2
                outside = True
                continue
            if char in "\"'":
                opened = self.at
                piece = self._quoted(char)
                if piece is None:
                    return opened, opened + 1, f"the quote {char} is not closed"
                unknown = unknown or UNKNOWN in piece
                outside = outside or bool(piece.replace(UNKNOWN, ""))
                parts.append(piece)
                continue
            if char == "[" and (not parts or "".join(parts).endswith("=")):
                opened = self.at
                if not self._bracket():
                    return opened, opened + 1, "the bracket [ is not closed"
                parts.append(text[opened : self.at])
                outside = True
                continue
            end = self._dynamic()
            if end > self.at:
                parts.append(UNKNOWN)
                unknown = True
                self.at = end
                continue
            parts.append(char)
            outside = True
            self.at += 1
        word = "".join(parts)
        if self.text[self.at : self.at + 1] == ">" and word.isdecimal():
            return None  # `2>` redirects
        whole = unknown and not outside
        raw = text[start : self.at]
        self.words.append(Word(word, start, self.at, unknown, whole, False, quoted, raw))
        return None

    def _quoted(self, quote: str) -> str | None:
        """The text between quotes; None where they are not closed."""
        parts: list[str] = []
        at = self.at + 1
        while at < self.size:
            char = self.text[at]
            if char == quote:
                self.at = at + 1
                return "".join(parts)
            if (
                char == "\\"
                and quote == '"'
                and self.text[at + 1 : at + 2] in ('"', "\\", "$", "`")
            ):
                parts.append(self.text[at + 1])
                at += 2
                continue
            if char == "$" and quote == '"':
                self.at, kept = at, self.at
                end = self._dynamic()
                self.at = kept
                if end > at:
                    parts.append(UNKNOWN)
                    at = end
                    continue
            elif char in "{%" and (end := self._plain_dynamic(at)) > at:
                parts.append(UNKNOWN)
                at = end
                continue
            parts.append(char)
            at += 1
        return None

    def _bracket(self) -> bool:
        """Go past a list in brackets, quotes respected; False where it is not closed."""
        depth, quote = 0, ""
        while self.at < self.size:
            char = self.text[self.at]
            if quote:
                if char == "\\":
                    self.at += 1
                elif char == quote:
                    quote = ""
            elif char in "\"'":
                quote = char
            elif char == "[":
                depth += 1
            elif char == "]":
                depth -= 1
                if depth == 0:
                    self.at += 1
                    return True
            elif char in "\r\n":
                return False
            self.at += 1
        return False

    def _dynamic(self) -> int:
        """Where what begins here and is known only at run time ends; here, where nothing does."""
        text, at = self.text, self.at
        if text[at] == "$":
            if text.startswith("${{", at):
                shut = text.find("}}", at)
                return shut + 2 if shut >= 0 else at
            if text[at + 1 : at + 2] in ("(", "{"):
                return self._balanced(at + 1)
            found = _VARIABLE.match(text, at)
            return found.end() if found else at
        return self._plain_dynamic(at)

    def _plain_dynamic(self, at: int) -> int:
        text = self.text
        if text[at] == UNKNOWN:
            return at + 1
        if text.startswith("{{", at):
            shut = text.find("}}", at)
            return shut + 2 if shut >= 0 else at
        if text[at] == "{":
            found = re.compile(r"\{[A-Za-z0-9_.!:\[\]]*\}").match(text, at)
            return found.end() if found else at
        if text[at] == "%":
            found = _FORMAT.match(text, at)
            return found.end() if found else at
        return at

    def _balanced(self, at: int) -> int:
        open_, shut = self.text[at], _SHUT[self.text[at]]
        depth = 0
        for index in range(at, self.size):
            if self.text[index] == open_:
                depth += 1
            elif self.text[index] == shut:
                depth -= 1
                if depth == 0:
                    return index + 1
        return self.size
