"""Compound statements and the whole module."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from typing import Any

import libcst as cst

from govlint.python.syntax.lowering.simple_statements import SimpleStatementLowering


class StatementLowering(SimpleStatementLowering):
    """Every statement; `module` is the way in."""

    def __init__(self, source: str) -> None:
        super().__init__(source)
        compound: dict[type[cst.CSTNode], Callable[[Any], ast.stmt]] = {
            cst.If: self._if,
            cst.While: self._while,
            cst.For: self._for,
            cst.With: self._with,
            cst.Try: self._try,
            cst.TryStar: self._try,
            cst.Match: self._match,
            cst.FunctionDef: self._function,
            cst.ClassDef: self._class_definition,
        }
        self.lower_statement.update(compound)

    def module(self, node: cst.Module) -> ast.Module:
        """Lower a whole file."""
        return ast.Module(self._statements(node.body), [])

    def _statements(self, nodes: Sequence[Any]) -> list[ast.stmt]:
        lowered: list[ast.stmt] = []
        for node in nodes:
            if type(node) is cst.SimpleStatementLine:
                self._line(node.body, lowered)
            else:
                lowered.append(self.lower_statement[type(node)](node))
        return lowered

    def _line(self, nodes: Sequence[cst.BaseSmallStatement], lowered: list[ast.stmt]) -> None:
        for node in nodes:
            lowered.append(self.lower_statement[type(node)](node))
            if isinstance(node.semicolon, cst.Semicolon):
                self.take(1)

    def _suite(self, node: cst.BaseSuite) -> list[ast.stmt]:
        self.take(1)
        if isinstance(node, cst.IndentedBlock):
            return self._statements(node.body)
        assert isinstance(node, cst.SimpleStatementSuite)
        lowered: list[ast.stmt] = []
        self._line(node.body, lowered)
        return lowered

    def _orelse(self, node: cst.Else | None) -> list[ast.stmt]:
        if node is None:
            return []
        self.take(4)
        return self._suite(node.body)

    # Compound statements. Each ends where its last block ends, semicolons included.

    def _if(self, node: cst.If) -> ast.stmt:
        start = self.skip()
        self.take(2)
        branches: list[tuple[int, ast.expr, list[ast.stmt]]] = []
        orelse: cst.If | cst.Else | None = node
        while isinstance(orelse, cst.If):
            if branches:
                start = self.skip()
                self.take(4)
            branches.append((start, self.expr(orelse.test), self._suite(orelse.body)))
            orelse = orelse.orelse
        otherwise = self._orelse(orelse)
        for start, test, body in reversed(branches):
            otherwise = [self.put(ast.If(test, body, otherwise), start)]
        return otherwise[0]

    def _while(self, node: cst.While) -> ast.stmt:
        start = self.skip()
        self.take(5)
        test = self.expr(node.test)
        body = self._suite(node.body)
        return self.put(ast.While(test, body, self._orelse(node.orelse)), start)

    def _for(self, node: cst.For) -> ast.stmt:
        start = self.skip()
        if node.asynchronous is not None:
            self.take(5)
        self.take(3)
        target = self.target(node.target)
        self.take(2)
        iterable = self.expr(node.iter)
        body = self._suite(node.body)
        orelse = self._orelse(node.orelse)
        made: Any = ast.For if node.asynchronous is None else ast.AsyncFor
        lowered: ast.stmt = made(target, iterable, body, orelse, None)
        return self.put(lowered, start)

    def _with(self, node: cst.With) -> ast.stmt:
        start = self.skip()
        if node.asynchronous is not None:
            self.take(5)
        self.take(4)
        parenthesized = isinstance(node.lpar, cst.LeftParen)
        if parenthesized:
            self.take(1)
        items = []
        for item in node.items:
            self.skip_commas()
            context = self.expr(item.item)
            variable = None
            if item.asname is not None:
                self.take(2)
                variable = self.target(item.asname.name)
            items.append(ast.withitem(context, variable))
        if parenthesized:
            self.skip_commas()
            self.take(1)
        body = self._suite(node.body)
        made: Any = ast.With if node.asynchronous is None else ast.AsyncWith
        lowered: ast.stmt = made(items, body, None)
        return self.put(lowered, start)

    def _try(self, node: cst.Try | cst.TryStar) -> ast.stmt:
        start = self.skip()
        self.take(3)
        body = self._suite(node.body)
        handlers = [self._handler(one) for one in node.handlers]
        orelse = self._orelse(node.orelse)
        final: list[ast.stmt] = []
        if node.finalbody is not None:
            self.take(7)
            final = self._suite(node.finalbody.body)
        made: Any = ast.Try if isinstance(node, cst.Try) else ast.TryStar
        lowered: ast.stmt = made(body, handlers, orelse, final)
        return self.put(lowered, start)

    def _handler(self, node: cst.ExceptHandler | cst.ExceptStarHandler) -> ast.ExceptHandler:
        start = self.skip()
        self.take(6)
        if isinstance(node, cst.ExceptStarHandler):
            self.take(1)
        exception = self.expr(node.type) if node.type is not None else None
        name = None
        if node.name is not None:
            self.take(2)
            assert isinstance(node.name.name, cst.Name)
            name = self.identifier(node.name.name.value)
        body = self._suite(node.body)
        return self.put(ast.ExceptHandler(exception, name, body), start)

    def _match(self, node: cst.Match) -> ast.stmt:
        start = self.skip()
        self.take(5)
        subject = self.expr(node.subject)
        self.take(1)
        cases = []
        for case in node.cases:
            self.take(4)
            pattern = self.pattern(case.pattern)
            guard = None
            if case.guard is not None:
                self.take(2)
                guard = self.expr(case.guard)
            cases.append(ast.match_case(pattern, guard, self._suite(case.body)))
        return self.put(ast.Match(subject, cases), start)

    def _decorators(self, nodes: Sequence[cst.Decorator]) -> list[ast.expr]:
        lowered = []
        for node in nodes:
            self.take(1)
            lowered.append(self.expr(node.decorator))
        return lowered

    def _function(self, node: cst.FunctionDef) -> ast.stmt:
        decorators = self._decorators(node.decorators)
        start = self.skip()
        if node.asynchronous is not None:
            self.take(5)
        self.take(3)
        name = self.identifier(node.name.value)
        type_parameters = self.type_parameters(node.type_parameters)
        self.take(1)
        parameters = self.parameters(node.params)
        self.take(1)
        returns = None
        if node.returns is not None:
            self.take(2)
            returns = self.expr(node.returns.annotation)
        body = self._suite(node.body)
        made: Any = ast.FunctionDef if node.asynchronous is None else ast.AsyncFunctionDef
        lowered = made(name, parameters, body, decorators, returns, None)
        lowered.type_params = type_parameters
        definition: ast.stmt = self.put(lowered, start)
        return definition

    def _class_definition(self, node: cst.ClassDef) -> ast.stmt:
        decorators = self._decorators(node.decorators)
        start = self.skip()
        self.take(5)
        name = self.identifier(node.name.value)
        type_parameters = self.type_parameters(node.type_parameters)
        bases: list[ast.expr] = []
        keywords: list[ast.keyword] = []
        if isinstance(node.lpar, cst.LeftParen):
            bases, keywords = self.arguments([*node.bases, *node.keywords])
        body = self._suite(node.body)
        lowered: Any = ast.ClassDef(name, bases, keywords, body, decorators)
        lowered.type_params = type_parameters
        definition: ast.stmt = self.put(lowered, start)
        return definition
