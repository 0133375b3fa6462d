"""Whether the input was validated on every path to a plugin call, and is still the same."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TYPE_CHECKING

from govlint.python.gate.frames import Chain, Frame, own_nodes
from govlint.python.gate.validators import Validators
from govlint.python.paths.cfg import Graph, Node, build
from govlint.python.paths.search import Pass, Search, undisturbed
from govlint.python.paths.static import dotted

if TYPE_CHECKING:
    from govlint.python.program import Program
    from govlint.python.symbols import FunctionInfo


class InputPaths:
    """Answers for the chains of one program's gates."""

    def __init__(self, program: Program, validators: Validators) -> None:
        self.program = program
        self.validators = validators
        self._graphs: dict[FunctionInfo, Graph] = {}

    def unvalidated(self, chain: Chain) -> Node | None:
        """A step of a path on which the plugin gets what no validation has passed.

        One frame that validates before it goes on is enough; that frame must not replace
        the input afterwards. Returns None where every path is good.
        """
        worst: Node | None = None
        for field in self.validators.fields:
            gaps = [self._gap(frame, field) for frame in chain]
            if all(gap is not None for gap in gaps):
                worst = worst or next(gap for gap in reversed(gaps) if gap is not None)
        if worst is not None:
            return worst
        for frame in chain:
            replaced = self._replaced(frame)
            if replaced is not None:
                return replaced
        return None

    def _gap(self, frame: Frame, field: str) -> Node | None:
        graph = self._graph(frame)
        path = self._search(graph, frame, field).path(
            lambda node, facts: node.ast is frame.node and undisturbed(facts)
        )
        return None if path is None else _telling(path)

    def _graph(self, frame: Frame) -> Graph:
        graph = self._graphs.get(frame.function)
        if graph is None:
            graph = self._graphs[frame.function] = build(frame.function.node.body)
        return graph

    def _search(self, graph: Graph, frame: Frame, field: str) -> Search:
        about = self._input_names(frame)

        def event(node: Node, facts: object) -> Pass:
            verdict = self.validators.event(node, field)
            if verdict is Pass.ON or node.kind != "call" or not isinstance(node.ast, ast.Call):
                return verdict
            return verdict if self._is_about(node.ast, about, frame.function) else Pass.ON

        return Search(graph, event=event, catches=self.validators.catches, classify=self._classify)

    def _classify(self, value: ast.expr, facts: object) -> str | None:
        """`FT` for a call whose result is never None: an envelope, a new object."""
        if isinstance(value, ast.Await):
            value = value.value
        if not isinstance(value, ast.Call):
            return None
        callees = self.program.callees(value)
        if callees and all(_always_gives(callee.node) for callee in callees):
            return "FT"
        last = value.func.attr if isinstance(value.func, ast.Attribute) else dotted(value.func)
        if last[:1].isupper() or (not callees and ("envelope" in last or "error" in last)):
            return "FT"
        return None

    # what is validated is what runs

    def _input_names(self, frame: Frame) -> set[str]:
        """The names in the arguments with which the plugin (or the inner frame) is called."""
        call: ast.AST = frame.node
        if isinstance(call, ast.Await):
            call = call.value
        if not isinstance(call, ast.Call):
            return set()
        parts = [*call.args, *(keyword.value for keyword in call.keywords)]
        names = {
            node.id
            for part in parts
            if not isinstance(part, ast.Attribute | ast.Lambda)
            for node in ast.walk(part)
            if isinstance(node, ast.Name)
        }
        nested = {
            inner.name
            for inner in own_nodes(frame.function.node)
            if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef)
        }
        return names - nested - {"self", "cls", "plugin"}

    def _is_about(self, call: ast.Call, about: set[str], function: FunctionInfo) -> bool:
        """Whether a validation looks at what the plugin gets; doubt says yes."""
        parts = [*call.args, *(keyword.value for keyword in call.keywords)]
        looked = {
            node.id
            for part in parts
            for node in ast.walk(part)
            if isinstance(node, ast.Name) and node.id not in ("self", "cls")
        }
        if not parts or not looked or not about or looked & about:
            return True
        related = set(about)
        edges = list(self._derivations(function))
        while True:
            before = len(related)
            for target, value in edges:
                names = {n.id for n in ast.walk(value) if isinstance(n, ast.Name)}
                names -= {"self", "cls"}
                if target in related:
                    related |= names
                elif names & related and not self._fills_in(value):
                    related.add(target)
            if len(related) == before:
                break
        return bool(looked & related)

    def _fills_in(self, value: ast.expr) -> bool:
        """Whether `value` is another dict that supplies a required field by itself."""
        return isinstance(value, ast.Dict) and any(
            isinstance(key, ast.Constant) and key.value in self.validators.fields
            for key in value.keys
        )

    @staticmethod
    def _derivations(function: FunctionInfo) -> Iterator[tuple[str, ast.expr]]:
        for node in own_nodes(function.node):
            if isinstance(node, ast.Assign | ast.AnnAssign | ast.NamedExpr) and node.value:
                for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                    for part in ast.walk(target):
                        if isinstance(part, ast.Name):
                            yield part.id, node.value

    # replaced afterwards

    def _replaced(self, frame: Frame) -> Node | None:
        """Where the validated input is replaced before the plugin runs."""
        about = self._input_names(frame)
        graph = self._graph(frame)
        looked = {
            name
            for node in graph.nodes
            if node.kind == "call"
            and isinstance(node.ast, ast.Call)
            and self.validators.is_validator(node.ast)
            for argument in node.ast.args
            for name in [dotted(argument)]
            if name in about
        }
        if not looked:
            return None
        field = self.validators.fields[0]
        search = self._search(graph, frame, field)

        def runs(node: Node, facts: object) -> bool:
            return node.ast is frame.node

        for node in graph.nodes:
            replaces = self._replaces(node, looked) and not self._before(search, node)
            if replaces and search.path(runs, search.after(node)) is not None:
                return node
        return None

    @staticmethod
    def _before(search: Search, node: Node) -> bool:
        """Whether `node` can be reached before any validation."""
        return search.path(lambda other, _: other is node) is not None

    def _replaces(self, node: Node, names: set[str]) -> bool:
        tree = node.ast
        if node.kind == "call" and isinstance(tree, ast.Call):
            function = tree.func
            return (
                isinstance(function, ast.Attribute)
                and dotted(function.value) in names
                and self._empties(tree, function.attr)
            )
        if node.kind != "statement":
            return False
        if isinstance(tree, ast.AugAssign) and dotted(tree.target) in names:
            return isinstance(tree.op, ast.BitOr)
        if isinstance(tree, ast.Assign | ast.AnnAssign) and tree.value is not None:
            targets = tree.targets if isinstance(tree, ast.Assign) else [tree.target]
            rebound = any(dotted(target) in names for target in targets)
            if rebound and not self._keeps(tree.value, names):
                return True
            return any(self._is_field(target, names) for target in targets)
        return isinstance(tree, ast.Delete) and any(
            self._is_field(target, names) for target in tree.targets
        )

    def _is_field(self, target: ast.expr, names: set[str]) -> bool:
        return (
            isinstance(target, ast.Subscript)
            and dotted(target.value) in names
            and isinstance(target.slice, ast.Constant)
            and target.slice.value in self.validators.fields
        )

    def _keeps(self, value: ast.expr, names: set[str]) -> bool:
        """Whether a new value is made of the validated one, or validated by itself."""
        return (
            any(
                (isinstance(node, ast.Name) and node.id in names)
                or (isinstance(node, ast.Call) and self.validators.is_validator(node))
                for node in ast.walk(value)
            )
            and not self._fills_in(value)
            and not self._is_overridden(value, names)
        )

    def _is_overridden(self, value: ast.expr, names: set[str]) -> bool:
        """`{**payload, **overrides}`: what the caller gave besides goes over what was checked."""
        parts: list[ast.expr] = []
        if isinstance(value, ast.Dict):
            parts = [v for k, v in zip(value.keys, value.values, strict=True) if k is None]
        elif isinstance(value, ast.BinOp) and isinstance(value.op, ast.BitOr):
            parts = [value.left, value.right]
        elif isinstance(value, ast.Call) and dotted(value.func) == "dict":
            parts = [*value.args, *(k.value for k in value.keywords if k.arg is None)]
        own = [dotted(part) in names for part in parts]
        if not any(own):
            return False
        after = parts[own.index(True) + 1 :]
        return any(isinstance(part, ast.Name) and self._is_given(part) for part in after)

    def _is_given(self, name: ast.Name) -> bool:
        """Whether a name is a parameter, so that nobody has looked at what it holds."""
        function = self.program.function_of(name)
        return function is not None and name.id in function.params

    def _empties(self, call: ast.Call, method: str) -> bool:
        fields = self.validators.fields
        if method == "clear":
            return True
        if method in ("pop", "__setitem__", "__delitem__") and call.args:
            return isinstance(call.args[0], ast.Constant) and call.args[0].value in fields
        if method == "update":
            if any(keyword.arg in fields or keyword.arg is None for keyword in call.keywords):
                return True
            for argument in call.args:
                if not isinstance(argument, ast.Dict):
                    return True
                keys = [key.value for key in argument.keys if isinstance(key, ast.Constant)]
                if len(keys) < len(argument.keys) or set(keys) & set(fields):
                    return True
        return False


def _always_gives(node: ast.AST) -> bool:
    """Whether a function ends in a `return`, and each of its returns is of a new object."""
    body = getattr(node, "body", None)
    if not isinstance(body, list) or not isinstance(body[-1], ast.Return):
        return False
    return all(
        isinstance(inner.value, ast.Dict | ast.Call | ast.List | ast.JoinedStr)
        for inner in own_nodes(node)
        if isinstance(inner, ast.Return)
    )


def _telling(path: list[Node]) -> Node:
    """The step of a path that explains it best: the last handler or branch, else its end."""
    for node in reversed(path):
        if node.kind in ("handler", "assume"):
            return node
    return path[-1]
