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
