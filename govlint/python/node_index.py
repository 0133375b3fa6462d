"""The nodes of a module by kind: one walk that several checks share."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from weakref import WeakKeyDictionary

from govlint.python.symbols import Module
from govlint.python.syntax.walk import walk

_KEPT: tuple[type[ast.AST], ...] = (
    ast.Attribute,
    ast.Subscript,
    ast.Call,
    ast.Compare,
    ast.Match,
    ast.Assign,
    ast.AnnAssign,
    ast.AugAssign,
    ast.For,
    ast.AsyncFor,
    ast.With,
    ast.AsyncWith,
    ast.Delete,
    ast.comprehension,
    ast.NamedExpr,
    ast.Dict,
    ast.Return,
    *([ast.TypeAlias] if hasattr(ast, "TypeAlias") else []),
)
_indexes: WeakKeyDictionary[Module, dict[type[ast.AST], list[ast.AST]]] = WeakKeyDictionary()


def nodes_of(module: Module, *kinds: type[ast.AST]) -> Iterator[ast.AST]:
    """The nodes of these kinds, a kind after the other, outer ones first."""
    index = _indexes.get(module)
    if index is None:
        index = defaultdict(list)
        for node in walk(module.tree):
            kind = type(node)
            if kind in _KEPT:
                index[kind].append(node)
        _indexes[module] = index
    for kind in kinds:
        yield from index.get(kind, ())
