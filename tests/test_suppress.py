"""Suppression comments: what they silence, and what they are themselves found guilty of."""

from __future__ import annotations

import datetime

import pytest

from govlint.fix import _Text
from govlint.model import Finding, Location, Rule, Severity
from govlint.suppress import (
    REASON_KIND,
    UNUSED_KIND,
    Directive,
    Outcome,
    Suppressions,
    parse_directives,
)

TODAY = datetime.date(2026, 11, 21)


def rule(code: str, name: str, check: str) -> Rule:
    return Rule(code, name, Severity.ERROR, "0.1.0", check, {}, "", "p", "", "", "", "", "")


RULES = [
    rule("GOV101", "direct-plugin-run", "plugin-run"),
    rule("GOV102", "dynamic-plugin-dispatch", "dynamic-dispatch"),
    rule("GOV801", "suppression-without-reason", REASON_KIND),
    rule("GOV802", "unused-suppression", UNUSED_KIND),
]
_UNSELECTED = rule("GOV999", "not-selected", "x")
KNOWN = {key: r.code for r in [*RULES, _UNSELECTED] for key in (r.code, r.name)}


def at(line: int, code: str = "GOV101", end: int | None = None, path: str = "a.py") -> Finding:
    name = next(r.name for r in RULES if r.code == code)
    place = Location(path, line, 1, end or line, 5)
    return Finding(code, name, Severity.ERROR, "m", place)


def judge(text: str, *findings: Finding, undecided: tuple[str, ...] = ()) -> Outcome:
    suppressions = Suppressions(RULES, KNOWN, TODAY, undecided)
    return suppressions.apply(findings, {"a.py": parse_directives(text)})


def about(outcome: Outcome) -> list[tuple[str, int]]:
    return [(f.rule, f.location.line) for f in outcome.about]


def one(text: str) -> Directive:
    (directive,) = parse_directives(text)
    return directive


# -- reading ---------------------------------------------------------------------------------


def test_a_whole_comment_is_read() -> None:
    directive = one("x = 1  # govlint: ignore[a-b, GOV102] -- said so; until=2027-03-31\n")
    assert directive.rules == ("a-b", "GOV102")
    assert (directive.reason, directive.until) == ("said so", "2027-03-31")
    assert (directive.line, directive.column, directive.fault) == (1, 8, None)


@pytest.mark.parametrize(
    "text",
    [
        "# govlint: ignore[GOV101] -- why",
        "#govlint:ignore[GOV101]--why",
        "# GovLint: IGNORE [ GOV101 ]  ---  why",
        "# noqa: E501  # govlint: ignore[GOV101] -- why",
        "# govlint: ignore[GOV101] -- why  # noqa: E501",
        "# see below # govlint: ignore[GOV101] -- why",
    ],
)
def test_spelling_is_taken_lightly(text: str) -> None:
    directive = one(f"x = 1  {text}\n")
    assert (directive.rules, directive.reason, directive.fault) == (("GOV101",), "why", None)


def test_a_reason_may_hold_semicolons_dashes_and_numbers() -> None:
    assert one("# govlint: ignore[A] -- a; b -- c (#12)\n").reason == "a; b -- c (#12)"


@pytest.mark.parametrize(
    "text",
    ["x = '# govlint: ignore[GOV101]'\n", "# govlint is a linter\n", "# uses govlint: yes\n"],
)
def test_what_only_speaks_of_it_is_none(text: str) -> None:
    assert parse_directives(text) == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("# govlint: ignore", "names no rule"),
        ("# govlint: ignore[]", "names no rule"),
        ("# govlint: ignore -- why", "names no rule"),
        ("# govlint: ignore[GOV101]", "gives no reason"),
        ("# govlint: ignore[GOV101] --", "gives no reason"),
        ("# govlint: ignore[GOV101] -- ; until=2027-01-01", "gives no reason"),
        ("# govlint: ignore[GOV101] because", "has 'because' where ' -- reason' is due"),
        ("# govlint: ignore[GOV101] -- why; until=soon", "until=soon, which is no date"),
        ("# govlint: ignore[GOV101] -- why; until=2027-02-30", "no date"),
        ("# govlint: ignore[GOV101] -- why; until=20270201", "no date"),
        ("# govlint: ignroe[GOV101] -- why", "unknown word 'ignroe'"),
        ("# govlint: disable", "unknown word 'disable'"),
        ("# govlint:", "says nothing"),
        ("# govlint ignore[GOV101] -- why", "no colon"),
        (
            "# govlint: ignore[GOV10l] -- why",
            "names 'GOV10l', which is no rule; did you mean 'GOV10",
        ),
        ("# govlint: ignore[direct-plugin] -- why", "did you mean 'direct-plugin-run'?"),
        ("# govlint: ignore[GOV801] -- why", "cannot be suppressed"),
        ("# govlint: ignore-file[GOV101] -- why", "does not stand on a line of its own"),
    ],
)
def test_a_faulty_comment_is_found_and_silences_nothing(text: str, words: str) -> None:
    outcome = judge(f"run()  {text}\n", at(1))
    assert about(outcome) == [("GOV801", 1)]
    assert words in outcome.about[0].message
    assert len(outcome.kept) == 1


# -- silencing ---------------------------------------------------------------------------------


def test_a_comment_silences_the_finding_of_its_line() -> None:
    outcome = judge("run()  # govlint: ignore[direct-plugin-run] -- why\n", at(1))
    assert (outcome.kept, outcome.about) == ([], [])
    (silenced,) = outcome.suppressed
    assert (silenced.kind, silenced.reason, silenced.until) == ("comment", "why", None)


MULTI = """\
result = call(  # first
    a,  # second
    b,
)  # last
"""


@pytest.mark.parametrize(
    ("comment", "finding", "silenced"),
    [("first", 1, True), ("first", 2, True), ("first", 3, True), ("last", 1, True),
     ("last", 3, True), ("second", 2, True), ("second", 1, False), ("second", 3, False)],
)  # fmt: skip
def test_first_and_last_line_of_a_statement_count(
    comment: str, finding: int, silenced: bool
) -> None:
    text = MULTI.replace(f"# {comment}", "# govlint: ignore[GOV101] -- why")
    outcome = judge(text, at(finding))
    assert bool(outcome.suppressed) is silenced
    line = {"first": 1, "second": 2, "last": 4}[comment]
    assert about(outcome) == ([] if silenced else [("GOV802", line)])


def test_the_last_line_of_a_finding_counts() -> None:
    text = "x = 1\ndef f():\n    return 1  # govlint: ignore[GOV101] -- why\n"
    assert judge(text, at(2, end=3)).kept == []


def test_a_comment_does_not_reach_other_lines_rules_or_files() -> None:
    text = "a\nrun()  # govlint: ignore[GOV101] -- why\n"
    findings = [at(1), at(2), at(2, "GOV102"), at(2, path="b.py")]
    assert judge(text, *findings).kept == [findings[0], findings[2], findings[3]]


def test_a_comment_for_the_file_silences_all_of_a_rule() -> None:
    text = "# govlint: ignore-file[GOV101] -- generated\nrun()\nrun()\n"
    findings = [at(2), at(3), at(3, "GOV102")]
    outcome = judge(text, *findings)
    assert outcome.kept == [findings[2]]
    assert len(outcome.suppressed) == 2
    assert outcome.about == []


def test_a_comment_for_the_file_must_stand_near_the_top() -> None:
    text = "x\n" * 60 + "# govlint: ignore-file[GOV101] -- generated\n"
    assert about(judge(text, at(1))) == [("GOV801", 61)]


def test_line_ends_of_any_kind_are_counted() -> None:
    text = "a\r\nb\rrun()  # govlint: ignore[GOV101] -- why\r\n"
    assert judge(text, at(3)).kept == []


# -- unused and expired --------------------------------------------------------------------------


def test_an_unused_comment_is_found_with_its_removal() -> None:
    text = "x = 1  # govlint: ignore[GOV101] -- why\n"
    outcome = judge(text)
    assert about(outcome) == [("GOV802", 1)]
    assert fixed(text, outcome) == "x = 1\n"


@pytest.mark.parametrize(
    ("text", "after"),
    [
        (
            "x = 1  # govlint: ignore[GOV101, GOV102] -- why\n",
            "x = 1  # govlint: ignore[GOV102] -- why\n",
        ),
        ("x = 1  # noqa: E501  # govlint: ignore[GOV101] -- why\n", "x = 1  # noqa: E501\n"),
        ("x = 1  # govlint: ignore[GOV101] -- why  # noqa: E501\n", "x = 1  # noqa: E501\n"),
        ("a\r\n  # govlint: ignore[GOV101] -- why\r\nb\r\n", "a\r\nb\r\n"),
        ("# govlint: ignore-file[GOV101] -- why\nx\n", "x\n"),
        ("a\n# govlint: ignore[GOV101] -- why", "a\n"),
        ("ü = 1\t# govlint: ignore[GOV101] -- why", "ü = 1"),
    ],
)
def test_the_removal_leaves_the_rest_as_it_was(text: str, after: str) -> None:
    outcome = judge(text, *([at(1, "GOV102")] if "GOV102" in text else []))
    assert [code for code, _ in about(outcome)] == ["GOV802"]
    assert fixed(text, outcome) == after


def fixed(text: str, outcome: Outcome) -> str:
    fix = outcome.about[0].fix
    assert fix is not None
    file = _Text(text.encode(), "a.py")
    file.taken = [file.span(edit) for edit in fix.edits]
    return file.result().decode()


def test_a_comment_on_its_own_line_is_told_where_to_stand() -> None:
    outcome = judge("# govlint: ignore[GOV101] -- why\nrun()\n", at(2))
    assert len(outcome.kept) == 1
    assert "stands on a line of its own" in outcome.about[0].message


def test_only_selected_rules_are_judged_unused() -> None:
    assert judge("x  # govlint: ignore[GOV999] -- why\n").about == []


def test_rules_and_files_that_were_not_decided_are_not_judged() -> None:
    text = "x  # govlint: ignore[GOV101] -- why\n"
    assert judge(text, undecided=("GOV101",)).about == []
    suppressions = Suppressions(RULES, KNOWN, TODAY)
    assert suppressions.apply([], {"a.py": parse_directives(text)}, ["a.py"]).about == []


@pytest.mark.parametrize(("until", "silences"), [("2026-11-21", True), ("2026-11-20", False)])
def test_an_end_date_is_the_last_day(until: str, silences: bool) -> None:
    outcome = judge(f"run()  # govlint: ignore[GOV101] -- why; until={until}\n", at(1))
    assert bool(outcome.suppressed) is silences
    assert about(outcome) == ([] if silences else [("GOV802", 1)])
    if not silences:
        assert f"expired on {until}" in outcome.about[0].message
    else:
        assert outcome.suppressed[0].until == until


def test_findings_about_suppressions_cannot_be_silenced_by_one_for_the_file() -> None:
    text = "# govlint: ignore-file[GOV802, GOV101] -- why\nx  # govlint: ignore[GOV102] -- why\n"
    outcome = judge(text, at(2))
    assert about(outcome) == [("GOV801", 1), ("GOV802", 2)]


def test_nothing_is_said_when_the_rules_about_it_are_not_selected() -> None:
    suppressions = Suppressions(RULES[:2], KNOWN, TODAY)
    outcome = suppressions.apply([at(1)], {"a.py": parse_directives("x  # govlint: ignore\n")})
    assert outcome.about == []
    assert len(outcome.kept) == 1
