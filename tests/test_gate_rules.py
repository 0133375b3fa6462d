"""The rules about the gate, run on every block of their pages and on cases beside them."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from govlint.model import Finding, Rule, Severity
from govlint.python.bindings import Bindings
from govlint.python.linking import link
from govlint.python.program import Program
from govlint.python.syntax.source import ScannedFile

RULES = Path(__file__).parent.parent / "rules" / "execution"
CHECKS = {
    "GOV201": "gate_finally",
    "GOV202": "finally_metrics",
    "GOV203": "finally_swallows",
    "GOV401": "validation_bypass",
    "GOV402": "envelope_bypass",
    "GOV403": "internal_exposed",
}
_FENCE = re.compile(r'^```python(?: title="(?P<title>[^"]+)")?\n(?P<body>.*?)^```$', re.M | re.S)
_EXPECT = re.compile(r"#\s*expect:\s*(?P<codes>GOV\d+(?:\s*,\s*GOV\d+)*)")


@dataclass(frozen=True)
class Example:
    """One group of blocks of a page: a small project."""

    name: str
    files: dict[str, str]

    def expected(self) -> set[tuple[str, int, str]]:
        """Path, line and code of every mark."""
        return {
            (path, number, code.strip())
            for path, text in self.files.items()
            for number, line in enumerate(text.split("\n"), 1)
            for found in [_EXPECT.search(line)]
            if found
            for code in found["codes"].split(",")
            if code.strip() in CHECKS
        }


def examples() -> Iterator[Example]:
    """All projects of all pages of this pack's gate rules."""
    for page in sorted(RULES.glob("GOV[24]*.md")):
        text = page.read_text(encoding="utf-8")
        groups: list[dict[str, str]] = []
        end = -1
        for match in _FENCE.finditer(text):
            joined = bool(match["title"]) and not text[end : match.start()].strip() and end > 0
            if not joined:
                groups.append({})
            groups[-1][match["title"] or "example.py"] = match["body"]
            end = match.end() if match["title"] else -1
        for number, files in enumerate(groups, 1):
            yield Example(f"{page.stem[:6]}-{number}", files)


def linked(files: dict[str, str], bindings: Bindings) -> Program:
    """The program that the files make."""
    scanned = [
        ScannedFile(
            path,
            f"/nowhere/{path}",
            path.removesuffix(".py").removesuffix("/__init__").replace("/", "."),
            text.encode(),
            frozenset({"class", "def"}),
            is_package=path.endswith("__init__.py"),
        )
        for path, text in files.items()
    ]
    return link(scanned, bindings, Path("/nowhere"))


def judge(files: dict[str, str], bindings: Bindings | None = None) -> list[Finding]:
    """What the six checks find."""
    program = linked(files, bindings or Bindings())
    found: list[Finding] = []
    for code, module in CHECKS.items():
        check = importlib.import_module(f"govlint.checks.{module}")
        texts = ("", "execution", "", "", "", "", "")
        rule = Rule(code, module, Severity.ERROR, "0.1.0", check.KIND, {}, *texts)
        found += check.run(rule, check.Params(), program)
    return found


@pytest.mark.parametrize("example", list(examples()), ids=lambda example: example.name)
def test_every_block_is_found_as_its_page_says(example: Example) -> None:
    found = [(f.location.path, f.location.line, f.rule) for f in judge(example.files)]
    assert sorted(found) == sorted(example.expected())


def cases() -> Iterator[Example]:
    """Further projects, in `tests/data/gate_cases.txt`: `===== name`, then `#### path` each."""
    text = (Path(__file__).parent / "data" / "gate_cases.txt").read_text(encoding="utf-8")
    for case in re.split(r"^===== ", text, flags=re.M)[1:]:
        name, _, body = case.partition("\n")
        parts = re.split(r"^#### (\S+)\n", body, flags=re.M)
        yield Example(name, dict(zip(parts[1::2], parts[2::2], strict=True)))


@pytest.mark.parametrize("example", list(cases()), ids=lambda example: example.name)
def test_every_case_is_found_as_it_is_marked(example: Example) -> None:
    found = [(f.location.path, f.location.line, f.rule) for f in judge(example.files)]
    assert sorted(found) == sorted(example.expected())


def test_a_finding_says_where_the_path_goes_past_the_call() -> None:
    page = (RULES / "GOV202-metrics-not-in-finally.md").read_text(encoding="utf-8")
    example = next(e for e in examples() if e.name == "GOV202-2")
    assert "Only when a condition holds." in page
    (finding,) = judge(example.files)
    (step,) = finding.related
    lines = example.files["example.py"].split("\n")
    assert lines[step.location.line - 1].strip() == "if plugin.enabled:"
    assert "false" in step.message
    keyword = lines[finding.location.line - 1]
    assert keyword[finding.location.column - 1 : finding.location.end_column - 1] == "finally"


def test_names_of_another_project_are_bound() -> None:
    files = {
        "jobs.py": (
            "class Operator:\n"
            "    def execute(self, context): ...\n\n"
            "class TaskRunner:\n"
            "    def start(self, operator: Operator, context):\n"
            "        return operator.execute(context)\n"
        )
    }
    bindings = Bindings(
        plugins=("Operator",),
        governed_methods=("execute",),
        gates=("TaskRunner.start",),
        metrics=("Statistics.count",),
        validate_input=("check_context",),
    )
    found = judge(files, bindings)
    assert {(f.rule, f.location.line) for f in found} == {
        ("GOV201", 5),
        ("GOV401", 6),
        ("GOV402", 6),
    }
    texts = " ".join(f.message for f in found)
    assert "count()" in texts and "check_context()" in texts
