"""Data of a tenant reached with no check of the caller's tenant (GOV602)."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from govlint.model import Finding, Rule
from govlint.python.program import Program
from govlint.python.trust.tenants import Tenants
from govlint.python.vacuity.sources import Sources

KIND = "cross-tenant"
TRIGGERS: tuple[str, ...] = ("tenant",)
# files are read one by one, none is followed
starts_in: None = None
_ACCESS = re.compile(rb"\.\w+\(|\[")


def may_hold(data: bytes, words: Collection[str]) -> bool:
    """Whether a file with these words may hold a finding, by its folded text."""
    return _ACCESS.search(data) is not None


@dataclass(frozen=True)
class Params:
    """This check takes no parameters."""


def run(rule: Rule, params: Params, program: Program) -> Iterable[Finding]:
    """At the access."""
    sources = Sources(program)
    for source in sources.glanced(KIND, may_hold):
        for node, what in Tenants(sources, source, program.bindings.tenant_fields).unchecked():
            yield Finding(
                rule=rule.code,
                name=rule.name,
                severity=rule.severity,
                message=f"{what} here, with no check of the caller's tenant on the way; compare it "
                "with the caller's, or filter by the caller's own.",
                location=program.location(source.module, node),
                help=rule.fix,
            )
