"""Where `@role` stands in a shell script: as a command, as an argument, or in quotes.

Only as much of the shell's grammar as tells these apart (POSIX.1-2024, 2.3 and 2.7.4):
quotes, comments, operators, reserved words, assignments and here-documents.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from govlint.documents.roles.tokens import KEYWORD, split

_LEADING = frozenset(
    ("if then else elif do while until time ! { exec sudo nohup env command builtin nice").split()
)
_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\+?=")
_HEREDOC = re.compile(r"<<(?P<dash>-?)[ \t]*(?P<quote>['\"]?)(?P<word>[A-Za-z0-9_.-]+)(?P=quote)")
_INNER_LINE = re.compile(r"^[ \t]*@role(?=[ \t])", re.MULTILINE)

_SUBSTITUTED = re.compile(r"(?:\$\(|`)[ \t]*@role(?=[ \t])")

Place = tuple[int, int, bool, bool]  # from `@role`, to, is it a command, is it a string


def shell_calls(text: str) -> Iterator[Place]:
    """Each place of `@role` in a script that may be a call."""
    return _Reader(text).run()


class _Reader:
    def __init__(self, text: str) -> None:
        self.text, self.size = text, len(text)
        self.at = 0
        self.command = True  # the next word is a command
        self.waiting: list[tuple[str, bool]] = []  # here-documents whose text is still to come

    def run(self) -> Iterator[Place]:
        while self.at < self.size:
            char = self.text[self.at]
            if char == "\n":
                self.at += 1
                self.command = True
                yield from self._documents()
            elif char in " \t\r":
                self.at += 1
            elif self.text.startswith(("\\\n", "\\\r\n"), self.at):
                self.at = self.text.index("\n", self.at) + 1
            elif char == "#":
                end = self.text.find("\n", self.at)
                self.at = self.size if end < 0 else end
            elif char in ";&|(){":  # `)` ends a pattern of `case`, too
                self.at += 1
                self.command = True
            elif char == "}":
                self.at += 1
                self.command = False
            elif found := _HEREDOC.match(self.text, self.at):
                self.waiting.append((found["word"], bool(found["dash"])))
                self.at = found.end()
            elif char in "<>":
                self.at += 1
            else:
                yield from self._word()

    def _documents(self) -> Iterator[Place]:
        """Go past the here-documents that begin on this line; they are text, no commands."""
        for word, dash in self.waiting:
            begun = self.at
            while self.at < self.size:
                end = self.text.find("\n", self.at)
                end = self.size if end < 0 else end
                line = self.text[self.at : end].rstrip("\r")
                self.at = min(end + 1, self.size)
                if (line.lstrip("\t") if dash else line) == word:
                    break
            for found in _INNER_LINE.finditer(self.text, begun, self.at):
                stop = self.text.find("\n", found.end())
                yield found.end() - len(KEYWORD), self.at if stop < 0 else stop, False, True
        self.waiting = []

    def _word(self) -> Iterator[Place]:
        start, command = self.at, self.command
        after = self.text[start + len(KEYWORD) : start + len(KEYWORD) + 1]
        if self.text.startswith(KEYWORD, start) and (not after or after in " \t\r\n;&|)\\"):
            line = split(self.text, start + len(KEYWORD))
            stop = self._fault_end(line.end) if line.fault else line.end
            yield start, stop, command, False
            self.at, self.command = stop, False
            return
        while self.at < self.size:
            char = self.text[self.at]
            if char in " \t\r\n;&|)<>":
                break
            if char in "\"'":
                yield from self._quoted(char, command)
            elif char == "`" or self.text.startswith(("$(", "<("), self.at):
                self.at += 1 if char == "`" else 2
                self.command = True
                return
            elif char == "\\":
                self.at += 2
            elif self.text.startswith("${", self.at):
                end = self.text.find("}", self.at)
                self.at = self.size if end < 0 else end + 1
            else:
                self.at += 1
        word = self.text[start : self.at]
        self.command = command and (word in _LEADING or _ASSIGNMENT.match(word) is not None)

    def _fault_end(self, _end: int) -> int:
        """Where to go on behind a line whose quotes are not closed: at the next line."""
        end = self.text.find("\n", self.at)
        return self.size if end < 0 else end

    def _substituted(self, opened: int, inner: str) -> Iterator[Place]:
        """The calls in `$(…)` and backquotes within double quotes: commands like any other."""
        for found in _SUBSTITUTED.finditer(inner):
            line = split(self.text, opened + found.end())
            stop = min(line.end, opened + len(inner))
            closing = ")" if found.group()[0] == "$" else "`"
            shut = self.text.find(closing, opened + found.end(), stop)
            yield opened + found.end() - len(KEYWORD), shut if shut >= 0 else stop, True, False

    def _quoted(self, quote: str, command: bool) -> Iterator[Place]:
        """Go past a quoted part; what begins with the keyword in it may be a call."""
        opened = self.at + 1
        at = opened
        while at < self.size and self.text[at] != quote:
            at += 2 if self.text[at] == "\\" and quote == '"' else 1
        shut = min(at, self.size)
        self.at = min(shut + 1, self.size)
        inner = self.text[opened:shut]
        if KEYWORD not in inner:
            return
        if quote == '"':
            yield from self._substituted(opened, inner)
        first = re.match(r"\s*@role(?=[ \t])", inner)
        if first and "\n" not in inner.strip():
            yield opened + first.end() - len(KEYWORD), shut, command, True
            return
        for found in _INNER_LINE.finditer(inner):
            stop = inner.find("\n", found.end())
            end = shut if stop < 0 else opened + stop
            yield opened + found.end() - len(KEYWORD), end, False, True
