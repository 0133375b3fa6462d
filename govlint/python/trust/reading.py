"""Files that a check reads by itself, and small questions about their text."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import lru_cache

from govlint.python.paths.static import dotted
from govlint.python.syntax.walk import children, walk
from govlint.python.vacuity.sources import AnyDef


def definitions(tree: ast.AST) -> Iterator[tuple[AnyDef, ast.ClassDef | None]]:
    """The functions of a file with the class each stands in."""
    stack: list[tuple[ast.AST, ast.ClassDef | None]] = [(tree, None)]
    while stack:
        node, cls = stack.pop()
        for child in children(node):
            if isinstance(child, AnyDef):
                yield child, cls
                stack.append((child, None))
            elif isinstance(child, ast.ClassDef):
                stack.append((child, child))
            else:
                stack.append((child, cls))


def parameters(node: AnyDef) -> list[ast.arg]:
    """All parameters of a function."""
    spec = node.args
    extra = [a for a in (spec.vararg, spec.kwarg) if a is not None]
    return [*spec.posonlyargs, *spec.args, *spec.kwonlyargs, *extra]


def last(node: ast.AST | None) -> str:
    """The last name of a chain of attributes, calls and subscripts."""
    while isinstance(node, ast.Call | ast.Subscript | ast.Await):
        node = node.func if isinstance(node, ast.Call) else node.value
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def parents_of(tree: ast.AST) -> dict[ast.AST, ast.AST]:
    """The node above each node."""
    above: dict[ast.AST, ast.AST] = {}
    for node in walk(tree):
        for child in children(node):
            above[child] = node
    return above


def assigned(scope: ast.AST, name: str) -> list[ast.expr]:
    """The expressions that are bound to a name or dotted name within a scope."""
    return _bound_in(scope).get(name, [])


@lru_cache(maxsize=256)
def _bound_in(scope: ast.AST) -> dict[str, list[ast.expr]]:
    found: dict[str, list[ast.expr]] = {}
    for node in walk(scope):
        if isinstance(node, ast.Assign):
            targets: list[ast.expr] = node.targets
        elif isinstance(node, ast.AnnAssign | ast.NamedExpr):
            targets = [node.target]
        else:
            continue
        for target in targets:
            if node.value is not None and dotted(target):
                found.setdefault(dotted(target), []).append(node.value)
    return found
