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
        for other in program.subclasses(cls):
            if other.module.is_test or name not in other.stored:
                continue
            method = other.methods.get(name)
            if method is not None and _passes_through(program, method, cls, name):
                continue
            if method is None and _assigned_is_gate(program, other, name, run_function):
                continue
            node: ast.AST = method.node if method is not None else _class_binding(other, name)
            yield _finding(
                rule,
                program,
                node,
                f"`{other.name}.{name}` replaces the gate `{cls.name}.{name}` without passing"
                f" through it; call `super().{name}(…)` on every path, or move the change into a"
                " hook that the gate calls",
                run_function,
            )


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


def _assigned_is_gate(
    program: Program, cls: ClassInfo, name: str, run_function: FunctionInfo | None
) -> bool:
    values = program.flow.heap.get((v.class_value(cls), name), v.EMPTY)
    return bool(values) and all(
        isinstance(value, v.FunctionValue) and value.function is run_function for value in values
    )


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
        for node in ast.walk(module.tree):
            for owner, name, value, place in _writes(program, node):
                for cls, method, run_function in gates:
                    if name != method or not _is_gate_object(program, owner, cls):
                        continue
                    if _wraps_gate(program, value, cls, method, run_function):
                        continue
                    yield _finding(
                        rule,
                        program,
                        place,
                        f"the gate `{cls.name}.{method}` is replaced at run time; it has to stay"
                        " the one path that runs a plugin",
                        run_function,
                    )


def _writes(
    program: Program, node: ast.AST
) -> Iterator[tuple[ast.expr, str, ast.expr | None, ast.AST]]:
    """Attribute writes: assignment, `setattr`, `__dict__`, `patch.object`."""
    if isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        for target in targets:
            parts = target.elts if isinstance(target, ast.Tuple | ast.List) else [target]
            for part in parts:
                if isinstance(part, ast.Attribute):
                    yield part.value, part.attr, node.value, part
                elif isinstance(part, ast.Subscript):
                    for namespace in program.values(part.value):
                        if isinstance(namespace, v.Namespace):
                            for key in _words(program, part.slice):
                                yield part.value, key, node.value, part
    elif isinstance(node, ast.Call):
        externals = program.externals(node)
        if externals & {"builtins.setattr", "object.__setattr__"} and len(node.args) >= 3:
            for key in _words(program, node.args[1]):
                yield node.args[0], key, node.args[2], node
        elif any(name.endswith("patch.object") for name in externals) and len(node.args) >= 2:
            for key in _words(program, node.args[1]):
                yield node.args[0], key, node.args[2] if len(node.args) > 2 else None, node
        elif any(name.endswith(("type.__setattr__", ".__setattr__")) for name in externals):
            if len(node.args) == 3:
                for key in _words(program, node.args[1]):
                    yield node.args[0], key, node.args[2], node
            elif len(node.args) == 2 and isinstance(node.func, ast.Attribute):
                for key in _words(program, node.args[0]):
                    yield node.func.value, key, node.args[1], node


def _words(program: Program, node: ast.expr) -> list[str]:
    return [
        value.value
        for value in program.values(node)
        if isinstance(value, v.Const) and isinstance(value.value, str)
    ]


def _is_gate_object(program: Program, owner: ast.expr, cls: ClassInfo) -> bool:
    for value in program.values(owner):
        if isinstance(value, v.Namespace):
            value = value.owner
        if isinstance(value, v.Instance | v.ClassValue) and cls in program.mro(value.cls):
            return True
    return False


def _wraps_gate(
    program: Program,
    value: ast.expr | None,
    cls: ClassInfo,
    name: str,
    run_function: FunctionInfo | None,
) -> bool:
    """Whether what is put in the gate's place is the gate, or always calls it."""
    if value is None:
        return False
    values = program.values(value)
    functions = [x.function for x in values if isinstance(x, v.FunctionValue | v.BoundMethod)]
    if not functions or len(functions) != len(values):
        return False
    for function in functions:
        if function is run_function:
            continue
        if not _always_before_return(
            function.node,
            lambda node: isinstance(node, ast.Call) and run_function in program.callees(node),
        ):
            return False
    return True


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
