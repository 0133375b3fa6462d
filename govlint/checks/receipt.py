"""What a verification found of one kind, as findings (RCP001 to RCP013)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from govlint.model import Finding, Location, Rule, Severity
from govlint.receipts.faults import KINDS, Report

KIND = "receipt"
TRIGGERS: tuple[str, ...] = ()
DOCUMENTS = ("receipt",)  # only `govlint verify` reads them: they need its trust policy


@dataclass(frozen=True)
class Params:
    """`fault` is the kind of fault that the rule is about, one of `receipts.faults.KINDS`."""

    fault: str

    def __post_init__(self) -> None:
        if self.fault not in KINDS:
            raise TypeError(f"fault {self.fault!r} is none of {', '.join(KINDS)}")


def run(rule: Rule, params: Params, report: Report) -> Iterable[Finding]:
    """One finding a fault of the rule's kind, at the first line that is wrong."""
    for fault in report.faults:
        if fault.kind == params.fault:
            place = Location(fault.path, fault.line, 1, fault.line, 1)
            severity = Severity.WARNING if fault.weak else None
            yield rule.finding(fault.message, place, severity=severity)
