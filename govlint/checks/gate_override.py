"""A subclass or an assignment that replaces the gate's method without passing through it."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from govlint.model import Finding, Related, Rule
from govlint.python.flow import values as v
from govlint.python.paths.cfg import build
from govlint.python.paths.search import Pass, Search
from govlint.python.program import Program
from govlint.python.symbols import AnyFunction, ClassInfo, FunctionInfo
from govlint.python.syntax.walk import walk

KIND = "gate-override"
TRIGGERS = ("ToolRunner",)


@dataclass(frozen=True)
class Params:
    """This check has no parameters; the bindings say which method is the gate."""


def run(rule: Rule, params: Params, program: Program) -> Iterable[Finding]:
    """Find overrides in subclasses and replacements at run time."""
    gates = list(_gates(program))
    if not gates:
        return
    yield from _overrides(rule, program, gates)
    yield from _replacements(rule, program, gates)


def _gates(program: Program) -> Iterator[tuple[ClassInfo, str, FunctionInfo | None]]:
    for gate in program.gates:
        yield gate.cls, gate.run.name, gate.run
    for cls, method in program.synthetic_gates():
        yield cls, method, None


def _overrides(
    rule: Rule, program: Program, gates: list[tuple[ClassInfo, str, FunctionInfo | None]]
) -> Iterator[Finding]:
    for cls, name, run_function in gates:
        met: set[ClassInfo] = set()
        for below in program.subclasses(cls):
            if below.module.is_test:
                continue
            other = _way_round(program, below, cls, name, run_function)
            if other is None or other in met or other.module.is_test:
                continue
            met.add(other)
            method = other.methods.get(name)
            node: ast.AST = method.node if method is not None else _class_binding(other, name)
            mixed = "" if cls in program.mro(other) else f" in `{below.name}`"
            yield _finding(
                rule,
                program,
                node,
                f"`{other.name}.{name}` replaces the gate `{cls.name}.{name}`{mixed} without"
                f" passing through it; call `super().{name}(…)` on every path, or move the change"
                " into a hook that the gate calls",
                run_function,
            )


def _way_round(
    program: Program,
    below: ClassInfo,
    cls: ClassInfo,
    name: str,
    run_function: FunctionInfo | None,
) -> ClassInfo | None:
    """The class, among those found before the gate's own, whose method ends the way to it."""
    for other in program.mro(below):
        if other is cls:
            return None
        if isinstance(other, str) or name not in other.stored:
            continue
        method = other.methods.get(name)
        if method is None:
            values = program.flow.heap.get((v.class_value(other), name), v.EMPTY)
            if not _are_gate(program, values, run_function):
                return other
            return None
        if any(part.endswith("abstractmethod") for part in method.decorators):
            continue
        if not _passes_through(program, method, cls, name):
            return other
    return None


def _passes_through(program: Program, method: FunctionInfo, cls: ClassInfo, name: str) -> bool:
    """Whether every way out of the override that returns a result went through the gate."""

    def is_gate(node: ast.AST) -> bool:
        if not isinstance(node, ast.Call):
            return False
        if isinstance(node.func, ast.Attribute) and node.func.attr == name:
            for value in program.values(node.func.value):
                if isinstance(value, v.Super):
                    return True
                if isinstance(value, v.ClassValue) and value.cls is cls:
                    return True
        return any(
            callee.cls is not None
            and callee.name == name
            and callee is not method
            and (callee.cls is cls or cls in program.mro(callee.cls))
            for callee in program.callees(node)
        )

    return _always_before_return(method.node, is_gate)


def _always_before_return(function: AnyFunction, event: Callable[[ast.AST], bool]) -> bool:
    """Whether every path that returns from the function has met the event."""
    graph = build(function.body)
    search = Search(
        graph,
        event=lambda node, facts: (
            Pass.DONE if node.ast is not None and event(node.ast) else Pass.ON
        ),
    )
    return search.path(lambda node, facts: node is graph.exit) is None


def _class_binding(cls: ClassInfo, name: str) -> ast.AST:
    for node in ast.walk(cls.node):
        if isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Store):
            return node
    return cls.node


def _replacements(
    rule: Rule, program: Program, gates: list[tuple[ClassInfo, str, FunctionInfo | None]]
) -> Iterator[Finding]:
    for module in list(program.modules.values()):
        if module.is_test:
            continue
        for node in walk(module.tree):
            for owner, name, value, place in _writes(program, node):
                for cls, method, run_function in gates:
                    if name != method or not _is_gate_object(program, owner, cls):
                        continue
                    if value is not None and _are_gate(program, value, run_function):
                        continue
                    yield _finding(
                        rule,
                        program,
                        place,
                        f"the gate `{cls.name}.{method}` is replaced at run time; it has to stay"
                        " the one path that runs a plugin",
                        run_function,
                    )


# Calls that put something under a name of an object: where the object, the name and what
# is put stand among the arguments.
_SETTERS = {
    "builtins.setattr": (0, 1, 2),
    "object.__setattr__": (0, 1, 2),
    "type.__setattr__": (0, 1, 2),
    "builtins.delattr": (0, 1, 9),
    "object.__delattr__": (0, 1, 9),
    "type.__delattr__": (0, 1, 9),
    "patch.object": (0, 1, 2),
    "MonkeyPatch.setattr": (0, 1, 2),
    "MonkeyPatch.delattr": (0, 1, 9),
}


def _writes(
    program: Program, node: ast.AST
) -> Iterator[tuple[v.Values, str, v.Values | None, ast.AST]]:
    """Each write of an attribute: its owner, its name, what is put there, and the place."""
    if isinstance(node, ast.Attribute) and not isinstance(node.ctx, ast.Load):
        yield program.values(node.value), node.attr, _assigned(program, node), node
    elif isinstance(node, ast.Subscript) and not isinstance(node.ctx, ast.Load):
        for namespace in program.values(node.value):
            if isinstance(namespace, v.Namespace):
                for key in _words(program, node.slice):
                    yield frozenset({namespace}), key, _assigned(program, node), node
    elif isinstance(node, ast.Call):
        yield from _calls(program, node)


def _assigned(program: Program, target: ast.expr) -> v.Values | None:
    """What an assignment puts into `target`; None where it is no plain assignment."""
    parent = program.parent(target)
    if isinstance(parent, ast.Assign | ast.AnnAssign) and parent.value is not None:
        return program.values(parent.value)
    above = program.parent(parent) if isinstance(parent, ast.Tuple | ast.List) else None
    if (
        isinstance(parent, ast.Tuple | ast.List)
        and isinstance(above, ast.Assign)
        and isinstance(above.value, ast.Tuple | ast.List)
        and len(above.value.elts) == len(parent.elts)
    ):
        return program.values(above.value.elts[parent.elts.index(target)])
    return None


def _calls(
    program: Program, node: ast.Call
) -> Iterator[tuple[v.Values, str, v.Values | None, ast.AST]]:
    def at(position: int) -> v.Values | None:
        return program.values(node.args[position]) if position < len(node.args) else None

    externals = program.externals(node)
    for name in externals:
        row = next((row for end, row in _SETTERS.items() if _ends(name, end)), None)
        if row is not None and len(node.args) > row[1]:
            for key in _words(program, node.args[row[1]]):
                yield at(row[0]) or v.EMPTY, key, at(row[2]), node
            return
    if any(_ends(name, "mock.patch") or name == "patch" for name in externals) and node.args:
        for dotted in _words(program, node.args[0]):
            owner, _, key = dotted.rpartition(".")
            yield _named(program, owner), key, at(1), node
    elif any(_ends(name, "patch.multiple") for name in externals) and node.args:
        owners = set(at(0) or ())
        for dotted in _words(program, node.args[0]):
            owners |= _named(program, dotted)
        for keyword in node.keywords:
            if keyword.arg is not None:
                yield frozenset(owners), keyword.arg, program.values(keyword.value), node
    elif isinstance(node.func, ast.Attribute):
        yield from _method_calls(program, node, node.func)


def _method_calls(
    program: Program, node: ast.Call, func: ast.Attribute
) -> Iterator[tuple[v.Values, str, v.Values | None, ast.AST]]:
    """`x.__setattr__("run", f)` and the methods of `x.__dict__`."""
    receivers = program.values(func.value)
    words = _words(program, node.args[0]) if node.args else []
    if func.attr in ("__setattr__", "__delattr__"):
        value = program.values(node.args[1]) if len(node.args) > 1 else None
        for key in words if len(node.args) <= 2 else ():
            yield receivers, key, value, node
        return
    spaces = frozenset(x for x in receivers if isinstance(x, v.Namespace))
    if not spaces:
        return
    if func.attr in ("__setitem__", "setdefault", "pop", "__delitem__"):
        sets = func.attr in ("__setitem__", "setdefault") and len(node.args) > 1
        for key in words:
            yield spaces, key, program.values(node.args[1]) if sets else None, node
    elif func.attr == "update":
        for keyword in node.keywords:
            if keyword.arg is not None:
                yield spaces, keyword.arg, program.values(keyword.value), node
        for mapping in program.values(node.args[0]) if node.args else ():
            for held in program.flow.heap.get((mapping, "keys"), v.EMPTY):
                if isinstance(held, v.Const) and isinstance(held.value, str):
                    values = program.flow.element(mapping, frozenset({held}))
                    yield spaces, held.value, values, node


def _ends(dotted: str, end: str) -> bool:
    return dotted == end or dotted.endswith("." + end)


def _named(program: Program, dotted: str) -> v.Values:
    """The class that a dotted text such as `"app.runner.ToolRunner"` means."""
    place, _, name = dotted.rpartition(".")
    for cls, _, _ in _gates(program):
        if cls.name != name:
            continue
        home = cls.qualname.rpartition(".")[0]
        if home == place or home.endswith("." + place) or _is_bound_there(program, place, name):
            return frozenset({v.class_value(cls)})
    return v.EMPTY


def _is_bound_there(program: Program, place: str, name: str) -> bool:
    return any(
        module.name == place or module.name.endswith("." + place)
        for module in program.modules.values()
        if name in module.stored or program.flow.heap.get(("global", module.name, name))
    )


def _words(program: Program, node: ast.expr) -> list[str]:
    return [
        value.value
        for value in program.values(node)
        if isinstance(value, v.Const) and isinstance(value.value, str)
    ]


def _is_gate_object(program: Program, owner: v.Values, cls: ClassInfo) -> bool:
    for value in owner:
        if isinstance(value, v.Namespace):
            value = value.owner
        if isinstance(value, v.Instance | v.ClassValue) and cls in program.mro(value.cls):
            return True
    return False


def _are_gate(program: Program, values: v.Values, run_function: FunctionInfo | None) -> bool:
    """Whether what is put in the gate's place is the gate, or always calls it."""
    functions = [x.function for x in values if isinstance(x, v.FunctionValue | v.BoundMethod)]
    if not functions or len(functions) != len(values):
        return False
    return all(
        function is run_function
        or _always_before_return(
            function.node,
            lambda node: isinstance(node, ast.Call) and run_function in program.callees(node),
        )
        for function in functions
    )


def _finding(
    rule: Rule, program: Program, node: ast.AST, message: str, gate: FunctionInfo | None
) -> Finding:
    location = program.location(program.module_of(node), node)
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        location = program.headline(node)
    related: tuple[Related, ...] = ()
    if gate is not None:
        related = (Related(program.headline(gate.node), "the gate"),)
    return Finding(
        rule.code, rule.name, rule.severity, message, location, related=related, help=rule.fix
    )
