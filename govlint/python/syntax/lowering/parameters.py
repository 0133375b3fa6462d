"""Arguments of calls, parameters of functions, and type parameters."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Any

import libcst as cst

from govlint.python.syntax.lowering.contexts import LOAD
from govlint.python.syntax.lowering.strings import StringLowering


# For interpreters whose `ast` has no type parameters: the same names, fields and positions.
class TypeVar(ast.expr):
    """`T: bound = default_value` between the brackets of a generic definition."""

    _fields = ("name", "bound", "default_value")


class TypeVarTuple(ast.expr):
    """`*Ts = default_value` between the brackets of a generic definition."""

    _fields = ("name", "default_value")


class ParamSpec(ast.expr):
    """`**P = default_value` between the brackets of a generic definition."""

    _fields = ("name", "default_value")


_TypeVar: type[Any] = getattr(ast, "TypeVar", TypeVar)
_TypeVarTuple: type[Any] = getattr(ast, "TypeVarTuple", TypeVarTuple)
_ParamSpec: type[Any] = getattr(ast, "ParamSpec", ParamSpec)


class ParameterLowering(StringLowering):
    """What stands between the parentheses and brackets of calls and definitions."""

    opened = 0  # offset of the innermost parenthesis around the expression at hand

    def arguments(self, nodes: Sequence[cst.Arg]) -> tuple[list[ast.expr], list[ast.keyword]]:
        """Lower the arguments of a call or class, from its parenthesis to the closing one."""
        self.take(1)
        opened = self.at - 1
        positional: list[ast.expr] = []
        keywords: list[ast.keyword] = []
        for node in nodes:
            start = self.skip()
            value = node.value
            if node.keyword is not None:
                name = self.identifier(node.keyword.value)
                self.take(1)
                keywords.append(self.put(ast.keyword(name, self.expr(value)), start))
            elif node.star == "**":
                self.take(2)
                keywords.append(self.put(ast.keyword(None, self.expr(value)), start))
            elif node.star:
                self.take(1)
                positional.append(self.put(ast.Starred(self.expr(value), LOAD), start))
            elif isinstance(value, cst.GeneratorExp) and not value.lpar:
                # The call's parentheses are the generator's too.
                self.opened = opened
                positional.append(self.expr(value))
                return positional, keywords
            else:
                positional.append(self.expr(value))
            if isinstance(node.comma, cst.Comma):
                self.take(1)
        self.take(1)
        return positional, keywords

    def parameters(self, node: cst.Parameters) -> ast.arguments:
        """Lower the parameters of a function or lambda, without what encloses them."""
        defaults: list[ast.expr] = []
        positional_only = [self._parameter(one, defaults) for one in node.posonly_params]
        if isinstance(node.posonly_ind, cst.ParamSlash):
            self.skip_commas()
            self.take(1)
        either = [self._parameter(one, defaults) for one in node.params]
        variable = None
        if isinstance(node.star_arg, cst.Param):
            variable = self._parameter(node.star_arg, defaults)
        elif isinstance(node.star_arg, cst.ParamStar):
            self.skip_commas()
            self.take(1)
        keyword_only = []
        keyword_defaults: list[ast.expr | None] = []
        for one in node.kwonly_params:
            given: list[ast.expr] = []
            keyword_only.append(self._parameter(one, given))
            keyword_defaults.append(given[0] if given else None)
        rest = self._parameter(node.star_kwarg, defaults) if node.star_kwarg else None
        self.skip_commas()
        return ast.arguments(
            positional_only, either, variable, keyword_only, keyword_defaults, rest, defaults
        )

    def _parameter(self, node: cst.Param, defaults: list[ast.expr]) -> ast.arg:
        self.skip_commas()
        if isinstance(node.star, str) and node.star:
            self.take(len(node.star))
        start = self.skip()
        name = self.identifier(node.name.value)
        annotation = None
        if node.annotation is not None:
            self.take(1)
            annotation = self.expr(node.annotation.annotation)
        parameter = self.put(ast.arg(name, annotation, None), start)
        if node.default is not None:
            self.take(1)
            defaults.append(self.expr(node.default))
        return parameter

    def type_parameters(self, node: cst.TypeParameters | None) -> list[ast.AST]:
        """Lower `[T: bound = default, *Ts, **P]`; the nodes' fields are those of Python 3.13."""
        lowered: list[ast.AST] = []
        if node is None:
            return lowered
        self.take(1)
        for one in node.params:
            start = self.skip_commas()
            made: Any
            if isinstance(one.param, cst.TypeVar):
                name = self.identifier(one.param.name.value)
                bound = None
                if one.param.bound is not None:
                    self.take(1)
                    bound = self.expr(one.param.bound)
                made = _TypeVar(name, bound)
            elif isinstance(one.param, cst.TypeVarTuple):
                self.take(1)
                made = _TypeVarTuple(self.identifier(one.param.name.value))
            else:
                self.take(2)
                made = _ParamSpec(self.identifier(one.param.name.value))
            made.default_value = None
            if one.default is not None:
                self.take(1)
                made.default_value = self._default(one)
            lowered.append(self.put(made, start))
        self.skip_commas()
        self.take(1)
        return lowered

    def _default(self, node: cst.TypeParam) -> ast.expr:
        start = self.skip()
        assert node.default is not None
        if not node.star:
            return self.expr(node.default)
        self.take(1)
        return self.put(ast.Starred(self.expr(node.default), LOAD), start)
