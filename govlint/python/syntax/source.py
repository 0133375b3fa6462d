"""One Python file as the scan left it: bytes, text and tree, each made when first asked for.

Most files of a run are never parsed, so nothing here reads or decodes before it has to.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ast

_COOKIE = re.compile(rb"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)", re.ASCII)
_BLANK = re.compile(rb"^[ \t\f]*(?:[#\r\n]|$)", re.ASCII)
_LINE_END = re.compile(rb"\r\n|\r|\n")
HEAD_BYTES = 4096  # the first two lines mostly end within these
MARK = "\0"  # what the words begin with that are no text
_BOM = b"\xef\xbb\xbf"
_LINES = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")


class UnparsableError(Exception):
    """A file has no tree. `kind` is a Problem's kind, or `syntax` for a syntax error."""

    def __init__(self, kind: str, message: str, line: int = 1, column: int = 1) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.line = line
        self.column = column


def declared_encoding(data: bytes) -> str | None:
    """Return the encoding that a coding cookie names, or None where there is none (PEP 263)."""
    head = data[:HEAD_BYTES]
    if b"coding" not in head and (len(head) < HEAD_BYTES or head.count(b"\n") > 1):
        return None
    start = 3 if data.startswith(_BOM) else 0
    for _ in range(2):
        end = _LINE_END.search(data, start)
        line = data[start : end.start() if end else len(data)]
        found = _COOKIE.match(line)
        if found:
            return found.group(1).decode("ascii")
        if end is None or not _BLANK.match(line):
            return None
        start = end.end()
    return None


def is_utf8(name: str, bom: bool) -> bool:
    """Say whether a cookie's name means UTF-8; with a BOM the interpreter takes one spelling."""
    folded = name[:12].lower().replace("_", "-")
    if folded == "utf-8" or folded.startswith("utf-8-"):
        return True
    return not bom and folded in ("utf8", "u8", "utf", "cp65001")


def decode(data: bytes) -> tuple[str, str, bool]:
    """Decode a Python file as the interpreter would: its text, encoding, and whether it has a BOM.

    Newlines stay as they are and the BOM is not part of the text. Raises SyntaxError
    (with a line) for an unknown cookie, bytes the encoding does not have, or null bytes.
    """
    bom = data.startswith(_BOM)
    name = declared_encoding(data)
    encoding = "utf-8"
    if name is not None and not is_utf8(name, bom):
        if bom:
            raise _syntax(f"encoding problem: {name} with BOM", 1)
        encoding = name
    body = data[3:] if bom else data
    try:
        text = body.decode(encoding)
    except UnicodeDecodeError as error:
        line = len(_LINE_END.findall(body, 0, error.start)) + 1
        raise _syntax(
            f"{encoding} cannot decode byte 0x{body[error.start]:02x}"
            f" (byte {error.start + (3 if bom else 0)} of the file)",
            line,
        ) from None
    except (LookupError, UnicodeError, ValueError) as error:
        raise _syntax(f"unknown encoding: {encoding} ({error})", 1) from None
    if "\0" in text:
        line = len(_LINE_END.findall(body, 0, max(body.find(b"\0"), 0))) + 1
        raise _syntax("source code cannot contain null bytes", line)
    return text, encoding, bom


def fold(text: str) -> bytes:
    """Text as it is searched: identifiers as they are compared (NFKC, PEP 3131), lines ended
    by `\\n`, and `?` for what is not ASCII.
    """
    if not text.isascii():
        from unicodedata import normalize

        text = normalize("NFKC", text)
    return text.replace("\r\n", "\n").replace("\r", "\n").encode("ascii", "replace")


def mark(kind: str) -> str:
    """The word of a file that may hold a finding of a check. It stands in no text."""
    return MARK + kind


def _syntax(message: str, line: int) -> SyntaxError:
    error = SyntaxError(message)
    error.lineno, error.offset = line, 1
    return error


def split_lines(text: str) -> list[str]:
    """Split into lines with their ends, at the line ends Python's own parser knows.

    `str.splitlines` also splits at form feeds and Unicode separators, which would put
    every later line number out by one.
    """
    return _LINES.findall(text)


@dataclass(slots=True)
class ScannedFile:
    """A Python file of the project, with what the scan found out about it.

    `path` is as reported (relative to the working directory), `module` the dotted name,
    unique in the run. `words` are the triggers that occur in it: a file without any is
    no candidate, but linking may still ask for its tree.
    """

    path: str
    abspath: str
    module: str
    data: bytes | None = None
    words: frozenset[str] = frozenset()
    is_test: bool = False
    nonascii: bool = False
    is_package: bool = False
    loaded: bool = False
    failure: UnparsableError | None = None
    _text: str | None = field(default=None, repr=False)
    _tree: ast.Module | None = field(default=None, repr=False)

    def load(self) -> bytes:
        """Return the file's bytes, reading them once. Raises UnparsableError if it cannot."""
        self.loaded = True
        if self.data is None:
            try:
                with open(self.abspath, "rb") as stream:
                    self.data = stream.read()
            except OSError as error:
                raise self._fail("unreadable", f"cannot be read: {error.strerror}") from None
        return self.data

    def text(self) -> str:
        """Return the decoded text, without a BOM, newlines as they stand in the file."""
        if self._text is None:
            try:
                self._text = decode(self.load())[0]
            except SyntaxError as error:
                raise self._fail("syntax", error.msg, error.lineno or 1) from None
        return self._text

    def folded(self) -> bytes:
        """Return the text as it is searched."""
        if not self.nonascii and b"\r" not in self.load():
            return self.load()
        return fold(self.text())

    def tree(self) -> ast.Module:
        """Return the file's syntax tree, parsing once.

        Raises UnparsableError (also kept in `failure`, which the engine reports): kind
        `syntax` for invalid code, `limit` for code nested deeper than can be handled.
        """
        if self.failure is not None:
            raise self.failure
        if self._tree is None:
            from govlint.python.syntax.parse import parse_text

            text = self.text()
            try:
                self._tree = parse_text(text, self.path)
            except SyntaxError as error:
                raise self._fail(
                    "syntax", error.msg, error.lineno or 1, error.offset or 1
                ) from None
            except (RecursionError, MemoryError):
                raise self._fail("limit", "is nested too deeply to be analysed") from None
        return self._tree

    @property
    def parsed(self) -> bool:
        """Whether the tree was made."""
        return self._tree is not None

    def _fail(self, kind: str, message: str, line: int = 1, column: int = 1) -> UnparsableError:
        self.failure = UnparsableError(kind, message, line, column)
        return self.failure
