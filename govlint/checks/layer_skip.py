"""Calls that leave out a layer of the execution chain, or go back up it (GOV103)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from govlint.model import Finding, Related, Rule, first_of_each_line
from govlint.python.crossings import crossings
from govlint.python.layers import Chain
from govlint.python.program import Program

KIND = "layer-skip"
TRIGGERS: tuple[str, ...] = (
    "AnalysisExecutionService",
    "JobExecutionService",
    "PluginExecutionService",
    "ToolRunner",
)


@dataclass(frozen=True)
class Params:
    """This check takes no parameters."""


@first_of_each_line
def run(rule: Rule, params: Params, program: Program) -> Iterable[Finding]:
    """One finding a call; the way there through helper functions is related."""
    chain = Chain(program)
    if len(chain.names) < 2:
        return
    for crossing in crossings(program, chain):
        place = crossing.node
        module = program.module_of(place)
        location = program.location(module, place)
        source = chain.names[crossing.source]
        said = f"{source} calls {crossing.callee}"
        if crossing.target < crossing.source:
            said += " back up the chain; results go up as return values"
        else:
            following = chain.names[crossing.source + 1]
            said += f" and leaves out {following}; call {following} instead"
        yield rule.finding(
            f"{said} (the chain is {' → '.join(chain.names)})",
            location,
            related=tuple(
                Related(
                    program.location(program.module_of(step), step),
                    f"{source} comes here from this call",
                )
                for step in crossing.path
            ),
        )
