"""Whatever the code makes the analysis do, a run ends, says so and is no pass."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import pytest
import stub_rules
from stub_rules import stub_catalog

from govlint import engine
from govlint.config import load_config
from govlint.model import RunResult, exit_code
from govlint.python.flow.fixpoint import Flow
from govlint.python.flow.statements import Interpreter
from govlint.threads import TimeLimit, run_on_stack


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    stub_rules.install(monkeypatch)
    (tmp_path / "govlint.toml").write_text("time-limit = 1\n", "utf-8")
    (tmp_path / "a.py").write_text("x = 1\nforbidden()\n", "utf-8")
    (tmp_path / "b.py").write_text("f(\n", "utf-8")
    return tmp_path


def check(*paths: str) -> RunResult:
    return engine.run(paths, load_config(paths), stub_catalog())


def test_linking_that_does_not_end_is_given_up_at_a_place(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stuck(self: Any) -> None:
        node = self.module.tree.body[1]
        while node:
            pass

    monkeypatch.setattr(Interpreter, "run", stuck)
    started = time.monotonic()
    for paths in ((), ("b.py",)):
        result = check(*paths)
        (problem,) = result.problems
        assert problem.kind == "timeout"
        assert "linking was given up at a.py:2 after 1 seconds" in problem.message
        assert "`time-limit`" in problem.message
        assert exit_code(result) == 3
        assert [f.rule for f in result.findings] == ["GOV901"]
    assert time.monotonic() - started < 60
    monkeypatch.undo()
    stub_rules.install(monkeypatch)
    monkeypatch.chdir(project)
    assert {f.rule for f in check().findings} == {"STB001", "GOV901"}  # nothing was remembered


def test_a_check_that_does_not_end_leaves_what_was_found_before_it(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(rule: Any, params: Any, program: Any) -> Any:
        if rule.code == "STB001":
            return stub_rules.run(rule, params, program)
        while True:
            try:
                time.sleep(0.01)
            except Exception:
                continue

    monkeypatch.setattr(sys.modules["govlint.checks.stub_call"], "run", run)
    result = check()
    (problem,) = result.problems
    assert "STB002 (other-call) was given up" in problem.message
    assert {f.rule for f in result.findings} == {"STB001", "GOV901"}


def test_an_analysis_that_cannot_be_interrupted_is_left_behind(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("govlint.threads._GRACE", 0.0)
    monkeypatch.setattr(Flow, "solve", lambda self: time.sleep(3))
    result = check()
    (problem,) = result.problems
    assert problem.kind == "timeout" and "was given up" in problem.message
    assert exit_code(result) == 3


def test_work_in_time_is_not_disturbed() -> None:
    done: list[int] = []
    run_on_stack(lambda: done.append(1), 1 << 20, 5)
    assert done == [1]
    with pytest.raises(ZeroDivisionError):
        run_on_stack(lambda: 1 / 0, 1 << 20, 5)
    assert not issubclass(TimeLimit, Exception)
