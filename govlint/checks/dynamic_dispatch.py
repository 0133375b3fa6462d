"""A plugin's governed method reached by a computed name."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass

from govlint.model import Finding, Rule, Severity
from govlint.python.flow.dynamic import decided_in_texts
from govlint.python.program import Program
from govlint.python.symbols import FunctionInfo

KIND = "dynamic-dispatch"
TRIGGERS = ("Plugin", "ToolRunner")


@dataclass(frozen=True)
class Params:
    """Where nothing tells which name it is, the finding has this severity."""

    undecided: str = "note"

    def __post_init__(self) -> None:
        Severity.parse(self.undecided)


def run(rule: Rule, params: Params, program: Program) -> Iterable[Finding]:
    """Find every getattr, methodcaller, `__dict__`, eval or exec that can reach the method."""
    decided_in_texts(program)
    for node, words in list(program.flow.dynamic.items()):
        module = program.module_of(node)
        if module.is_test or not module.path or program.in_gate(node):
            continue
        if _inside_own_method(program, node) or _is_looked_at(program, node):
            continue
        decided = sorted(word for word, state in words.items() if state == "decided")
        undecided = sorted(words)
        if not decided and node not in program.flow.called_dynamic:
            continue  # read as data, not called
        if not isinstance(node, ast.expr | ast.stmt):
            continue
        location = program.location(module, node)
        if decided:
            message = (
                f"`{_text(node)}` reaches the governed method `{decided[0]}` of a plugin by a"
                " computed name; call the gate instead"
            )
            severity = rule.severity
        else:
            message = (
                f"`{_text(node)}` may reach the governed method `{undecided[0]}` of a plugin: the"
                " name cannot be decided; use a name that is written out, or exclude"
                f" {undecided[0]!r} by a test"
            )
            severity = min(rule.severity, Severity.parse(params.undecided))
        yield Finding(rule.code, rule.name, severity, message, location, help=rule.fix)


def _inside_own_method(program: Program, node: ast.AST) -> bool:
    """Whether it stands in the plugin's own governed method, on itself."""
    function: FunctionInfo | None = program.function_of(node)
    while function is not None and function.cls is None:
        function = function.parent
    if function is None or function.cls not in program.plugin_classes:
        return False
    if not isinstance(node, ast.Call) or len(node.args) < 2:
        return False
    owner = node.args[0]
    return (
        isinstance(owner, ast.Name)
        and bool(function.params)
        and owner.id == function.params[0]
        and (program.bindings.governs(function.name) or function in program.aliases)
    )


def _is_looked_at(program: Program, node: ast.AST) -> bool:
    """Whether what was got is only asked about: `callable(getattr(plugin, name))`."""
    parent = program.parent(node)
    if isinstance(parent, ast.Attribute):
        calling = ("__call__", "__get__", "__func__", "__wrapped__")
        return parent.attr.startswith("__") and parent.attr not in calling
    if isinstance(parent, ast.Call) and node in parent.args:
        names = program.externals(parent)
        return bool(names) and all(
            name.startswith("inspect.")
            or name
            in ("builtins.callable", "builtins.isinstance", "builtins.repr", "builtins.print")
            for name in names
        )
    return isinstance(parent, ast.Compare | ast.FormattedValue) or (
        isinstance(parent, ast.UnaryOp) and isinstance(parent.op, ast.Not)
    )


def _text(node: ast.AST) -> str:
    text = ast.unparse(node)
    return text if len(text) <= 60 else f"{text[:57]}…"
