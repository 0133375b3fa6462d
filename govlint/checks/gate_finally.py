"""A gate whose plugin call nothing covers that runs whatever happens (GOV201)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from govlint.model import Finding, Related, Rule, Severity
from govlint.python.gate.frames import chains
from govlint.python.gate.metrics_paths import metrics_paths
from govlint.python.gate.presence import idle
from govlint.python.program import Program

KIND = "gate-finally"
TRIGGERS: tuple[str, ...] = ("ToolRunner",)


@dataclass(frozen=True)
class Params:
    """This check takes no parameters."""


def run(rule: Rule, params: Params, program: Program) -> Iterable[Finding]:
    """One finding a gate, at the `def` line of its `run`; the plugin calls are related."""
    for entry, function in idle(program):
        yield rule.finding(
            f"No plugin is seen to run in {entry}, which the bindings name as the gate:"
            " GOV201 to GOV203, GOV401 and GOV402 have nothing to judge here. Name the code that"
            " calls the plugin as the gate, and the methods that it calls as governed.",
            program.headline(function.node),
            severity=Severity.NOTE,
        )
    paths = metrics_paths(program)
    for gate in program.gates:
        module = program.module_of(gate.run.node)
        if module.is_test:
            continue
        bare = [
            call
            for call in gate.plugin_calls
            if any(not paths.covers(chain) for chain in chains(program, gate, call))
        ]
        if bare:
            name = f"{gate.cls.name}.{gate.run.name}"
            yield rule.finding(
                f"{name} runs the plugin outside any try … finally; wrap the call in one "
                f"whose finally {_due(paths.names)}.",
                program.location(module, gate.run.node),
                related=tuple(
                    Related(
                        program.location(program.module_of(call), call),
                        "the plugin runs here, with no finally around it",
                    )
                    for call in bare
                ),
            )


def _due(names: Sequence[str]) -> str:
    """What the `finally` has to do; a project may have bound no metrics at all."""
    return f"calls {names[0]}()" if names else "records the run"
