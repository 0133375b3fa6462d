"""A path on which the plugin runs before its input, or its output leaves before it, was
validated (GOV401)."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from govlint.model import Finding, Related, Rule
from govlint.python.gate.frames import Chain, chains
from govlint.python.gate.input_paths import InputPaths
from govlint.python.gate.output_paths import Leave, OutputPaths
from govlint.python.gate.validators import Validators
from govlint.python.paths.cfg import Node
from govlint.python.program import Program

KIND = "validation-bypass"
TRIGGERS: tuple[str, ...] = ("ToolRunner",)


@dataclass(frozen=True)
class Params:
    """`fields`: what the input must have, not empty, where it is checked in place."""

    fields: tuple[str, ...] = ("image", "mime_type")


def run(rule: Rule, params: Params, program: Program) -> Iterable[Finding]:
    """At the plugin call for the input, at the statement that lets the output go for it."""
    inputs = InputPaths(program, Validators(program, "input", tuple(params.fields)))
    outputs = OutputPaths(program, Validators(program, "output", ()))
    seen: set[tuple[ast.AST, str]] = set()
    for gate in program.gates:
        if program.module_of(gate.run.node).is_test:
            continue
        for call in gate.plugin_calls:
            for chain in chains(program, gate, call):
                step = inputs.unvalidated(chain)
                if step is not None and (call, "input") not in seen:
                    seen.add((call, "input"))
                    yield _input_finding(rule, program, call, step)
                for leave in _first_leave(outputs, chain):
                    if (leave.node, "output") not in seen:
                        seen.add((leave.node, "output"))
                        yield _output_finding(rule, program, call, leave)


def _first_leave(outputs: OutputPaths, chain: Chain) -> Iterator[Leave]:
    """Where the output gets out of the gate first, following it through the frames."""
    last: Leave | None = None
    for frame in chain:
        leaves = outputs.leaves(frame)
        if not leaves:
            return
        inside = [leave for leave in leaves if leave.by != "returned"]
        if inside:
            yield inside[0]
            return
        last = leaves[0]
    if last is not None:
        yield last


def _input_finding(rule: Rule, program: Program, call: ast.Call, step: Node) -> Finding:
    expected = _last(program.bindings.validate_input)
    related: tuple[Related, ...] = ()
    tree = step.ast
    if tree is not None and hasattr(tree, "lineno") and step.kind not in ("call", "await"):
        note = "the input is replaced here after its validation"
        if step.kind == "handler":
            note = "a failed validation goes on from this handler"
        elif step.kind == "assume":
            note = f"where this is {'true' if step.holds else 'false'}, nothing is validated"
        related = (Related(program.location(program.module_of(tree), tree), note),)
    return rule.finding(
        f"The plugin runs here on a path that has not validated its input; call "
        f"{expected}() on every path before it, and let its refusal end the run.",
        program.location(program.module_of(call), call),
        related=related,
    )


def _output_finding(rule: Rule, program: Program, call: ast.Call, leave: Leave) -> Finding:
    expected = _last(program.bindings.validate_output)
    return rule.finding(
        f"The plugin's output is {leave.by} here on a path that has not validated it; "
        f"call {expected}() on every path before it leaves the gate.",
        program.location(program.module_of(leave.node), leave.node),
        related=(
            Related(program.location(program.module_of(call), call), "the output is made here"),
        ),
    )


def _last(patterns: tuple[str, ...]) -> str:
    return patterns[0].rpartition(".")[2] if patterns else "validate"
