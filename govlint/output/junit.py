"""The `junit` format: for every CI system that reads test reports.

A finding is a failed test case, a problem one in error, a suppressed finding a skipped
one with its reason. Rules without a finding are passed cases, but only of a run that
could decide everything: a problem is never a pass.
"""

from __future__ import annotations

from collections.abc import Iterator
from xml.sax.saxutils import escape, quoteattr

from govlint.model import Finding, Location, Problem, RunResult, Suppressed
from govlint.output._characters import inert
from govlint.output._summary import SUPPRESSION_WORDS, checked

FORMAT = "junit"


def render(result: RunResult) -> str:
    """The run as one test suite in XML 1.0; characters XML forbids are written as escapes."""
    cases = list(_cases(result))
    counts = (
        f'tests="{len(cases)}" failures="{len(result.findings)}" '
        f'errors="{len(result.problems)}" skipped="{len(result.suppressed)}"'
    )
    lines = (
        '<?xml version="1.0" encoding="utf-8"?>',
        f'<testsuites name="govlint" {counts}>',
        f'<testsuite name="govlint" {counts}>',
        f'<properties><property name="ruleset" value={_quote(result.ruleset)}/>'
        f'<property name="checked" value={_quote(checked(result))}/></properties>',
        *cases,
        "</testsuite>",
        "</testsuites>",
    )
    return "\n".join(lines) + "\n"


def _cases(result: RunResult) -> Iterator[str]:
    yield from map(_problem, result.problems)
    yield from map(_failure, result.findings)
    yield from map(_skipped, result.suppressed)
    if result.problems:
        return
    found = {finding.rule for finding in result.findings}
    for rule in result.rules:
        if rule.code not in found:
            name = f"{rule.code} [{rule.name}]"
            yield f'<testcase classname="govlint.rules" name={_quote(name)}/>'
    if not result.findings:
        yield f'<testcase classname="govlint" name={_quote(f"{checked(result)}: no findings")}/>'


def _case(finding: Finding, content: str) -> str:
    place = finding.location
    name = f"{finding.rule} [{finding.name}] at {place.line}:{place.column}"
    return (
        f"<testcase classname={_quote(place.path)} name={_quote(name)} "
        f'file={_quote(place.path)} line="{place.line}">{content}</testcase>'
    )


def _failure(finding: Finding) -> str:
    lines = [f"{_describe(finding.location)}: {finding.message}"]
    for number, step in enumerate(finding.related, start=1):
        lines.append(f"  {number}. {_describe(step.location)}: {step.message}")
    if finding.help:
        lines += ["", finding.help]
    return _case(
        finding,
        f"<failure type={_quote(finding.severity.label)} message={_quote(finding.message)}>"
        f"{_text(chr(10).join(lines))}</failure>",
    )


def _skipped(suppressed: Suppressed) -> str:
    kind = SUPPRESSION_WORDS.get(suppressed.kind, f"by {suppressed.kind}")
    until = f" (until {suppressed.until})" if suppressed.until else ""
    message = f"suppressed {kind}: {suppressed.reason}{until}"
    return _case(suppressed.finding, f"<skipped message={_quote(message)}/>")


def _problem(problem: Problem) -> str:
    where = f"file={_quote(problem.path)} " if problem.path else ""
    return (
        f"<testcase classname={_quote(problem.path or 'govlint')} "
        f'name={_quote(f"govlint: {problem.kind}")} {where}line="{problem.line}">'
        f"<error type={_quote(problem.kind)} message={_quote(problem.message)}/></testcase>"
    )


def _describe(place: Location) -> str:
    pointer = f" {place.pointer}" if place.pointer else ""
    return f"{place.path}:{place.line}:{place.column}{pointer}"


def _text(text: str) -> str:
    # A bare carriage return would be read back as a line feed (XML 1.0 section 2.11).
    return escape(inert(text), {"\r": "&#13;"})


def _quote(text: str) -> str:
    return quoteattr(inert(text))
