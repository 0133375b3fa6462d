"""Whether an expression is read, assigned or deleted."""

from __future__ import annotations

import ast
from typing import Any, Final

# One object each for all nodes, as CPython's own parser has it.
LOAD: Final = ast.Load()
STORE: Final = ast.Store()
DEL: Final = ast.Del()


def set_context(node: ast.expr, context: ast.expr_context) -> ast.expr:
    """Make `node` a target: Store or Del for it and for the targets it is made of."""
    waiting = [node]
    while waiting:
        target: Any = waiting.pop()
        target.ctx = context
        if isinstance(target, ast.Tuple | ast.List):
            waiting.extend(target.elts)
        elif isinstance(target, ast.Starred):
            waiting.append(target.value)
    return node
