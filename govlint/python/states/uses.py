"""Where states that a machine does not have are declared, named, assigned, compared or passed."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass

from govlint.python.flow import values as v
from govlint.python.flow.annotations import annotated
from govlint.python.node_index import nodes_of
from govlint.python.program import Program
from govlint.python.states.holders import (
    StateSpace,
    enclosing_function,
    is_api_of_enums,
    unwrapped,
)
from govlint.python.states.members import members_of
from govlint.python.states.parameters import argument_for, fields_of
from govlint.python.states.sinks import Sinks
from govlint.python.symbols import ClassInfo, FunctionInfo, Module


@dataclass(frozen=True)
class Use:
    """One place at which a state outside the machine is used; `verb` says how."""

    node: ast.AST
    module: Module
    word: str
    verb: str


class StateUses(Sinks):
    """Collects the uses of states outside the machine of one `StateSpace`."""

    def __init__(self, space: StateSpace) -> None:
        self.space = space
        self.program: Program = space.program
        self.found: dict[tuple[str, int, str], Use] = {}
        self.due = {}
        self.pending = []
        self.held = []
        self.written = set()

    def collect(self) -> list[Use]:
        """All uses outside tests, in the order of files and lines."""
        modules = [m for m in self.program.modules.values() if not m.is_test]
        for module in modules:
            for cls in module.classes:
                if cls in self.space.classes:
                    self.declared(cls)
            for function in module.functions:
                self._signature(function)
            for node in nodes_of(module, *_HANDLERS):
                handler = _HANDLERS.get(type(node))
                if handler is not None:
                    handler(self, node)
        self.follow_parameters()
        self.judge_held()
        return sorted(
            self.found.values(),
            key=lambda use: (use.module.path, *_position(use.node), use.word),
        )

    def add(self, node: ast.AST, word: str, verb: str) -> None:
        """Note one use, once a line and word."""
        module = self.program.module_of(node)
        line = getattr(node, "lineno", 1)
        if not module.is_test:
            self.found.setdefault(
                (module.path, line, word.casefold()), Use(node, module, word, verb)
            )

    # -- naming a member ----------------------------------------------------------------------

    def _attribute(self, node: ast.Attribute) -> None:
        space = self.space
        if not space.is_class(node.value) or is_api_of_enums(node.attr):
            if isinstance(node.ctx, ast.Load):
                return
            return
        if space.canonical(node.attr) is not None:
            return
        verb = "named" if isinstance(node.ctx, ast.Load) else "declared"
        for value in self.program.values(node.value):
            if isinstance(value, v.ClassValue) and value.cls in space.classes:
                known = space.known_members(value.cls)
                members = {
                    name
                    for entry in self.program.mro(value.cls)
                    if isinstance(entry, ClassInfo)
                    for name, _, _ in members_of(entry)
                }
                if node.attr in known and node.attr not in members:
                    return  # a method, a property, a group of states
                if node.attr not in known and not self._looks_like_state(node, members):
                    return
            elif isinstance(value, v.ExternalInstance) and not node.attr.isupper():
                return
        self.add(node, node.attr, verb)

    def _looks_like_state(self, node: ast.Attribute, members: set[str]) -> bool:
        if node.attr.isupper():
            return True
        parent = self.program.parent(node)
        called = isinstance(parent, ast.Call) and parent.func is node
        lower = any(name.islower() for name in members)
        return (
            lower and not called and not hasattr(str, node.attr) and isinstance(node.ctx, ast.Load)
        )

    def _subscript(self, node: ast.Subscript) -> None:
        base = node.value
        if isinstance(base, ast.Attribute) and base.attr in (
            "__members__",
            "_member_map_",
            "_value2member_map_",
            "__dict__",
        ):
            base = base.value
        if self.space.is_class(base):
            self.sink(node.slice, "named" if isinstance(node.ctx, ast.Load) else "declared")

    # -- places where a state is due ----------------------------------------------------------

    def _call(self, call: ast.Call) -> None:
        self.made_by_call(call)
        space = self.space
        if space.is_class(call.func):
            if len(call.args) == 1:
                self.sink(call.args[0], "named")
            for keyword in call.keywords:
                if keyword.arg == "value":
                    self.sink(keyword.value, "named")
            return
        name = (
            call.func.id
            if isinstance(call.func, ast.Name)
            else (call.func.attr if isinstance(call.func, ast.Attribute) else "")
        )
        if (
            name in ("getattr", "setattr", "__setattr__", "__getattribute__")
            and len(call.args) >= 2
        ):
            self._by_name(call, name)
        elif name == "extend_enum" and len(call.args) >= 2 and space.is_class(call.args[0]):
            self.sink(call.args[1], "declared")
        for keyword in call.keywords:
            if keyword.arg is not None and self._keyword_is_due(call, keyword.arg):
                self.sink(keyword.value, "passed")
        if not self.program.callees(call):
            self._fields(call)

    def _by_name(self, call: ast.Call, name: str) -> None:
        owner, key = call.args[0], call.args[1]
        if self.space.is_class(owner):
            self.sink(key, "declared" if name == "setattr" else "named")
        elif name in ("setattr", "__setattr__") and len(call.args) == 3:
            words = self.space.strings(key)
            if any(self.space.holds(owner, str(word.value)) for word in words):
                self.sink(call.args[2], "assigned")
        elif name == "__setattr__" and isinstance(call.func, ast.Attribute):
            words = self.space.strings(owner)
            if any(self.space.holds(call.func.value, str(word.value)) for word in words):
                self.sink(key, "assigned")

    def _keyword_is_due(self, call: ast.Call, name: str) -> bool:
        space = self.space
        if isinstance(call.func, ast.Attribute) and call.func.attr == "update":
            holder = call.func.value
            if isinstance(holder, ast.Attribute) and holder.attr == "__dict__":
                return space.holds(holder.value, name)
            if isinstance(holder, ast.Call) and holder.args:
                return space.holds(holder.args[0], name)
        last = (
            call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        )
        if last in ("replace", "evolve") and call.args:
            return space.holds(call.args[0], name)
        if last in ("model_copy", "_replace") and isinstance(call.func, ast.Attribute):
            return space.holds(call.func.value, name)
        return (
            space.named(name)
            and not self.program.callees(call)
            and (space.in_governed_module(call))
        )

    def _fields(self, call: ast.Call) -> None:
        """Fields of a dataclass or model: the constructor has no code of its own."""
        space = self.space
        for value in self.program.values(call.func):
            if not isinstance(value, v.ClassValue) or value.cls in space.classes:
                continue
            names = fields_of(self.program, value.cls)
            rows = [*zip(names, call.args, strict=False)]
            rows += [(k.arg, k.value) for k in call.keywords if k.arg is not None]
            for name, argument in rows:
                declared = space.evidence.declared(value.cls, name)
                if declared or (
                    declared is None and space.evidence.is_evident(value.cls, name.strip("_"))
                ):
                    self.sink(argument, "passed")
                elif declared is None and space.kind == "job" and name in ("status", "state"):
                    self._job_field(value.cls, argument)

    def _job_field(self, cls: ClassInfo, argument: ast.expr) -> None:
        if cls.name in ("Job", "JobRecord"):
            self.sink(argument, "passed")

    def _compare(self, node: ast.Compare) -> None:
        sides = [node.left, *node.comparators]
        for left, op, right in zip(sides, node.ops, sides[1:], strict=False):
            if isinstance(op, ast.In | ast.NotIn):
                if self.space.is_due(left):
                    self._compared(left, right)
                elif self._holds_members(right):
                    self._compared(right, left)
            elif isinstance(op, ast.Eq | ast.NotEq | ast.Is | ast.IsNot):
                if self.space.is_due(left):
                    self._compared(left, right)
                elif self.space.is_due(right):
                    self._compared(right, left)

    def _compared(self, due: ast.expr, other: ast.expr) -> None:
        held = {
            x.cls
            for x in self.program.values(unwrapped(due))
            if isinstance(x, v.EnumMember | v.Instance)
        }
        self.sink(other, "compared", due, lambda cls: cls not in held)

    def _holds_members(self, expression: ast.expr) -> bool:
        held = self.program.flow.elements(self.program.values(expression))
        return bool(held) and all(self.space.is_member_value(x) for x in held)

    def _match(self, node: ast.Match) -> None:
        if not self.space.is_due(node.subject):
            return
        for case in node.cases:
            for part in ast.walk(case.pattern):
                if isinstance(part, ast.MatchValue):
                    self.sink(part.value, "compared", node.subject)

    def _assign(self, node: ast.Assign) -> None:
        for target in node.targets:
            self.named_value(target, node.value)
            self._target(target, node.value, None)

    def _annotated_assign(self, node: ast.AnnAssign) -> None:
        cls = self.program.class_of(node)
        if self._annotation_of_state(node):
            self.literal(node.annotation)
        if node.value is None or (cls is not None and cls in self.space.classes):
            return
        self.named_value(node.target, node.value)
        self._target(node.target, node.value, node.annotation)

    def _annotation_of_state(self, node: ast.AnnAssign) -> bool:
        target = node.target
        name = target.attr if isinstance(target, ast.Attribute) else getattr(target, "id", "")
        if self.space.named(name):
            return self.space.in_governed_module(node)
        cls = self.program.class_of(node)
        parent = self.program.parent(node)
        if cls is None or parent is not cls.node or name.strip("_") not in ("state", "status"):
            return False
        return self.space.is_owner(cls) and (name.strip("_") == "state" or self.space.kind == "job")

    def _type_alias(self, node: ast.AST) -> None:
        name, value = getattr(node, "name", None), getattr(node, "value", None)
        if isinstance(name, ast.Name) and isinstance(value, ast.expr):
            self.named_value(name, value)

    def _target(self, target: ast.expr, value: ast.expr, annotation: ast.expr | None) -> None:
        space = self.space
        if isinstance(target, ast.Tuple | ast.List):
            for name, part in zip(target.elts, _parts(value, len(target.elts)), strict=False):
                self._target(name, part, None)
            return
        due = annotation is not None and space.annotated(annotation, self.program.module_of(target))
        if not due and isinstance(target, ast.Attribute):
            due = not space.is_class(target.value) and space.holds(target.value, target.attr)
        elif not due and isinstance(target, ast.Subscript):
            due = space.key_is_due(target.value, target.slice)
        elif not due and isinstance(target, ast.Name):
            due = self._name_is_due(target)
        if due:
            self.sink(value, "assigned", target)

    def _name_is_due(self, target: ast.Name) -> bool:
        space = self.space
        parent = self.program.parent(self.program.parent(target) or target)
        if isinstance(parent, ast.ClassDef):
            cls = self.program.class_at(parent)
            if cls is None or cls in space.classes:
                return False
            declared = space.evidence.declared(cls, target.id)
            if declared is not None:
                return declared
            bare = target.id.strip("_")
            if space.is_owner(cls) and bare in ("state", "status"):
                return (
                    bare == "state" or cls.name in ("Job", "JobRecord")
                ) and not space.evidence.other_evidence(cls, bare)
        return space.named(target.id) and space.in_governed_module(target)

    def _named_expression(self, node: ast.NamedExpr) -> None:
        self._target(node.target, node.value, None)

    def _dict(self, node: ast.Dict) -> None:
        typed = self._typed_as(node)
        for key, value in zip(node.keys, node.values, strict=True):
            if not isinstance(key, ast.Constant) or not isinstance(key.value, str):
                continue
            if (
                self._named_key(node, key.value)
                or self._updates_state(node, key.value)
                or self.space.declares_key(typed, key.value)
            ):
                self.sink(value, "assigned")

    def _typed_as(self, node: ast.Dict) -> v.Values:
        """The typed dictionary that a display is, by the annotation of where it goes."""
        parent = self.program.parent(node)
        annotation: ast.expr | None = None
        if isinstance(parent, ast.AnnAssign):
            annotation = parent.annotation
        elif isinstance(parent, ast.Return):
            function = enclosing_function(self.program, parent)
            annotation = getattr(function.node, "returns", None) if function else None
        elif isinstance(parent, ast.Call | ast.keyword):
            call = parent if isinstance(parent, ast.Call) else self.program.parent(parent)
            if isinstance(call, ast.Call):
                return self._parameter_types(call, node)
        if annotation is None:
            return v.EMPTY
        return annotated(self.program.flow, annotation, self.program.module_of(node))

    def _parameter_types(self, call: ast.Call, argument: ast.expr) -> v.Values:
        found: v.Values = v.EMPTY
        for function in self.program.callees(call):
            spec = function.node.args
            for arg in [*spec.posonlyargs, *spec.args, *spec.kwonlyargs]:
                given = argument_for(self.program, call, function, arg.arg)
                if given is argument and arg.annotation is not None:
                    found |= annotated(self.program.flow, arg.annotation, function.module)
        return found

    def _named_key(self, node: ast.Dict, key: str) -> bool:
        return self.space.named(key) and self.space.in_governed_module(node)

    def _updates_state(self, node: ast.Dict, key: str) -> bool:
        """`plugin.__dict__.update({…})` and `vars(plugin).update({…})`."""
        call = self.program.parent(node)
        if key not in ("state", "status"):
            return False
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute):
            holder = call.func.value
            if call.func.attr == "update" and isinstance(holder, ast.Attribute):
                return holder.attr == "__dict__" and self.space.holds(holder.value, key)
            if call.func.attr == "update" and isinstance(holder, ast.Call) and holder.args:
                return self.space.holds(holder.args[0], key)
        return False

    def _return(self, node: ast.Return) -> None:
        function = enclosing_function(self.program, node)
        if function is None or node.value is None or isinstance(function.node, ast.Lambda):
            return
        if self.program.function_of(node) is function and self.space.annotated(
            function.node.returns, function.module
        ):
            self.sink(node.value, "returned")

    # -- parameters --------------------------------------------------------------------------

    def _signature(self, function: FunctionInfo) -> None:
        arguments = function.node.args
        for arg in [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]:
            if self.space.annotated(arg.annotation, function.module):
                self.parameter(function, arg.arg, "passed")
            elif self.space.named(arg.arg) and self.space.in_governed_module(function.node):
                self.parameter(function, arg.arg, "passed")
                if arg.annotation is not None:
                    self.literal(arg.annotation)


def _position(node: ast.AST) -> tuple[int, int]:
    return getattr(node, "lineno", 0), getattr(node, "col_offset", 0)


def _parts(value: ast.expr, count: int) -> list[ast.expr]:
    if isinstance(value, ast.Tuple | ast.List) and len(value.elts) == count:
        return list(value.elts)
    return []


_Handler = Callable[[StateUses, ast.AST], None]


def _handlers() -> dict[type[ast.AST], _Handler]:
    rows: dict[type[ast.AST], object] = {
        ast.Attribute: StateUses._attribute,
        ast.Subscript: StateUses._subscript,
        ast.Call: StateUses._call,
        ast.Compare: StateUses._compare,
        ast.Match: StateUses._match,
        ast.Assign: StateUses._assign,
        ast.AnnAssign: StateUses._annotated_assign,
        ast.NamedExpr: StateUses._named_expression,
        ast.Dict: StateUses._dict,
        ast.Return: StateUses._return,
    }
    alias = getattr(ast, "TypeAlias", None)
    if alias is not None:
        rows[alias] = StateUses._type_alias
    return rows  # type: ignore[return-value]


_HANDLERS = _handlers()

_kept: dict[str, tuple[Program, list[Use]]] = {}


def state_uses(space: StateSpace) -> list[Use]:
    """The uses of states outside the machine; computed once a program."""
    kept = _kept.get(space.kind)
    if kept is None or kept[0] is not space.program:
        kept = _kept[space.kind] = (space.program, StateUses(space).collect())
    return kept[1]
