"""The strings of a Python file that hold a word, as the program has them at run time.

Parts put in at run time (f-strings, `+` with a name, `join` of a list with one) become
UNKNOWN; a check sees one text for one value, and asks where parts of it stand.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from govlint.model import Location

UNKNOWN = "\0"


@dataclass(frozen=True, slots=True)
class Literal:
    """A string: its text, whether it is a docstring, the name of what it is an argument of.

    `place` says where the characters from one offset to another stand in the file.
    """

    text: str
    is_docstring: bool
    called: str
    place: Callable[[int, int], Location]


def literals(tree: ast.Module, path: str, source: str, word: str) -> Iterator[Literal]:
    """Each string of a module that holds `word`, and each list of words that begins with it."""
    lines = source.splitlines(keepends=True)
    visitor = _Visitor(path, lines, word)
    visitor.visit(tree)
    yield from visitor.found


class _Visitor(ast.NodeVisitor):
    def __init__(self, path: str, lines: list[str], word: str) -> None:
        self.path, self.lines, self.word = path, lines, word
        self.found: list[Literal] = []
        self.called = ""

    def visit_Expr(self, node: ast.Expr) -> None:
        value = node.value
        if isinstance(value, ast.Constant) and isinstance(value.value, str):
            self._add(value, value.value, True)
        else:
            self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        outer = self.called
        self.visit(node.func)
        self.called = _name(node.func)
        for argument in node.args:
            self.visit(argument)
        self.called = ""
        for keyword in node.keywords:
            self.called = _name(node.func) if keyword.arg in ("command", "cmd", "args") else ""
            self.visit(keyword.value)
        self.called = outer

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, str):
            self._add(node, node.value, False)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        self._add(node, _text(node) or "", False)
        for part in node.values:
            if isinstance(part, ast.FormattedValue):
                self.visit(part.value)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        text = _text(node) if isinstance(node.op, ast.Add | ast.Mod) else None
        if text is None:
            self.generic_visit(node)
        else:
            self._add(node, text, False)

    def visit_List(self, node: ast.List) -> None:
        self._sequence(node)

    def visit_Tuple(self, node: ast.Tuple) -> None:
        self._sequence(node)

    def _sequence(self, node: ast.List | ast.Tuple) -> None:
        """A list of words, as `subprocess` takes them, is one command line."""
        first = node.elts[0] if node.elts else None
        if not (isinstance(first, ast.Constant) and first.value == self.word):
            self.generic_visit(node)
            return
        text = ""
        ends: list[tuple[int, ast.expr]] = []
        for element in node.elts:
            part = _text(element)
            if isinstance(element, ast.Starred) or part is None:
                part = UNKNOWN
            elif any(char in part for char in " \t\"'") and not part.startswith("-"):
                part = '"' + part.replace('"', '\\"') + '"'
            text += ("" if not text else " ") + part
            ends.append((len(text), element))

        def place(start: int, end: int) -> Location:
            element = next((e for stop, e in ends if start <= stop), ends[-1][1])
            return self._span(element)

        self.found.append(Literal(text, False, self.called, place))

    def _add(self, node: ast.expr, text: str, is_docstring: bool) -> None:
        if self.word not in text:
            return

        def place(start: int, end: int) -> Location:
            return self._place(node, text, start, end)

        self.found.append(Literal(text, is_docstring, self.called, place))

    def _span(self, node: ast.expr) -> Location:
        line, end_line = node.lineno, node.end_lineno or node.lineno
        column = self._column(line, node.col_offset)
        return Location(
            self.path, line, column, end_line, self._column(end_line, node.end_col_offset or 0)
        )

    def _column(self, line: int, offset: int) -> int:
        text = self.lines[line - 1] if line <= len(self.lines) else ""
        return len(text.encode("utf-8", "surrogatepass")[:offset].decode("utf-8", "replace")) + 1

    def _place(self, node: ast.expr, text: str, start: int, end: int) -> Location:
        """Find the characters in the source; where escapes hide them, the nearest word before."""
        span = self._span(node)
        raw = self._raw(span)
        word = text[start:end]
        at = -1
        if word and UNKNOWN not in word:
            at = _nth(raw, word, text.count(word, 0, start))
        if at < 0:
            word = self.word
            at = _nth(raw, word, max(text.count(word, 0, start) - 1, 0))
        if at < 0:
            return span
        line, column = _step(raw, at, span.line, span.column)
        return Location(
            self.path, line, column, *_step(raw, at + len(word), span.line, span.column)
        )

    def _raw(self, span: Location) -> str:
        picked = self.lines[span.line - 1 : span.end_line]
        if not picked:
            return ""
        picked = [*picked]
        picked[-1] = picked[-1][: span.end_column - 1]
        picked[0] = picked[0][span.column - 1 :]
        return "".join(picked)


def _step(raw: str, at: int, line: int, column: int) -> tuple[int, int]:
    before = raw[:at].splitlines(keepends=True)
    ended = bool(before) and before[-1].endswith(("\n", "\r"))
    if ended:
        return line + len(before), 1
    if len(before) <= 1:
        return line, column + at
    return line + len(before) - 1, len(before[-1]) + 1


def _nth(text: str, part: str, nth: int) -> int:
    at = -1
    for _ in range(nth + 1):
        at = text.find(part, at + 1)
        if at < 0:
            return -1
    return at


def _text(node: ast.expr) -> str | None:
    """The text that an expression makes, with UNKNOWN for what is put in; None: it is no text."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    if isinstance(node, ast.JoinedStr):
        parts = (_text(part) if isinstance(part, ast.Constant) else None for part in node.values)
        return "".join(UNKNOWN if part is None else part for part in parts)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod):
        return _text(node.left)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left, right = _text(node.left), _text(node.right)
        if left is None and right is None:
            return None
        return (UNKNOWN if left is None else left) + (UNKNOWN if right is None else right)
    return None


def _name(function: ast.expr) -> str:
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""
