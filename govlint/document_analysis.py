"""Running the document checks: rules times documents gives raw findings."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from govlint.analysis import crash, load_check
from govlint.catalog import make_params
from govlint.documents.document import Documents
from govlint.errors import RuleError
from govlint.model import Finding, Problem, Rule
from govlint.record import Outcome

if TYPE_CHECKING:
    from govlint.documents.document import Document


def analyse_documents(read: Iterable[Document], rules: Sequence[Rule]) -> Outcome:
    """Run the checks of `rules` over documents. A check that crashes becomes a Problem.

    A document that could not be read is never passed over: where no rule of the run says
    so, a Problem does.
    """
    documents = Documents(sorted(read, key=lambda document: document.path))
    outcome = Outcome([], [], set())
    for rule in rules:
        if documents.of(*rule.documents):
            _run_check(rule, documents, outcome)
    judged = {kind for rule in rules for kind in rule.documents}
    outcome.problems.extend(
        faults_left([d for d in documents if d.kind in judged], outcome.findings)
    )
    return outcome


def _run_check(rule: Rule, documents: Documents, outcome: Outcome) -> None:
    check = load_check(rule)
    try:
        params = make_params(rule)
    except ValueError as error:
        raise RuleError(str(error), rule.path) from None
    try:
        outcome.findings.extend(check.run(rule, params, documents))
    except (RecursionError, MemoryError):
        message = f"{rule.code} ({rule.name}) met a document too large or deep to be judged"
        outcome.problems.append(Problem("limit", message))
        outcome.undecided.add(rule.code)
    except Exception as error:
        outcome.problems.append(crash(f"{rule.code} ({rule.name})", error))
        outcome.undecided.add(rule.code)


def faults_left(documents: Iterable[Document], findings: Iterable[Finding]) -> list[Problem]:
    """A Problem for every document that could not be read and that no finding says so of."""
    told = {(finding.location.path, finding.location.line) for finding in findings}
    left = []
    for document in documents:
        if document.faults and not any(
            (document.path, fault.line) in told for fault in document.faults
        ):
            fault = document.faults[0]
            message = f"is no {document.kind.replace('-', ' ')} that can be read: {fault.message}"
            left.append(Problem("undecodable", message, document.path, fault.line))
    return left
