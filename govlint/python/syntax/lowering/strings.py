"""Strings: adjacent literals joined, f-strings and template strings taken apart.

From Python 3.12 on every part of an f-string has its own position. Before, the parts share
that of the whole string, and CPython gets some columns of replacement fields wrong; the
lowering gives what `ast.parse` of the running interpreter gives.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import libcst as cst

from govlint.python.syntax.lowering.cursor import Cursor
from govlint.python.syntax.lowering.literals import formatted, string

OWN_POSITIONS: Final = sys.version_info >= (3, 12)

_TemplateStr: Final[type[Any]] = getattr(ast, "TemplateStr", ast.JoinedStr)
_Interpolation: Final[type[Any] | None] = getattr(ast, "Interpolation", None)

_FORMATTED = (cst.FormattedString, cst.TemplatedString)
_FORMATTED_TEXT = (cst.FormattedStringText, cst.TemplatedStringText)


@dataclass(slots=True)
class _String:
    """All the literals that stand side by side."""

    kind: str | None  # "u" where the first has that prefix
    parts: list[ast.expr] = field(default_factory=list)  # before 3.12: nodes with its position


@dataclass(slots=True)
class _Token:
    """One f-string of those that stand side by side, while it is taken apart."""

    start: int
    raw: bool
    string: _String
    own: list[ast.expr] = field(default_factory=list)  # before 3.12: nodes with its position


class _Parts:
    """The values of a JoinedStr in the making: neighbouring literal texts become one."""

    def __init__(self, cursor: StringLowering, whole: _String) -> None:
        self.values: list[ast.expr] = []
        self._cursor = cursor
        self._string = whole
        self._text: list[str] = []
        self._start = self._end = 0
        self._kind: str | None = None  # from 3.12 on: that of the first of these texts

    def add_text(self, text: str, start: int, end: int, kind: str | None = None) -> None:
        if not self._text:
            self._start = start
            self._kind = kind
        self._text.append(text)
        self._end = end

    def add_field(self, value: ast.expr) -> None:
        self._flush(self._string.kind, self._string.parts)
        self.values.append(value)

    def finish(self, token: _Token | None = None) -> list[ast.expr]:
        """The values; before 3.12 the last text of a format spec belongs to its `token`."""
        if token is None:
            self._flush(self._string.kind, self._string.parts)
        else:
            self._flush(None, token.own)
        return self.values

    def _flush(self, kind: str | None, later: list[ast.expr]) -> None:
        text = "".join(self._text)
        self._text.clear()
        if not text:
            return
        constant = ast.Constant(text, self._kind if OWN_POSITIONS else kind)
        self.values.append(constant)
        if OWN_POSITIONS:
            self._cursor.put(constant, self._start, self._end)
        else:
            later.append(constant)


class StringLowering(Cursor):
    """String literals of every kind; `expr` is what lowers the fields of f-strings."""

    def __init__(self, source: str) -> None:
        super().__init__(source)
        self._brace: int | None = None  # offset of the brace of the field being lowered

    def expr(self, node: cst.BaseExpression) -> ast.expr:
        """Lower one expression with its parentheses."""
        raise NotImplementedError

    def simple_string(self, node: cst.SimpleString) -> ast.expr:
        """Lower a literal that stands alone."""
        start = self.skip()
        value = self._literal(node)
        return self.put(ast.Constant(value, "u" if node.value[0] == "u" else None), start)

    def joined_string(self, node: cst.BaseExpression) -> ast.expr:
        """Lower an f-string, a template string, or literals that stand side by side."""
        literals: list[Any] = []
        while isinstance(node, cst.ConcatenatedString):
            literals.append(node.left)
            node = node.right
        literals.append(node)
        start = self.skip()
        kind = "u" if self.source[start] == "u" else None
        if not any(isinstance(literal, _FORMATTED) for literal in literals):
            return self._concatenated(literals, kind)
        whole = _String(kind)
        parts = _Parts(self, whole)
        for literal in literals:
            begin = self.skip()
            if isinstance(literal, _FORMATTED):
                self._formatted(literal, parts, whole)
                continue
            value = self._literal(literal)
            if isinstance(value, bytes):
                raise self.refuse("cannot mix bytes and nonbytes literals", begin)
            parts.add_text(value, begin, self.at, "u" if literal.value[0] == "u" else None)
        values = parts.finish()
        template = any(isinstance(literal, cst.TemplatedString) for literal in literals)
        made = _TemplateStr if template else ast.JoinedStr
        for part in whole.parts:
            self.put(part, start)
        joined: ast.expr = self.put(made(values), start)
        return joined

    def _concatenated(self, literals: Sequence[cst.SimpleString], kind: str | None) -> ast.expr:
        start = self.at
        values = [self._literal(literal) for literal in literals]
        texts = [value for value in values if isinstance(value, str)]
        if len(texts) == len(values):
            return self.put(ast.Constant("".join(texts), kind), start)
        if texts:
            raise self.refuse("cannot mix bytes and nonbytes literals", start)
        octets = b"".join(value for value in values if isinstance(value, bytes))
        return self.put(ast.Constant(octets, None), start)

    def _literal(self, node: cst.SimpleString) -> str | bytes:
        begin = self.skip()
        token = node.value
        self.at = begin + len(token)
        self._note_fault(begin, self.at)
        try:
            return string(token)
        except ValueError as error:
            raise self.refuse(str(error), begin) from None

    def _formatted(
        self,
        node: cst.FormattedString | cst.TemplatedString,
        parts: _Parts,
        whole: _String,
    ) -> None:
        token = _Token(self.at, "r" in node.start.lower(), whole)
        self.at += len(node.start)
        # In old syntax neither the quotes nor a backslash can stand inside a field.
        self._note_fault(token.start, self.source.find(node.end, self.at))
        for part in node.parts:
            self._part(part, parts, token, True)
        self.at += len(node.end)
        for one in token.own:
            self.put(one, token.start)

    def _part(self, part: Any, parts: _Parts, token: _Token, top: bool) -> None:
        if not isinstance(part, _FORMATTED_TEXT):
            self._field(part, parts, token)
            return
        start = self.at
        self.at += len(part.value)
        try:
            text = formatted(part.value, token.raw, top)
        except ValueError as error:
            raise self.refuse(str(error), start) from None
        parts.add_text(text, start, self.at)

    def _field(self, part: Any, parts: _Parts, token: _Token) -> None:
        brace = self.at
        self.at += 1
        outer = self._brace, self.shifted
        if not OWN_POSITIONS:
            self._enter_field(token.start, brace)
        value = self.expr(part.expression)
        end = self.skip()
        if not OWN_POSITIONS and isinstance(value, ast.Tuple) and not part.expression.lpar:
            self.put(value, brace, end + 1)  # the field's braces are read as parentheses
        self._brace, self.shifted = outer
        text = self.source[brace + 1 : end].strip()
        conversion = ord(part.conversion) if part.conversion else -1
        if part.equal is not None:
            self.take(1)
            end = self.skip()
            parts.add_text(self.source[brace + 1 : end], brace + 1, end)
            if not part.conversion and part.format_spec is None:
                conversion = ord("r")
        if part.conversion:
            self.take(1)
            self.take(len(part.conversion))
        spec = None
        if part.format_spec is not None:
            spec = self._format_spec(part.format_spec, token)
        self.take(1)
        made: ast.expr
        if _Interpolation and isinstance(part, cst.TemplatedStringExpression):
            made = _Interpolation(value, text, conversion, spec)
        else:
            made = ast.FormattedValue(value, conversion, spec)
        if OWN_POSITIONS:
            self.put(made, brace)
        else:
            token.string.parts.append(made)
        parts.add_field(made)

    def _format_spec(self, contents: Sequence[Any], token: _Token) -> ast.expr:
        start = self.skip()
        self.take(1)
        spec = _Parts(self, token.string)
        for content in contents:
            self._part(content, spec, token, False)
        joined = ast.JoinedStr(spec.finish(token))
        if OWN_POSITIONS:
            return self.put(joined, start)
        token.own.append(joined)
        return joined

    # Before 3.12 a replacement field is parsed as a text of its own, its brace read as a
    # parenthesis, and the columns on its first line are moved to the right afterwards. That
    # is forgotten for a string token that starts on this line and ends on a later one: its
    # column counts from the brace, and so do the fields on the first line of such a token.

    def _note_fault(self, token: int, end: int) -> None:
        if OWN_POSITIONS or self._brace is None:
            return
        line = self.line(token)
        if line == self.line(self._brace) and self.line(end) > line:
            self.moved[token] = self.column(token) - self.column(self._brace)

    def _enter_field(self, token: int, brace: int) -> None:
        line = self.line(brace)
        if token in self.moved and line == self.line(token):
            self.shifted = (line, self.moved[token] - self.column(token))
        elif self.shifted and self.shifted[0] != line:
            self.shifted = None
        self._brace = brace
