"""Retry loops and retry decorators in a domain service (GOV503)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from govlint.model import Finding, Related, Rule
from govlint.python.effects.reach import Reach, calls_of
from govlint.python.participants.retries import retries_of
from govlint.python.participants.services import (
    TRIGGERS,
    functions_of,
    is_runtime_code,
    services,
    starts_in,
)
from govlint.python.program import Program

__all__ = ["KIND", "TRIGGERS", "Params", "run", "starts_in"]
KIND = "participant-retry"


@dataclass(frozen=True)
class Params:
    """This check takes no parameters."""


def run(rule: Rule, params: Params, program: Program) -> Iterable[Finding]:
    """At the loop, decorator or call that tries again; in a helper, at the call of it."""
    reach = Reach(program, lambda function: is_runtime_code(program, function))
    found = services(program)
    own = {method for cls in found for method in functions_of(program, cls)}
    own |= {wrapper for method in own for wrapper in reach.wrappers(method)}
    for cls in found:
        for method in functions_of(program, cls):
            for node, what in retries_of(program, method):
                yield rule.finding(
                    f"{cls.name}.{method.name} tries again by itself ({what}); "
                    "let the failure out, the runtime retries.",
                    program.location(method.module, node),
                )
            seen: set[int] = set()
            for call in calls_of(method):
                for helper in reach.callees(call):
                    if helper in own or helper.parent in own:
                        continue
                    line = getattr(call, "lineno", 0)
                    for node, what in list(retries_of(program, helper))[:1]:
                        if line in seen:
                            continue
                        seen.add(line)
                        place = program.location(program.module_of(node), node)
                        yield rule.finding(
                            f"{cls.name}.{method.name} tries again here, through "
                            f"{helper.name} ({what}); let the failure out, the runtime retries.",
                            program.location(method.module, call),
                            related=(Related(place, what),),
                        )
