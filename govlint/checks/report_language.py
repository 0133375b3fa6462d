"""Political metaphors and labels that are no technical terms (RPT013)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from govlint.documents.document import Documents
from govlint.documents.reports.findings import each_report
from govlint.documents.reports.language import loaded_language, word_list
from govlint.model import Finding, Rule

KIND = "report-language"
TRIGGERS: tuple[str, ...] = ()
DOCUMENTS = ("report",)
ALONE = True  # each report is judged by itself


@dataclass(frozen=True)
class Params:
    """`add` maps more words to the reason against each; `allow` lists phrases that pass."""

    add: dict[str, str] = field(default_factory=dict)
    allow: tuple[str, ...] = ()


def run(rule: Rule, params: Params, documents: Documents) -> Iterable[Finding]:
    """One finding a text, at the first of its loaded words."""
    words = word_list(tuple(sorted(params.add.items())), params.allow)
    return each_report(rule, documents, lambda report: loaded_language(report, words))
