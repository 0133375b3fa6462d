"""States that plugins do not have (GOV301), and metrics in their place (GOV302)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from govlint.model import Finding, Rule, first_of_each_line
from govlint.python.program import Program
from govlint.python.states.holders import state_space
from govlint.python.states.uses import state_uses

KIND = "lifecycle-state"
TRIGGERS: tuple[str, ...] = (
    "LifecycleState",
    "PluginState",
    "lifecycle_state",
    "plugin_state",
    "BasePlugin",
    "PluginBase",
)


@dataclass(frozen=True)
class Params:
    """`only` judges just these words, `besides` leaves these to another rule."""

    only: tuple[str, ...] = ()
    besides: tuple[str, ...] = ()


@first_of_each_line
def run(rule: Rule, params: Params, program: Program) -> Iterable[Finding]:
    """One finding a line; a comparison with several such words is one fault."""
    space = state_space(program, "lifecycle")
    allowed = ", ".join(space.allowed)
    only = {word.upper() for word in params.only}
    besides = {word.upper() for word in params.besides}
    for use in state_uses(space):
        word = use.word.upper()
        if (only and word not in only) or word in besides:
            continue
        location = program.location(use.module, use.node)
        if only:
            message = (
                f"{use.word} is a metric, but is {use.verb} here as a plugin lifecycle state;"
                f" accepted are {allowed}"
            )
        else:
            message = (
                f"{use.word} is {use.verb} here as a plugin lifecycle state; accepted are {allowed}"
            )
        yield rule.finding(
            message,
            location,
        )
