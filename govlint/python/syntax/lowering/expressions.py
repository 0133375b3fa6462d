"""Expressions: one method a libcst class, found by the class in a table.

Chains that grow with the text (operators, calls, attributes) are walked in a loop, so that
a long one does not exhaust Python's stack.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from typing import Any, Final

import libcst as cst

from govlint.python.syntax.lowering.comprehensions import ComprehensionLowering
from govlint.python.syntax.lowering.contexts import LOAD
from govlint.python.syntax.lowering.literals import number

_CONSTANTS: Final[dict[str, bool | None]] = {"True": True, "False": False, "None": None}

_BINARY: Final[dict[type[cst.BaseBinaryOp], tuple[ast.operator, int]]] = {
    cst.Add: (ast.Add(), 1),
    cst.Subtract: (ast.Sub(), 1),
    cst.Multiply: (ast.Mult(), 1),
    cst.MatrixMultiply: (ast.MatMult(), 1),
    cst.Divide: (ast.Div(), 1),
    cst.Modulo: (ast.Mod(), 1),
    cst.Power: (ast.Pow(), 2),
    cst.LeftShift: (ast.LShift(), 2),
    cst.RightShift: (ast.RShift(), 2),
    cst.BitOr: (ast.BitOr(), 1),
    cst.BitXor: (ast.BitXor(), 1),
    cst.BitAnd: (ast.BitAnd(), 1),
    cst.FloorDivide: (ast.FloorDiv(), 2),
}
_UNARY: Final[dict[type[cst.BaseUnaryOp], tuple[ast.unaryop, int]]] = {
    cst.Not: (ast.Not(), 3),
    cst.Minus: (ast.USub(), 1),
    cst.Plus: (ast.UAdd(), 1),
    cst.BitInvert: (ast.Invert(), 1),
}
_COMPARE: Final[dict[type[cst.BaseCompOp], tuple[ast.cmpop, tuple[int, ...]]]] = {
    cst.Equal: (ast.Eq(), (2,)),
    cst.NotEqual: (ast.NotEq(), (2,)),
    cst.LessThan: (ast.Lt(), (1,)),
    cst.LessThanEqual: (ast.LtE(), (2,)),
    cst.GreaterThan: (ast.Gt(), (1,)),
    cst.GreaterThanEqual: (ast.GtE(), (2,)),
    cst.Is: (ast.Is(), (2,)),
    cst.IsNot: (ast.IsNot(), (2, 3)),
    cst.In: (ast.In(), (2,)),
    cst.NotIn: (ast.NotIn(), (3, 2)),
}
_AND: Final = ast.And()
_OR: Final = ast.Or()


class ExpressionLowering(ComprehensionLowering):
    """Every expression."""

    def __init__(self, source: str) -> None:
        super().__init__(source)
        self._lower: dict[type[cst.CSTNode], Callable[[Any], ast.expr]] = {
            cst.Name: self._name,
            cst.Attribute: self._trailers,
            cst.Call: self._trailers,
            cst.Subscript: self._trailers,
            cst.SimpleString: self.simple_string,
            cst.ConcatenatedString: self.joined_string,
            cst.FormattedString: self.joined_string,
            cst.TemplatedString: self.joined_string,
            cst.Integer: self._number,
            cst.Float: self._number,
            cst.Imaginary: self._number,
            cst.Ellipsis: self._ellipsis,
            cst.Tuple: self._tuple,
            cst.List: self._list,
            cst.Set: self._set,
            cst.Dict: self._dict,
            cst.BinaryOperation: self._binary,
            cst.BooleanOperation: self._boolean,
            cst.UnaryOperation: self._unary,
            cst.Comparison: self._comparison,
            cst.IfExp: self._conditional,
            cst.Lambda: self._lambda,
            cst.NamedExpr: self._named,
            cst.StarredElement: self.starred,
            cst.Await: self._await,
            cst.Yield: self._yield,
            cst.GeneratorExp: self.generator,
            cst.ListComp: self.list_comprehension,
            cst.SetComp: self.set_comprehension,
            cst.DictComp: self.dict_comprehension,
            cst.StarredDictComp: self.starred_dict_comprehension,
        }

    def expr(self, node: cst.BaseExpression) -> ast.expr:
        if not node.lpar:
            return self._lower[type(node)](node)
        for _ in node.lpar:
            self.take(1)
        self.opened = self.at - 1
        lowered = self._lower[type(node)](node)
        if not isinstance(node, cst.Tuple | cst.GeneratorExp):  # they took theirs themselves
            for _ in node.rpar:
                self.take(1)
        return lowered

    def _name(self, node: cst.Name) -> ast.expr:
        start = self.skip()
        value = node.value
        if value in _CONSTANTS:
            self.at = start + len(value)
            return self.put(ast.Constant(_CONSTANTS[value], None), start)
        return self.put(ast.Name(self.identifier(value), LOAD), start)

    def _number(self, node: cst.Integer | cst.Float | cst.Imaginary) -> ast.expr:
        start = self.skip()
        self.at = start + len(node.value)
        try:
            return self.put(ast.Constant(number(node.value), None), start)
        except ValueError as error:  # longer than sys.get_int_max_str_digits()
            raise self.refuse(str(error), start) from None

    def _ellipsis(self, node: cst.Ellipsis) -> ast.expr:
        start = self.skip()
        self.at = start + 3
        return self.put(ast.Constant(..., None), start)

    def _trailers(self, node: cst.BaseExpression) -> ast.expr:
        spine: list[tuple[Any, int]] = []
        inner: Any = node
        while True:
            spine.append((inner, self.skip()))
            inner = inner.func if type(inner) is cst.Call else inner.value
            if type(inner) not in (cst.Attribute, cst.Call, cst.Subscript):
                break
            for _ in inner.lpar:
                self.take(1)
        result = self.expr(inner)
        for outer, start in reversed(spine):
            kind = type(outer)
            if kind is cst.Attribute:
                self.take(1)
                result = ast.Attribute(result, self.identifier(outer.attr.value), LOAD)
            elif kind is cst.Call:
                arguments, keywords = self.arguments(outer.args)
                result = ast.Call(result, arguments, keywords)
            else:
                self.take(1)
                result = ast.Subscript(result, self._slices(outer.slice), LOAD)
                self.take(1)
            self.put(result, start)
            if outer is not node:
                for _ in outer.rpar:
                    self.take(1)
        return result

    def _slices(self, elements: Sequence[cst.SubscriptElement]) -> ast.expr:
        start = self.skip()
        lowered = []
        for element in elements:
            lowered.append(self._slice(element.slice))
            if isinstance(element.comma, cst.Comma):
                self.take(1)
        first = elements[0]
        starred = isinstance(first.slice, cst.Index) and first.slice.star
        if len(elements) == 1 and not isinstance(first.comma, cst.Comma) and not starred:
            return lowered[0]
        return self.put(ast.Tuple(lowered, LOAD), start)

    def _slice(self, node: cst.BaseSlice) -> ast.expr:
        start = self.skip()
        if isinstance(node, cst.Index):
            if not node.star:
                return self.expr(node.value)
            self.take(1)
            return self.put(ast.Starred(self.expr(node.value), LOAD), start)
        assert isinstance(node, cst.Slice)
        lower = self.expr(node.lower) if node.lower else None
        self.take(1)
        upper = self.expr(node.upper) if node.upper else None
        if isinstance(node.second_colon, cst.Colon):
            self.take(1)
        step = self.expr(node.step) if node.step else None
        return self.put(ast.Slice(lower, upper, step), start)

    def elements(self, nodes: Sequence[cst.BaseElement]) -> list[ast.expr]:
        """Lower the elements of a display, each with the comma behind it."""
        lowered = []
        for node in nodes:
            if type(node) is cst.Element:
                lowered.append(self.expr(node.value))
            else:
                assert isinstance(node, cst.StarredElement)
                lowered.append(self.expr(node))
            if isinstance(node.comma, cst.Comma):
                self.take(1)
        return lowered

    def starred(self, node: cst.StarredElement) -> ast.expr:
        start = self.skip()
        self.take(1)
        return self.put(ast.Starred(self.expr(node.value), LOAD), start)

    def _tuple(self, node: cst.Tuple) -> ast.expr:
        start = self.opened if node.lpar else self.skip()
        lowered = self.elements(node.elements)
        if not node.rpar:
            return self.put(ast.Tuple(lowered, LOAD), start)
        self.take(1)
        result = self.put(ast.Tuple(lowered, LOAD), start)
        for _ in node.rpar[1:]:
            self.take(1)
        return result

    def _list(self, node: cst.List) -> ast.expr:
        start = self.skip()
        self.take(1)
        lowered = self.elements(node.elements)
        self.take(1)
        return self.put(ast.List(lowered, LOAD), start)

    def _set(self, node: cst.Set) -> ast.expr:
        start = self.skip()
        self.take(1)
        lowered = self.elements(node.elements)
        self.take(1)
        return self.put(ast.Set(lowered), start)

    def _dict(self, node: cst.Dict) -> ast.expr:
        start = self.skip()
        self.take(1)
        keys: list[ast.expr | None] = []
        values = []
        for element in node.elements:
            if isinstance(element, cst.DictElement):
                keys.append(self.expr(element.key))
                self.take(1)
            else:
                keys.append(None)
                self.take(2)
            values.append(self.expr(element.value))
            if isinstance(element.comma, cst.Comma):
                self.take(1)
        self.take(1)
        return self.put(ast.Dict(keys, values), start)

    def _binary(self, node: cst.BinaryOperation) -> ast.expr:
        spine = [(node, self.skip())]
        left = node.left
        while isinstance(left, cst.BinaryOperation):
            for _ in left.lpar:
                self.take(1)
            spine.append((left, self.skip()))
            left = left.left
        result = self.expr(left)
        for outer, start in reversed(spine):
            operator, width = _BINARY[type(outer.operator)]
            self.take(width)
            result = self.put(ast.BinOp(result, operator, self.expr(outer.right)), start)
            if outer is not node:
                for _ in outer.rpar:
                    self.take(1)
        return result

    def _boolean(self, node: cst.BooleanOperation) -> ast.expr:
        start = self.skip()
        kind = type(node.operator)
        rights: list[cst.BaseExpression] = []
        left: cst.BaseExpression = node
        while (
            isinstance(left, cst.BooleanOperation)
            and type(left.operator) is kind
            and (left is node or not left.lpar)
        ):
            rights.append(left.right)
            left = left.left
        operator, width = (_AND, 3) if kind is cst.And else (_OR, 2)
        values = [self.expr(left)]
        for right in reversed(rights):
            self.take(width)
            values.append(self.expr(right))
        return self.put(ast.BoolOp(operator, values), start)

    def _unary(self, node: cst.UnaryOperation) -> ast.expr:
        start = self.skip()
        operator, width = _UNARY[type(node.operator)]
        self.take(width)
        return self.put(ast.UnaryOp(operator, self.expr(node.expression)), start)

    def _comparison(self, node: cst.Comparison) -> ast.expr:
        start = self.skip()
        left = self.expr(node.left)
        operators = []
        comparators = []
        for target in node.comparisons:
            operator, widths = _COMPARE[type(target.operator)]
            for width in widths:
                self.take(width)
            operators.append(operator)
            comparators.append(self.expr(target.comparator))
        return self.put(ast.Compare(left, operators, comparators), start)

    def _conditional(self, node: cst.IfExp) -> ast.expr:
        start = self.skip()
        body = self.expr(node.body)
        self.take(2)
        test = self.expr(node.test)
        self.take(4)
        return self.put(ast.IfExp(test, body, self.expr(node.orelse)), start)

    def _lambda(self, node: cst.Lambda) -> ast.expr:
        start = self.skip()
        self.take(6)
        parameters = self.parameters(node.params)
        self.take(1)
        return self.put(ast.Lambda(parameters, self.expr(node.body)), start)

    def _named(self, node: cst.NamedExpr) -> ast.expr:
        start = self.skip()
        target: Any = self.target(node.target)
        self.take(2)
        return self.put(ast.NamedExpr(target, self.expr(node.value)), start)

    def _await(self, node: cst.Await) -> ast.expr:
        start = self.skip()
        self.take(5)
        return self.put(ast.Await(self.expr(node.expression)), start)

    def _yield(self, node: cst.Yield) -> ast.expr:
        start = self.skip()
        self.take(5)
        if node.value is None:
            return self.put(ast.Yield(None), start)
        if isinstance(node.value, cst.From):
            self.take(4)
            return self.put(ast.YieldFrom(self.expr(node.value.item)), start)
        return self.put(ast.Yield(self.expr(node.value)), start)
