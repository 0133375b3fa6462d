"""Domain services that reach state other than through their context (GOV502)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from govlint.model import Finding, Rule, first_of_each_line
from govlint.python.effects import library
from govlint.python.effects.reach import Reach
from govlint.python.participants.services import (
    TRIGGERS,
    functions_of,
    is_runtime_code,
    services,
    starts_in,
)
from govlint.python.participants.state import StateUses
from govlint.python.program import Program

__all__ = ["KIND", "TRIGGERS", "Params", "run", "starts_in"]
KIND = "participant-state"


@dataclass(frozen=True)
class Params:
    """This check takes no parameters."""


@first_of_each_line
def run(rule: Rule, params: Params, program: Program) -> Iterable[Finding]:
    """At the expression that reaches it; a store that is only read counts, too."""
    reach = Reach(program, lambda function: is_runtime_code(program, function))
    uses = StateUses(program)
    for cls in services(program):
        for method in functions_of(program, cls):
            found = [(node, what, ()) for node, what in uses.of(method)]
            for way in reach.ways(method, frozenset({library.STATE})):
                found.append((way.calls[0], f"reads a store ({way.effect.by})", ()))
            for node, what, related in found:
                location = program.location(program.module_of(node), node)
                yield rule.finding(
                    f"{cls.name}.{method.name} {what} here; state is reached through "
                    "execution_context.state_surface alone.",
                    location,
                    related=related,
                )
