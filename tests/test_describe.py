"""`govlint describe`: what holds for a path, whether or not it is there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from govlint.cli import main


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "pyproject.toml").write_text(
        "[tool.govlint]\nexclude = ['vendor/']\n"
        "[[tool.govlint.per-path]]\npaths = ['legacy/']\nignore = ['GOV101']\nreason = 'leaving'\n"
        "[[tool.govlint.per-path]]\npaths = ['legacy/']\nignore = ['GOV102']\nreason = 'gone'\n"
        "until = 2001-01-01\n"
    )
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as stop:
        main(["describe", *arguments])
    out, err = capsys.readouterr()
    return int(str(stop.value.code)), out, err


def _json(capsys: pytest.CaptureFixture[str], path: str) -> dict[str, Any]:
    code, out, _ = _run(capsys, "--format", "json", path)
    assert code == 0
    document: dict[str, Any] = json.loads(out)
    return document


def test_a_file_that_is_not_there_yet_gets_its_layer_by_its_name(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = _run(capsys, "app/job_execution_service.py")
    assert code == 0
    assert "not written yet" in out
    assert "layer JobExecutionService" in out
    assert "it calls PluginExecutionService and no other layer" in out
    assert "GOV101 direct-plugin-run" in out


@pytest.mark.parametrize(
    ("path", "part", "calls"),
    [
        ("app/api/orders.py", "API", "AnalysisExecutionService"),
        ("app/tool_runner.py", "gate", "the plugin"),
        ("app/plugin_execution_service.py", "layer PluginExecutionService", "ToolRunner"),
        ("app/policy_engine.py", "policy", None),
        ("app/plugin_registry.py", "plugin registry", None),
    ],
)
def test_a_place_or_name_gives_the_part(
    project: Path, capsys: pytest.CaptureFixture[str], path: str, part: str, calls: str | None
) -> None:
    roles = _json(capsys, path)["roles"]
    assert {(role["part"], role["calls"]) for role in roles} >= {(part, calls)}


def test_the_classes_of_a_file_say_more_than_its_name(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "content.py").write_text("class Content(runtime.RuntimeParticipant): ...\n")
    found = _json(capsys, "content.py")
    assert found["exists"] is True
    assert found["roles"] == [
        {
            "part": "domain service",
            "evidence": "Content derives from RuntimeParticipant",
            "calls": None,
        }
    ]


def test_tests_documents_and_excluded_paths_are_told_apart(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    test = _json(capsys, "tests/test_gate.py")
    assert test["kind"] == "test"
    assert {rule["rule"] for rule in test["rules"]} == {"GOV702", "GOV801", "GOV802", "GOV901"}
    assert _json(capsys, "README.md")["rules"] == []
    excluded = _json(capsys, "vendor/x.py")
    assert excluded["kind"] == "excluded"
    assert {entry["reason"] for entry in excluded["exempt"]} == {"the path is excluded"}


def test_the_configuration_is_honoured_until_its_date(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = _json(capsys, "legacy/old.py")
    assert {"rule": "GOV101", "name": "direct-plugin-run", "reason": "leaving"} in found["exempt"]
    assert "GOV102" in {rule["rule"] for rule in found["rules"]}
    _, out, _ = _run(capsys, "legacy/old.py")
    assert "because leaving:\n  GOV101" in out


def test_a_broken_file_and_a_folder(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "broken.py").write_text("class (:\n")
    assert _json(capsys, "broken.py")["roles"] == []
    (project / "app").mkdir()
    code, _, err = _run(capsys, "app")
    assert code == 2
    assert "app is a folder; describe takes the path of one file" in err
