"""`govlint role check`: what it takes for a role, where the roles come from, and its exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from role_documents import registry, role

from govlint.cli import main


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "pyproject.toml").write_text("[tool.govlint]\n")
    roles = tmp_path / "roles"
    roles.mkdir()
    (roles / "registry.json").write_text(json.dumps(registry("scanner")))
    (roles / "scanner.json").write_text(json.dumps(role()))
    (tmp_path / "ci").mkdir()
    (tmp_path / "ci" / "good.sh").write_text("@role ecosystem.scanner scan src/\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, list[str]]:
    with pytest.raises(SystemExit) as stop:
        main(["role", "check", "--no-cache", "--format", "json", *arguments])
    found = json.loads(capsys.readouterr().out)["findings"]
    assert isinstance(stop.value.code, int)
    return stop.value.code, [f"{f['rule']} {f['path']}:{f['line']}" for f in found]


def test_a_sound_project_is_clean(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys) == (0, [])


def test_a_single_script_is_judged_by_the_project_s_roles(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "ci" / "bad.sh").write_text("@role ecosystem.ghost scan src/\n")
    assert run(capsys, "ci/bad.sh") == (1, ["ROL005 ci/bad.sh:1"])
    assert run(capsys, "ci/good.sh") == (0, [])


def test_findings_are_of_the_named_files_alone(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "roles" / "other.json").write_text(json.dumps(role("other")))
    assert run(capsys, "roles/scanner.json") == (0, [])
    assert run(capsys, "roles/other.json") == (1, ["ROL002 roles/other.json:1"])


def test_python_strings_and_workflows_are_judged(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "call.py").write_text("import os\nos.system('@role ecosystem.ghost scan x')\n")
    (project / "flow.yml").write_text('run: "@role ecosystem.scanner scan x --nope=1"\n')
    (project / "test_call.py").write_text("PARSED = '@role ecosystem.ghost scan x'\n")
    assert run(capsys) == (1, ["ROL005 call.py:2", "ROL005 flow.yml:1"])


def test_a_named_file_is_taken_for_a_definition(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "x.json").write_text('{"id": "a.b"}')
    code, found = run(capsys, "x.json")
    assert code == 1 and found[0] == "ROL001 x.json:1"


def test_what_is_not_there_is_no_pass(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "nope.json") == (3, [])


def test_a_comment_silences_a_call(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = "@role ecosystem.ghost scan x  # govlint: ignore[role-command] -- it comes next week\n"
    (project / "ci" / "bad.sh").write_text(line)
    assert run(capsys, "ci/bad.sh") == (0, [])


def test_a_text_that_shows_a_suppression_of_code_is_no_suppression(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = "plugin.run(x)  # govlint: ignore[direct-plugin-run] -- the probe is no execution\n"
    (project / "README.md").write_text(f"`@role` starts a call.\n\n```python\n{shown}```\n")
    assert run(capsys) == (0, [])
    line = "@role ecosystem.scanner scan x  # govlint: ignore[role-command] -- not needed\n"
    (project / "ci" / "good.sh").write_text(line)
    assert run(capsys) == (1, ["GOV802 ci/good.sh:1"])
