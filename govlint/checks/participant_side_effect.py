"""Domain services that write files, open sockets, run processes or write a database (GOV501)."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass

from govlint.model import Finding, Rule, first_of_each_line
from govlint.python.effects import library
from govlint.python.effects.reach import Reach, Way
from govlint.python.participants.services import (
    TRIGGERS,
    functions_of,
    is_runtime_code,
    services,
    starts_in,
)
from govlint.python.program import Program
from govlint.python.symbols import FunctionInfo

__all__ = ["KIND", "TRIGGERS", "Params", "run", "starts_in"]
KIND = "participant-side-effect"
_EFFECTS = frozenset({library.FILE, library.SOCKET, library.PROCESS, library.DATABASE})


@dataclass(frozen=True)
class Params:
    """This check takes no parameters."""


@first_of_each_line
def run(rule: Rule, params: Params, program: Program) -> Iterable[Finding]:
    """At the call in the service; the way to the effect is what is related."""
    reach = Reach(program, lambda function: is_runtime_code(program, function))
    found = services(program)
    own = {method for cls in found for method in functions_of(program, cls)}
    for cls in found:
        for method in functions_of(program, cls):
            wrapped = [way for w in reach.wrappers(method) for way in reach.ways(w, _EFFECTS)]
            for way in (*reach.ways(method, _EFFECTS), *wrapped[:1]):
                node = way.calls[0]
                if any(program.function_of(call) in own for call in way.calls[1:]):
                    continue  # it is found there
                location = program.location(program.module_of(node), node)
                if way in wrapped:
                    location = program.location(method.module, _decorator(method))
                yield rule.finding(
                    f"{cls.name}.{method.name} {way.effect.what} here{_through(way)}; "
                    "return it as an artifact or event and let the runtime persist it.",
                    location,
                    related=reach.related(way),
                )


def _decorator(method: FunctionInfo) -> ast.AST:
    decorators = getattr(method.node, "decorator_list", [])
    return decorators[0] if decorators else method.node


def _through(way: Way) -> str:
    return f", through {way.effect.by}" if len(way.calls) > 1 else f" ({way.effect.by})"
