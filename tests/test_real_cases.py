"""Look-alikes of code in published projects that was once judged wrongly."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from test_gate_rules import linked

from govlint.model import Rule, Severity
from govlint.python.bindings import Bindings

CHECKS = {"GOV101": "plugin_run", "GOV102": "dynamic_dispatch"}
_EXPECT = re.compile(r"#\s*expect:\s*(GOV\d+(?:\s*,\s*GOV\d+)*)")


def cases() -> Iterator[tuple[str, dict[str, str]]]:
    """The projects in `tests/data/real_cases.txt`: `===== name`, then `#### path` each."""
    text = (Path(__file__).parent / "data" / "real_cases.txt").read_text(encoding="utf-8")
    for case in re.split(r"^===== ", text, flags=re.M)[1:]:
        name, _, body = case.partition("\n")
        parts = re.split(r"^#### (\S+)\n", body, flags=re.M)
        yield name, dict(zip(parts[1::2], parts[2::2], strict=True))


@pytest.mark.parametrize("files", [pytest.param(files, id=name) for name, files in cases()])
def test_every_case_is_found_as_it_is_marked(files: dict[str, str]) -> None:
    program = linked(files, Bindings())
    found = set()
    for code, module in CHECKS.items():
        check = importlib.import_module(f"govlint.checks.{module}")
        rule = Rule(code, module, Severity.ERROR, "0.1.0", check.KIND, {}, *("",) * 7)
        for finding in check.run(rule, check.Params(), program):
            found.add((finding.location.path, finding.location.line, finding.rule))
    expected = {
        (path, number, code.strip())
        for path, text in files.items()
        for number, line in enumerate(text.split("\n"), 1)
        for match in [_EXPECT.search(line)]
        if match
        for code in match[1].split(",")
    }
    assert found == expected
