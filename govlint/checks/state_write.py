"""Plugin lifecycle states written by code that is neither the gate nor the lifecycle manager."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from govlint.model import Finding, Rule, first_of_each_line
from govlint.python.flow import values as v
from govlint.python.node_index import nodes_of
from govlint.python.program import Program
from govlint.python.states.holders import StateSpace, state_space
from govlint.python.states.members import last_name
from govlint.python.states.parameters import argument_for, parameter_of
from govlint.python.states.uses import state_uses
from govlint.python.symbols import ClassInfo, FunctionInfo

KIND = "state-write"
TRIGGERS: tuple[str, ...] = (
    "LifecycleState",
    "PluginState",
    "lifecycle_state",
    "plugin_state",
    "BasePlugin",
    "PluginBase",
)

_HELD = re.compile(r"(current_?|plugin_?)?(lifecycle_?)?(state|status|lifecycle)")
_TABLE = re.compile(
    r"(\w+_)?(states|lifecycle|lifecycles|statuses|state_by_\w+|state_of|state_map)"
)
_ENTRIES = re.compile(r"plugin|regist|entr|record|lifecycle", re.IGNORECASE)
_WRITING = (
    ast.Assign,
    ast.AnnAssign,
    ast.AugAssign,
    ast.For,
    ast.AsyncFor,
    ast.With,
    ast.AsyncWith,
    ast.Delete,
    ast.comprehension,
    ast.Call,
)
_INITIALISERS = frozenset(
    {"__init__", "__post_init__", "__new__", "__init_subclass__", "__set_name__"}
)
_COPIES = re.compile(
    r"(View|Response|Report|Snapshot|DTO|Dto|Event|Summary|Schema|Out|Payload|Health|Filter|Query|Message|Result)$"
)


@dataclass(frozen=True)
class Params:
    """This check takes no parameters."""


@dataclass(frozen=True)
class _Write:
    node: ast.expr
    owner: ast.expr | None
    name: str
    value: ast.expr | None


@first_of_each_line
def run(rule: Rule, params: Params, program: Program) -> Iterable[Finding]:
    """One finding a write; a write of a state that does not exist is GOV301's or GOV302's."""
    space = state_space(program, "lifecycle")
    if not space.classes and not program.plugin_classes:
        return
    judge = _Judge(space)
    for node, what in judge.findings():
        module = program.module_of(node)
        location = program.location(module, node)
        yield rule.finding(
            f"{what} is written here, outside the gate and the lifecycle manager; only"
            f" {' or '.join(program.bindings.gates)} and a lifecycle manager may set it",
            location,
        )


class _Judge:
    """Finds the writes of one program and says which are allowed."""

    def __init__(self, space: StateSpace) -> None:
        self.space = space
        self.program = space.program
        self.illegal = {
            (use.module.path, getattr(use.node, "lineno", 0)) for use in state_uses(space)
        }
        self.setters: dict[FunctionInfo, set[str]] = {}

    def findings(self) -> Iterator[tuple[ast.AST, str]]:
        for module in self.program.modules.values():
            if module.is_test:
                continue
            for node in nodes_of(module, *_WRITING):
                for write in self._writes(node):
                    if self._is_illegal_too(write, node) or self._is_allowed(write):
                        continue
                    yield write.node, self._described(write)
        yield from self._setter_calls()

    def _described(self, write: _Write) -> str:
        owner = ast.unparse(write.owner) if write.owner is not None else ""
        return (
            f"the lifecycle state {owner}.{write.name}"
            if write.name
            else f"the lifecycle state in {owner}"
        )

    def _is_illegal_too(self, write: _Write, node: ast.AST) -> bool:
        """One fault, one finding: a state that does not exist is reported as that."""
        path = self.program.module_of(node).path
        first = getattr(node, "lineno", 0)
        last = getattr(node, "end_lineno", None) or first
        return any((path, line) in self.illegal for line in range(first, last + 1))

    # -- what is a write ---------------------------------------------------------------

    def _writes(self, node: ast.AST) -> Iterator[_Write]:
        if isinstance(node, ast.Assign):
            for target in node.targets:
                yield from self._stored(target, node.value)
        elif isinstance(node, ast.AnnAssign):
            if node.value is not None:
                yield from self._stored(node.target, node.value)
        elif isinstance(node, ast.AugAssign) and isinstance(node.op, ast.BitOr):
            yield from self._merged(node.target, node.value)
        elif isinstance(node, ast.AugAssign | ast.For | ast.AsyncFor):
            yield from self._stored(node.target, None)
        elif isinstance(node, ast.With | ast.AsyncWith):
            for item in node.items:
                if item.optional_vars is not None:
                    yield from self._stored(item.optional_vars, None)
        elif isinstance(node, ast.Delete):
            for target in node.targets:
                yield from self._stored(target, None)
        elif isinstance(node, ast.comprehension):
            yield from self._stored(node.target, None)
        elif isinstance(node, ast.Call):
            yield from self._called(node)

    def _stored(self, target: ast.expr, value: ast.expr | None) -> Iterator[_Write]:
        if isinstance(target, ast.Tuple | ast.List):
            parts: list[ast.expr | None] = [None] * len(target.elts)
            if isinstance(value, ast.Tuple | ast.List) and len(value.elts) == len(target.elts):
                parts = list(value.elts)
            for one, part in zip(target.elts, parts, strict=True):
                yield from self._stored(one, part)
        elif isinstance(target, ast.Starred):
            yield from self._stored(target.value, None)
        elif isinstance(target, ast.Attribute):
            if self._is_slot(target.value, target.attr, value):
                yield _Write(target, target.value, target.attr, value)
        elif isinstance(target, ast.Subscript):
            yield from self._stored_item(target, target.value, target.slice, value)

    def _stored_item(
        self, node: ast.expr, holder: ast.expr, key: ast.expr, value: ast.expr | None
    ) -> Iterator[_Write]:
        owner = self._namespace_of(holder)
        if owner is not None:
            for word in self.space.strings(key):
                if self._is_slot(owner, str(word.value), value):
                    yield _Write(node, owner, str(word.value), value)
                    return
        elif value is None or not self._is_state(value):
            return
        elif self._is_table(holder) or self._is_entry(holder, key):
            yield _Write(node, holder, "", value)

    def _namespace_of(self, holder: ast.expr) -> ast.expr | None:
        """`plugin` for `plugin.__dict__` and `vars(plugin)`."""
        if isinstance(holder, ast.Attribute) and holder.attr == "__dict__":
            return holder.value
        if isinstance(holder, ast.Call) and len(holder.args) == 1:
            return holder.args[0] if last_name(holder.func) == "vars" else None
        return None

    def _is_table(self, holder: ast.expr) -> bool:
        """An attribute or global that keeps the states of plugins, by plugin."""
        if isinstance(holder, ast.Name):
            function = self.program.function_of(holder)
            if function is not None and holder.id in function.stored:
                return False  # built here, and for this caller only
            name = holder.id
        elif isinstance(holder, ast.Attribute):
            name = holder.attr
        else:
            return False
        return _TABLE.fullmatch(name.strip("_").lower()) is not None

    def _is_entry(self, holder: ast.expr, key: ast.expr) -> bool:
        """`self._plugins[name]["state"]`: the entry that an object keeps for a plugin."""
        words = [str(word.value).strip("_") for word in self.space.strings(key)]
        if not any(_HELD.fullmatch(word) for word in words):
            return False
        root = holder
        while isinstance(root, ast.Attribute | ast.Subscript):
            root = root.value
        function = self.program.function_of(holder)
        if not isinstance(root, ast.Name) or holder is root:
            return False
        is_local = function is not None and root.id in function.stored and root.id != "self"
        return not is_local and _ENTRIES.search(ast.unparse(holder)) is not None

    def _is_state(self, value: ast.expr) -> bool:
        if any(self.space.is_member_value(x) for x in self.program.values(value)):
            return True
        return isinstance(value, ast.Attribute) and self.space.is_class(value.value)

    def _is_slot(self, owner: ast.expr, name: str, value: ast.expr | None) -> bool:
        space = self.space
        if space.is_class(owner):
            return False
        bare = name.strip("_").lower()
        if space.named(bare):
            if any(word in bare for word in ("expected", "target", "desired", "last", "previous")):
                return False
            return space.holds(owner, name)
        if _HELD.fullmatch(bare) is None:
            return False
        if value is not None and self._is_state(value):
            return True
        return space.holds(owner, name)

    def _called(self, call: ast.Call) -> Iterator[_Write]:
        function = call.func
        name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
        arguments = list(call.args)
        if name == "partial" and arguments and last_name(arguments[0]) == "setattr":
            name, arguments = "setattr", arguments[1:]  # whoever gets it calls it
        if name in ("setattr", "__setattr__", "delattr"):
            if (
                name == "__setattr__"
                and len(arguments) == 2
                and isinstance(function, ast.Attribute)
            ):
                arguments.insert(0, function.value)
            if len(arguments) >= 2:
                value = arguments[2] if len(arguments) > 2 else None
                for word in self.space.strings(arguments[1]):
                    if self._is_slot(arguments[0], str(word.value), value):
                        yield _Write(call, arguments[0], str(word.value), value)
                        return
        elif name == "__setitem__" and isinstance(function, ast.Attribute) and len(arguments) == 2:
            yield from self._stored_item(call, function.value, arguments[0], arguments[1])
        elif name == "setitem" and len(arguments) == 3:
            yield from self._stored_item(call, arguments[0], arguments[1], arguments[2])
        elif name in ("update", "setdefault") and isinstance(function, ast.Attribute):
            yield from self._updated(call, function.value)
        elif name in ("replace", "evolve") and arguments:
            yield from self._replaced(call, arguments[0])
        elif name in ("model_copy", "_replace", "copy") and isinstance(function, ast.Attribute):
            yield from self._replaced(call, function.value)

    def _merged(self, holder: ast.expr, other: ast.expr) -> Iterator[_Write]:
        """`plugin.__dict__ |= {"state": …}`."""
        rows = self._rows(other)
        owner = self._namespace_of(holder)
        if owner is not None:
            yield from self._written(holder, owner, rows)
        elif self._is_table(holder) and any(self._is_state(value) for _, value in rows):
            yield _Write(holder, holder, "", None)

    def _rows(self, mapping: ast.expr) -> list[tuple[str | None, ast.expr]]:
        """Keys that constants decide, and values, of a display or a `dict(…)`."""
        rows: list[tuple[str | None, ast.expr]] = []
        if isinstance(mapping, ast.Dict):
            for key, value in zip(mapping.keys, mapping.values, strict=True):
                words = self.space.strings(key) if key is not None else []
                rows.append((str(words[0].value) if words else None, value))
        elif isinstance(mapping, ast.Call) and last_name(mapping.func) == "dict":
            rows += [(k.arg, k.value) for k in mapping.keywords]
        return rows

    def _written(
        self, node: ast.expr, owner: ast.expr, rows: list[tuple[str | None, ast.expr]]
    ) -> Iterator[_Write]:
        for name, value in rows:
            if name is not None and self._is_slot(owner, name, value):
                yield _Write(node, owner, name, value)
                return

    def _updated(self, call: ast.Call, holder: ast.expr) -> Iterator[_Write]:
        owner = self._namespace_of(holder)
        rows: list[tuple[str | None, ast.expr]] = [(k.arg, k.value) for k in call.keywords]
        for argument in call.args:
            rows += self._rows(argument)
        if owner is not None:
            yield from self._written(call, owner, rows)
        elif self._is_table(holder):
            given = [value for _, value in rows]
            if len(call.args) == 2:
                given.append(call.args[1])
            if any(self._is_state(value) for value in given):
                yield _Write(call, holder, "", None)

    def _replaced(self, call: ast.Call, owner: ast.expr) -> Iterator[_Write]:
        for keyword in call.keywords:
            if keyword.arg == "update":  # pydantic's copies take a mapping
                yield from self._written(call, owner, self._rows(keyword.value))
            elif keyword.arg is not None and self._is_slot(owner, keyword.arg, keyword.value):
                yield _Write(call, owner, keyword.arg, keyword.value)

    # -- who may write ----------------------------------------------------------------------

    def _is_manager(self, cls: ClassInfo | None) -> bool:
        return cls is not None and (
            cls.name in self.program.bindings.lifecycle_managers
            or self.program.is_subclass(cls, self.program.bindings.lifecycle_managers)
        )

    def _may_write(self, node: ast.AST, is_self: bool = False) -> bool:
        """The gate, the manager, and the code that only they call."""
        if self.program.in_gate(node):
            return True
        cls = self.program.class_of(node)
        while cls is not None:
            if self._is_manager(cls):
                return True
            cls = cls.outer
        function = self.program.function_of(node)
        return function is not None and self._serves_writers(function, is_self)

    def _serves_writers(self, function: FunctionInfo, is_self: bool) -> bool:
        """Whether all that call a function may write; nobody calling it does not count.

        Where it writes its own object's state, that object's initialisers may call it.
        """
        seen: set[FunctionInfo] = set()
        stack = [function]
        while stack:
            current = stack.pop()
            if current in seen:
                continue
            seen.add(current)
            if self._is_governed(current):
                return False  # the gate runs it, but it is the plugin's
            sites = self.program.callers(current)
            if current.parent is not None and not sites:
                stack.append(current.parent)
                continue
            if not sites:
                return False
            for site in sites:
                module = self.program.module_of(site)
                if module.is_test or self.program.in_gate(site):
                    continue
                if self._is_manager(self.program.class_of(site)):
                    continue
                caller = self.program.function_of(site)
                if caller is None:
                    return False
                if is_self and caller.name in _INITIALISERS and caller.cls is not None:
                    continue
                stack.append(caller)
        return True

    def _is_governed(self, function: FunctionInfo) -> bool:
        return function.cls in self.program.plugin_classes and (
            self.program.bindings.governs(function.name) or function in self.program.aliases
        )

    def _is_allowed(self, write: _Write) -> bool:
        function = self.program.function_of(write.node)
        cls = self.program.class_of(write.node)
        owner = write.owner
        is_self = isinstance(owner, ast.Name) and owner.id in ("self", "cls")
        if self._may_write(write.node, is_self):
            return True
        if is_self and function is not None and function.name in _INITIALISERS:
            return True
        if owner is not None and write.name and self._is_copy(owner):
            return True
        if function is None or cls is None or not is_self:
            return False
        # a setter of the object itself is judged where it is called
        if function.cls is not cls or not isinstance(write.value, ast.Name):
            return False
        if parameter_of(self.program, write.value) is not function:
            return False
        self.setters.setdefault(function, set()).add(write.value.id)
        return True

    def _is_copy(self, owner: ast.expr) -> bool:
        """A report or view that carries a state is not the plugin."""
        values = self.program.values(owner)
        classes = [x.cls for x in values if isinstance(x, v.Instance)]
        return bool(classes) and all(
            _COPIES.search(cls.name) is not None and cls not in self.program.plugin_classes
            for cls in classes
        )

    def _setter_calls(self) -> Iterator[tuple[ast.AST, str]]:
        """Calls of the setters from where a state may not be written."""
        pending = list(self.setters)
        while pending:
            function = pending.pop()
            if function.name in _INITIALISERS:
                continue
            for site in self.program.callers(function):
                if not isinstance(site, ast.Call) or self.program.module_of(site).is_test:
                    continue
                if self._may_write(site) or self._is_illegal_too(
                    _Write(site, None, "", None), site
                ):
                    continue
                names = self.setters[function]
                given = [argument_for(self.program, site, function, name) for name in names]
                caller = self._passes_on(site, given)
                if caller is None:
                    yield site, f"the lifecycle state behind {function.name}()"
                elif caller not in self.setters:
                    self.setters[caller] = {a.id for a in given if isinstance(a, ast.Name)}
                    pending.append(caller)

    def _passes_on(self, site: ast.Call, given: list[ast.expr | None]) -> FunctionInfo | None:
        """The method of the same object that only passes its own parameter on, if it is one."""
        owner = site.func.value if isinstance(site.func, ast.Attribute) else None
        if isinstance(owner, ast.Call) and isinstance(owner.func, ast.Name):
            is_self = owner.func.id == "super"
        else:
            is_self = isinstance(owner, ast.Name) and owner.id == "self"
        caller = self.program.function_of(site)
        if not is_self or caller is None or caller.cls is None:
            return None
        passed = all(
            isinstance(argument, ast.Name) and parameter_of(self.program, argument) is caller
            for argument in given
        )
        return caller if passed else None
