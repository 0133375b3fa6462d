"""A `finally` of the gate that can be left without recording the metrics (GOV202)."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass

from govlint.model import Finding, Location, Related, Rule
from govlint.python.gate.frames import chains
from govlint.python.gate.metrics_paths import Cover, metrics_paths
from govlint.python.program import Program

KIND = "finally-metrics"
TRIGGERS: tuple[str, ...] = ("ToolRunner",)


@dataclass(frozen=True)
class Params:
    """This check takes no parameters."""


def run(rule: Rule, params: Params, program: Program) -> Iterable[Finding]:
    """One finding a `finally`, at its keyword; the path that misses the call is related."""
    paths = metrics_paths(program)
    if not paths.names:
        return  # the project has said that nothing records its runs
    for gate in program.gates:
        if program.module_of(gate.run.node).is_test:
            continue
        seen: set[ast.AST] = set()
        # one fault, one finding: where a call has no cover at all, that is what is reported
        routes = [chain for call in gate.plugin_calls for chain in chains(program, gate, call)]
        all_covers = [paths.covers(chain) for chain in routes]
        if not all(all_covers):
            continue
        for covers in all_covers:
            if any(cover.guaranteed for cover in covers):
                continue
            cover = _judged(covers)
            if cover.node not in seen:
                seen.add(cover.node)
                yield _finding(rule, program, cover, paths.names[0])


def _judged(covers: list[Cover]) -> Cover:
    """The cover that was meant to record: the innermost that names the metrics."""
    return next((cover for cover in covers if cover.mentioned), covers[-1])


def _finding(rule: Rule, program: Program, cover: Cover, metrics: str) -> Finding:
    where = cover.function.qualname.rpartition(".")[2]
    if isinstance(cover.node, ast.withitem):
        module = program.module_of(cover.node.context_expr)
        location = program.location(module, cover.node.context_expr)
        found = f"the context manager around the plugin call in {where} does not always call"
    else:
        module = program.module_of(cover.node)
        location = finally_location(program, cover.node)
        found = (
            f"a path through this finally of {where} does not call"
            if (cover.mentioned)
            else f"this finally of {where} does not call"
        )
    related: tuple[Related, ...] = ()
    if cover.mentioned and cover.witness is not None and cover.witness.ast is not None:
        step = cover.witness
        tree = step.ast
        branch = ""
        if step.kind == "assume":
            branch = "where this is " + ("true" if step.holds else "false") + ", "
        if tree is not None:
            related = (
                Related(program.location(module, tree), f"{branch}the path goes past the call"),
            )
    return rule.finding(
        f"{found[0].upper()}{found[1:]} {metrics}(); call it unconditionally.",
        location,
        related=related,
    )


def finally_location(program: Program, node: ast.Try | ast.TryStar) -> Location:
    """Where the keyword `finally` of `node` stands."""
    module = program.module_of(node)
    first = node.finalbody[0]
    line = first.lineno
    before: ast.stmt | ast.ExceptHandler = (node.orelse or node.handlers or node.body)[-1]
    earliest = before.end_lineno or before.lineno
    while line >= earliest:
        text = module.lines[line - 1]
        column = text.find("finally")
        if column >= 0 and text.lstrip().startswith("finally"):
            break
        line -= 1
    else:
        return program.location(module, first)
    whole = program.location(module, node)
    return Location(whole.path, line, column + 1, line, column + 1 + len("finally"))
