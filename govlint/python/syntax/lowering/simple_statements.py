"""Statements without a block: assignments, imports, `return` and their like."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from typing import Any, Final

import libcst as cst

from govlint.python.syntax.lowering.contexts import DEL, set_context
from govlint.python.syntax.lowering.patterns import PatternLowering

_AUGMENTED: Final[dict[type[cst.BaseAugOp], tuple[ast.operator, int]]] = {
    cst.AddAssign: (ast.Add(), 2),
    cst.SubtractAssign: (ast.Sub(), 2),
    cst.MultiplyAssign: (ast.Mult(), 2),
    cst.MatrixMultiplyAssign: (ast.MatMult(), 2),
    cst.DivideAssign: (ast.Div(), 2),
    cst.ModuloAssign: (ast.Mod(), 2),
    cst.BitAndAssign: (ast.BitAnd(), 2),
    cst.BitOrAssign: (ast.BitOr(), 2),
    cst.BitXorAssign: (ast.BitXor(), 2),
    cst.LeftShiftAssign: (ast.LShift(), 3),
    cst.RightShiftAssign: (ast.RShift(), 3),
    cst.PowerAssign: (ast.Pow(), 3),
    cst.FloorDivideAssign: (ast.FloorDiv(), 3),
}
_TypeAlias: type[Any] | None = getattr(ast, "TypeAlias", None)


class SimpleStatementLowering(PatternLowering):
    """Every statement that has no block."""

    def __init__(self, source: str) -> None:
        super().__init__(source)
        self.lower_statement: dict[type[cst.CSTNode], Callable[[Any], ast.stmt]] = {
            cst.Expr: self._expression,
            cst.Assign: self._assign,
            cst.AnnAssign: self._annotated,
            cst.AugAssign: self._augmented,
            cst.Return: self._return,
            cst.Raise: self._raise,
            cst.Assert: self._assert,
            cst.Del: self._delete,
            cst.Pass: self._pass,
            cst.Break: self._break,
            cst.Continue: self._continue,
            cst.Global: self._global,
            cst.Nonlocal: self._nonlocal,
            cst.Import: self._import,
            cst.ImportFrom: self._import_from,
            cst.LazyImport: self._lazy,
            cst.LazyImportFrom: self._lazy,
            cst.TypeAlias: self._type_alias,
        }

    def _expression(self, node: cst.Expr) -> ast.stmt:
        start = self.skip()
        return self.put(ast.Expr(self.expr(node.value)), start)

    def _assign(self, node: cst.Assign) -> ast.stmt:
        start = self.skip()
        targets = []
        for one in node.targets:
            targets.append(self.target(one.target))
            self.take(1)
        return self.put(ast.Assign(targets, self.expr(node.value), None), start)

    def _annotated(self, node: cst.AnnAssign) -> ast.stmt:
        start = self.skip()
        simple = int(isinstance(node.target, cst.Name) and not node.target.lpar)
        target: Any = self.target(node.target)
        self.take(1)
        annotation = self.expr(node.annotation.annotation)
        value = None
        if node.value is not None:
            self.take(1)
            value = self.expr(node.value)
        return self.put(ast.AnnAssign(target, annotation, value, simple), start)

    def _augmented(self, node: cst.AugAssign) -> ast.stmt:
        start = self.skip()
        target: Any = self.target(node.target)
        operator, width = _AUGMENTED[type(node.operator)]
        self.take(width)
        return self.put(ast.AugAssign(target, operator, self.expr(node.value)), start)

    def _return(self, node: cst.Return) -> ast.stmt:
        start = self.skip()
        self.take(6)
        value = self.expr(node.value) if node.value else None
        return self.put(ast.Return(value), start)

    def _raise(self, node: cst.Raise) -> ast.stmt:
        start = self.skip()
        self.take(5)
        exception = self.expr(node.exc) if node.exc else None
        cause = None
        if node.cause is not None:
            self.take(4)
            cause = self.expr(node.cause.item)
        return self.put(ast.Raise(exception, cause), start)

    def _assert(self, node: cst.Assert) -> ast.stmt:
        start = self.skip()
        self.take(6)
        test = self.expr(node.test)
        message = None
        if node.msg is not None:
            self.take(1)
            message = self.expr(node.msg)
        return self.put(ast.Assert(test, message), start)

    def _delete(self, node: cst.Del) -> ast.stmt:
        start = self.skip()
        self.take(3)
        target = node.target
        if isinstance(target, cst.Tuple) and not target.lpar:
            targets = self.elements(target.elements)
        else:
            targets = [self.expr(target)]
        return self.put(ast.Delete([set_context(one, DEL) for one in targets]), start)

    def _pass(self, node: cst.Pass) -> ast.stmt:
        start = self.skip()
        self.take(4)
        return self.put(ast.Pass(), start)

    def _break(self, node: cst.Break) -> ast.stmt:
        start = self.skip()
        self.take(5)
        return self.put(ast.Break(), start)

    def _continue(self, node: cst.Continue) -> ast.stmt:
        start = self.skip()
        self.take(8)
        return self.put(ast.Continue(), start)

    def _names(self, nodes: Sequence[cst.NameItem]) -> list[str]:
        names = []
        for node in nodes:
            self.skip_commas()
            names.append(self.identifier(node.name.value))
        return names

    def _global(self, node: cst.Global) -> ast.stmt:
        start = self.skip()
        self.take(6)
        return self.put(ast.Global(self._names(node.names)), start)

    def _nonlocal(self, node: cst.Nonlocal) -> ast.stmt:
        start = self.skip()
        self.take(8)
        return self.put(ast.Nonlocal(self._names(node.names)), start)

    def _import(self, node: cst.Import) -> ast.stmt:
        start = self.skip()
        self.take(6)
        return self.put(ast.Import(self._aliases(node.names)), start)

    def _import_from(self, node: cst.ImportFrom) -> ast.stmt:
        start = self.skip()
        self.take(4)
        for _ in node.relative:
            self.take(1)
        module = self._dotted(node.module) if node.module else None
        self.take(6)
        if isinstance(node.names, cst.ImportStar):
            begin = self.skip()
            self.take(1)
            names = [self.put(ast.alias("*", None), begin)]
        else:
            if node.lpar is not None:
                self.take(1)
            names = self._aliases(node.names)
            if node.rpar is not None:
                self.skip_commas()
                self.take(1)
        return self.put(ast.ImportFrom(module, names, len(node.relative)), start)

    def _lazy(self, node: cst.LazyImport | cst.LazyImportFrom) -> ast.stmt:
        start = self.skip()
        self.take(4)
        lowered: Any
        if isinstance(node, cst.LazyImport):
            lowered = self._import(node)  # type: ignore[arg-type]
        else:
            lowered = self._import_from(node)  # type: ignore[arg-type]
        lowered.is_lazy = 1  # the field of Python 3.15
        statement: ast.stmt = self.put(lowered, start)
        return statement

    def _aliases(self, nodes: Sequence[cst.ImportAlias]) -> list[ast.alias]:
        lowered = []
        for node in nodes:
            start = self.skip_commas()
            name = self._dotted(node.name)
            bound = None
            if node.asname is not None:
                self.take(2)
                assert isinstance(node.asname.name, cst.Name)
                bound = self.identifier(node.asname.name.value)
            lowered.append(self.put(ast.alias(name, bound), start))
        return lowered

    def _dotted(self, node: cst.BaseExpression) -> str:
        return ast.unparse(self.expr(node))

    def _type_alias(self, node: cst.TypeAlias) -> ast.stmt:
        start = self.skip()
        self.take(4)
        name = self.target(node.name)
        parameters = self.type_parameters(node.type_parameters)
        self.take(1)
        value = self.expr(node.value)
        if _TypeAlias is not None:
            alias: ast.stmt = _TypeAlias(name, parameters, value)
            return self.put(alias, start)
        assign = ast.Assign([name], value, None)
        assign.type_params = parameters  # type: ignore[attr-defined]
        return self.put(assign, start)
