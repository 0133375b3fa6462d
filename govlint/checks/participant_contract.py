"""Domain services whose two methods are missing, wrong, or return something else (GOV505)."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass

from govlint.model import Finding, Rule
from govlint.python.participants.contract import Contract
from govlint.python.participants.services import TRIGGERS, services, starts_in
from govlint.python.program import Program

__all__ = ["KIND", "TRIGGERS", "Params", "run", "starts_in"]
KIND = "participant-contract"


@dataclass(frozen=True)
class Params:
    """This check takes no parameters."""


def run(rule: Rule, params: Params, program: Program) -> Iterable[Finding]:
    """At the class for a missing method, at the method or its return for a wrong one."""
    contract = Contract(program)
    for cls in services(program):
        for node, what in contract.faults(cls):
            block = isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
            place = program.headline(node) if block else program.location(cls.module, node)
            yield rule.finding(
                f"{what}.",
                place,
            )
