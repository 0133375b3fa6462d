"""From breaches in plain values to findings with lines: what the checks of reports share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from govlint.documents.document import Document, Documents
from govlint.documents.reports.phase_graph import ReportSet
from govlint.documents.reports.shape import Breach
from govlint.model import Finding, Location, Related, Rule

KIND = "report"


def readable(documents: Documents) -> list[Document]:
    """The reports that could be read; what keeps another from it is said by RPT001."""
    return [document for document in documents.of(KIND) if not document.faults]


def each_report(
    rule: Rule, documents: Documents, judge: Callable[[Any], Iterable[Breach]]
) -> Iterator[Finding]:
    """The findings of a rule that looks at one report at a time."""
    for document in readable(documents):
        for breach in judge(document.value):
            yield finding(rule, document, breach)


def report_set(
    rule: Rule,
    documents: Documents,
    judge: Callable[[ReportSet], Iterable[tuple[int, Breach]]],
) -> Iterator[Finding]:
    """The findings of a rule that looks at all reports together."""
    read = readable(documents)
    given = ReportSet(tuple(document.value for document in read))
    for index, breach in judge(given):
        yield finding(rule, read[index], breach, read)


def finding(
    rule: Rule, document: Document, breach: Breach, read: Sequence[Document] = ()
) -> Finding:
    """A breach in a document as a finding of `rule`."""
    return rule.finding(
        breach.message,
        _place(document, breach),
        related=tuple(
            Related((document if index < 0 else read[index]).location(pointer), message)
            for index, pointer, message in breach.related
        ),
    )


def _place(document: Document, breach: Breach) -> Location:
    if breach.span is not None:
        return document.scalar_location(breach.pointer, *breach.span)
    return document.location(breach.pointer, key=breach.key)
