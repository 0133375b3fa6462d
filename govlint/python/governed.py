"""Which classes, functions and values play the parts that the bindings name."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from govlint.python.bindings import Bindings, matches_any
from govlint.python.flow import values as v
from govlint.python.flow.applications import SHARED
from govlint.python.flow.fixpoint import Flow
from govlint.python.flow.frames import informative
from govlint.python.flow.values import UNKNOWN, Value, Values
from govlint.python.symbols import ClassInfo, FunctionInfo, Module

if TYPE_CHECKING:
    from govlint.python.program import Program

_CLASS_BINDINGS = [
    "plugins",
    "registries",
    "lifecycle_enums",
    "job_enums",
    "layers",
    "participants",
    "contexts",
    "state_surfaces",
    "policies",
    "runtimes",
]
_SHAPE = ("handle_intent", "get_supported_intents")
# what of a program is followed when everything is
_OWN = (v.Instance, v.ClassValue, v.FunctionValue, v.BoundMethod, v.Partial)
_LOOK_UPS = ("get", "__getitem__", "lookup", "resolve", "find", "create", "load", "fetch", "make")
_LISTINGS = ("values", "all", "list", "__iter__", "plugins", "iter", "enabled", "active")


@dataclass(frozen=True, eq=False)
class Gate:
    """A gate that runs plugins.

    `private` is the code that only its `run` reaches; `plugin_calls` are the calls in
    either that run the plugin.
    """

    cls: ClassInfo
    run: FunctionInfo
    private: frozenset[FunctionInfo]
    plugin_calls: tuple[ast.Call, ...]


class Roles:
    """Answers, for one program, which part a class plays."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.bindings = program.bindings
        default = Bindings()
        self.explicit: tuple[str, ...] = tuple(
            entry
            for name in _CLASS_BINDINGS
            if getattr(self.bindings, name) != getattr(default, name)
            for entry in getattr(self.bindings, name)
        )
        self.gate_classes = tuple(
            entry.rpartition(".")[0] or entry for entry in self.bindings.gates
        )
        self.class_names = (
            *self.bindings.plugins,
            *self.bindings.registries,
            *self.bindings.lifecycle_enums,
            *self.bindings.job_enums,
            *self.bindings.layers,
            *self.gate_classes,
            *self.bindings.participants,
            *self.bindings.contexts,
            *self.bindings.state_surfaces,
            *self.bindings.policies,
            *self.bindings.runtimes,
        )
        self._plugins: dict[ClassInfo, bool] = {}
        self._bound: dict[ClassInfo, bool] = {}
        self._registries: dict[ClassInfo, bool] = {}
        self._lifecycle: dict[ClassInfo, bool] = {}
        self._jobs: dict[ClassInfo, bool] = {}
        self._participants: dict[ClassInfo, bool] = {}

    def forget(self, cls: ClassInfo) -> None:
        """Drop what depends on the bases of a class."""
        self._plugins.pop(cls, None)
        self._bound.pop(cls, None)
        self._registries.pop(cls, None)
        self._participants.pop(cls, None)

    def names_a_class(self, dotted: str) -> bool:
        """Whether a dotted name is one that a binding means."""
        return matches_any(self.class_names, dotted)

    def is_explicit(self, dotted: str) -> bool:
        """Whether the project's own configuration names it."""
        return matches_any(self.explicit, dotted)

    def is_plugin(self, cls: ClassInfo) -> bool:
        """Whether the class is a plugin base that declares the method, or derives from one."""
        found = self._plugins.get(cls)
        if found is None:
            found = self._plugins[cls] = self._find_plugin(cls)
        return found

    def _find_plugin(self, cls: ClassInfo) -> bool:
        mro = self.program.flow.mro(cls)
        for position, entry in enumerate(mro):
            name = entry if isinstance(entry, str) else entry.qualname
            if not matches_any(self.bindings.plugins, name):
                continue
            if isinstance(entry, str):
                if self.is_explicit(name):
                    return True
                continue
            if entry.synthetic or self.is_explicit(name):
                return True
            if any(
                isinstance(base, ClassInfo)
                and any(self.bindings.governs(name) for name in (*base.stored, *base.annotations))
                for base in mro[position:]
            ):
                return True
        return False

    def is_registry(self, cls: ClassInfo) -> bool:
        """Whether the class is the plugin registry, or derives from it."""
        found = self._registries.get(cls)
        if found is None:
            found = self._registries[cls] = self._matches(cls, self.bindings.registries)
        return found

    def is_gate_class(self, cls: ClassInfo) -> bool:
        """Whether the class, or a base of it, has a gate's name."""
        return self._matches(cls, self.gate_classes)

    def is_lifecycle(self, cls: ClassInfo) -> bool:
        """Whether the class holds plugin lifecycle states."""
        found = self._lifecycle.get(cls)
        if found is None:
            found = self._lifecycle[cls] = matches_any(
                self.bindings.lifecycle_enums, cls.qualname
            ) and not self.is_job(cls)
        return found

    def is_job(self, cls: ClassInfo) -> bool:
        """Whether the class holds job states."""
        found = self._jobs.get(cls)
        if found is None:
            found = self._jobs[cls] = matches_any(self.bindings.job_enums, cls.qualname)
        return found

    def is_participant(self, cls: ClassInfo) -> bool:
        """Whether the class is a domain service: derives from one, or has its two methods."""
        found = self._participants.get(cls)
        if found is None:
            mro = self.program.flow.mro(cls)
            shaped = all(
                any(isinstance(entry, ClassInfo) and name in entry.methods for entry in mro)
                for name in _SHAPE
            )
            found = shaped or self._matches(cls, self.bindings.participants)
            self._participants[cls] = found
        return found

    def is_bound(self, cls: ClassInfo) -> bool:
        """Whether any binding names the class or a base of it, plugins included."""
        found = self._bound.get(cls)
        if found is None:
            found = self._bound[cls] = (
                self.is_plugin(cls)
                or self._matches(cls, self.class_names)
                or self.is_participant(cls)
            )
        return found

    def _matches(self, cls: ClassInfo, patterns: tuple[str, ...]) -> bool:
        return any(
            matches_any(patterns, entry if isinstance(entry, str) else entry.qualname)
            for entry in self.program.flow.mro(cls)
        )

    def is_plugin_value(self, value: Value) -> bool:
        """Whether a value is a plugin, or a plugin class."""
        if isinstance(value, v.Instance | v.ClassValue):
            return self.is_plugin(value.cls)
        if isinstance(value, v.Super):
            return self.is_plugin(value.cls)
        return False

    def is_governed(self, flow: Flow, value: Value) -> bool:
        """Whether a value is of a governed class, or holds one that is."""
        if self.program.everything and isinstance(value, _OWN):
            return True
        if isinstance(value, v.Instance | v.ClassValue):
            return self.is_bound(value.cls) or value in flow.tainted
        if isinstance(value, v.EnumMember):
            return self.is_lifecycle(value.cls) or self.is_job(value.cls)
        if isinstance(value, v.BoundMethod):
            return self.is_governed(flow, value.receiver)
        if isinstance(value, v.FunctionValue):
            return value.function.cls is not None and self.is_bound(value.function.cls)
        return value in flow.tainted

    def looked_up(self, method: str, result: Values) -> Values:
        """`result`, or a plugin where a registry's look-up tells nothing more."""
        if any(x is not UNKNOWN and informative(frozenset({x})) for x in result):
            return result
        word = method.lstrip("_")
        if method in _LISTINGS or word in _LISTINGS or word.startswith(("list_", "all_", "iter_")):
            listed = self._some_plugins()
            made = v.container("list", ("registry", method))
            self.program.flow.store_element(made, None, listed)
            return result | listed if method == "__iter__" else result | {made}
        if method == "__getitem__" or any(
            word == name or word.startswith(f"{name}_") for name in _LOOK_UPS
        ):
            return result | self._some_plugins()
        return result

    def _some_plugins(self) -> Values:
        flow = self.program.flow
        bases = [
            cls
            for cls in flow.bases
            if matches_any(self.bindings.plugins, cls.qualname) and self.is_plugin(cls)
        ]
        if not bases:
            bases = [self.program.synthetic_class(f"plugins.{self.bindings.plugins[0]}")]
        return frozenset(v.instance(cls) for cls in bases)


def unread_bases(program: Program) -> set[str]:
    """Unread modules that hold a base of a governed class: its methods are inherited."""
    found: set[str] = set()
    for cls, bases in program.flow.bases.items():
        for values in bases:
            for value in values:
                if isinstance(value, v.Deferred) and program._roles.is_bound(cls):
                    found.add(value.module)
    return found


def unread_callees(program: Program) -> set[str]:
    """Unread modules whose functions a domain service calls, itself or through others.

    What a service does is what it makes others do, so these are followed whole.
    """
    found: set[str] = set()
    seen: set[FunctionInfo] = set()
    stack = [
        method
        for cls in program.flow.bases
        if program.is_participant(cls) and not cls.synthetic
        for method in cls.methods.values()
    ]
    while stack:
        function = stack.pop()
        if function in seen or function.module.is_test:
            continue
        seen.add(function)
        for node in ast.walk(function.node):
            if isinstance(node, ast.Call):
                stack.extend(program.callees(node))
            if isinstance(node, ast.Call | ast.Attribute | ast.Name):
                parts = (node, node.func) if isinstance(node, ast.Call) else (node,)
                for part in parts:
                    for value in program.values(part):
                        if isinstance(value, v.Deferred):
                            found.add(value.module)
    return found


def exporters(program: Program) -> set[str]:
    """The modules through which something governed can be had by those who import them.

    What an application keeps for its handlers stands among them by a name of its own.
    """
    flow = program.flow
    roles = program._roles
    found: set[str] = set()
    shared: set[str] = set()
    starred: dict[str, list[str]] = {}
    for slot, values in flow.heap.items():
        if slot[0] == "star-import":
            for value in values:
                if isinstance(value, v.ModuleValue):
                    starred.setdefault(value.name, []).append(str(slot[1]))
            continue
        head = slot[0]
        module: Module | None = None
        if head == "global" and len(slot) == 3:
            name = str(slot[1])
            if name in found:
                continue
            module = program.modules.get(name)
        elif head == "return":
            module = slot[1].module  # type: ignore[attr-defined]
        elif isinstance(head, v.Instance | v.ClassValue):
            module = head.cls.module
        elif isinstance(head, v.ExternalInstance) and head.dotted.startswith(SHARED):
            if any(roles.is_governed(flow, value) for value in values):
                shared.add(head.dotted)
        elif isinstance(head, v.Container) and slot[1] == "*":
            site = head.site
            module = getattr(site, "module", None)
        if module is None or module.name in found or not module.name:
            continue
        if any(roles.is_governed(flow, value) for value in values):
            found.add(module.name)
    found &= set(program.modules)
    pending = list(found)
    while pending:  # `from app.base import *` hands on what it gets
        for name in starred.get(pending.pop(), ()):
            if name not in found:
                found.add(name)
                pending.append(name)
    return found | shared


def reachable_only_from(
    program: Program, function: FunctionInfo, roots: frozenset[FunctionInfo]
) -> bool:
    """Whether every call of `function` stands in `roots` or in what only they reach."""
    seen: set[FunctionInfo] = set()
    stack = [function]
    while stack:
        current = stack.pop()
        if current in roots or current in seen:
            continue
        seen.add(current)
        if current.parent is not None and (current.parent in roots or current.parent in seen):
            continue
        sites = program.callers(current)
        if not sites:
            return False
        for site in sites:
            caller = program.function_of(site)
            if caller is None:
                return False
            stack.append(caller)
    return True


def find_gates(program: Program) -> tuple[Gate, ...]:
    """The gates that run plugins; a class of a gate's name that runs none is not one."""
    found: list[Gate] = []
    for _, cls, function in named_gates(program):
        _add_gate(program, found, cls, function)
    return tuple(found)


def named_gates(program: Program) -> Iterator[tuple[str, ClassInfo | None, FunctionInfo]]:
    """What the bindings' gates name: the entry, the gate's class (if it has one), its code."""
    for entry in program.bindings.gates:
        class_pattern, _, method = entry.rpartition(".")
        for module in list(program.modules.values()):
            if module.is_test:
                continue
            for function in module.functions:
                if function.cls is None and matches_any((entry,), function.qualname):
                    yield entry, None, function
            for cls in module.classes if class_pattern else ():
                if matches_any((class_pattern,), cls.qualname) and method in cls.methods:
                    yield entry, cls, cls.methods[method]


def _add_gate(
    program: Program, found: list[Gate], cls: ClassInfo | None, run: FunctionInfo
) -> None:
    private = _private_code(program, run)
    calls: list[ast.Call] = []
    for function in (run, *sorted(private, key=lambda f: f.node.lineno)):
        calls.extend(_plugin_calls(program, function))
    if not calls:
        return
    owner = cls or ClassInfo(
        run.name, run.qualname, ast.ClassDef(run.name, [], [], [], []), run.module, None
    )
    found.append(Gate(owner, run, private, tuple(calls)))


def _private_code(program: Program, run: FunctionInfo) -> frozenset[FunctionInfo]:
    """Functions of the gate's class or module that only the gate reaches."""
    candidates = [
        function
        for function in run.module.functions
        if function is not run
        and function.name.startswith("_")
        and not function.name.startswith("__")
        and (function.cls is run.cls or function.cls is None)
        and function.parent is None
    ]
    if run.cls is not None:
        for entry in program.mro(run.cls)[1:]:
            if isinstance(entry, ClassInfo):
                candidates.extend(
                    m
                    for n, m in entry.methods.items()
                    if n.startswith("_") and not n.startswith("__")
                )
    chosen: set[FunctionInfo] = set()
    changed = True
    while changed:
        changed = False
        for function in candidates:
            if function in chosen:
                continue
            sites = _sites(program, function)
            if sites and all(_inside(program, site, run, chosen) for site in sites):
                chosen.add(function)
                changed = True
    return frozenset(chosen)


def _sites(program: Program, function: FunctionInfo) -> list[ast.AST]:
    """The calls of a function by its name; a decorator's wrapper calls it for whoever does."""
    sites: list[ast.AST] = list(program.callers(function))
    if isinstance(function.node, ast.Lambda) or not function.node.decorator_list:
        return sites
    wrappers: set[FunctionInfo] = set()
    for decorator in function.node.decorator_list:
        made = decorator.func if isinstance(decorator, ast.Call) else decorator
        wrappers.update(
            value.function for value in program.values(made) if isinstance(value, v.FunctionValue)
        )
    within = [site for site in sites if _is_within(program, site, wrappers)]
    if not within:
        return sites
    named = [
        call
        for inner in {program.function_of(site) for site in within}
        if inner is not None
        for call in program.callers(inner)
        if isinstance(call, ast.Call)
        and function.name in (getattr(call.func, "attr", None), getattr(call.func, "id", None))
    ]
    return [*(site for site in sites if site not in within), *named]


def _is_within(program: Program, site: ast.AST, functions: set[FunctionInfo]) -> bool:
    function = program.function_of(site)
    while function is not None:
        if function in functions:
            return True
        function = function.parent
    return False


def _inside(program: Program, site: ast.AST, run: FunctionInfo, chosen: set[FunctionInfo]) -> bool:
    function = program.function_of(site)
    while function is not None:
        if function is run or function in chosen:
            return True
        function = function.parent
    return False


def _plugin_calls(program: Program, function: FunctionInfo) -> list[ast.Call]:
    """The calls in a function's own body that run a plugin, nested functions included."""
    found: list[ast.Call] = []
    for node in ast.walk(function.node):
        if isinstance(node, ast.Call) and runs_plugin(program, node):
            found.append(node)
    return found


def runs_plugin(program: Program, call: ast.Call) -> bool:
    """Whether a call in the gate runs a plugin, or hands its method on to be run.

    In the gate an object of which nothing is known counts as the plugin; one that is
    known to be something else does not.
    """
    governs = program.bindings.governs
    if any(
        isinstance(value, v.Dynamic) and program.flow.dynamic.get(value.site)
        for value in program.values(call.func)
    ):
        return True  # what `getattr(plugin, name)` gave was kept, and is called here
    for node in (call.func, *call.args):
        values = program.values(node)
        if any(is_governed_function(program, value) for value in values):
            return True
        if isinstance(node, ast.Attribute) and governs(node.attr):
            owners = program.values(node.value)
            if any(program.is_plugin_value(owner) for owner in owners):
                return True
            if node is call.func and owners and all(_is_anyone(owner) for owner in owners):
                return True
    dynamic = program.flow.dynamic.get(call)
    if dynamic:
        return False
    if isinstance(call.func, ast.Call) and program.flow.dynamic.get(call.func):
        return True
    if isinstance(call.func, ast.Name):
        for value in program.values(call.func):
            if value is UNKNOWN and _from_dynamic(program, call):
                return True
    return any(
        isinstance(value, v.Instance) and program.is_plugin_value(value)
        for value in program.values(call.func)
    )


def _from_dynamic(program: Program, call: ast.Call) -> bool:
    function = program.function_of(call)
    if function is None or not isinstance(call.func, ast.Name):
        return False
    for node in ast.walk(function.node):
        if (
            isinstance(node, ast.Assign)
            and program.flow.dynamic.get(node.value)
            and any(isinstance(t, ast.Name) and t.id == call.func.id for t in node.targets)
        ):
            return True
    return False


def _is_anyone(value: Value) -> bool:
    return (
        value is UNKNOWN
        or (isinstance(value, v.BoundExternal) and value.dotted.startswith("?."))
        or isinstance(value, v.Deferred)
    )


def is_governed_function(program: Program, value: Value) -> bool:
    """Whether a value is a plugin's governed method or an alias of it, bound or not."""
    if isinstance(value, v.BoundMethod | v.FunctionValue):
        return is_governed_method(program, value) or value.function in program.aliases
    return False


def is_governed_method(program: Program, value: Value) -> bool:
    """Whether a value is a plugin's governed method, bound or not."""
    if not isinstance(value, v.BoundMethod | v.FunctionValue):
        return False
    function = value.function
    return (
        function.cls is not None
        and program.bindings.governs(function.name)
        and program._roles.is_plugin(function.cls)
    )


def alias_methods(program: Program) -> frozenset[FunctionInfo]:
    """Methods of plugin classes whose whole body is `return self.run(…)`.

    An alias is governed as the method itself is: calling it runs the plugin.
    """
    found: set[FunctionInfo] = set()
    changed = True
    while changed:
        changed = False
        for cls in program.plugin_classes:
            names = set(program.governed_names_of(cls))
            for name, method in cls.methods.items():
                if method in found or name in names or not method.params:
                    continue
                if _delegates(method, names | {other.name for other in found if other.cls is cls}):
                    found.add(method)
                    changed = True
    return frozenset(found)


def _delegates(method: FunctionInfo, names: set[str]) -> bool:
    node = method.node
    if isinstance(node, ast.Lambda):
        return False
    body = [
        statement
        for statement in node.body
        if not (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant))
    ]
    if len(body) != 1 or not isinstance(body[0], ast.Return | ast.Expr):
        return False
    value = body[0].value
    if isinstance(value, ast.Await):
        value = value.value
    return (
        isinstance(value, ast.Call)
        and isinstance(value.func, ast.Attribute)
        and value.func.attr in names
        and isinstance(value.func.value, ast.Name)
        and value.func.value.id == method.params[0]
    )
