"""Where a plugin's output leaves a function on a path that has not validated it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from govlint.python.gate.field_checks import is_mapping_test
from govlint.python.gate.frames import Frame, own_nodes
from govlint.python.gate.validators import Validators
from govlint.python.paths.cfg import Graph, Node, build
from govlint.python.paths.search import (
    NOTHING,
    Facts,
    Pass,
    Search,
    absorbed,
    assigned_value,
    stored_names,
    undisturbed,
)
from govlint.python.paths.static import catches_all, dotted

if TYPE_CHECKING:
    from govlint.python.program import Program
    from govlint.python.symbols import FunctionInfo

_DIRTY = "NFT|output"
_DESCRIPTIONS = {"type", "repr", "str", "len", "isinstance", "bool", "id", "format", "hash"}
_ENVELOPES = re.compile(r"envelope|error|fail")
_SINKS = frozenset(
    "put put_nowait send send_json send_text send_bytes publish set set_result store save "
    "write emit notify broadcast deliver enqueue append add update extend".split(" ")
)
_LOCAL_SINKS = frozenset(("append", "add", "update", "extend", "put", "put_nowait"))


@dataclass(frozen=True, slots=True)
class Leave:
    """The statement at which unvalidated output leaves; `by` is returned, stored or sent."""

    node: ast.AST
    by: str


class OutputPaths:
    """Follows the output from one frame's plugin call to where it leaves the function."""

    def __init__(self, program: Program, validators: Validators) -> None:
        self.program = program
        self.validators = validators
        self._outer: dict[FunctionInfo, set[str]] = {}
        self._graphs: dict[FunctionInfo, Graph] = {}

    def leaves(self, frame: Frame) -> list[Leave]:
        """Where the output of `frame.node` leaves before it was validated."""
        function = frame.function
        if isinstance(function.node, ast.Lambda):
            return [] if self._wrapped(frame) else [Leave(frame.node, "returned")]
        source = frame.node
        dirty = self._dirty_names(function, source)
        graph = self._graphs.get(function)
        if graph is None:
            graph = self._graphs[function] = build(function.node.body)

        def classify(value: ast.expr, facts: Facts) -> str | None:
            if self._wraps_refused(value):
                return "FT|wrapped"
            return _DIRTY if self._holds(value, source, _dirty(facts)) else None

        def event(node: Node, facts: Facts) -> Pass:
            return self._event(node, source, _dirty(facts))

        def catches(node: Node, handler: ast.ExceptHandler) -> bool:
            # a handler of the plugin's own errors that goes on is an envelope-bypass
            if catches_all(handler) and self._is_handled_by(source, handler):
                return False
            return self.validators.catches(node, handler)

        search = Search(
            graph,
            event=event,
            catches=catches,
            classify=classify,
            also=frozenset(dirty),
        )

        def leaving(node: Node, facts: Facts) -> bool:
            if not undisturbed(facts):
                return False
            return self._leave(node, source, _dirty(facts), function) is not None

        found: list[Leave] = []
        for start in [n for n in graph.nodes if n.ast is source and n.kind in ("call", "await")]:
            for path in search.paths(leaving, search.after(start, NOTHING)):
                last = path[-1]
                leave = self._leave(last, source, dirty, function)
                if leave is not None and leave not in found:
                    found.append(leave)
        return sorted(found, key=lambda leave: getattr(leave.node, "lineno", 0))

    def _is_handled_by(self, source: ast.AST, handler: ast.ExceptHandler) -> bool:
        statement = self.program.parent(handler)
        return isinstance(statement, ast.Try | ast.TryStar) and any(
            node is source for part in statement.body for node in ast.walk(part)
        )

    def _wrapped(self, frame: Frame) -> bool:
        parent = self.program.parent(frame.node)
        while parent is not None and parent is not frame.function.node:
            if isinstance(parent, ast.Call) and self.validators.passes(parent, ""):
                return True
            parent = self.program.parent(parent)
        return False

    # events

    def _event(self, node: Node, source: ast.AST, dirty: set[str]) -> Pass:
        tree = node.ast
        verdict = self.validators.event(node, "")
        if verdict is Pass.ON:
            return verdict
        if isinstance(tree, ast.Call) and node.kind == "call":
            about = [*tree.args, *(keyword.value for keyword in tree.keywords)]
        elif isinstance(tree, ast.Call) and is_mapping_test(tree):
            about = [tree.args[0]]
        else:
            return verdict
        if not about or any(self._mentions(part, source, dirty) for part in about):
            return verdict
        return verdict if not any(_plain(part) for part in about) else Pass.ON

    @staticmethod
    def _mentions(part: ast.expr, source: ast.AST, dirty: set[str]) -> bool:
        return any(
            node is source or (isinstance(node, ast.Name) and node.id in dirty)
            for node in ast.walk(part)
        )

    # the value

    def _dirty_names(self, function: FunctionInfo, source: ast.AST) -> set[str]:
        """All local names that may hold the output, whatever the path."""
        names: set[str] = set()
        while True:
            before = len(names)
            for node in own_nodes(function.node):
                value = assigned_value(node)
                if isinstance(node, ast.For | ast.AsyncFor):
                    value = node.iter
                if value is not None and self._holds(value, source, names):
                    names.update(stored_names(node))
                for name, part in absorbed(node):
                    if self._holds(part, source, names):
                        names.add(name)
            if len(names) == before:
                return names

    def _holds(self, node: ast.AST | None, source: ast.AST, dirty: set[str]) -> bool:
        """Whether the value of `node` is the output, or something that holds it."""
        if node is source:
            return True
        match node:
            case ast.Name():
                return node.id in dirty
            case ast.Dict():
                keys = [k.value for k in node.keys if isinstance(k, ast.Constant)]
                if "error" in keys:
                    return False
                return any(self._holds(value, source, dirty) for value in node.values)
            case ast.List() | ast.Tuple() | ast.Set():
                return any(self._holds(element, source, dirty) for element in node.elts)
            case ast.IfExp():
                return any(self._holds(p, source, dirty) for p in (node.body, node.orelse))
            case ast.BoolOp():
                return any(self._holds(value, source, dirty) for value in node.values)
            case ast.Await() | ast.Starred() | ast.NamedExpr() | ast.keyword():
                return self._holds(node.value, source, dirty)
            case ast.Subscript() | ast.Attribute():
                return self._holds(node.value, source, dirty)
            case ast.BinOp():
                return self._holds(node.left, source, dirty) or self._holds(
                    node.right, source, dirty
                )
            case ast.Call():
                return self._call_holds(node, source, dirty)
            case ast.ListComp() | ast.GeneratorExp() | ast.SetComp() | ast.DictComp():
                made = node.value if isinstance(node, ast.DictComp) else node.elt
                iters = [generator.iter for generator in node.generators]
                return any(self._holds(part, source, dirty) for part in (made, *iters))
        return False

    def _call_holds(self, call: ast.Call, source: ast.AST, dirty: set[str]) -> bool:
        last = call.func.attr if isinstance(call.func, ast.Attribute) else dotted(call.func)
        if last in _DESCRIPTIONS or _ENVELOPES.search(last.lower()):
            return False
        parts: list[ast.AST] = [*call.args, *call.keywords]
        if isinstance(call.func, ast.Attribute):
            parts.append(call.func.value)
        return any(self._holds(part, source, dirty) for part in parts)

    def _wraps_refused(self, value: ast.expr) -> bool:
        """Whether `value` makes a dict of an output that a test has shown to be none."""
        if not isinstance(value, ast.Dict):
            return False
        parent = self.program.parent(value)
        while parent is not None and not isinstance(parent, ast.FunctionDef | ast.AsyncFunctionDef):
            if isinstance(parent, ast.If | ast.IfExp) and any(
                isinstance(node, ast.expr) and is_mapping_test(node)
                for node in ast.walk(parent.test)
            ):
                return True
            parent = self.program.parent(parent)
        return False

    # leaving

    def _leave(
        self, node: Node, source: ast.AST, dirty: set[str], function: FunctionInfo
    ) -> Leave | None:
        tree = node.ast
        if node.kind == "return" and isinstance(tree, ast.Return):
            if self._holds(tree.value, source, dirty) and not self._validated_in(tree.value):
                return Leave(tree, "returned")
        elif node.kind == "yield" and isinstance(tree, ast.Yield | ast.YieldFrom):
            if self._holds(tree.value, source, dirty):
                return Leave(tree, "yielded")
        elif node.kind == "statement" and isinstance(tree, ast.Assign | ast.AnnAssign):
            if tree.value is not None and self._holds(tree.value, source, dirty):
                targets = tree.targets if isinstance(tree, ast.Assign) else [tree.target]
                if any(self._outlives(target, function) for target in targets):
                    return Leave(tree, "stored")
        elif node.kind == "call" and isinstance(tree, ast.Call) and tree is not source:
            handed = any(self._holds(argument, source, dirty) for argument in tree.args)
            if handed and self._is_sink(tree.func, function):
                return Leave(tree, "handed on")
        return None

    def _is_sink(self, callee: ast.expr, function: FunctionInfo) -> bool:
        """Whether what is called keeps or sends what it gets: so does a caller's callback."""
        if isinstance(callee, ast.Name):
            return callee.id in function.params and callee.id not in ("self", "cls")
        if not isinstance(callee, ast.Attribute) or callee.attr not in _SINKS:
            return False
        holder = callee.value
        local = isinstance(holder, ast.Name) and not self._outlives(holder, function)
        return not (local and callee.attr in _LOCAL_SINKS)

    def _validated_in(self, value: ast.expr | None) -> bool:
        """Whether the value returned is the result of a validator that raises."""
        return isinstance(value, ast.Call) and self.validators.passes(value, "")

    def _outer_names(self, function: FunctionInfo) -> set[str]:
        """The names that `function` binds outside itself."""
        names = self._outer.get(function)
        if names is None:
            names = self._outer[function] = set()
            for node in own_nodes(function.node):
                if isinstance(node, ast.Global | ast.Nonlocal):
                    names.update(node.names)
        return names

    def _outlives(self, target: ast.expr, function: FunctionInfo) -> bool:
        """Whether what is stored in `target` is there when the function has returned."""
        if isinstance(target, ast.Tuple | ast.List):
            return any(self._outlives(element, function) for element in target.elts)
        if isinstance(target, ast.Name):
            return target.id in self._outer_names(function) and isinstance(target.ctx, ast.Store)
        root: ast.expr = target
        while isinstance(root, ast.Attribute | ast.Subscript):
            root = root.value
        if not isinstance(root, ast.Name):
            return True
        local = {
            part.id
            for node in own_nodes(function.node)
            if isinstance(node, ast.Assign | ast.AnnAssign | ast.NamedExpr)
            for t in (node.targets if isinstance(node, ast.Assign) else [node.target])
            for part in [t]
            if isinstance(part, ast.Name)
        }
        return root.id not in local


def _dirty(facts: Facts) -> set[str]:
    return {name for name, value in facts if value.endswith("|output")}


def _plain(part: ast.AST) -> bool:
    return isinstance(part, ast.Name) and part.id not in ("self", "cls")


def returned(leaves: list[Leave]) -> Iterator[Leave]:
    """Those by which the caller gets the output."""
    return (leave for leave in leaves if leave.by == "returned")
