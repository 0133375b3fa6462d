"""Comprehensions and generator expressions."""

from __future__ import annotations

import ast
import sys
from typing import Final

import libcst as cst

from govlint.python.syntax.lowering.contexts import LOAD, STORE, set_context
from govlint.python.syntax.lowering.parameters import ParameterLowering

_UNPACKING: Final = sys.version_info >= (3, 15)  # PEP 798: [*x for x in xs]
# No name that source can spell, so that nothing is shadowed.
_ELEMENT: Final = ".element"


class ComprehensionLowering(ParameterLowering):
    """`[…]`, `{…}` and `(…)` with `for` in them."""

    def target(self, node: cst.BaseExpression) -> ast.expr:
        """Lower an expression that is assigned to."""
        return set_context(self.expr(node), STORE)

    def generator(self, node: cst.GeneratorExp) -> ast.expr:
        start = self.opened
        element, generators = self._element(node)
        self.take(1)  # without parentheses of its own it ends with those of its call
        result = self.put(ast.GeneratorExp(element, generators), start)
        for _ in node.rpar[1:]:
            self.take(1)
        return result

    def list_comprehension(self, node: cst.ListComp) -> ast.expr:
        start = self.skip()
        self.take(1)
        element, generators = self._element(node)
        self.take(1)
        return self.put(ast.ListComp(element, generators), start)

    def set_comprehension(self, node: cst.SetComp) -> ast.expr:
        start = self.skip()
        self.take(1)
        element, generators = self._element(node)
        self.take(1)
        return self.put(ast.SetComp(element, generators), start)

    def dict_comprehension(self, node: cst.DictComp) -> ast.expr:
        start = self.skip()
        self.take(1)
        key = self.expr(node.key)
        self.take(1)
        value = self.expr(node.value)
        generators = self._generators(node.for_in)
        self.take(1)
        return self.put(ast.DictComp(key, value, generators), start)

    def starred_dict_comprehension(self, node: cst.StarredDictComp) -> ast.expr:
        """Lower `{**d for d in ds}`, for an older interpreter as a loop over the items."""
        start = self.skip()
        self.take(1)
        inner = self.skip()
        self.take(2)
        value = self.expr(node.value)
        end = self.at
        generators = self._generators(node.for_in)
        self.take(1)
        if _UNPACKING:
            unpacked = ast.DictComp(value, None, generators)  # type: ignore[arg-type]
            return self.put(unpacked, start)
        items = self.put(ast.Attribute(value, "items", LOAD), inner, end)
        call = self.put(ast.Call(items, [], []), inner, end)
        names = [self._synthetic(f"{_ELEMENT}.{part}", inner, end) for part in ("key", "value")]
        pair = self.put(ast.Tuple([set_context(name, STORE) for name in names], STORE), inner, end)
        generators.append(ast.comprehension(pair, call, [], 0))
        key, item = (self._synthetic(f"{_ELEMENT}.{part}", inner, end) for part in ("key", "value"))
        return self.put(ast.DictComp(key, item, generators), start)

    def _element(
        self, node: cst.GeneratorExp | cst.ListComp | cst.SetComp
    ) -> tuple[ast.expr, list[ast.comprehension]]:
        start = self.skip()
        element = self.expr(node.elt)
        end = self.at
        generators = self._generators(node.for_in)
        if isinstance(element, ast.Starred) and not _UNPACKING:
            # [*x for x in xs] is [y for x in xs for y in x].
            target = set_context(self._synthetic(_ELEMENT, start, end), STORE)
            generators.append(ast.comprehension(target, element.value, [], 0))
            element = self._synthetic(_ELEMENT, start, end)
        return element, generators

    def _synthetic(self, name: str, start: int, end: int) -> ast.expr:
        return self.put(ast.Name(name, LOAD), start, end)

    def _generators(self, node: cst.CompFor) -> list[ast.comprehension]:
        lowered = []
        following: cst.CompFor | None = node
        while following is not None:
            one = following
            if one.asynchronous is not None:
                self.take(5)
            self.take(3)
            target = self.target(one.target)
            self.take(2)
            iterable = self.expr(one.iter)
            conditions = []
            for condition in one.ifs:
                self.take(2)
                conditions.append(self.expr(condition.test))
            asynchronous = int(one.asynchronous is not None)
            lowered.append(ast.comprehension(target, iterable, conditions, asynchronous))
            following = one.inner_for_in
        return lowered
