"""The members of an enum or class of constants, as far as its body tells them."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from govlint.python.symbols import ClassInfo

_NOT_MEMBERS = frozenset(
    "property nonmember staticmethod classmethod cached_property DynamicClassAttribute partial "
    "partialmethod frozenset set dict list tuple MappingProxyType compile getLogger defaultdict "
    "field TypeVar lock Lock RLock".split()
)


def members_of(cls: ClassInfo) -> Iterator[tuple[str, ast.expr, ast.expr]]:
    """Name, value and target of what the class body assigns, as far as it may be a member."""
    ignored = {"_ignore_"}
    rows: list[tuple[str, ast.expr, ast.expr]] = []
    for statement in _body(cls.node.body):
        if isinstance(statement, ast.Assign):
            for target in statement.targets:
                rows.extend(_pairs(target, statement.value))
        elif isinstance(statement, ast.AnnAssign) and statement.value is not None:
            rows.extend(_pairs(statement.target, statement.value))
    for name, value, _ in rows:
        if name == "_ignore_":
            ignored.update(_words(value))
    siblings = {name for name, _, _ in rows}
    for name, value, target in rows:
        if not name.startswith("_") and name not in ignored and _is_member(value, siblings):
            yield name, value, target


def _body(statements: list[ast.stmt]) -> Iterator[ast.stmt]:
    for statement in statements:
        yield statement
        if isinstance(statement, ast.If | ast.Try | ast.With | ast.For | ast.While):
            for part in ("body", "orelse", "finalbody"):
                yield from _body(getattr(statement, part, []))


def _pairs(target: ast.expr, value: ast.expr) -> Iterator[tuple[str, ast.expr, ast.expr]]:
    if isinstance(target, ast.Name):
        yield target.id, value, target
    elif isinstance(target, ast.Tuple | ast.List):
        parts = value.elts if isinstance(value, ast.Tuple | ast.List) else None
        for index, part in enumerate(target.elts):
            same = parts is not None and len(parts) == len(target.elts)
            yield from _pairs(part, parts[index] if parts is not None and same else value)


def _words(value: ast.expr) -> list[str]:
    if isinstance(value, ast.Constant) and isinstance(value.value, str):
        return value.value.replace(",", " ").split()
    if isinstance(value, ast.List | ast.Tuple | ast.Set):
        return [word for part in value.elts for word in _words(part)]
    return []


def _is_member(value: ast.expr, siblings: set[str]) -> bool:
    if isinstance(value, ast.Lambda | ast.Set | ast.List | ast.Dict | ast.SetComp | ast.DictComp):
        return False
    if isinstance(value, ast.ListComp | ast.GeneratorExp | ast.Compare):
        return False
    if isinstance(value, ast.Constant):
        return value.value is not ... and not isinstance(value.value, bool)
    if isinstance(value, ast.Tuple):
        # (value, label) makes a member; a tuple of members groups them
        return bool(value.elts) and not all(
            isinstance(part, ast.Name) and part.id in siblings for part in value.elts
        )
    if isinstance(value, ast.Call):
        return last_name(value.func) not in _NOT_MEMBERS
    return True


def last_name(node: ast.AST) -> str:
    """The last part of a dotted name, through calls and subscripts; empty for others."""
    while isinstance(node, ast.Subscript | ast.Call):
        node = node.value if isinstance(node, ast.Subscript) else node.func
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""
