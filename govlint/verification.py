"""From what a verification found to what every writer takes: findings under the rules' pages."""

from __future__ import annotations

import os
from dataclasses import replace
from hashlib import sha256

from govlint.analysis import load_check
from govlint.catalog import Catalog, make_params, ruleset_digest
from govlint.model import Finding, Problem, Rule, RunResult
from govlint.receipts.faults import Report

DOCUMENT = "receipt"
STREAM = "-"


def rules_about_receipts(catalog: Catalog) -> list[Rule]:
    """The rules of the catalogue that `govlint verify` judges by."""
    return [rule for rule in catalog.rules.values() if DOCUMENT in rule.documents]


def as_result(report: Report, catalog: Catalog) -> RunResult:
    """The result of a verification, in the form that all writers take."""
    rules = rules_about_receipts(catalog)
    result = RunResult(rules=rules, ruleset=ruleset_digest(rules), files=report.files)
    for rule in rules:
        result.findings += load_check(rule).run(rule, make_params(rule), report)
    result.findings = [_shown(finding) for finding in result.findings]
    result.findings.sort(key=lambda f: (f.location.path, f.location.line, f.rule, f.message))
    result.problems = [
        Problem(entry.kind, entry.message, shown(entry.path)) for entry in report.undecided
    ]
    result.statistics.files = report.files
    for finding in result.findings:
        result.statistics.rules[finding.rule] = result.statistics.rules.get(finding.rule, 0) + 1
    return result


def shown(path: str) -> str:
    """A path as outputs have it: below the working directory, or whole."""
    if path == STREAM or path.startswith(STREAM + os.sep):
        return path.replace(os.sep, "/")
    relative = os.path.relpath(path)
    outside = relative == os.pardir or relative.startswith(os.pardir + os.sep)
    return (os.path.abspath(path) if outside else relative).replace(os.sep, "/")


def _shown(finding: Finding) -> Finding:
    location = replace(finding.location, path=shown(finding.location.path))
    key = "\0".join(("1", finding.rule, location.path, str(location.line), finding.message))
    digest = sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
    return replace(finding, location=location, fingerprint=digest)
