"""action.yml: its shell steps, run as GitHub runs them, with inputs that mean harm too."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parent.parent
ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
STEPS: list[dict[str, Any]] = ACTION["runs"]["steps"]
PINNED = re.compile(r"[\w.-]+/[\w./-]+@[0-9a-f]{40}")

GATE = """\
class BasePlugin:
    def run(self, payload):
        return {}
"""
DIRECT = """\
from app.base import BasePlugin


def handle(plugin: BasePlugin, payload):
    return plugin.run(payload)  # ::error::said by the code
"""


def _expand(text: str, context: dict[str, str]) -> str:
    return re.sub(r"\$\{\{(.*?)\}\}", lambda found: _evaluate(found.group(1), context), text)


def _evaluate(expression: str, context: dict[str, str]) -> str:
    """What action.yml uses of GitHub's expressions: names, strings, ==, !=, && and always()."""
    parts = [_comparison(part, context) for part in expression.split("&&")]
    if len(parts) == 1:
        return parts[0]
    return "false" if {"", "false"} & set(parts) else parts[-1]


def _comparison(text: str, context: dict[str, str]) -> str:
    for operator in ("==", "!="):
        left, found, right = text.partition(operator)
        if found:
            equal = _operand(left.strip(), context) == _operand(right.strip(), context)
            return str(equal == (operator == "==")).lower()
    return _operand(text.strip(), context)


def _operand(word: str, context: dict[str, str]) -> str:
    if word == "always()":
        return "true"
    if word.startswith("'"):
        return word[1:-1]
    return context.get(word, "")


def _file_commands(path: Path) -> dict[str, str]:
    """Read `name=value` and `name<<END` lines as the runner does; anything else is an error."""
    values: dict[str, str] = {}
    lines = iter(path.read_text(encoding="utf-8").splitlines())
    for line in lines:
        name, equals, value = line.partition("=")
        if "<<" in name:
            name, _, end = line.partition("<<")
            values[name] = "\n".join(iter(lambda: next(lines), end))
        else:
            assert equals, f"the runner refuses the output line {line!r}"
            values[name] = value
    return values


@dataclass
class Job:
    """A workspace and a runner for one use of the action."""

    workspace: Path
    temp: Path
    log: str = ""
    used: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    outputs: dict[str, str] = field(default_factory=dict)
    summary: str = ""
    failed: str = ""
    code: int = 0

    def run(self, **inputs: str) -> Job:
        names = {name.replace("-", "_"): name for name in ACTION["inputs"]}
        context = {f"inputs.{n}": spec.get("default", "") for n, spec in ACTION["inputs"].items()}
        context |= {f"inputs.{names[key]}": value for key, value in inputs.items()}
        context["github.action_path"] = str(ROOT)
        for number, step in enumerate(STEPS):
            condition = str(step.get("if", "${{ 'true' }}"))
            if self.failed and "always()" not in condition:
                continue
            if _expand(condition, context) in ("", "false"):
                continue
            if "uses" in step:
                values = {k: _expand(v, context) for k, v in step.get("with", {}).items()}
                self.used.append((step["uses"], values))
            else:
                self._run_script(number, step, context)
        self.outputs = {
            name: _expand(spec["value"], context) for name, spec in ACTION["outputs"].items()
        }
        return self

    def _run_script(self, number: int, step: dict[str, Any], context: dict[str, str]) -> None:
        assert step["shell"] == "bash"
        script = self.temp / f"step{number}.sh"
        script.write_text(step["run"], encoding="utf-8")
        output = self.temp / f"output{number}"
        summary = self.temp / f"summary{number}"
        output.touch()
        summary.touch()
        environment = {
            "PATH": f"{self.temp / 'bin'}:{os.environ['PATH']}",
            "HOME": str(self.temp),
            "LANG": "C.UTF-8",
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_ACTION_PATH": str(ROOT),
            "GITHUB_OUTPUT": str(output),
            "GITHUB_STEP_SUMMARY": str(summary),
            "GITHUB_WORKSPACE": str(self.workspace),
            "RUNNER_TEMP": str(self.temp),
        }
        environment |= {k: v for k, v in os.environ.items() if k.startswith("COVERAGE")}
        environment |= {k: _expand(str(v), context) for k, v in step.get("env", {}).items()}
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", str(script)],
            cwd=self.workspace,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
            check=False,
        )
        self.log += done.stdout
        self.summary += summary.read_text(encoding="utf-8")
        if "id" in step:
            for name, value in _file_commands(output).items():
                context[f"steps.{step['id']}.outputs.{name}"] = value
        if done.returncode and not self.failed:
            self.failed, self.code = step["name"], done.returncode

    def installed(self) -> list[str]:
        """What pip was asked for, argument by argument."""
        return (self.temp / "pip-arguments").read_text(encoding="utf-8").split("\0")[:-1]

    def assert_unharmed(self) -> None:
        made = [p for top in (self.workspace, self.temp) for p in top.rglob("pwned*")]
        assert not made, f"an input was run as a command: {made}"


@pytest.fixture
def job(tmp_path: Path) -> Job:
    """A workspace with one finding, and a `python` that makes no real venv and asks no network."""
    workspace, temp = tmp_path / "work space", tmp_path / "runner"
    (workspace / "app").mkdir(parents=True)
    (workspace / "app" / "__init__.py").touch()
    (workspace / "app" / "base.py").write_text(GATE)
    (workspace / "app" / "direct.py").write_text(DIRECT)
    (workspace / "clean").mkdir()
    (workspace / "clean" / "fine.py").write_text("def double(x):\n    return 2 * x\n")
    (temp / "bin").mkdir(parents=True)
    python = temp / "bin" / "python"
    python.write_text(
        f"""#!/bin/bash
set -e
if [[ $1 == -m && $2 == venv ]]; then
  mkdir -p "$3/bin"
  cp "$0" "$3/bin/python"
  printf '#!/bin/bash\\nexec "{sys.executable}" -m govlint "$@"\\n' > "$3/bin/govlint"
  chmod +x "$3/bin/govlint"
elif [[ $1 == -m && $2 == pip ]]; then
  printf '%s\\0' "${{@:3}}" > "{temp}/pip-arguments"
else
  exec "{sys.executable}" "$@"
fi
"""
    )
    python.chmod(0o755)
    return Job(workspace, temp)


def test_findings_fail_the_job_only_after_everything_was_reported(job: Job) -> None:
    job.run(upload_sarif="true")
    assert (job.failed, job.code) == ("Result", 1), job.log
    assert job.outputs["exit-code"] == "1"
    assert job.outputs["findings"] == "1"
    sarif = json.loads(Path(job.outputs["sarif-file"]).read_text(encoding="utf-8"))
    assert sarif["version"] == "2.1.0"
    assert [r["ruleId"] for r in sarif["runs"][0]["results"]] == ["GOV101"]
    assert "## govlint" in job.summary and "direct-plugin-run" in job.summary
    assert "::error file=app/direct.py,line=5," in job.log
    upload, values = job.used[-1]
    assert upload.startswith("github/codeql-action/upload-sarif@")
    assert values == {"sarif_file": job.outputs["sarif-file"], "category": "govlint"}


def test_a_clean_run_passes_and_uploads_nothing_it_was_not_asked_to(job: Job) -> None:
    job.run(paths="clean")
    assert not job.failed, job.log
    assert job.outputs["exit-code"] == "0"
    assert job.outputs["findings"] == "0"
    assert [name.partition("@")[0] for name, _ in job.used] == ["actions/setup-python"]


def test_the_text_of_the_code_cannot_speak_to_the_runner(job: Job) -> None:
    job.run()
    token = re.search(r"^::stop-commands::([0-9a-f]{32})$", job.log, re.M)
    assert token is not None
    before, _, rest = job.log.partition(token.group(0))
    inside, end, after = rest.partition(f"::{token.group(1)}::")
    assert end and "said by the code" in inside
    assert "said by the code" not in before + after


def test_a_failed_upload_leaves_the_exit_code_to_the_result_step(job: Job) -> None:
    upload = next(s for s in STEPS if s.get("uses", "").startswith("github/"))
    result = STEPS[-1]
    assert STEPS.index(upload) < STEPS.index(result)
    assert "always()" in result["if"]


def test_a_fault_of_configuration_is_two_and_reports_no_count(job: Job) -> None:
    job.run(config="nowhere.toml", upload_sarif="true")
    assert (job.failed, job.code) == ("Result", 2), job.log
    assert job.outputs == {"exit-code": "2", "findings": "", "sarif-file": ""}
    assert len(job.used) == 1
    assert "nowhere.toml" in job.log and "Traceback" not in job.log


def test_what_cannot_be_decided_is_three(job: Job) -> None:
    job.run(paths="clean\nmissing")
    assert (job.failed, job.code) == ("Result", 3), job.log


def test_the_inputs_reach_the_command_line(job: Job) -> None:
    job.run(select="GOV202", paths="app", sarif_file="report.sarif")
    assert not job.failed, job.log
    assert job.outputs["sarif-file"] == str(job.workspace / "report.sarif")
    assert json.loads((job.workspace / "report.sarif").read_text())["runs"][0]["results"] == []
    again = Job(job.workspace, job.temp).run(ignore="direct-plugin-run", paths="app")
    assert not again.failed, again.log
    args = Job(job.workspace, job.temp).run(args="--select\nGOV202\n", paths="app")
    assert not args.failed, args.log


def test_several_paths_and_windows_line_ends_are_read_line_by_line(job: Job) -> None:
    spaced = job.workspace / "with space"
    shutil.copytree(job.workspace / "app", spaced / "app")
    job.run(paths="clean\r\nwith space\r\n")
    assert job.outputs["findings"] == "1", job.log
    assert "with space/app/direct.py" in job.log


HOSTILE = [
    "$(touch pwned)",
    "`touch pwned`",
    "x; touch pwned",
    '"; touch pwned; "',
    "'; touch pwned; '",
    "x\ntouch pwned",
    "${IFS}&& touch pwned",
    "--version",
    "-rf",
    "%0Atouch pwned",
    "* [a-z]? ~ !! ${HOME}",
]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        *(("paths", text) for text in HOSTILE),
        *((name, "".join(HOSTILE[:5])) for name in ("config", "select", "ignore", "baseline")),
        *(("fail_on", text) for text in HOSTILE[:2]),
    ],
)
def test_no_input_is_ever_run_or_split(job: Job, name: str, text: str) -> None:
    job.run(**{name: text})
    job.assert_unharmed()
    assert job.failed == "Result" and job.code in (2, 3), job.log
    assert "Traceback" not in job.log


@pytest.mark.parametrize("text", [t for t in HOSTILE if "\n" not in t])
def test_a_directory_with_a_hostile_name_is_checked_like_any_other(job: Job, text: str) -> None:
    shutil.copytree(job.workspace / "app", job.workspace / text / "app")
    job.run(paths=text, sarif_file=f"{text}.sarif")
    job.assert_unharmed()
    assert job.outputs["findings"] == "1", job.log
    assert job.outputs["sarif-file"] == str(job.workspace / f"{text}.sarif")


@pytest.mark.parametrize("text", ["a.sarif\nexit-code=0", "a.sarif\r\nfindings=0"])
def test_an_output_cannot_be_forged_through_a_file_name(job: Job, text: str) -> None:
    job.run(sarif_file=text)
    assert (job.failed, job.code) == ("Check", 2)
    assert job.outputs["exit-code"] == ""


def test_the_commit_of_the_action_is_installed_unless_a_version_is_asked_for(job: Job) -> None:
    job.run(paths="clean")
    assert job.installed()[-2:] == ["--", str(ROOT)]
    again = Job(job.workspace, job.temp).run(paths="clean", version="0.1.0")
    assert not again.failed, again.log
    assert again.installed()[-2:] == ["--", "govlint==0.1.0"]


@pytest.mark.parametrize("text", [*HOSTILE, "1.0 --index-url=http://x", "@ file:///x"])
def test_a_version_that_is_none_is_refused_before_pip_sees_it(job: Job, text: str) -> None:
    job.run(version=text)
    assert (job.failed, job.code) == ("Install govlint", 2)
    assert "is not a version" in job.log
    assert not (job.temp / "pip-arguments").exists()
    job.assert_unharmed()


def test_no_script_contains_an_expression_and_every_input_is_used() -> None:
    scripts = [step["run"] for step in STEPS if "run" in step]
    assert scripts and not [script for script in scripts if "${{" in script]
    text = yaml.safe_dump(STEPS)
    assert [name for name in ACTION["inputs"] if f"inputs.{name} " not in text] == []


def _used(node: Any) -> list[str]:
    if isinstance(node, dict):
        own = [node["uses"]] if isinstance(node.get("uses"), str) else []
        return own + [use for value in node.values() for use in _used(value)]
    if isinstance(node, list):
        return [use for item in node for use in _used(item)]
    return []


@pytest.mark.parametrize(
    "path", [ROOT / "action.yml", *sorted((ROOT / ".github" / "workflows").glob("*.yml"))], ids=str
)
def test_actions_are_pinned_by_commit_and_jobs_have_only_the_rights_they_name(path: Path) -> None:
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    uses = _used(document)
    assert uses
    assert [use for use in uses if use != "./" and not PINNED.fullmatch(use)] == []
    if "jobs" in document:
        assert document["permissions"] == {}
        assert all(job["permissions"]["contents"] == "read" for job in document["jobs"].values())
