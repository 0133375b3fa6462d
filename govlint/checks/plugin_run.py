"""A plugin's governed method called, or its bound method handed on, outside the gate."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from govlint.model import Finding, Location, Rule
from govlint.python.flow import attributes
from govlint.python.flow import values as v
from govlint.python.governed import is_governed_function
from govlint.python.program import Program
from govlint.python.symbols import ClassInfo, FunctionInfo
from govlint.python.trace import trace

KIND = "plugin-run"
TRIGGERS = ("Plugin", "ToolRunner")

# What looks at a method without calling it or handing it on.
_LOOKING = frozenset(
    "builtins.callable builtins.hasattr builtins.isinstance builtins.issubclass builtins.id "
    "builtins.repr builtins.str builtins.type builtins.print builtins.len builtins.hash "
    "builtins.format builtins.bool builtins.dir builtins.vars builtins.help "
    "asyncio.iscoroutinefunction functools.wraps".split()
)
_LOOKING_MODULES = ("inspect.", "typing.", "dis.", "pydoc.", "ast.", "logging.", "textwrap.")
_LOG_METHODS = frozenset("debug info warning error exception critical log".split())


@dataclass(frozen=True)
class Params:
    """This check has no parameters; the bindings say what is governed."""


def run(rule: Rule, params: Params, program: Program) -> Iterable[Finding]:
    """Find every reference to a governed method outside the gate."""
    for node, target in references(program):
        yield _finding(rule, program, node, target)


def references(program: Program) -> Iterator[tuple[ast.expr, ast.expr]]:
    """The references to a governed method outside the gate, each with what names the method."""
    for node, values in list(program.flow.recorded.items()):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
            if not _reaches(program, node, values):
                continue
            target: ast.expr = node
        elif isinstance(node, ast.Call) and _calls_instance(program, node):
            target = node.func
        else:
            continue
        module = program.module_of(node)
        if module.is_test or not module.path or node in program.adopted:
            continue
        if _is_allowed(program, node, target):
            continue
        yield node, target


def _reaches(program: Program, node: ast.Attribute, values: v.Values) -> bool:
    named = program.bindings.governs(node.attr)
    on_plugin = any(program.is_plugin_value(value) for value in program.values(node.value))
    if named and on_plugin:
        return True
    # `self.call = plugin.run` was found there; `self.call(x)` is the same reference again
    return (named or on_plugin) and any(is_governed_function(program, value) for value in values)


def _calls_instance(program: Program, node: ast.Call) -> bool:
    """`plugin(x)`, where the class's `__call__` is its governed method."""
    return any(
        (function.name == "__call__" and function in program.aliases)
        or (program.bindings.governs(function.name) and function.cls is not None)
        for value in program.values(node.func)
        if isinstance(value, v.Instance) and program.is_plugin_value(value)
        for method in attributes.lookup(program.flow, value.cls, "__call__") or ()
        if isinstance(method, v.FunctionValue)
        for function in [method.function]
    )


def _is_allowed(program: Program, node: ast.expr, target: ast.expr) -> bool:
    if program.in_gate(node) or _in_gate_override(program, node):
        return True
    if _in_plugin(program, node, target):
        return True
    parent = program.parent(node)
    if isinstance(node, ast.Attribute):
        if _is_looked_at(program, node, parent):
            return True
        if isinstance(parent, ast.Call) and node in parent.args:
            gates = {gate.run for gate in program.gates}
            if gates & set(program.callees(parent)):
                return True
    return False


def _in_gate_override(program: Program, node: ast.AST) -> bool:
    """A subclass of the gate that replaces its `run` is GOV104's matter."""
    cls = program.class_of(node)
    function = program.function_of(node)
    while function is not None and function.cls is None:
        function = function.parent
    if cls is None or function is None:
        return False
    for gate in program.gates:
        if function.name == gate.run.name and cls is not gate.cls and gate.cls in program.mro(cls):
            return True
    return False


def _in_plugin(program: Program, node: ast.expr, target: ast.expr) -> bool:
    """A plugin's own method may pass on to itself: `super().run`, an alias, recursion."""
    function = program.function_of(node)
    cls: ClassInfo | None = program.class_of(node)
    if cls is None or cls not in program.plugin_classes:
        return False
    if function is None or (function.cls is None and program.function_of(node) is None):
        return True  # the class body: `execute = BasePlugin.run`
    method: FunctionInfo | None = function
    while method is not None and method.cls is None:
        method = method.parent
    if method is None:
        return False
    own = program.bindings.governs(method.name) or method in program.aliases
    if not own:
        return False
    owner = target.value if isinstance(target, ast.Attribute) else target
    if (
        isinstance(owner, ast.Call)
        and isinstance(owner.func, ast.Name)
        and owner.func.id == "super"
    ):
        return True
    if isinstance(owner, ast.Name) and method.params and owner.id == method.params[0]:
        return True
    return _explicit_base(program, node, owner, method)


def _explicit_base(program: Program, node: ast.expr, owner: ast.expr, method: FunctionInfo) -> bool:
    """`BasePlugin.run(self, x)` inside `run`: the old spelling of `super().run(x)`."""
    parent = program.parent(node)
    return (
        isinstance(parent, ast.Call)
        and parent.func is node
        and bool(parent.args)
        and isinstance(parent.args[0], ast.Name)
        and bool(method.params)
        and parent.args[0].id == method.params[0]
        and any(isinstance(value, v.ClassValue) for value in program.values(owner))
    )


def _is_looked_at(program: Program, node: ast.Attribute, parent: ast.AST | None) -> bool:
    """Whether the method is only looked at: its name, its signature, whether it is there."""
    if isinstance(parent, ast.Attribute) and parent.value is node:
        return parent.attr not in ("__call__", "__func__", "__wrapped__", "__get__") and not any(
            isinstance(value, v.BoundExternal)
            and value.name in ("delay", "remote", "apply_async", "s", "si", "submit", "spawn")
            for value in program.values(parent)
        )
    if isinstance(parent, ast.Compare | ast.Assert | ast.FormattedValue):
        return True
    if isinstance(parent, ast.UnaryOp) and isinstance(parent.op, ast.Not):
        return True
    if isinstance(parent, ast.If | ast.While | ast.IfExp) and parent.test is node:
        return True
    if isinstance(parent, ast.BoolOp):
        above = program.parent(parent)
        return isinstance(above, ast.If | ast.While | ast.Assert | ast.Compare) or (
            isinstance(above, ast.IfExp) and above.test is parent
        )
    if isinstance(parent, ast.Expr):
        return True
    if isinstance(parent, ast.Call) and node in parent.args:
        names = program.externals(parent)
        if names and not program.callees(parent):
            return all(
                name in _LOOKING
                or name.startswith(_LOOKING_MODULES)
                or (name.rpartition(".")[2] in _LOG_METHODS)
                for name in names
            )
    return False


def _finding(rule: Rule, program: Program, node: ast.expr, target: ast.expr) -> Finding:
    owner = target.value if isinstance(target, ast.Attribute) else target
    names = sorted(
        {
            value.cls.name
            for value in program.values(owner)
            if isinstance(value, v.Instance | v.ClassValue | v.Super)
            and program.is_plugin_value(value)
        }
    )
    what = ", ".join(names[:3]) + (", …" if len(names) > 3 else "")
    parent = program.parent(node)
    called = isinstance(node, ast.Call) or (isinstance(parent, ast.Call) and parent.func is node)
    text = _text(target)
    gate = ", ".join(sorted({f"{g.cls.name}.{g.run.name}" for g in program.gates}))
    gate = gate or ", ".join(program.bindings.gates)
    verb = "is called" if called else "is handed on to be called"
    of = f" of plugin {what}" if what else ""
    message = f"`{text}`{of} {verb} outside the gate; pass the plugin to {gate} instead"
    related = trace(program, owner, program.is_plugin_value)
    location = program.location(program.module_of(node), node if called else target)
    if called and isinstance(parent, ast.Call):
        location = program.location(program.module_of(node), target)
    if isinstance(target, ast.Attribute):
        location = _at_name(location, target)
    return Finding(
        rule.code, rule.name, rule.severity, message, location, related=related, help=rule.fix
    )


def _at_name(location: Location, target: ast.Attribute) -> Location:
    """Where a chain of calls goes over lines, the line that names the method."""
    end = target.end_lineno
    if end is None or end == target.lineno or target.end_col_offset is None:
        return location
    column = max(location.end_column - len(target.attr), 1)
    return replace(location, line=location.end_line, column=column)


def _text(node: ast.expr) -> str:
    text = ast.unparse(node)
    return text if len(text) <= 60 else f"{text[:57]}…"
