"""Running the document checks: rules times documents gives raw findings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any

from govlint.analysis import crash, load_check
from govlint.catalog import make_params
from govlint.documents.document import Documents
from govlint.errors import RuleError
from govlint.model import Finding, Problem, Rule
from govlint.record import Outcome

if TYPE_CHECKING:
    from govlint.documents.document import Document


Run = Callable[[Rule, Any, Documents], Iterable[Finding]]


def analyse_documents(
    read: Iterable[Document], rules: Sequence[Rule], part: str = "run"
) -> Outcome:
    """Run the checks of `rules` over documents. A check that crashes becomes a Problem.

    A document that could not be read is never passed over: where no rule of the run says
    so, a Problem does.

    With `part` `alone` only what a check finds in one document by itself is told, so that
    documents can be judged wherever they are; with `together` only what it finds in the
    whole set, which the first left out. Only rules about `kinds_apart` have both.
    """
    documents = Documents(sorted(read, key=lambda document: document.path))
    outcome = Outcome([], [], set())
    for rule in rules:
        if documents.of(*rule.documents):
            _run_check(rule, documents, outcome, part)
    if part == "together":
        return outcome
    judged = {kind for rule in rules for kind in rule.documents}
    outcome.problems.extend(
        faults_left([d for d in documents if d.kind in judged], outcome.findings)
    )
    return outcome


def kinds_apart(rules: Sequence[Rule]) -> frozenset[str]:
    """The kinds of documents all of whose checks say what they find in one document alone.

    Such a check has ALONE, or the functions `alone` and `together`, which make up its `run`,
    and in TOLD what `together` looks at of a document's value.
    """
    apart: set[str] = set()
    bound: set[str] = set()
    for rule in rules:
        if rule.documents:
            check = load_check(rule)
            is_apart = getattr(check, "ALONE", False) or hasattr(check, "together")
            (apart if is_apart else bound).update(rule.documents)
    return frozenset(apart - bound)


def told(rules: Sequence[Rule], kind: str, value: Any) -> dict[str, Any] | None:
    """What the checks that judge a set of documents look at of one; None where there is none."""
    parts = {
        check.TOLD: None
        for check in (load_check(rule) for rule in rules if kind in rule.documents)
        if hasattr(check, "TOLD")
    }
    found: dict[str, Any] = {}
    for tell in parts:
        found.update(tell(value))
    return found if parts else None


def _run_of(check: ModuleType, part: str) -> Run | None:
    if part == "run" or (part == "alone" and getattr(check, "ALONE", False)):
        run: Run = check.run
        return run
    return getattr(check, part, None)


def _run_check(rule: Rule, documents: Documents, outcome: Outcome, part: str) -> None:
    check = load_check(rule)
    run = _run_of(check, part)
    if run is None:
        return
    try:
        params = make_params(rule)
    except ValueError as error:
        raise RuleError(str(error), rule.path) from None
    try:
        outcome.findings.extend(run(rule, params, documents))
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
