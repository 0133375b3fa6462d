"""States that are written as a type: `PluginState = Literal["LOADED", "FAILED"]`."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator

from govlint.python.node_index import nodes_of
from govlint.python.program import Program
from govlint.python.states.members import last_name
from govlint.python.symbols import Module

_TRANSPARENT = frozenset(
    "Optional Union Final ClassVar Annotated Required NotRequired ReadOnly Mapped".split()
)


def literal_aliases(program: Program) -> Iterator[tuple[str, str]]:
    """The names that a `Literal[…]` is given, each with its module."""
    for module in program.modules.values():
        for node in nodes_of(module, ast.Assign, ast.AnnAssign, *_TYPE_ALIAS):
            targets = node.targets if isinstance(node, ast.Assign) else [_named(node)]
            if is_literal(getattr(node, "value", None)):
                yield from ((module.name, x.id) for x in targets if isinstance(x, ast.Name))


def is_literal(expression: ast.expr | None) -> bool:
    """Whether an expression is `Literal[…]`."""
    return isinstance(expression, ast.Subscript) and last_name(expression.value) == "Literal"


def is_alias(
    program: Program, annotation: ast.expr, module: Module, aliases: Collection[tuple[str, str]]
) -> bool:
    """Whether an annotation is one of the aliases, alone or beside `None`."""
    if not aliases:
        return False
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        from govlint.python.flow.annotations import parse_text

        parsed = parse_text(program.flow, annotation)
        return parsed is not None and is_alias(program, parsed, module, aliases)
    if isinstance(annotation, ast.BinOp):
        return is_alias(program, annotation.left, module, aliases) or is_alias(
            program, annotation.right, module, aliases
        )
    if isinstance(annotation, ast.Subscript):
        inner = annotation.slice
        parts = inner.elts if isinstance(inner, ast.Tuple) else [inner]
        return last_name(annotation.value) in _TRANSPARENT and any(
            is_alias(program, part, module, aliases) for part in parts
        )
    if not isinstance(annotation, ast.Name | ast.Attribute):
        return False
    name = last_name(annotation)
    return any(
        name == alias and (owner == module.name or _comes_from(module, annotation, owner))
        for owner, alias in aliases
    )


def _comes_from(module: Module, annotation: ast.expr, owner: str) -> bool:
    """Whether a name that a module uses is imported, and not made there."""
    root = annotation
    while isinstance(root, ast.Attribute):
        root = root.value
    if not isinstance(root, ast.Name):
        return False
    tail = owner.rpartition(".")[2]
    for node in nodes_of(module, ast.Import, ast.ImportFrom):
        if not isinstance(node, ast.Import | ast.ImportFrom):
            continue
        for alias in node.names:
            if (alias.asname or alias.name.partition(".")[0]) != root.id:
                continue
            source = [alias.name, getattr(node, "module", None) or ""]
            if isinstance(annotation, ast.Attribute) or tail in ".".join(source).split("."):
                return True
            return getattr(node, "level", 0) > 0 or bool(source[1])
    return False


def _named(node: ast.AST) -> ast.expr | None:
    target = getattr(node, "target", None) or getattr(node, "name", None)
    return target if isinstance(target, ast.expr) else None


_TYPE_ALIAS: tuple[type[ast.AST], ...] = tuple(
    kind for kind in (getattr(ast, "TypeAlias", None),) if kind is not None
)
