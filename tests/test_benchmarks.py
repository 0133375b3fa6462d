"""The comparison ends, whatever the commands it times do, and says what did not work."""

from __future__ import annotations

import sys
import time
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest

_FOLDER = Path(__file__).parent.parent / "benchmarks"


@pytest.fixture
def compare(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(_FOLDER))
    spec = spec_from_file_location("compare", _FOLDER / "compare.py")
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "compare", module)
    spec.loader.exec_module(module)
    return module


def _python(compare: Any, name: str, code: str, folder: Path) -> Any:
    return compare.Subject(name, [sys.executable, "-c", code], folder)


def test_a_command_that_hangs_fails_or_is_absent_has_a_row_that_says_so(
    compare: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compare, "TIMEOUT", 1.0)
    subjects = [
        _python(compare, "ruff", "sum(range(10**6))", tmp_path),
        _python(compare, "hangs", "import time; time.sleep(60)", tmp_path),
        _python(compare, "fails", "raise SystemExit(7)", tmp_path),
        compare.Subject("missing", [], tmp_path, note="absent: could not be installed"),
    ]
    started = time.monotonic()
    compare.measure([("tree", subjects)], 3, time.monotonic() + 60)
    assert time.monotonic() - started < 30
    told = {row["name"]: row for row in compare.rows(subjects)}
    assert told["ruff"]["runs"] == 3 and told["ruff"]["ratio"] == told["ruff"]["cpu ratio"] == 1
    assert told["hangs"] == {"name": "hangs", "runs": 0, "note": "given up after 1 s"}
    assert told["fails"]["note"] == "exit code 7" and told["fails"]["cpu"] > 0
    text = compare.table("tree", list(told.values()))
    assert "| missing | – | – | – | – | – | – | 0 | absent: could not be installed |" in text
    assert "| ruff | 0." in text and "÷ ruff" in text


def test_what_does_not_fit_the_time_is_run_less_often(compare: Any, tmp_path: Path) -> None:
    subject = _python(compare, "python -c pass", "pass", tmp_path)
    compare.measure([("tree", [subject])], 50, time.monotonic())
    assert len(subject.wall) == 1
    assert "÷ python -c pass" in compare.table("tree", compare.rows([subject]))


def test_the_same_arguments_give_the_same_project(tmp_path: Path) -> None:
    from runpy import run_path

    generate = run_path(str(_FOLDER / "generate.py"))
    assert list(generate["files"](200)) == list(generate["files"](200))
    services = generate["write"](tmp_path, 200)
    python = sorted(tmp_path.rglob("*.py"))
    assert len(python) == 200 and services
    for path in python:
        compile(path.read_text("utf-8"), str(path), "exec")


def test_the_documents_that_are_timed_are_clean(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from runpy import run_path

    from govlint import engine
    from govlint.catalog import load_catalog
    from govlint.config import load_config

    generate = run_path(str(_FOLDER / "generate_documents.py"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "govlint.toml").touch()
    generate["write_reports"](tmp_path / "reports", 39)
    for shape in ("chain", "diamond", "independent"):
        assert generate["write_mission"](tmp_path / f"{shape}.yaml", 40, shape) == 40
    assert generate["write_mission"](tmp_path / "big.yaml", 0, "chain", 0.1) > 300
    result = engine.run(["."], load_config(["."]), load_catalog(), engine.Options(cache=False))
    assert len(result.documents) == 43 and not result.findings and not result.problems


def test_documents_are_timed_beside_their_peers(
    compare: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = spec_from_file_location("documents", _FOLDER / "documents.py")
    assert spec is not None and spec.loader is not None
    documents = module_from_spec(spec)
    spec.loader.exec_module(documents)
    subjects = documents.reports(tmp_path, 26, {"yamllint": sys.executable})
    rows = documents.measure(subjects, 1)
    assert [row["runs"] for row in rows] == [1, 1, 0, 0]
    assert rows[2]["note"].startswith("absent") and rows[3]["note"].startswith("exit code 2")
    text = documents.table("26 reports", rows, rows[0]["name"], 26)
    assert "| govlint, all 16 rules |" in text and "| check-jsonschema | – |" in text
    [judged, events, loaded, _] = documents.mission(tmp_path, "diamond", 30, {})
    told = documents.measure([judged, events, loaded], 1)
    assert all(row["runs"] == 1 and row["memory"] > 5 for row in told), told
    assert "| 100 steps |" in documents.inside(tmp_path, (100,))


def test_the_verifier_is_measured_on_a_run_that_verifies(
    capsys: pytest.CaptureFixture[str],
) -> None:
    spec = spec_from_file_location("bench_verify", _FOLDER / "verify.py")
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.main(400) > 0
    assert "404 events of " in capsys.readouterr().out
