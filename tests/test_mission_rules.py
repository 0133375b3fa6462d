"""Missions through the pipeline: each breach of a good one, and what --fix makes of dialects."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from govlint import engine
from govlint.catalog import load_catalog
from govlint.cli import main
from govlint.config import load_config

GOOD: dict[str, Any] = {
    "version": "1.0",
    "name": "Nightly",
    "description": "a mission without a fault",
    "config": {"timeout_seconds": 600, "fail_fast": False, "max_concurrent_steps": 2},
    "steps": [
        {
            "id": "fetch",
            "name": "Fetch",
            "step_type": "http",
            "timeout_seconds": 60,
            "continue_on_error": True,
            "parameters": {"url": "https://api.example.com/{{env.DAY}}"},
        },
        {
            "id": "save",
            "name": "Save",
            "step_type": "create_file",
            "depends_on": ["fetch"],
            "parameters": {"path": "out/data.json", "content": "{{fetch.output.response}}"},
        },
        {
            "id": "check",
            "name": "Check",
            "step_type": "command",
            "depends_on": ["save"],
            "parameters": {"command": "jq", "args": [".", "out/data.json"]},
        },
    ],
}


def _set(*path: str | int, to: Any) -> Callable[[Any], None]:
    def change(value: Any) -> None:
        for part in path[:-1]:
            value = value[part]
        value[path[-1]] = to

    return change


def _drop(*path: str | int) -> Callable[[Any], None]:
    def change(value: Any) -> None:
        for part in path[:-1]:
            value = value[part]
        del value[path[-1]]

    return change


S = "steps"
BREACHES: dict[str, tuple[Callable[[Any], None], str, str]] = {
    "no version": (_drop("version"), "MSN002", ""),
    "version a number": (_set("version", to=1.0), "MSN002", "/version"),
    "no name": (_drop("name"), "MSN002", ""),
    "name null": (_set("name", to=None), "MSN002", "/name"),
    "steps a mapping": (_set(S, to={"a": {"step_type": "noop"}}), "MSN002", "/steps"),
    "no steps": (_set(S, to=[]), "MSN002", "/steps"),
    "unknown key": (_set("colour", to="red"), "MSN002", "/colour"),
    "misspelt key": (_set("config", "fail_fats", to=True), "MSN002", "/config/fail_fats"),
    "limit zero": (
        _set("config", "max_concurrent_steps", to=0), "MSN002", "/config/max_concurrent_steps"),
    "no time at all": (
        _set("config", "timeout_seconds", to=0), "MSN014", "/config/timeout_seconds"),
    "bound a text": (
        _set("config", "timeout_seconds", to="600"), "MSN002", "/config/timeout_seconds"),
    "config a list": (_set("config", to=[]), "MSN002", "/config"),
    "step no id": (_drop(S, 2, "id"), "MSN002", "/steps/2"),
    "step no name": (_drop(S, 2, "name"), "MSN002", "/steps/2"),
    "step no type": (_drop(S, 2, "step_type"), "MSN002", "/steps/2"),
    "depends on a text": (_set(S, 2, "depends_on", to="save"), "MSN002", "/steps/2/depends_on"),
    "parameters a list": (_set(S, 2, "parameters", to=[]), "MSN002", "/steps/2/parameters"),
    "unknown type": (_set(S, 2, "step_type", to="comand"), "MSN003", "/steps/2/step_type"),
    "pascal case": (_set(S, 1, "step_type", to="CreateFile"), "MSN003", "/steps/1/step_type"),
    "unknown dependency": (
        _set(S, 2, "depends_on", 0, to="sav"), "MSN005", "/steps/2/depends_on/0"),
    "depends on itself": (
        _set(S, 2, "depends_on", to=["save", "check"]), "MSN005", "/steps/2/depends_on/1"),
    "bare variable": (
        _set(S, 1, "parameters", "content", to="{{summary}}"),
        "MSN007", "/steps/1/parameters/content"),
    "unknown setting": (
        _set(S, 1, "parameters", "content", to="{{config.colour}}"),
        "MSN007", "/steps/1/parameters/content"),
    "not upstream": (
        _set(S, 1, "parameters", "content", to="{{check.output.stdout}}"),
        "MSN008", "/steps/1/parameters/content"),
    "path upwards": (
        _set(S, 1, "parameters", "path", to="../data.json"), "MSN010", "/steps/1/parameters/path"),
    "a shell": (
        _set(S, 2, "parameters", to={"command": "bash", "args": ["-c", "ls"]}),
        "MSN011", "/steps/2/parameters/command"),
    "a password": (
        _set(S, 0, "parameters", "url", to="https://me:hunter22@api.example.com/"),
        "MSN012", "/steps/0/parameters/url"),
    "parameter missing": (_drop(S, 1, "parameters", "path"), "MSN013", "/steps/1/parameters"),
    "parameter unknown": (
        _set(S, 1, "parameters", "colour", to="red"), "MSN013", "/steps/1/parameters/colour"),
    "parameter of another type": (
        _set(S, 2, "parameters", "args", to="."), "MSN013", "/steps/2/parameters/args"),
    "no bound": (_drop("config", "timeout_seconds"), "MSN014", "/steps/2"),
    "bound of zero": (_set(S, 0, "timeout_seconds", to=0), "MSN014", "/steps/0/timeout_seconds"),
    "bound too long": (
        _set(S, 0, "timeout_seconds", to=601), "MSN014", "/steps/0/timeout_seconds"),
    "metadata": (
        _set(S, 0, "parameters", "url", to="http://169.254.169.254/"),
        "MSN015", "/steps/0/parameters/url"),
    "failure unseen": (
        _set(S, 2, "continue_on_error", to=True), "MSN016", "/steps/2/continue_on_error"),
}  # fmt: skip


def _found(text: str, name: str, folder: Path) -> list[tuple[str, str | None]]:
    (folder / name).write_text(text, encoding="utf-8")
    options = engine.Options(cache=False)
    result = engine.run([name], load_config([name]), load_catalog(), options)
    assert not result.problems
    return [(finding.rule, finding.location.pointer) for finding in result.findings]


def test_a_good_mission_is_clean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert _found(json.dumps(GOOD, indent=1), "mission.json", tmp_path) == []


@pytest.mark.parametrize("name", sorted(BREACHES))
def test_every_breach_is_one_finding_at_its_place(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    change, rule, pointer = BREACHES[name]
    broken = copy.deepcopy(GOOD)
    change(broken)
    assert _found(json.dumps(broken, indent=1), "mission.json", tmp_path) == [(rule, pointer)]


DIALECTS = {
    "mission.yaml": (
        """\
# a comment
version: "1.0"
name: x
config:
  max_parallel_steps: 4  # how many
  timeout_seconds: 60
steps:
  - id: build   # first
    step_type: CreateFile
    parameters:
      path: out.txt
  - {id: second, step_type: Noop, dependencies: [build]}
  - id: "third"
    type: noop
    timeout: 5
""",
        """\
# a comment
version: "1.0"
name: x
config:
  max_concurrent_steps: 4  # how many
  timeout_seconds: 60
steps:
  - id: build   # first
    name: build
    step_type: create_file
    parameters:
      path: out.txt
  - {id: second, name: second, step_type: noop, depends_on: [build]}
  - id: "third"
    name: "third"
    step_type: noop
    timeout_seconds: 5
""",
    ),
    "mission.json": (
        """\
{
  "version": "1.0",
  "name": "x",
  "steps": [
    {
      "id": "a",
      "step_type": "create_file",
      "config": {"path": "x.txt"},
      "dependencies": [],
      "timeout": 30
    },
    {"id": "b", "step_type": "Noop"}
  ]
}
""",
        """\
{
  "version": "1.0",
  "name": "x",
  "steps": [
    {
      "id": "a",
      "name": "a",
      "step_type": "create_file",
      "parameters": {"path": "x.txt"},
      "depends_on": [],
      "timeout_seconds": 30
    },
    {"id": "b", "name": "b", "step_type": "noop"}
  ]
}
""",
    ),
}


@pytest.mark.parametrize("name", sorted(DIALECTS))
@pytest.mark.parametrize("ending", ["\n", "\r\n"], ids=["lf", "crlf"])
def test_other_dialects_are_rewritten_and_the_rest_stays(
    name: str, ending: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, after = DIALECTS[name]
    path = tmp_path / name
    path.write_bytes(before.replace("\n", ending).encode())
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stop:
        main(["mission", "check", "--no-cache", "--fix", name])
    assert stop.value.code == 0
    assert path.read_bytes().decode() == after.replace("\n", ending)


def test_a_plan_tells_levels_and_the_critical_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mission.json").write_text(json.dumps(GOOD), encoding="utf-8")
    with pytest.raises(SystemExit) as stop:
        main(["mission", "plan", "--format", "json", "mission.json"])
    assert stop.value.code == 0
    plan = json.loads(capsys.readouterr().out)
    assert "fetch" in json.dumps(plan) and "out/data.json" in json.dumps(plan)
    for form in ("svg", "mermaid", "dot"):
        with pytest.raises(SystemExit) as stop:
            main(["mission", "graph", "--format", form, "mission.json"])
        assert stop.value.code == 0
        drawn = capsys.readouterr().out
        assert all(step["id"] in drawn for step in GOOD["steps"])
