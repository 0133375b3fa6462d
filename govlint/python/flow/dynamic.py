"""`eval` and `exec`: constant text is parsed and followed, other text is said to be unknown."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from govlint.python.flow import values as v
from govlint.python.flow.fixpoint import Flow
from govlint.python.flow.frames import Arguments
from govlint.python.flow.values import ANY, UNKNOWN, Value, Values
from govlint.python.symbols import Module, index
from govlint.python.syntax.parse import build_tree

if TYPE_CHECKING:
    from govlint.python.program import Program

_LONGEST = 20_000


def evaluate_text(flow: Flow, arguments: Arguments, node: ast.AST) -> Values:
    """What `eval(text)` gives; `exec(text)` is followed for what it calls."""
    found: set[Value] = set()
    namespaces = arguments.at(1, "globals") | arguments.at(2, "locals")
    for source in arguments.first():
        if isinstance(source, v.Const) and isinstance(source.value, str | bytes):
            found |= _evaluate_constant(flow, source.value, namespaces, node)
        elif isinstance(source, v.Text):
            found.add(UNKNOWN)
            _note_text(flow, source, node)
        else:
            found.add(UNKNOWN)
            _note_namespace(flow, namespaces, node)
    return frozenset(found)


def _evaluate_constant(
    flow: Flow, source: str | bytes, namespaces: Values, node: ast.AST
) -> Values:
    interpreter = flow.active
    if len(source) > _LONGEST or interpreter is None:
        return ANY
    key = (node, source)
    if key not in flow.program.parsed_texts:
        flow.program.parsed_texts[key] = _parse(flow, source, node)
    tree = flow.program.parsed_texts[key]
    if tree is None:
        return ANY
    result: Values = interpreter.evaluate_text(tree, namespaces)
    return result


def decided_in_texts(program: Program) -> None:
    """Note which texts of `eval` and `exec` reach a governed method.

    Asked once all is known: what a text defines may be called after the text was followed.
    """
    flow = program.flow
    for (node, _), tree in program.parsed_texts.items():
        for part in ast.walk(tree) if tree is not None else ():
            if isinstance(part, ast.Attribute):
                for owner in flow.recorded.get(part.value, ()):
                    if part.attr in program.governed_names(flow, owner):
                        flow.dynamic[node][part.attr] = "decided"


def _parse(flow: Flow, source: str | bytes, node: ast.AST) -> ast.Module | None:
    try:
        tree: ast.Module = build_tree(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    home = flow.program.module_of(node)
    inner = Module(home.name, home.path, "", tree, home.is_test, home.is_package)
    try:
        index(inner)
    except RecursionError:
        return None
    for function in inner.functions:
        function.module = home
    for cls in inner.classes:
        cls.module = home
    home.by_node.update(inner.by_node)
    for part in ast.walk(tree):
        flow.program.adopt(part, node)
    return tree


def _note_text(flow: Flow, source: v.Text, node: ast.AST) -> None:
    """A text of which parts are known and which names a governed method is undecided."""
    known = " ".join(part for part in source.parts if part is not None)
    called = re.findall(r"\.(\w+)\s*\(", known)
    for word in called:
        if flow.program.bindings.governs(word) and flow.program.plugin_classes_now(flow):
            flow.dynamic[node].setdefault(word, "undecided")
            flow.called_dynamic.add(node)


def _note_namespace(flow: Flow, namespaces: Values, node: ast.AST) -> None:
    held = flow.elements(namespaces)
    for value in held:
        for word in flow.program.governed_names(flow, value):
            flow.dynamic[node].setdefault(word, "undecided")
            flow.called_dynamic.add(node)
