"""Gates that the bindings name: found, found idle, or not found, and never silently so."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from test_gate_rules import linked

from govlint.checks import gate_finally
from govlint.cli import main
from govlint.model import Rule, Severity
from govlint.python.bindings import Bindings
from govlint.python.gate.presence import absent

PLUGIN = (
    "class BasePlugin:\n    def run(self, payload): ...\n    def on_start(self, payload): ...\n"
)
RULE = Rule("GOV201", "gate-without-finally", Severity.ERROR, "0.1.0", "", {}, *("",) * 7)

TABLE = (
    PLUGIN
    + """
from bisect import insort


class Collection:
    def __init__(self):
        self.events = {kind: [] for kind in ("start", "stop")}

    def add(self, plugin: BasePlugin):
        for name in (x for x in dir(plugin) if x.startswith("on_")):
            method = getattr(plugin, name, None)
            if callable(method):
                insort(self.events[name[3:]], method)

    def run_event(self, name, item):
        for method in self.events[name]:
            item = method(item)
        return item
"""
)


def findings(files: dict[str, str], bindings: Bindings) -> list[tuple[str, int]]:
    program = linked(files, bindings)
    found = gate_finally.run(RULE, gate_finally.Params(), program)
    return [(f.severity.name.lower(), f.location.line) for f in found]


def test_a_function_of_a_module_is_a_gate() -> None:
    code = (
        PLUGIN + "\n\ndef execute(plugin: BasePlugin, payload):\n    return plugin.run(payload)\n"
    )
    assert findings({"app/gate.py": code}, Bindings(gates=("app.gate.execute",))) == [("error", 6)]


def test_a_gate_that_calls_what_a_table_holds_under_computed_names_is_found() -> None:
    found = findings(
        {"app.py": TABLE},
        Bindings(gates=("app.Collection.run_event",), governed_methods=("on_*",)),
    )
    assert found == [("error", TABLE.split("\n").index("    def run_event(self, name, item):") + 1)]


def test_a_configured_gate_in_which_no_plugin_is_seen_to_run_is_a_note() -> None:
    code = (
        PLUGIN + "\n\nclass Gate:\n    def run(self, name, payload):\n        send(name, payload)\n"
    )
    assert findings({"app.py": code}, Bindings(gates=("Gate.run",))) == [("note", 7)]


def test_a_class_of_the_default_name_that_runs_no_plugin_is_no_gate() -> None:
    code = PLUGIN + "\n\nclass ToolRunner:\n    def run(self, command):\n        return command\n"
    assert findings({"app.py": code}, Bindings()) == []


@pytest.mark.parametrize(
    ("gate", "missing"),
    [
        ("app.gate.Gate.run", False),
        ("gate.Gate.run", False),
        ("app.gate.Gate.execute", True),
        ("app.gates.Gate.run", True),
        ("Gate.execute", True),
        ("*.Gate.execute", False),
        ("Other.run", False),
        ("elsewhere.gate.Gate.run", False),
    ],
)
def test_a_configured_gate_that_should_be_there_is_missed(gate: str, missing: bool) -> None:
    code = PLUGIN + "\n\nclass Gate:\n    def run(self, p: BasePlugin):\n        p.run(1)\n"
    files = {"app/__init__.py": "", "app/gate.py": code}
    assert absent(linked(files, Bindings(gates=(gate,)))) == ([gate] if missing else [])


def test_a_gate_that_is_not_there_leaves_the_check_incomplete(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "__init__.py").write_text("")
    (tmp_path / "app" / "gate.py").write_text(PLUGIN)
    (tmp_path / "govlint.toml").write_text('[bindings]\ngates = ["app.gate.Gate.run"]\n')
    with pytest.raises(SystemExit, match="3"):
        main(["check", ".", "--no-cache", "--format", "json"])
    (problem,) = json.loads(capsys.readouterr().out)["problems"]
    assert problem["kind"] == "nothing-to-check"
    assert "'app.gate.Gate.run'" in problem["message"]
