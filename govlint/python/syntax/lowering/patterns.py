"""The patterns of `match`."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from typing import Any

import libcst as cst

from govlint.python.syntax.lowering.expressions import ExpressionLowering


class PatternLowering(ExpressionLowering):
    """Every pattern."""

    def __init__(self, source: str) -> None:
        super().__init__(source)
        self._lower_pattern: dict[type[cst.CSTNode], Callable[[Any], ast.pattern]] = {
            cst.MatchValue: self._value,
            cst.MatchSingleton: self._singleton,
            cst.MatchList: self._sequence,
            cst.MatchTuple: self._sequence,
            cst.MatchStar: self._star,
            cst.MatchMapping: self._mapping,
            cst.MatchClass: self._class,
            cst.MatchAs: self._as,
            cst.MatchOr: self._or,
        }

    def pattern(self, node: cst.MatchPattern) -> ast.pattern:
        """Lower one pattern with its parentheses."""
        if isinstance(node, cst.MatchValue):
            return self._value(node)
        parentheses: Any = getattr(node, "lpar", ())
        for _ in parentheses:
            self.take(1)
        self.opened = self.at - 1
        lowered = self._lower_pattern[type(node)](node)
        if parentheses and not isinstance(node, cst.MatchTuple):
            for _ in parentheses:
                self.take(1)
        return lowered

    def _value(self, node: cst.MatchValue) -> ast.pattern:
        for _ in node.value.lpar:
            self.take(1)
        start = self.skip()
        value = self.expr(node.value.with_changes(lpar=(), rpar=()))
        lowered = self.put(ast.MatchValue(value), start)
        for _ in node.value.rpar:
            self.take(1)
        return lowered

    def _singleton(self, node: cst.MatchSingleton) -> ast.pattern:
        start = self.skip()
        value: Any = self.expr(node.value)
        return self.put(ast.MatchSingleton(value.value), start)

    def _sequence(self, node: cst.MatchList | cst.MatchTuple) -> ast.pattern:
        bracketed = isinstance(node, cst.MatchList) and node.lbracket is not None
        start = self.opened if isinstance(node, cst.MatchTuple) else self.skip()
        if bracketed:
            self.take(1)
        patterns = self._elements(node.patterns)
        if bracketed or isinstance(node, cst.MatchTuple):
            self.take(1)
        lowered = self.put(ast.MatchSequence(patterns), start)
        if isinstance(node, cst.MatchTuple):
            for _ in node.rpar[1:]:
                self.take(1)
        return lowered

    def _elements(
        self, nodes: Sequence[cst.MatchSequenceElement | cst.MatchStar]
    ) -> list[ast.pattern]:
        lowered = []
        for node in nodes:
            if isinstance(node, cst.MatchStar):
                lowered.append(self._star(node))
            else:
                lowered.append(self.pattern(node.value))
            if isinstance(node.comma, cst.Comma):
                self.take(1)
        return lowered

    def _star(self, node: cst.MatchStar) -> ast.pattern:
        start = self.skip()
        self.take(1)
        return self.put(ast.MatchStar(self._capture(node.name)), start)

    def _capture(self, name: cst.Name | None) -> str | None:
        if name is None:
            self.take(1)  # the wildcard
            return None
        return self.identifier(name.value)

    def _mapping(self, node: cst.MatchMapping) -> ast.pattern:
        start = self.skip()
        self.take(1)
        keys = []
        patterns = []
        for element in node.elements:
            keys.append(self.expr(element.key))
            self.take(1)
            patterns.append(self.pattern(element.pattern))
            if isinstance(element.comma, cst.Comma):
                self.take(1)
        rest = None
        if node.rest is not None:
            self.take(2)
            rest = self.identifier(node.rest.value)
        self.skip_commas()
        self.take(1)
        return self.put(ast.MatchMapping(keys, patterns, rest), start)

    def _class(self, node: cst.MatchClass) -> ast.pattern:
        start = self.skip()
        name = self.expr(node.cls)
        self.take(1)
        patterns = self._elements(node.patterns)
        attributes = []
        keyword_patterns = []
        for element in node.kwds:
            attributes.append(self.identifier(element.key.value))
            self.take(1)
            keyword_patterns.append(self.pattern(element.pattern))
            if isinstance(element.comma, cst.Comma):
                self.take(1)
        self.take(1)
        return self.put(ast.MatchClass(name, patterns, attributes, keyword_patterns), start)

    def _as(self, node: cst.MatchAs) -> ast.pattern:
        start = self.skip()
        pattern = None
        if node.pattern is not None:
            pattern = self.pattern(node.pattern)
            self.take(2)
        return self.put(ast.MatchAs(pattern, self._capture(node.name)), start)

    def _or(self, node: cst.MatchOr) -> ast.pattern:
        start = self.skip()
        patterns: list[ast.pattern] = []
        for element in node.patterns:
            if patterns:
                self.take(1)
            patterns.append(self.pattern(element.pattern))
        return self.put(ast.MatchOr(patterns), start)
