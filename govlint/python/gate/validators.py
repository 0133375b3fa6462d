"""What counts as a validation of the gate's input or output, and when it has passed.

A validator that raises has passed when its call completes; one that answers has passed on
the branch where the answer was good, so an answer that nobody looks at is no validation.
The checks of spec 001 section 5 written out in place count as well.
"""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from govlint.python.bindings import matches, matches_any
from govlint.python.gate.field_checks import FieldChecks, is_mapping_test
from govlint.python.gate.frames import own_nodes
from govlint.python.paths.cfg import Node, build
from govlint.python.paths.search import Pass, Search, asks
from govlint.python.paths.static import caught_names, dotted

if TYPE_CHECKING:
    from govlint.python.program import Program
    from govlint.python.symbols import FunctionInfo

_REFUSALS = re.compile(r"err|problem|issue|violation|fail|invalid|reason|missing|message|fault")
_SCHEMAS = {"model_validate", "parse_obj", "validate_python", "model_validate_json"}
_OTHER_SIDE = {"input": re.compile("output|result|response"), "output": re.compile("input|payload")}
_BOOLEAN_CALLS = {"isinstance", "all", "any", "bool", "issubclass", "hasattr", "callable"}


class Validators:
    """The validators of one side (`input` or `output`) of a program's gates."""

    def __init__(self, program: Program, side: str, fields: tuple[str, ...]) -> None:
        self.program = program
        self.side = side
        self.fields = fields if side == "input" else ("",)
        bindings = program.bindings
        self.patterns = bindings.validate_input if side == "input" else bindings.validate_output
        self.in_place = FieldChecks(program)
        self._always: dict[tuple[FunctionInfo, str], bool] = {}
        self._styles: dict[FunctionInfo, str] = {}
        self._made: dict[FunctionInfo, dict[str, list[ast.Call]]] = {}

    # events

    def event(self, node: Node, field: str) -> Pass:
        """What `node` means for the validation of `field` (of the whole output: "")."""
        tree = node.ast
        if node.kind == "call" and isinstance(tree, ast.Call):
            return Pass.DONE if self.passes(tree, field) else Pass.ON
        if (
            node.kind == "assume"
            and isinstance(tree, ast.expr)
            and (self._answered(tree, node.holds) or self._checked(tree, node.holds, field))
        ):
            return Pass.STOP
        if self.side == "input" and isinstance(tree, ast.For) and node.kind == "loop":
            return Pass.DONE if self.in_place.loop(tree, field) else Pass.ON
        return Pass.ON

    def passes(self, call: ast.Call, field: str) -> bool:
        """Whether the input (output) is valid once `call` has completed."""
        callees = self.program.callees(call)
        if any(callee.is_async for callee in callees) and not self._is_awaited(call):
            return False
        if self.is_validator(call):
            return self.style(call) == "raises"
        if not callees:
            return self._is_schema(call)
        return all(self.always(callee, field) for callee in callees)

    def catches(self, node: Node, handler: ast.ExceptHandler) -> bool:
        """Whether an exception of the validator at `node` can arrive at `handler`."""
        if node.kind != "call" or not isinstance(node.ast, ast.Call):
            return True
        if not self.is_validator(node.ast):
            return True
        raised: set[str] = set()
        for callee in self.program.callees(node.ast):
            raised |= self._raised(callee, 3)
        if not raised:
            raised = {"ValidationError", "ValueError", "TypeError", "KeyError", "PluginError"}
        names = caught_names(handler)
        return bool(names & (raised | {"Exception", "BaseException"}))

    def raises(self, call: ast.Call) -> bool:
        """Whether the validator that `call` runs is known, and known to raise."""
        return any(self._raised(callee, 3) for callee in self.program.callees(call))

    def always(self, function: FunctionInfo, field: str) -> bool:
        """Whether `function` only completes when the validation has passed."""
        key = (function, field)
        if key not in self._always:
            self._always[key] = False  # recursion: not shown to validate
            if function.is_generator or not self._mentions(function.node, 4):
                return False
            graph = build(function.node.body)
            search = Search(
                graph, event=lambda node, _: self.event(node, field), catches=self.catches
            )
            self._always[key] = search.path(lambda node, _: node is graph.exit) is None
        return self._always[key]

    def _checked(self, leaf: ast.expr, holds: bool, field: str) -> bool:
        """Whether a branch is that of a check written out in place."""
        if self.side == "output":
            return holds and is_mapping_test(leaf)
        return self.in_place.presence(leaf, field) is holds

    # who validates

    def is_validator(self, call: ast.Call) -> bool:
        """Whether `call` is of a function that the bindings name as the validator."""
        last = call.func.attr if isinstance(call.func, ast.Attribute) else dotted(call.func)
        if any(matches(pattern.rpartition(".")[2], last) for pattern in self.patterns if last):
            return True
        callees = self.program.callees(call)
        return bool(callees) and all(matches_any(self.patterns, c.qualname) for c in callees)

    def _is_schema(self, call: ast.Call) -> bool:
        """Whether `call`, of unknown code, validates by its name."""
        last = call.func.attr if isinstance(call.func, ast.Attribute) else dotted(call.func)
        if last in _SCHEMAS:
            return True
        if "validate" not in last or _OTHER_SIDE[self.side].search(last):
            return False
        return bool(call.args or call.keywords) and not self._is_tested(call)

    def _is_tested(self, call: ast.Call) -> bool:
        parent = self.program.parent(call)
        while isinstance(parent, ast.UnaryOp | ast.BoolOp | ast.Await | ast.Compare):
            parent = self.program.parent(parent)
        return isinstance(parent, ast.If | ast.IfExp | ast.While | ast.Assert)

    def style(self, call: ast.Call) -> str:
        """How a validator refuses: `raises`, or by an answer that is then `true` or `false`
        for valid; `none` where it does not refuse at all.
        """
        styles = {self._style(callee) for callee in self.program.callees(call)}
        if len(styles) == 1:
            return styles.pop()
        if styles:
            return "raises" if "raises" in styles else sorted(styles)[0]
        parent = self.program.parent(call)
        if isinstance(parent, ast.Await):
            parent = self.program.parent(parent)
        negated = isinstance(parent, ast.UnaryOp) and isinstance(parent.op, ast.Not)
        if negated:
            return "true"
        if isinstance(parent, ast.If) and parent.test is not None:
            last = parent.body[-1]
            leaves = isinstance(last, ast.Raise | ast.Return | ast.Continue | ast.Break)
            return "false" if leaves and not self._runs_on(parent) else "true"
        if isinstance(parent, ast.BoolOp | ast.IfExp | ast.While | ast.Assert | ast.Compare):
            return "true"
        for name in self._holders(call):
            if self._asked_about(name):
                return "false" if _REFUSALS.search(name.id.lower()) else "true"
        return "raises"

    def _runs_on(self, branch: ast.If) -> bool:
        """Whether the body of `if validate(x):` is where the work goes on."""
        calls = [n for part in branch.body for n in ast.walk(part) if isinstance(n, ast.Call)]
        governs = self.program.bindings.governs
        return any(isinstance(c.func, ast.Attribute) and governs(c.func.attr) for c in calls)

    def _style(self, function: FunctionInfo) -> str:
        if function not in self._styles:
            self._styles[function] = "raises"
            self._styles[function] = self._found_style(function)
        return self._styles[function]

    def _found_style(self, function: FunctionInfo) -> str:
        if self._raised(function, 3):
            return "raises"
        if isinstance(function.node, ast.Lambda):
            answers: list[ast.expr] = [function.node.body]
        else:
            answers = [
                node.value
                for node in own_nodes(function.node)
                if isinstance(node, ast.Return) and node.value is not None
            ]
        if not answers:
            return "raises"
        shapes = {self._shape(answer) for answer in answers}
        annotation = getattr(function.node, "returns", None)
        if shapes == {"bool"} or (annotation is not None and dotted(annotation) == "bool"):
            return "true"
        if "refusal" in shapes and shapes <= {"refusal", "none"}:
            return "false"
        return "raises"

    def _shape(self, answer: ast.expr) -> str:
        if isinstance(answer, ast.Constant):
            if answer.value is None:
                return "none"
            return "bool" if isinstance(answer.value, bool) else "refusal"
        if isinstance(answer, ast.Compare) or (
            isinstance(answer, ast.UnaryOp) and isinstance(answer.op, ast.Not)
        ):
            return "bool"
        if isinstance(answer, ast.BoolOp):
            shapes = {self._shape(value) for value in answer.values}
            return "bool" if "bool" in shapes or shapes == {"other"} else shapes.pop()
        if isinstance(answer, ast.Call) and dotted(answer.func) in _BOOLEAN_CALLS:
            return "bool"
        if isinstance(answer, ast.List | ast.ListComp | ast.JoinedStr | ast.Tuple):
            return "refusal"
        if isinstance(answer, ast.Name) and _REFUSALS.search(answer.id.lower()):
            return "refusal"
        return "other"

    def _raised(self, function: FunctionInfo, depth: int) -> set[str]:
        """The names of the classes that `function` may raise, with their bases."""
        found: set[str] = set()
        for node in own_nodes(function.node):
            if isinstance(node, ast.Raise):
                kind = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
                found |= self._with_bases(dotted(kind).rpartition(".")[2] or "Exception")
            elif isinstance(node, ast.Call) and depth:
                callees = self.program.callees(node)
                for callee in callees:
                    found |= self._raised(callee, depth - 1)
                if not callees and (self.is_validator(node) or self._is_schema(node)):
                    found |= {"ValidationError", "ValueError"}
        return found

    def _with_bases(self, name: str) -> set[str]:
        found = {name}
        builtin = getattr(builtins, name, None)
        if isinstance(builtin, type):
            return {base.__name__ for base in builtin.__mro__} - {"object"}
        for module in self.program.modules.values():
            for cls in module.classes:
                if cls.name == name:
                    for entry in self.program.mro(cls):
                        last = entry if isinstance(entry, str) else entry.name
                        last = last.rpartition(".")[2]
                        found.add(last)
                        base = getattr(builtins, last, None)
                        if isinstance(base, type):
                            found |= {b.__name__ for b in base.__mro__} - {"object"}
                    return found
        return found | ({"ValueError"} if name.endswith("ValidationError") else set())

    def _mentions(self, root: ast.AST, depth: int) -> bool:
        """Whether anything under `root`, or that it calls, could be a validation."""
        for node in ast.walk(root):
            if isinstance(node, ast.Call):
                if self.is_validator(node) or self._is_schema(node):
                    return True
                if self.side == "output" and dotted(node.func) == "isinstance":
                    return True
                if depth and any(
                    self._mentions(c.node, depth - 1) for c in self.program.callees(node)
                ):
                    return True
            if isinstance(node, ast.Constant) and node.value in self.fields and node.value:
                return True
            if isinstance(node, ast.Attribute) and node.attr in self.fields:
                return True
        return False

    # answers

    def _answered(self, leaf: ast.expr, holds: bool) -> bool:
        """Whether the branch `leaf is holds` is that of a validator's good answer."""
        call, about = _origin(leaf), "T" if holds else "NF"
        if call is not None:
            return self._good(call, about, None)
        asked = asks(leaf, holds)
        if asked is not None:
            return any(self._good(c, asked[1], asked[0]) for c in self._makers(leaf, asked[0]))
        if isinstance(leaf, ast.Attribute) and isinstance(leaf.value, ast.Name):
            return any(
                self._good(c, about, leaf.attr, True) for c in self._makers(leaf, leaf.value.id)
            )
        return False

    def _good(self, call: ast.Call, about: str, name: str | None, by_name: bool = False) -> bool:
        style = self._answer_style(call)
        targets = getattr(self.program.parent(call), "targets", ())
        unpacked = any(isinstance(target, ast.Tuple) for target in targets)
        if style is None:
            return False
        if name is not None and (by_name or unpacked):
            style = "false" if _REFUSALS.search(name.lower()) else "true"
        return about == "T" if style == "true" else style == "false" and "T" not in about

    def _answer_style(self, call: ast.Call) -> str | None:
        """How `call` answers, if it is a validator or asks one."""
        if self.is_validator(call):
            return self.style(call)
        callees = self.program.callees(call)
        if callees:
            if not all(self._mentions(callee.node, 3) for callee in callees):
                return None
            styles = {self._answering(callee) for callee in callees}
            return styles.pop() if len(styles) == 1 else None
        last = call.func.attr if isinstance(call.func, ast.Attribute) else dotted(call.func)
        if "valid" in last and not _OTHER_SIDE[self.side].search(last):
            return "true"
        return None

    def _answering(self, function: FunctionInfo) -> str | None:
        """The style of a function that asks a validator and answers itself."""
        answers = [
            node.value
            for node in own_nodes(function.node)
            if isinstance(node, ast.Return) and node.value is not None
        ]
        shapes = {self._shape(answer) for answer in answers}
        if "bool" in shapes:
            return "true"
        asked = [call for answer in answers for call in [_origin(answer)] if call is not None]
        styles = {self._answer_style(call) for call in asked}
        if len(styles) == 1:
            return styles.pop()
        return "false" if "refusal" in shapes or "none" in shapes else None

    def _makers(self, near: ast.AST, name: str) -> Sequence[ast.Call]:
        """The calls whose result, or a part of it, the local `name` holds."""
        function = self.program.function_of(near)
        if function is None:
            return ()
        made = self._made.get(function)
        if made is None:
            made = self._made[function] = {}
            for node in own_nodes(function.node):
                if isinstance(node, ast.Assign | ast.AnnAssign | ast.NamedExpr) and node.value:
                    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                    call = _origin(node.value)
                    parts = [part for target in targets for part in ast.walk(target)]
                    for held in {part.id for part in parts if isinstance(part, ast.Name)}:
                        if call is not None:
                            made.setdefault(held, []).append(call)
        return made.get(name, ())

    def _holders(self, call: ast.Call) -> Iterator[ast.Name]:
        node = self.program.parent(call)
        if isinstance(node, ast.Await):
            node = self.program.parent(node)
        if isinstance(node, ast.Assign | ast.AnnAssign | ast.NamedExpr):
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                for part in ast.walk(target):
                    if isinstance(part, ast.Name):
                        yield part

    def _asked_about(self, name: ast.Name) -> bool:
        function = self.program.function_of(name)
        for node in own_nodes(function.node) if function is not None else ():
            if isinstance(node, ast.If | ast.IfExp | ast.While | ast.Assert) and any(
                isinstance(part, ast.Name) and part.id == name.id for part in ast.walk(node.test)
            ):
                return True
        return False

    def _is_awaited(self, call: ast.Call) -> bool:
        parent = self.program.parent(call)
        while isinstance(parent, ast.Call | ast.keyword):
            parent = self.program.parent(parent)
        return isinstance(parent, ast.Await)


def _origin(node: ast.expr) -> ast.Call | None:
    """The call that `node` is the value of, through `await` and a walrus."""
    while isinstance(node, ast.Await | ast.NamedExpr):
        node = node.value
    return node if isinstance(node, ast.Call) else None
