"""The checks of spec 001 section 5 written out in place: a field that must not be empty.

`if not payload.get("image"): raise …` is as good as a call of a validator. What counts is
the branch: a test whose refusal is only logged lets the plugin run all the same.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TYPE_CHECKING

from govlint.python.gate.frames import own_nodes
from govlint.python.paths.static import dotted

if TYPE_CHECKING:
    from govlint.python.program import Program

_MAPPINGS = {"dict", "Mapping", "MutableMapping", "OrderedDict", "TypedDict"}


class FieldChecks:
    """Reads conditions on the fields of the input, through names and module constants."""

    def __init__(self, program: Program) -> None:
        self.program = program

    def presence(self, test: ast.expr, field: str) -> bool | None:
        """What `test` is where the field is there and not empty; None: it does not tell."""
        return self._found(test, field, 3)

    def loop(self, statement: ast.For, field: str) -> bool:
        """Whether a loop over names of fields leaves at one that is missing."""
        if not self._names_field(statement.iter, field, 3):
            return False
        for node in statement.body:
            if isinstance(node, ast.If) and isinstance(node.body[-1], ast.Raise | ast.Return):
                return self._found(node.test, "", 3) is False
        return False

    def _found(self, test: ast.expr, field: str, depth: int) -> bool | None:
        """What `test` is where the field is there and not empty; None: it does not tell."""
        if isinstance(test, ast.NamedExpr):
            return self._found(test.value, field, depth)
        if _reads(test, field):
            return True
        if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
            inner = self._found(test.operand, field, depth)
            return None if inner is None else not inner
        if isinstance(test, ast.Compare) and len(test.ops) == 1:
            return self._compared(test, field, depth)
        if isinstance(test, ast.Call):
            return self._quantified(test, field, depth)
        if isinstance(test, ast.BoolOp):
            parts = [self._found(value, field, depth) for value in test.values]
            return next((part for part in parts if part is not None), None)
        if isinstance(test, ast.ListComp | ast.SetComp):
            if self._lists(test, field, depth) and test.generators[0].ifs:
                return self._found(test.generators[0].ifs[0], "", depth)
            return None
        if isinstance(test, ast.BinOp) and isinstance(test.op, ast.Sub):
            return False if self._names_field(test.left, field, depth) else None
        if isinstance(test, ast.Name) and depth:
            for value in self._assigned(test):
                found = self._found(value, field, depth - 1)
                if found is not None:
                    return found
        return None

    def _compared(self, test: ast.Compare, field: str, depth: int) -> bool | None:
        operator, right = test.ops[0], test.comparators[0]
        if isinstance(operator, ast.In | ast.NotIn):
            named = isinstance(test.left, ast.Constant) and test.left.value == field
            if named or (not field and isinstance(test.left, ast.Name)):
                return isinstance(operator, ast.In)
            return None
        inner = self._found(test.left, field, depth)
        if inner is None or not isinstance(right, ast.Constant) or right.value:
            return None
        return inner if isinstance(operator, ast.IsNot | ast.NotEq | ast.Gt) else not inner

    def _quantified(self, test: ast.Call, field: str, depth: int) -> bool | None:
        name = dotted(test.func)
        if name in ("bool", "len", "isinstance") and test.args:
            return self._found(test.args[0], field, depth)
        if name in ("all", "any") and test.args:
            source = test.args[0]
            if isinstance(source, ast.GeneratorExp | ast.ListComp):
                if self._lists(source, field, depth):
                    return self._found(source.elt, "", depth)
            elif isinstance(source, ast.Tuple | ast.List) and name == "all":
                parts = [self._found(part, field, depth) for part in source.elts]
                return next((part for part in parts if part is not None), None)
        if isinstance(test.func, ast.Attribute) and test.func.attr == "strip":
            return self._found(test.func.value, field, depth)
        if isinstance(test.func, ast.Attribute) and test.func.attr in ("issubset", "difference"):
            named = self._names_field(test.func.value, field, depth)
            return (test.func.attr == "issubset") if named else None
        return None

    def _lists(
        self, source: ast.ListComp | ast.SetComp | ast.GeneratorExp, field: str, depth: int
    ) -> bool:
        return self._names_field(source.generators[0].iter, field, depth)

    def _names_field(self, expression: ast.expr, field: str, depth: int) -> bool:
        if any(isinstance(n, ast.Constant) and n.value == field for n in ast.walk(expression)):
            return True
        return depth > 0 and any(
            self._names_field(value, field, depth - 1)
            for node in ast.walk(expression)
            if isinstance(node, ast.Name | ast.Attribute)
            for value in self._assigned(node)
        )

    def _assigned(self, name: ast.Name | ast.Attribute) -> Iterator[ast.expr]:
        """What a name is set to in its function, class or module."""
        wanted = name.id if isinstance(name, ast.Name) else name.attr
        function = self.program.function_of(name)
        cls = self.program.class_of(name)
        scopes: list[Iterator[ast.AST]] = []
        if isinstance(name, ast.Name):
            if function is not None:
                scopes.append(own_nodes(function.node))
            scopes.append(iter(self.program.module_of(name).tree.body))
        elif cls is not None:
            scopes.append(iter(cls.node.body))
        for scope in scopes:
            for node in scope:
                if isinstance(node, ast.Assign | ast.AnnAssign | ast.NamedExpr) and node.value:
                    for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                        if isinstance(target, ast.Name) and target.id == wanted:
                            yield node.value


def _reads(node: ast.expr, field: str) -> bool:
    """Whether `node` reads the field of something (any computed field where it is "")."""
    key: ast.expr | None = None
    if isinstance(node, ast.Attribute | ast.Name):
        return bool(field) and (node.attr if isinstance(node, ast.Attribute) else node.id) == field
    if isinstance(node, ast.Subscript):
        key = node.slice
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        if node.func.attr == "get" and node.args:
            key = node.args[0]
    elif isinstance(node, ast.Call) and dotted(node.func) == "getattr" and len(node.args) > 1:
        key = node.args[1]
    if not field:
        return isinstance(key, ast.Name)
    return isinstance(key, ast.Constant) and key.value == field


def is_mapping_test(leaf: ast.expr) -> bool:
    """Whether a condition's leaf asks if something is a dict."""
    if isinstance(leaf, ast.Call) and dotted(leaf.func) == "isinstance" and len(leaf.args) == 2:
        kinds = leaf.args[1].elts if isinstance(leaf.args[1], ast.Tuple) else [leaf.args[1]]
        return any(dotted(kind).rpartition(".")[2] in _MAPPINGS for kind in kinds)
    if isinstance(leaf, ast.Compare) and isinstance(leaf.left, ast.Call):
        right = leaf.comparators[0]
        return (
            dotted(leaf.left.func) == "type"
            and dotted(right) == "dict"
            and isinstance(leaf.ops[0], ast.Is | ast.Eq)
        )
    return False
