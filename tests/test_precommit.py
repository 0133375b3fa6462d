"""The hooks, run by the real pre-commit in a real repository: a bad commit does not go through.

pre-commit would install a hook repository from the network; here the hooks run from the
environment the tests run in, and everything else (git, the hook script, types, arguments,
stashing, exit codes) is as users have it.
"""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parent.parent
HOOKS: list[dict[str, Any]] = yaml.safe_load(
    (ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8")
)

BASE = """\
class BasePlugin:
    def run(self, payload):
        return {}
"""
CLEAN = """\
from app.base import BasePlugin


def describe(plugin: BasePlugin):
    return type(plugin).__name__
"""
DIRECT = """\
from app.base import BasePlugin


def handle(plugin: BasePlugin, payload):
    return plugin.run(payload)
"""


@dataclass
class Repository:
    """A git repository with the hook installed."""

    path: Path
    environment: dict[str, str]

    def git(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["git", *arguments],
            cwd=self.path,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
            check=False,
        )

    def write(self, name: str, text: str) -> None:
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def commit(self) -> tuple[int, str]:
        assert self.git("add", "--all").returncode == 0
        done = self.git("commit", "--message", "a change")
        return done.returncode, done.stdout

    def commits(self) -> int:
        return int(self.git("rev-list", "--count", "--all").stdout)


def _hook_repository(path: Path, environment: dict[str, str]) -> None:
    """A repository of hooks as pre-commit clones it: ours, with nothing left to install."""
    path.mkdir()
    hooks = [{**hook, "language": "system"} for hook in HOOKS]
    (path / ".pre-commit-hooks.yaml").write_text(yaml.safe_dump(hooks), encoding="utf-8")
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "hooks"]):
        subprocess.run(["git", *command], cwd=path, env=environment, check=True, timeout=60)


@pytest.fixture(params=["govlint", "govlint-project"])
def repository(tmp_path: Path, request: pytest.FixtureRequest) -> Repository:
    return _repository(tmp_path, request.param)


def _repository(tmp_path: Path, hook_id: str) -> Repository:
    scripts = os.path.dirname(sys.executable)
    environment = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("GIT_", "PRE_COMMIT"))
    }
    environment |= {
        "PATH": f"{scripts}{os.pathsep}{environment['PATH']}",
        "HOME": str(tmp_path),
        "PRE_COMMIT_HOME": str(tmp_path / "cache"),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": str(tmp_path / "gitconfig"),
    }
    (tmp_path / "gitconfig").write_text(
        "[user]\nname = Someone\nemail = someone@example.org\n[init]\ndefaultBranch = main\n"
        '[protocol "file"]\nallow = always\n'
    )
    _hook_repository(tmp_path / "hooks", environment)
    made = Repository(tmp_path / "repository", environment)
    made.path.mkdir()
    assert made.git("init", "-q").returncode == 0
    revision = subprocess.run(
        ["git", "rev-parse", "HEAD"],
        cwd=tmp_path / "hooks",
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout.strip()
    hook = {"id": hook_id}
    config = {"repos": [{"repo": str(tmp_path / "hooks"), "rev": revision, "hooks": [hook]}]}
    made.write(".pre-commit-config.yaml", yaml.safe_dump(config))
    made.write("pyproject.toml", "[tool.govlint]\n")
    made.write("app/__init__.py", "")
    made.write("app/base.py", BASE)
    installed = subprocess.run(
        [sys.executable, "-m", "pre_commit", "install"],
        cwd=made.path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert installed.returncode == 0, installed.stdout + installed.stderr
    return made


def test_a_clean_commit_goes_through_and_a_violating_one_is_refused(repository: Repository) -> None:
    repository.write("app/clean.py", CLEAN)
    code, output = repository.commit()
    assert code == 0, output
    assert "Passed" in output
    assert repository.commits() == 1

    repository.write("app/direct.py", DIRECT)
    code, output = repository.commit()
    assert code == 1
    assert "Failed" in output
    assert "app/direct.py:5:" in output and "GOV101" in output
    assert "exit code: 1" in output
    assert repository.commits() == 1

    repository.write("app/direct.py", CLEAN)
    code, output = repository.commit()
    assert code == 0, output
    assert repository.commits() == 2


def test_a_commit_without_python_asks_nothing(repository: Repository) -> None:
    repository.commit()
    repository.write("README.md", "text\n")
    code, output = repository.commit()
    assert code == 0
    assert "(no files to check)Skipped" in output.replace(".", "")


def test_a_fault_of_configuration_refuses_the_commit(repository: Repository) -> None:
    repository.write("pyproject.toml", "[tool.govlint]\nselekt = []\n")
    code, output = repository.commit()
    assert code == 1
    assert "exit code: 2" in output and "selekt" in output
    assert "Traceback" not in output


def test_the_hooks_are_what_pre_commit_accepts_and_our_own_configuration_too() -> None:
    for kind, name in (
        ("manifest", ".pre-commit-hooks.yaml"),
        ("config", ".pre-commit-config.yaml"),
    ):
        done = subprocess.run(
            [sys.executable, "-m", "pre_commit", f"validate-{kind}", str(ROOT / name)],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
    assert {hook["language"] for hook in HOOKS} == {"python"}
    assert all(hook["require_serial"] for hook in HOOKS)


MISSION = """\
version: "1.0"
name: Nightly
steps:
  - {id: a, name: A, step_type: create_file, parameters: {path: PATH}}
"""
DOCUMENTS = {
    "govlint-mission": ("missions/nightly.yaml", MISSION.replace("PATH", "out.txt"),
                        MISSION.replace("PATH", "../out.txt"), "MSN010"),
    "govlint-report": ("reports/P1.json", None, '{"phase_meta": {}, }\n', "RPT001"),
    "govlint-role": ("roles/scan.json", None, '{"id": 1, }\n', "ROL001"),
}  # fmt: skip


@pytest.mark.parametrize("hook_id", sorted(DOCUMENTS))
def test_a_document_that_breaks_a_rule_is_refused(hook_id: str, tmp_path: Path) -> None:
    name, good, bad, code = DOCUMENTS[hook_id]
    repository = _repository(tmp_path, hook_id)
    if good is not None:
        repository.write(name, good)
        done, output = repository.commit()
        assert done == 0, output
    before = repository.commits()
    repository.write(name, bad)
    done, output = repository.commit()
    assert done == 1
    assert name in output and code in output
    assert repository.commits() == before


def test_every_hook_is_tested() -> None:
    assert {hook["id"] for hook in HOOKS} == {"govlint", "govlint-project", *DOCUMENTS}
