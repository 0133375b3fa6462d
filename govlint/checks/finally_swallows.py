"""`return`, `break` or `continue` that leaves a `finally` of the gate (GOV203)."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from govlint.model import Finding, Rule
from govlint.python.gate.frames import chains
from govlint.python.gate.metrics_paths import metrics_paths
from govlint.python.program import Program

KIND = "finally-swallows"
TRIGGERS: tuple[str, ...] = ("ToolRunner",)


@dataclass(frozen=True)
class Params:
    """This check takes no parameters."""


def run(rule: Rule, params: Params, program: Program) -> Iterable[Finding]:
    """One finding a statement, at the statement."""
    paths = metrics_paths(program)
    seen: set[ast.AST] = set()
    for gate in program.gates:
        if program.module_of(gate.run.node).is_test:
            continue
        for call in gate.plugin_calls:
            for chain in chains(program, gate, call):
                for cover in paths.covers(chain):
                    if not isinstance(cover.node, ast.Try | ast.TryStar):
                        continue
                    for statement in leaving(cover.node.finalbody):
                        if statement in seen:
                            continue
                        seen.add(statement)
                        word = type(statement).__name__.lower()
                        module = program.module_of(statement)
                        yield rule.finding(
                            f"{word} leaves the finally around the plugin call in "
                            f"{cover.function.name} and drops the exception on its way; "
                            f"move it behind the try statement.",
                            program.location(module, statement),
                        )


def leaving(body: Sequence[ast.stmt], looping: bool = False) -> Iterator[ast.stmt]:
    """The statements that leave `body`: all returns, and breaks out of loops around it."""
    for statement in body:
        if isinstance(statement, ast.Return):
            yield statement
        elif isinstance(statement, ast.Break | ast.Continue):
            if not looping:
                yield statement
        elif isinstance(statement, ast.For | ast.AsyncFor | ast.While):
            yield from leaving(statement.body, True)
            yield from leaving(statement.orelse, looping)
        elif not isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            for name in ("body", "orelse", "finalbody"):
                yield from leaving(getattr(statement, name, ()), looping)
            for inner in (*getattr(statement, "handlers", ()), *getattr(statement, "cases", ())):
                yield from leaving(inner.body, looping)
