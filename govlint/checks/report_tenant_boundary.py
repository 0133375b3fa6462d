"""A policy gate without approval, permission or tenant boundary (RPT011)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from govlint.documents.document import Documents
from govlint.documents.reports.findings import each_report
from govlint.documents.reports.guardrails import missing_policy_gates
from govlint.model import Finding, Rule

KIND = "report-tenant-boundary"
TRIGGERS: tuple[str, ...] = ()
DOCUMENTS = ("report",)
ALONE = True  # each report is judged by itself


@dataclass(frozen=True)
class Params:
    """This check takes no parameters."""


def run(rule: Rule, params: Params, documents: Documents) -> Iterable[Finding]:
    """One finding a policy gate, that names all it lacks."""
    return each_report(rule, documents, missing_policy_gates)
