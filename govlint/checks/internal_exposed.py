"""`_internal` or a traceback in what the API answers (GOV403)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from govlint.model import Finding, Rule
from govlint.python.api.exposure import TRACE, Exposure
from govlint.python.api.surface import ApiSurface
from govlint.python.program import Program

KIND = "internal-exposed"
TRIGGERS: tuple[str, ...] = ("ToolRunner", '"_internal"', "'_internal'", "traceback")


@dataclass(frozen=True)
class Params:
    """This check takes no parameters."""


def run(rule: Rule, params: Params, program: Program) -> Iterable[Finding]:
    """At the statement that answers, yields, sends or raises it."""
    surface = ApiSurface(program)
    exposure = Exposure(program, surface)
    functions = list(surface.functions())
    for routed in list(functions):
        functions += [f for f in surface.streamed(routed) if f not in functions]
    for function in functions:
        for exposed in exposure.exposed(function):
            what = "an unfiltered result, with its _internal section,"
            if exposed.what == TRACE:
                what = "a traceback"
            yield rule.finding(
                f"{function.name} lets {what} out of the API; answer with the error "
                f"section alone and keep the rest in the log.",
                program.location(function.module, exposed.node),
            )
