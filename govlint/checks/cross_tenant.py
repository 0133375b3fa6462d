"""Data of a tenant reached with no check of the caller's tenant (GOV602)."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from govlint.model import Finding, Rule
from govlint.python.program import Program
from govlint.python.trust.reading import importing
from govlint.python.trust.tenants import Tenants
from govlint.python.vacuity.sources import Sources

KIND = "cross-tenant"
TRIGGERS: tuple[str, ...] = ("tenant",)
# files are read one by one, none is followed
starts_in: None = None
_ACCESS = re.compile(rb"\.\w+\(|\[|\bclass\b")


def may_hold(data: bytes, words: Collection[str]) -> bool:
    """Whether a file with these words may hold a finding, by its folded text."""
    return _ACCESS.search(data) is not None


@dataclass(frozen=True)
class Params:
    """This check takes no parameters."""


def run(rule: Rule, params: Params, program: Program) -> Iterable[Finding]:
    """At the access."""
    sources = Sources(program)
    for tenants in _judged(program, sources):
        source = tenants.source
        for node, what in tenants.unchecked():
            yield rule.finding(
                f"{what} here, with no check of the caller's tenant on the way; compare it "
                "with the caller's, or filter by the caller's own.",
                program.location(source.module, node),
            )


def _judged(program: Program, sources: Sources) -> Iterator[Tenants]:
    """The files that speak of tenants, and those that import records which have one."""
    fields = program.bindings.tenant_fields
    read: set[str] = set()
    declaring: set[str] = set()
    for source in sources.glanced(KIND, may_hold):
        tenants = Tenants(sources, source, fields)
        read.add(source.module.name)
        if tenants.declares():
            declaring.add(source.module.name)
        yield tenants
    for source in importing(program, sources, declaring, read):
        yield Tenants(sources, source, fields, knows=True)
