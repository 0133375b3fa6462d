"""The loop closed: the runtime is clean by its own law, and each way to break it is found."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
RUNNER = "runtime_min/plugins/tool_runner.py"
SERVICES = "runtime_min/plugins/services.py"
APP = "runtime_min/api/app.py"

MUTANTS = {
    "metrics not recorded": (
        RUNNER,
        "self._registry.update_execution_metrics(\n"
        "                plugin.name, succeeded, elapsed, plugin.lifecycle_state\n"
        "            )",
        "pass",
        {"GOV202"},
    ),
    "no finally": (RUNNER, "        finally:\n", "        if succeeded:\n", {"GOV201"}),
    "return in finally": (
        RUNNER,
        "            elapsed = (self._clock",
        "            return {}\n            elapsed = (self._clock",
        {"GOV203"},
    ),
    "input not validated": (RUNNER, "            validate_input(payload)\n", "", {"GOV401"}),
    "output not validated": (RUNNER, "            validate_output(output)\n", "", {"GOV401"}),
    "error let out raw": (
        RUNNER,
        "            return error_envelope(error, plugin.name, "
        "utc_timestamp(self._clock.now_ns()))",
        "            raise",
        {"GOV402"},
    ),
    "invented state": (
        "runtime_min/kernel/states.py",
        '    UNAVAILABLE = "UNAVAILABLE"\n',
        '    UNAVAILABLE = "UNAVAILABLE"\n    QUEUED = "QUEUED"\n',
        {"GOV301"},
    ),
    "success as a state": (
        "runtime_min/kernel/states.py",
        '    UNAVAILABLE = "UNAVAILABLE"\n',
        '    UNAVAILABLE = "UNAVAILABLE"\n    SUCCESS = "SUCCESS"\n',
        {"GOV302"},
    ),
    "invented job state": (
        "runtime_min/kernel/states.py",
        '    PENDING = "PENDING"\n',
        '    PENDING = "PENDING"\n    QUEUED = "QUEUED"\n',
        {"GOV303"},
    ),
    "plugin run directly": (
        SERVICES,
        "return self._tool_runner.run(self._registry.create(name), invocation)",
        "return self._registry.create(name).run(invocation.payload)",
        {"GOV101"},
    ),
    "plugin run by a computed name": (
        SERVICES,
        "return self._tool_runner.run(self._registry.create(name), invocation)",
        'return getattr(self._registry.create(name), "r" + "un")(invocation.payload)',
        {"GOV101", "GOV102"},
    ),
    "state set by a service": (
        SERVICES,
        "        return self._tool_runner.run(self._registry.create(name), invocation)",
        "        plugin = self._registry.create(name)\n"
        "        plugin.lifecycle_state = PluginLifecycleState.RUNNING\n"
        "        return self._tool_runner.run(plugin, invocation)",
        {"GOV304"},
    ),
    "a layer skipped": (
        SERVICES,
        "            return self._plugins.execute(name, invocation)",
        "            plugin = self._registry.create(name)\n"
        "            return self._plugins._tool_runner.run(plugin, invocation)",
        {"GOV103"},
    ),
    "gate overridden": (
        RUNNER,
        "class ToolRunner:",
        "class _Base: ...\n\n\nclass ToolRunner:",
        {"GOV104"},
    ),
}


def check(folder: Path) -> dict[str, set[str]]:
    done = subprocess.run(
        [sys.executable, "-m", "govlint", "check", "--no-cache", "--format", "json", "runtime_min"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode in (0, 1), done.stderr
    found: dict[str, set[str]] = {}
    for finding in json.loads(done.stdout)["findings"]:
        found.setdefault(finding["rule"], set()).add(finding["path"])
    return found


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "runtime_min", tmp_path / "runtime_min", ignore=ignore)
    return tmp_path


def test_the_runtime_is_clean(tree: Path) -> None:
    assert check(tree) == {}


@pytest.mark.parametrize("name", MUTANTS)
def test_a_broken_runtime_is_found(tree: Path, name: str) -> None:
    file, before, after, codes = MUTANTS[name]
    path = tree / file
    text = path.read_text(encoding="utf-8")
    assert text.count(before) == 1, "the mutant no longer fits the code"
    text = text.replace(before, after)
    if name == "gate overridden":
        text += (
            "\n\nclass Quick(ToolRunner):\n"
            "    def run(self, plugin: BasePlugin, invocation: Invocation) -> dict[str, Any]:\n"
            "        return {}\n"
        )
    if "PluginLifecycleState" in after and "import PluginLifecycleState" not in text:
        text = text.replace("import JobStatus\n", "import JobStatus, PluginLifecycleState\n")
    path.write_text(text, encoding="utf-8")
    assert set(check(tree)) & codes


GATE = "runtime_min/kernel/gate.py"

# what the linter cannot see is in the receipts of whoever runs it
TELLTALES = {
    "no metrics": (
        GATE,
        '        events.append(at("metrics.recorded"',
        '        str(at("metrics.recorded"',
        {"RCP011"},
    ),
    "no settlement": (
        GATE,
        '        events.append(at("budget.settled"',
        '        str(at("budget.settled"',
        {"RCP008"},
    ),
    "no decision of the gate": (
        GATE,
        '            at("gate.decided", decision=_decision(envelope, found)),\n            *self',
        "            *self",
        {"RCP004"},
    ),
    "a capability that is not active runs": (
        "runtime_min/kernel/checks.py",
        'and capability.status == "active"',
        "",
        {"RCP009"},
    ),
    "steps do not wait": (
        "runtime_min/kernel/plan.py",
        "for name in step.depends_on if not execution.settled(name)",
        "for name in step.depends_on if not name",
        {"RCP005"},
    ),
    "one attempt too many": (
        "runtime_min/kernel/execution.py",
        "number < step.retry.max_attempts",
        "number <= step.retry.max_attempts",
        {"RCP005"},
    ),
    "undone oldest first": (
        "runtime_min/kernel/saga.py",
        "in reversed(progress.completed_order)",
        "in list(progress.completed_order)",
        {"RCP013"},
    ),
}


def verified(folder: Path) -> set[str]:
    """What `govlint verify` finds in the receipts of the runtime in `folder`."""
    here = os.pathsep.join([str(folder), str(Path(__file__).parent)])
    made = subprocess.run(
        [sys.executable, str(Path(__file__).parent / "mutant_receipts.py"), str(folder)],
        env={**os.environ, "PYTHONPATH": here, "COVERAGE_PROCESS_START": ""},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert made.returncode == 0, made.stderr
    words = ["verify", "receipts", "--policy", "trust.policy", "--format", "json"]
    done = subprocess.run(
        [sys.executable, "-m", "govlint", *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    found = {finding["rule"] for finding in json.loads(done.stdout)["findings"]}
    assert done.returncode == (1 if found else 0), done.stderr
    return found


def test_the_receipts_of_the_runtime_hold(tree: Path) -> None:
    assert verified(tree) == set()


@pytest.mark.parametrize("name", TELLTALES)
def test_the_receipts_of_a_broken_runtime_do_not_hold(tree: Path, name: str) -> None:
    file, before, after, codes = TELLTALES[name]
    path = tree / file
    text = path.read_text(encoding="utf-8")
    assert text.count(before) == 1, "the mutant no longer fits the code"
    path.write_text(text.replace(before, after), encoding="utf-8")
    assert verified(tree) & codes
