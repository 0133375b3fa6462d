"""Whether what an API function answers holds the envelope's `_internal` or a traceback."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING

from govlint.python.api.stored import Stored
from govlint.python.api.surface import ApiSurface
from govlint.python.gate.envelopes import assigned
from govlint.python.gate.frames import own_nodes
from govlint.python.paths.cfg import Node, build
from govlint.python.paths.search import Facts, Search, absorbed, undisturbed, word
from govlint.python.paths.static import dotted

if TYPE_CHECKING:
    from govlint.python.program import Program
    from govlint.python.symbols import FunctionInfo

WHOLE, TRACE = "whole", "trace"

_TRACES = {"format_exc", "format_exception", "format_tb", "format_stack", "extract_tb", "exc_info",
           "extract_stack", "walk_tb", "TracebackException", "get_traceback"}  # fmt: skip
_TRACE_ATTRIBUTES = {"__traceback__", "tb_frame", "tb_next"}
# calls whose result still holds what they are given
_CARRIERS = {"dict", "list", "tuple", "str", "repr", "dumps", "jsonify", "copy", "deepcopy", "join",
             "jsonable_encoder", "make_response", "json_response", "format", "asdict", "splitlines",
             "strip", "encode", "render", "serialize", "to_json", "escape", "OrderedDict",
             "dumps_pretty", "json", "text"}  # fmt: skip
_SENDS = {"send", "send_json", "send_text", "send_bytes", "write", "write_message", "send_str",
          "emit", "send_message", "reply", "write_json"}  # fmt: skip
_UNFILTERED = {"Response", "JSONResponse", "ORJSONResponse", "Any", "Dict", "Mapping"}
_BODIES = {"body", "data", "media", "content", "text"}


@dataclass(frozen=True, slots=True)
class Exposed:
    """The statement or call that exposes it, and what: WHOLE (with `_internal`) or TRACE."""

    node: ast.AST
    what: str


class Exposure:
    """Follows gate results and tracebacks through the functions of one program's API."""

    def __init__(self, program: Program, surface: ApiSurface) -> None:
        self.program = program
        self.surface = surface
        self.stored = Stored(self)
        self._kept: dict[Node, list[tuple[ast.expr, str]]] = {}
        self._sources: dict[FunctionInfo, bool] = {}
        self._returns: dict[tuple[FunctionInfo, frozenset[str]], str | None] = {}

    def exposed(self, function: FunctionInfo) -> list[Exposed]:
        """What `function` lets out, in the order of its lines."""
        self.stored.look()
        found: dict[ast.AST, Exposed] = {}
        if not self._has_source(function):
            return []
        filtered = self._is_filtered(function)
        for node, what in self._sinks(function, frozenset()):
            tree = node.ast
            if tree is None or (filtered and what == WHOLE and node.kind == "return"):
                continue
            found.setdefault(tree, Exposed(tree, what))
        return sorted(found.values(), key=lambda e: getattr(e.node, "lineno", 0))

    def _has_source(self, function: FunctionInfo) -> bool:
        """Whether anything to be exposed can arise in `function`, or in what it calls."""
        if function not in self._sources:
            self._sources[function] = False
            self._sources[function] = any(self._is_source(node) for node in ast.walk(function.node))
        return self._sources[function]

    def _is_source(self, node: ast.AST) -> bool:
        if isinstance(node, ast.Constant):
            return node.value in ("_internal", "traceback")
        if isinstance(node, ast.Attribute):
            return node.attr in _TRACE_ATTRIBUTES or bool(
                self.stored.of(node) or self.stored.element_of(node)
            )
        if not isinstance(node, ast.Call):
            return False
        if self.stored.dumped(node):
            return True
        last = node.func.attr if isinstance(node.func, ast.Attribute) else dotted(node.func)
        if last in _TRACES or last.startswith("print_") or self.surface.executes(node):
            return True
        return any(self._has_source(callee) for callee in self.program.callees(node))

    def forget(self) -> None:
        """Drop what was concluded about functions before more was known of objects."""
        self._sources.clear()
        self._returns.clear()

    def kept_in(self, function: FunctionInfo) -> list[tuple[ast.AST, ast.expr, str]]:
        """The assignments to attributes, and the arguments of objects made, that keep one.

        Each with the expression that does, and what it holds.
        """
        if not self._has_source(function):
            return []
        found: list[tuple[ast.AST, ast.expr, str]] = []
        for node, _ in self._sinks(function, frozenset(), "kept"):
            for given, what in self._kept.pop(node, ()):
                if node.ast is not None:
                    found.append((node.ast, given, what))
        return found

    def _sinks(
        self, function: FunctionInfo, given: frozenset[str], only: str = ""
    ) -> list[tuple[Node, str]]:
        if isinstance(function.node, ast.Lambda):
            what = self.what(function.node.body, dict.fromkeys(given, WHOLE))
            return [(Node("return", function.node.body), what)] if what else []
        graph = build(function.node.body)
        start: Facts = frozenset((name, f"NFT|{WHOLE}") for name in given)

        def classify(value: ast.expr, facts: Facts) -> str | None:
            what = self.what(value, _said(facts))
            return f"NFT|{what}" if what else None

        search = Search(
            graph,
            classify=classify,
            forgets=self._cleaned,
            also=self._names(function) | given,
        )

        look = self._keeps if only == "kept" else self._lets_out

        def goal(node: Node, facts: Facts) -> bool:
            wanted = not only or node.kind == only or only == "kept"
            return wanted and undisturbed(facts) and look(node, _said(facts)) is not None

        found: list[tuple[Node, str]] = []
        facts_at: dict[Node, str] = {}

        def noting(node: Node, facts: Facts) -> bool:
            if not goal(node, facts):
                return False
            what = look(node, _said(facts))
            facts_at.setdefault(node, what or WHOLE)
            return True

        for path in search.paths(noting, [(graph.entry, start)]):
            found.append((path[-1], facts_at[path[-1]]))
        return found

    @staticmethod
    def _names(function: FunctionInfo) -> frozenset[str]:
        names: set[str] = set()
        for node in own_nodes(function.node):
            names.update(name for name, _ in absorbed(node))
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                names.add(node.id)
        return frozenset(names)

    # what a value holds

    def what(self, node: ast.AST | None, said: dict[str, str]) -> str | None:
        """WHOLE, TRACE, or None for a value that holds neither as far as can be told."""
        match node:
            case ast.Name():
                return said.get(node.id)
            case ast.Dict():
                keys = {key.value for key in node.keys if isinstance(key, ast.Constant)}
                if "_internal" in keys:
                    return WHOLE
                return self._any(node.values, said)
            case ast.List() | ast.Tuple() | ast.Set():
                return self._any(node.elts, said)
            case ast.IfExp():
                return self._any([node.body, node.orelse], said)
            case ast.BoolOp() | ast.JoinedStr():
                return self._any(node.values, said)
            case ast.BinOp():
                return self._any([node.left, node.right], said)
            case ast.Await() | ast.NamedExpr() | ast.Starred() | ast.FormattedValue():
                return self.what(node.value, said)
            case ast.keyword():
                return self.what(node.value, said)
            case ast.Attribute():
                if node.attr in _TRACE_ATTRIBUTES or self.what(node.value, said) == TRACE:
                    return TRACE
                return self.stored.of(node)
            case ast.Subscript():
                return self._part(node.value, node.slice, said)
            case ast.ListComp() | ast.SetComp() | ast.GeneratorExp():
                inner = dict(said)
                for generator in node.generators:
                    held = self.what(generator.iter, said)
                    if held and isinstance(generator.target, ast.Name):
                        inner[generator.target.id] = held
                return self.what(node.elt, inner)
            case ast.DictComp():
                return self._copied(node, said)
            case ast.Call():
                return self._called(node, said)
        return None

    def _any(self, nodes: list[ast.expr] | list[ast.AST], said: dict[str, str]) -> str | None:
        return next((found for node in nodes for found in [self.what(node, said)] if found), None)

    def _part(self, holder: ast.expr, key: ast.expr, said: dict[str, str]) -> str | None:
        if isinstance(key, ast.Constant) and key.value == "_internal":
            return WHOLE
        if isinstance(key, ast.Constant) and key.value == "traceback":
            return TRACE
        kept = self.stored.element_of(holder)
        if kept:
            return kept
        held = self.what(holder, said)
        if held == WHOLE and isinstance(key, ast.Constant) and isinstance(key.value, str):
            return WHOLE if self._is_internal(holder) else None
        return held if isinstance(key, ast.Slice) or held == TRACE else None

    def _is_internal(self, holder: ast.expr) -> bool:
        return (
            isinstance(holder, ast.Subscript)
            and self._part(holder.value, holder.slice, {}) is not None
        )

    def _copied(self, node: ast.DictComp, said: dict[str, str]) -> str | None:
        """A dict made of another's items holds the same, unless a condition picks some."""
        for generator in node.generators:
            source = generator.iter
            if isinstance(source, ast.Call) and isinstance(source.func, ast.Attribute):
                source = source.func.value
            held = self.what(source, said)
            if held and not generator.ifs:
                return held
            if held and not any(_picks(test) for test in generator.ifs):
                return held
        return self.what(node.value, said)

    def _called(self, node: ast.Call, said: dict[str, str]) -> str | None:
        last = node.func.attr if isinstance(node.func, ast.Attribute) else dotted(node.func)
        if last in _TRACES:
            return TRACE
        if isinstance(node.func, ast.Attribute) and last in ("get", "pop") and node.args:
            return self._part(node.func.value, node.args[0], said)
        if self.program.calls_what_it_wraps(node):
            return None  # it is looked at where the wrapper is called: there it is known which
        callees = (*self.program.callees(node), *self.program.wrapped(node))
        runs = {gate.run for gate in self.program.gates}
        for callee in callees:
            if callee in runs:
                return WHOLE
            held = self._returned(callee, self._passed(node, callee, said))
            if held:
                return held
        if callees:
            return None
        dumped = self.stored.dumped(node)
        if dumped:
            return dumped
        if self.surface.executes(node):
            return WHOLE
        if last in _CARRIERS or last.endswith("Response"):
            parts: list[ast.AST] = [*node.args, *node.keywords]
            if isinstance(node.func, ast.Attribute):
                parts.append(node.func.value)
            return next((h for part in parts for h in [self.what(part, said)] if h), None)
        if isinstance(node.func, ast.Attribute) and self.what(node.func.value, said) == TRACE:
            return TRACE
        return None

    def _passed(self, call: ast.Call, callee: FunctionInfo, said: dict[str, str]) -> frozenset[str]:
        names = list(callee.params)
        if callee.cls is not None and names[:1] in (["self"], ["cls"]):
            names = names[1:]
        held = {
            name
            for name, argument in zip(names, call.args, strict=False)
            if self.what(argument, said) == WHOLE
        }
        held |= {k.arg for k in call.keywords if k.arg and self.what(k.value, said) == WHOLE}
        return frozenset(held)

    def _returned(self, callee: FunctionInfo, given: frozenset[str]) -> str | None:
        """What a function of the program gives back when it is handed `given` whole."""
        key = (callee, given)
        if key not in self._returns:
            self._returns[key] = None
            plain = not callee.is_generator and callee.name != "__init__"
            if plain and (given or self._has_source(callee)):
                found = [what for _, what in self._sinks(callee, given, only="return")]
                self._returns[key] = found[0] if found else None
        return self._returns[key]

    def _keeps(self, node: Node, said: dict[str, str]) -> str | None:
        """What an assignment to an attribute, or a new object's argument, holds."""
        tree = node.ast
        given: list[ast.expr] = []
        if node.kind == "statement" and isinstance(tree, ast.Assign):
            if any(isinstance(target, ast.Attribute | ast.Subscript) for target in tree.targets):
                given = [tree.value]
        elif isinstance(tree, ast.Call) and node.kind == "call" and _makes(tree):
            given = [*tree.args, *(k.value for k in tree.keywords)]
        held = [(part, what) for part in given for what in [self.what(part, said)] if what]
        if held:
            self._kept[node] = held
        return held[0][1] if held else None

    # letting it out

    def _lets_out(self, node: Node, said: dict[str, str]) -> str | None:
        tree = node.ast
        if node.kind == "return" and isinstance(tree, ast.Return):
            return self.what(tree.value, said)
        if node.kind == "yield" and isinstance(tree, ast.Yield | ast.YieldFrom):
            return self.what(tree.value, said)
        if node.kind == "raise" and isinstance(tree, ast.Raise) and isinstance(tree.exc, ast.Call):
            return self._any([*tree.exc.args, *(k.value for k in tree.exc.keywords)], said)
        if node.kind == "statement" and isinstance(tree, ast.Assign):
            bodies = [
                target
                for target in tree.targets
                if isinstance(target, ast.Attribute)
                and target.attr in _BODIES
                and dotted(target.value).rpartition(".")[2] in ("response", "resp", "res", "reply")
            ]
            return self.what(tree.value, said) if bodies else None
        if node.kind == "call" and isinstance(tree, ast.Call):
            return self._sent(tree, said)
        return None

    def _sent(self, call: ast.Call, said: dict[str, str]) -> str | None:
        last = call.func.attr if isinstance(call.func, ast.Attribute) else dotted(call.func)
        if last in ("print_exc", "print_exception", "print_tb"):
            for keyword in call.keywords:
                if keyword.arg == "file" and dotted(keyword.value) not in (
                    "sys.stderr",
                    "sys.stdout",
                    "sys.__stderr__",
                ):
                    return TRACE
            return None
        if isinstance(call.func, ast.Attribute) and last in _SENDS:
            owner = dotted(call.func.value).lower()
            if "log" in owner or owner.startswith(("sys.", "self.audit", "metrics")):
                return None
            return self._any([*call.args, *(k.value for k in call.keywords)], said)
        return None

    # taking it out before

    def _cleaned(self, node: Node, facts: Facts) -> list[str]:
        """The names whose value has no `_internal` any more once `node` has completed."""
        tree = node.ast
        if node.kind == "call" and isinstance(tree, ast.Call) and tree.args:
            function = tree.func
            if isinstance(function, ast.Attribute) and function.attr == "pop":
                removed = _is_key(tree.args[0], "_internal") and _whole(function.value, facts)
                return [dotted(function.value)] if removed else []
        if isinstance(tree, ast.Delete):
            return [
                dotted(target.value)
                for target in tree.targets
                if isinstance(target, ast.Subscript) and _is_key(target.slice, "_internal")
            ]
        if node.kind == "assume" and isinstance(tree, ast.expr):
            owner = self.program.function_of(tree)
            if self._shows_success(tree, node.holds, facts, owner, 2):
                return [name for name, what in _said(facts).items() if what == WHOLE]
        return []

    def _shows_success(
        self,
        leaf: ast.expr,
        holds: bool,
        facts: Facts,
        function: FunctionInfo | None,
        depth: int,
    ) -> bool:
        """Whether a branch is only taken where the result is no envelope."""
        if isinstance(leaf, ast.NamedExpr):
            return self._shows_success(leaf.value, holds, facts, function, depth)
        if isinstance(leaf, ast.Compare) and len(leaf.ops) == 1:
            operator, right = leaf.ops[0], leaf.comparators[0]
            keyed = any(_is_key(leaf.left, key) for key in ("error", "_internal"))
            if isinstance(operator, ast.In | ast.NotIn) and keyed and _whole(right, facts):
                return holds is isinstance(operator, ast.NotIn)
            if isinstance(right, ast.Constant) and right.value is None:
                same = isinstance(operator, ast.Is | ast.Eq)
                return self._shows_success(leaf.left, holds is not same, facts, function, depth)
            return False
        if holds:
            return False
        if isinstance(leaf, ast.Call) and isinstance(leaf.func, ast.Attribute):
            return (
                leaf.func.attr == "get"
                and bool(leaf.args)
                and _is_key(leaf.args[0], "error")
                and _whole(leaf.func.value, facts)
            )
        if isinstance(leaf, ast.Subscript):
            return _is_key(leaf.slice, "error") and _whole(leaf.value, facts)
        if isinstance(leaf, ast.Name) and function is not None and depth:
            values = list(assigned(function, leaf.id))
            return bool(values) and all(
                self._shows_success(value, False, facts, function, depth - 1) for value in values
            )
        return False

    def _is_filtered(self, function: FunctionInfo) -> bool:
        """Whether the framework cuts what is returned down to a model."""
        assert not isinstance(function.node, ast.Lambda)
        routed = False
        for decorator in function.node.decorator_list:
            for keyword in decorator.keywords if isinstance(decorator, ast.Call) else ():
                name = dotted(keyword.value).rpartition(".")[2]
                if keyword.arg == "response_model" and name not in ("", "dict", "Any", "Dict"):
                    return True
                if keyword.arg == "response_model_exclude" and "_internal" in ast.dump(
                    keyword.value
                ):
                    return True
            routed = routed or isinstance(decorator, ast.Call)
        name = dotted(function.node.returns).rpartition(".")[2]
        return routed and name[:1].isupper() and name not in _UNFILTERED


def _makes(call: ast.Call) -> bool:
    """Whether a call is of a class, by the way classes are spelled."""
    return dotted(call.func).rpartition(".")[2][:1].isupper()


def _said(facts: Facts) -> dict[str, str]:
    return {name: what for name, _ in facts for what in [word(facts, name)] if what}


def _whole(node: ast.expr, facts: Facts) -> bool:
    return isinstance(node, ast.Name) and word(facts, node.id) == WHOLE


def _is_key(node: ast.expr, key: str) -> bool:
    return isinstance(node, ast.Constant) and node.value == key


def _picks(test: ast.expr) -> bool:
    """Whether a comprehension's condition leaves private keys out."""
    text = {n.value for n in ast.walk(test) if isinstance(n, ast.Constant)}
    if any(isinstance(value, str) and value.startswith("_") for value in text):
        return True
    compares = [node for node in ast.walk(test) if isinstance(node, ast.Compare)]
    return any(isinstance(op, ast.In | ast.Eq | ast.NotIn) for c in compares for op in c.ops)
