"""What is an error envelope, and whether an expression is sure to be one or sure not to be."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from govlint.python.bindings import matches_any
from govlint.python.flow.values import Const
from govlint.python.gate.frames import own_nodes
from govlint.python.paths.cfg import build
from govlint.python.paths.search import Facts, Search, absorbed, fact, word
from govlint.python.paths.static import dotted
from govlint.python.syntax.walk import walk

if TYPE_CHECKING:
    from govlint.python.program import Program
    from govlint.python.symbols import FunctionInfo

GOOD, BAD, OPEN = "good", "bad", "open"

_NAMES = re.compile(r"envelope", re.I)
_TEXTS = {"str", "repr", "format_exc", "format_exception", "type", "print", "format", "bool", "len"}
_TEXT_METHODS = set("format join strip lower upper replace title capitalize splitlines".split())
# attributes with which exceptions say what happened; others may be an envelope
_SAID_BY_EXCEPTIONS = {"args", "message", "msg", "reason", "strerror", "errno", "filename"}
_TYPE_ARGUMENTS = {"type", "error_type", "type_", "kind", "code"}


class Envelopes:
    """Judges expressions and functions of one program."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.types = frozenset(program.bindings.error_types)
        self._functions: dict[FunctionInfo, str] = {}
        self._never: dict[FunctionInfo, bool] = {}

    # what is returned

    def verdict(self, node: ast.expr | None, facts: Facts) -> str:
        """GOOD for an envelope, BAD for what is none, OPEN where that cannot be told."""
        match node:
            case None:
                return BAD
            case ast.Constant() | ast.JoinedStr() | ast.List() | ast.Set() | ast.Compare():
                return BAD
            case ast.BinOp() | ast.Subscript() | ast.Attribute():
                return BAD if self._is_text(node) else OPEN
            case ast.Tuple():
                verdicts = {self.verdict(element, facts) for element in node.elts}
                return BAD if verdicts == {BAD} and not self._names_exception(node) else OPEN
            case ast.Dict():
                return self._mapping(node, facts)
            case ast.Name():
                return self._name(node, facts)
            case ast.Await() | ast.NamedExpr() | ast.Starred():
                return self.verdict(node.value, facts)
            case ast.IfExp():
                verdicts = {self.verdict(part, facts) for part in (node.body, node.orelse)}
                return BAD if BAD in verdicts else OPEN
            case ast.Call():
                return self._call(node, facts)
        return OPEN

    def _names_exception(self, node: ast.AST) -> bool:
        return any(isinstance(n, ast.Name) and self.is_caught(n) for n in ast.walk(node))

    def _name(self, node: ast.Name, facts: Facts) -> str:
        said = word(facts, node.id)
        if said == BAD and self._is_completed(node):
            return OPEN
        if said in (GOOD, BAD, OPEN):
            return said
        if self.is_caught(node) or (fact(facts, node.id) or "NFT") in ("N", "F", "NF"):
            return BAD
        return OPEN

    def _is_completed(self, name: ast.Name) -> bool:
        """Whether keys are put into the mapping that a local name holds, after it was made."""
        function = self.program.function_of(name)
        return function is not None and any(
            held == name.id for node in own_nodes(function.node) for held, _ in absorbed(node)
        )

    def is_caught(self, name: ast.Name) -> bool:
        """Whether a name is that of a handler around it: the exception itself."""
        parent = self.program.parent(name)
        while parent is not None and not isinstance(parent, ast.FunctionDef | ast.Lambda):
            if isinstance(parent, ast.ExceptHandler) and parent.name == name.id:
                return True
            parent = self.program.parent(parent)
        return False

    def _mapping(self, node: ast.Dict, facts: Facts) -> str:
        error: ast.expr | None = None
        for key, value in zip(node.keys, node.values, strict=True):
            if key is None:
                return OPEN
            if isinstance(key, ast.Constant) and key.value == "error":
                error = value
        if error is None:
            constant = all(isinstance(key, ast.Constant) for key in node.keys)
            return BAD if constant else OPEN
        if isinstance(error, ast.Dict):
            keys = {key.value for key in error.keys if isinstance(key, ast.Constant)}
            if None in error.keys:
                return OPEN
            return GOOD if {"type", "message"} <= keys else BAD
        return BAD if self._is_text(error) else OPEN

    def _is_text(self, node: ast.expr) -> bool:
        """Whether an expression is text or a flag, or the exception itself, for sure."""
        match node:
            case ast.Constant() | ast.JoinedStr():
                return True
            case ast.Name():
                return self.is_caught(node)
            case ast.Call():
                last = _last(node.func)
                if isinstance(node.func, ast.Attribute) and self._is_text(node.func.value):
                    return last in _TEXT_METHODS
                return last in _TEXTS
            case ast.BinOp():
                sides = [node.left, node.right]
                if isinstance(node.op, ast.Mod):
                    return self._is_text(node.left)
                return isinstance(node.op, ast.Add) and any(map(self._is_text, sides))
            case ast.BoolOp():
                return all(map(self._is_text, node.values))
            case ast.IfExp():
                return self._is_text(node.body) and self._is_text(node.orelse)
            case ast.Attribute():
                said = node.attr in _SAID_BY_EXCEPTIONS
                return said and isinstance(node.value, ast.Name) and self.is_caught(node.value)
            case ast.Subscript():
                return self._is_text(node.value)
        return False

    def _call(self, node: ast.Call, facts: Facts) -> str:
        last = _last(node.func)
        if self._is_builder(node):
            return GOOD
        callees = self.program.callees(node)
        if callees:
            if all(callee.name == "__init__" for callee in callees):
                return OPEN
            verdicts = {self.function(callee) for callee in callees}
            return verdicts.pop() if len(verdicts) == 1 else OPEN
        if last in _TEXTS:
            return BAD
        if last == "dict" and not node.args and node.keywords:
            keys = {keyword.arg for keyword in node.keywords}
            if None in keys:
                return OPEN
            return OPEN if "error" in keys else BAD
        return OPEN

    def _is_builder(self, node: ast.Call) -> bool:
        """Whether a call is of an envelope builder that the project has bound."""
        bound = self.program.bindings.envelopes
        names = [callee.qualname for callee in self.program.callees(node)]
        names += self.program.externals(node)
        names.append(dotted(node.func) or _last(node.func))
        return bool(bound) and any(matches_any(bound, name) for name in names if name)

    def function(self, function: FunctionInfo) -> str:
        """The verdict on what a function gives back."""
        if function not in self._functions:
            self._functions[function] = OPEN
            self._functions[function] = self._judged(function)
        return self._functions[function]

    def _judged(self, function: FunctionInfo) -> str:
        if function.is_generator:
            return OPEN
        if isinstance(function.node, ast.Lambda):
            return self.verdict(function.node.body, frozenset())
        if all(isinstance(s, ast.Expr | ast.Pass | ast.Raise) for s in function.node.body):
            return OPEN  # abstract
        returns = [n for n in own_nodes(function.node) if isinstance(n, ast.Return)]
        if not returns:
            return OPEN if self.never_returns(function) else BAD
        verdicts = {self.verdict(node.value, self._at(function, node)) for node in returns}
        if BAD in verdicts:
            return BAD
        return GOOD if verdicts == {GOOD} else OPEN

    def _at(self, function: FunctionInfo, node: ast.Return) -> Facts:
        """What is known of the name that is returned, where it is assigned once."""
        if not isinstance(node.value, ast.Name):
            return frozenset()
        values = list(assigned(function, node.value.id))
        if len(values) != 1 or self._is_completed(node.value):
            return frozenset()
        return frozenset({(node.value.id, f"NFT|{self.verdict(values[0], frozenset())}")})

    # what never comes back

    def returns(self, call: ast.Call) -> bool:
        """Whether `call` can complete: not where all it may run always raises."""
        callees = self.program.callees(call)
        return not callees or not all(self.never_returns(callee) for callee in callees)

    def never_returns(self, function: FunctionInfo) -> bool:
        """Whether no path through `function` ends but in an exception."""
        if function not in self._never:
            self._never[function] = False
            if not function.is_generator and not isinstance(function.node, ast.Lambda):
                body = function.node.body
                parts = [node for statement in body for node in ast.walk(statement)]
                if any(isinstance(node, ast.Raise | ast.Call) for node in parts):
                    graph = build(body)
                    search = Search(graph)
                    path = search.path(lambda node, _: node is graph.exit)
                    self._never[function] = path is None
        return self._never[function]

    def carries(self, node: ast.AST | None) -> bool:
        """Whether an exception is raised that brings the envelope with it."""
        if not isinstance(node, ast.Raise) or node.exc is None:
            return False
        kind = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
        if _NAMES.search(dotted(kind).rpartition(".")[2]):
            return True
        if isinstance(node.exc, ast.Call):
            for argument in [*node.exc.args, *(k.value for k in node.exc.keywords)]:
                if isinstance(argument, ast.Call) and self.is_envelope(argument, frozenset()):
                    return True
                if isinstance(argument, ast.Dict) and self._mapping(argument, frozenset()) == GOOD:
                    return True
                if isinstance(argument, ast.Name) and self._is_envelope(argument):
                    return True
            return any(keyword.arg == "envelope" for keyword in node.exc.keywords)
        return False

    def is_envelope(self, node: ast.expr, facts: Facts) -> bool:
        """Whether `node` is an envelope for sure, or a call that is named so."""
        if isinstance(node, ast.Name):
            return word(facts, node.id) == GOOD or self._is_envelope(node)
        if isinstance(node, ast.Call) and _NAMES.search(_last(node.func)):
            return self.verdict(node, facts) != BAD
        return isinstance(node, ast.Dict | ast.Call) and self.verdict(node, facts) == GOOD

    def _is_envelope(self, name: ast.Name) -> bool:
        function = self.program.function_of(name)
        values = [] if function is None else list(assigned(function, name.id))
        return bool(values) and all(
            self.verdict(value, frozenset()) == GOOD
            or (isinstance(value, ast.Call) and _NAMES.search(_last(value.func)) is not None)
            for value in values
        )

    # the type

    def wrong_types(self) -> Iterator[tuple[ast.expr, str]]:
        """The expressions that give an envelope a `type` it must not have, and what it is."""
        seen: set[ast.AST] = set()
        for module in list(self.program.modules.values()):
            if module.is_test:
                continue
            for node in walk(module.tree):
                for given in self._types_of(node):
                    for expression, found in self._wrong(given, 3):
                        if expression not in seen:
                            seen.add(expression)
                            yield expression, found

    def _types_of(self, node: ast.AST) -> Iterator[ast.expr]:
        if isinstance(node, ast.Dict):
            items = _constant_items(node)
            error = items.get("error")
            if isinstance(error, ast.Dict) and self._is_ours(node, items):
                inner = _constant_items(error).get("type")
                if inner is not None:
                    yield inner
        elif isinstance(node, ast.Assign) and self._is_in_builder(node):
            for target in node.targets:
                if _subscripts(target)[-2:] == ["error", "type"]:
                    yield node.value
        elif isinstance(node, ast.Call) and not self.program.callees(node):
            bound = self.program.bindings.envelopes
            name = dotted(node.func) or _last(node.func)
            if _NAMES.search(_last(node.func)) or (bound and name and matches_any(bound, name)):
                for keyword in node.keywords:
                    if keyword.arg in _TYPE_ARGUMENTS:
                        yield keyword.value
                for argument in node.args[:2]:
                    if isinstance(argument, ast.Constant) and str(argument.value).endswith("Error"):
                        yield argument

    def _is_ours(self, node: ast.Dict, items: dict[str, ast.expr]) -> bool:
        return "_internal" in items or self._is_in_builder(node)

    def _is_in_builder(self, node: ast.AST) -> bool:
        """Whether code is the gate's, or that of a builder which the gate calls."""
        if self.program.in_gate(node):
            return True
        function = self.program.function_of(node)
        if function is None:
            return False
        bound = self.program.bindings.envelopes
        if bound and matches_any(bound, function.qualname):
            return True
        return any(self.program.in_gate(call) for call in self.program.callers(function))

    def _wrong(self, node: ast.expr, depth: int) -> Iterator[tuple[ast.expr, str]]:
        if isinstance(node, ast.Constant):
            if node.value not in self.types:
                yield node, repr(node.value)
            return
        if isinstance(node, ast.IfExp | ast.BoolOp):
            parts = [node.body, node.orelse] if isinstance(node, ast.IfExp) else node.values
            test = node.test if isinstance(node, ast.IfExp) else None
            for part in parts:
                if test is None or ast.dump(part) not in ast.dump(test):
                    yield from self._wrong(part, depth)
            return
        if _names_a_class(node):
            if not self._guarded(node):
                yield node, "the name of whatever exception came"
            return
        if isinstance(node, ast.Name) and depth:
            function = self.program.function_of(node)
            if function is not None and not isinstance(function.node, ast.Lambda):
                given = list(self._arguments(function, node.id))
                if given or node.id in function.params:
                    for argument in given:
                        yield from self._wrong(argument, depth - 1)
                    return
                values = list(assigned(function, node.id))
                if values and not self._guarded(node):
                    looked_up = _is_looked_up(function, node.id)
                    for value in values:
                        if not (looked_up and _names_a_class(value)):
                            yield from self._wrong(value, depth - 1)
                    return
        for seen in self.program.values(node):
            text = seen.value if isinstance(seen, Const) else None
            if isinstance(text, str) and text not in self.types:
                yield node, repr(text)
                return

    def _arguments(self, function: FunctionInfo, name: str) -> Iterator[ast.expr]:
        """What is passed for a parameter, and its default."""
        assert not isinstance(function.node, ast.Lambda)
        arguments = function.node.args
        names = [a.arg for a in (*arguments.posonlyargs, *arguments.args)]
        every = [*names, *(a.arg for a in arguments.kwonlyargs)]
        if name not in every:
            return
        if name in names:
            offset = names.index(name) - (len(names) - len(arguments.defaults))
            if offset >= 0:
                yield arguments.defaults[offset]
        else:
            default = arguments.kw_defaults[every.index(name) - len(names)]
            if default is not None:
                yield default
        method = function.cls is not None and names[:1] in (["self"], ["cls"])
        for call in self.program.callers(function):
            if not isinstance(call, ast.Call) or self.program.module_of(call).is_test:
                continue
            for keyword in call.keywords:
                if keyword.arg == name:
                    yield keyword.value
            if name in names:
                position = names.index(name) - (1 if method else 0)
                if 0 <= position < len(call.args):
                    yield call.args[position]

    def _guarded(self, node: ast.expr) -> bool:
        """Whether a condition or a handler around it narrows a computed type."""
        parent = self.program.parent(node)
        while parent is not None and not isinstance(parent, ast.FunctionDef | ast.AsyncFunctionDef):
            if isinstance(parent, ast.ExceptHandler) and parent.type is not None:
                kinds = parent.type.elts if isinstance(parent.type, ast.Tuple) else [parent.type]
                return all(dotted(kind).rpartition(".")[2] in self.types for kind in kinds)
            if isinstance(parent, ast.If | ast.IfExp):
                tests = [n for n in ast.walk(parent.test) if isinstance(n, ast.Compare)]
                if any(isinstance(op, ast.In | ast.NotIn) for t in tests for op in t.ops):
                    return True
                if any(
                    isinstance(n, ast.Call) and dotted(n.func) == "isinstance"
                    for n in ast.walk(parent.test)
                ):
                    return True
            parent = self.program.parent(parent)
        return False


def assigned(function: FunctionInfo, name: str) -> Iterator[ast.expr]:
    """What the local `name` is assigned anywhere in `function`."""
    for node in own_nodes(function.node):
        if isinstance(node, ast.Assign | ast.AnnAssign | ast.NamedExpr) and node.value:
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                if isinstance(target, ast.Name) and target.id == name:
                    yield node.value


def _last(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else dotted(node)


def _constant_items(node: ast.Dict) -> dict[str, ast.expr]:
    return {
        key.value: value
        for key, value in zip(node.keys, node.values, strict=True)
        if isinstance(key, ast.Constant) and isinstance(key.value, str)
    }


def _subscripts(node: ast.expr) -> list[object]:
    keys: list[object] = []
    while isinstance(node, ast.Subscript):
        keys.append(node.slice.value if isinstance(node.slice, ast.Constant) else None)
        node = node.value
    return keys[::-1]


def _is_looked_up(function: FunctionInfo, name: str) -> bool:
    """Whether a function asks if what `name` holds is among known ones."""
    return any(
        isinstance(node, ast.Compare)
        and isinstance(node.left, ast.Name)
        and node.left.id == name
        and any(isinstance(operator, ast.In | ast.NotIn) for operator in node.ops)
        for node in own_nodes(function.node)
    )


def _names_a_class(node: ast.expr) -> bool:
    """`type(x).__name__`, `x.__class__.__name__`, `__qualname__`, and text made of them."""
    if isinstance(node, ast.JoinedStr):
        return any(
            isinstance(part, ast.FormattedValue) and _names_a_class(part.value)
            for part in node.values
        )
    if isinstance(node, ast.Call) and dotted(node.func) == "str" and node.args:
        return _names_a_class(node.args[0])
    if not isinstance(node, ast.Attribute) or node.attr not in ("__name__", "__qualname__"):
        return False
    if isinstance(node.value, ast.Attribute):
        return node.value.attr == "__class__"
    return isinstance(node.value, ast.Call) and dotted(node.value.func) == "type"
