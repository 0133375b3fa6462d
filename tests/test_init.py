"""`govlint init`: what it proposes, on what evidence, and what it does to files."""

from __future__ import annotations

import os
import stat
import tomllib
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from govlint.cli.init import init
from govlint.config import load_config
from govlint.errors import UsageError

EXAMPLE = Path(__file__).parent.parent / "examples" / "vision-server"

OPERATORS = '''\
from abc import ABC, abstractmethod


class Operator(ABC):
    @abstractmethod
    def execute(self, context):
        """Do the work."""
'''
SOME_OPERATORS = """\
from flows.base import Operator


class Copy(Operator):
    def execute(self, context):
        return context


class Move(Operator):
    def execute(self, context):
        return context


class SlowCopy(Copy):
    def execute(self, context):
        return context
"""
DISPATCHER = """\
import subprocess

from flows.base import Operator
from flows.catalog import OperatorCatalog


class Dispatcher:
    def __init__(self, catalog: OperatorCatalog) -> None:
        self.catalog = catalog

    def dispatch(self, name, context):
        operator: Operator = self.catalog.get(name)
        try:
            check_context(context)
            answer = operator.execute(context)
            check_answer(answer)
            return answer
        except Exception as failure:
            return build_error(failure)
        finally:
            record_run(name)
"""
CATALOG = """\
from flows.base import Operator


class OperatorCatalog:
    def __init__(self) -> None:
        self.operators: dict[str, Operator] = {}

    def get(self, name: str) -> Operator:
        return self.operators[name]
"""
SERVICES = """\
import enum

from flows.dispatch import Dispatcher


class OperatorExecutionService:
    def __init__(self, dispatcher: Dispatcher) -> None:
        self.dispatcher = dispatcher


class FlowService:
    def __init__(self, executions: OperatorExecutionService) -> None:
        self.executions = executions


class FlowRunStatus(enum.Enum):
    QUEUED = 1
    STARTED = 2
    DONE = 3
    FAILED = 4
    CANCELLED = 5


class ComponentState(enum.StrEnum):
    LOADED = "loaded"
    READY = "ready"
    BROKEN = "broken"


class Colour(enum.Enum):
    RED = 1
    GREEN = 2
    BLUE = 3
"""
ROUTES = """\
from somewhere import router


@router.get("/flows")
def flows():
    return copy_operator.execute({})


@router.post("/flows")
async def start():
    return None
"""


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    files = {
        "flows/__init__.py": "",
        "flows/base.py": OPERATORS,
        "flows/operators.py": SOME_OPERATORS,
        "flows/dispatch.py": DISPATCHER,
        "flows/catalog.py": CATALOG,
        "flows/services.py": SERVICES,
        "flows/endpoints/flow.py": ROUTES,
        "tests/test_operators.py": "class FakeOperator(Operator):\n    def execute(self): ...\n",
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tmp_path


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(init, [str(argument) for argument in arguments])


def refusal(*arguments: str | Path) -> str:
    result = run(*arguments)
    assert isinstance(result.exception, UsageError), result.output
    assert result.exception.exit_code == 2
    assert not result.stdout
    return str(result.exception)


def proposed(root: Path) -> tuple[dict[str, Any], str]:
    result = run(root)
    assert result.exit_code == 0, result.output
    bindings: dict[str, Any] = tomllib.loads(result.stdout).get("bindings", {})
    return bindings, result.stdout


def test_every_part_of_a_repository_with_names_of_its_own_is_proposed(repository: Path) -> None:
    bindings, _ = proposed(repository)
    assert bindings == {
        "plugins": ["Operator"],
        "governed-methods": ["execute"],
        "registries": ["OperatorCatalog"],
        "gates": ["Dispatcher.dispatch"],
        "metrics": ["record_run"],
        "validate-input": ["check_context"],
        "validate-output": ["check_answer"],
        "envelopes": ["build_error"],
        "layers": ["FlowService", "OperatorExecutionService"],
        "lifecycle-enums": ["ComponentState"],
        "lifecycle-states": ["LOADED", "READY", "BROKEN"],
        "job-enums": ["FlowRunStatus"],
        "job-states": ["QUEUED", "STARTED", "DONE", "FAILED", "CANCELLED"],
        "job-transitions": [
            ["QUEUED", "STARTED"],
            ["STARTED", "DONE"],
            ["STARTED", "FAILED"],
            ["STARTED", "CANCELLED"],
            ["QUEUED", "CANCELLED"],
        ],
        "api": ["api", "endpoints", "mcp", "routes"],
    }


def test_every_proposal_says_where_its_evidence_is(repository: Path) -> None:
    _, text = proposed(repository)
    unwrapped = text.replace("\n#     ", " ")
    assert (
        "Operator (flows/base.py:4): its execute is implemented by 3 classes, "
        "such as Copy, Move, SlowCopy" in unwrapped
    )
    assert (
        "Dispatcher.dispatch calls operator.execute(…) in a try with a finally "
        "(flows/dispatch.py:15)" in unwrapped
    )
    assert "1 call of that name in 1 other file, first flows/endpoints/flow.py:6" in unwrapped
    assert "endpoints: 2 routes, first flows/endpoints/flow.py:4" in unwrapped
    lines = text.splitlines()
    for number, line in enumerate(lines):
        if " = " in line and not line.startswith("#"):
            assert lines[number - 1].startswith("#"), f"no reason above {line}"


def test_names_that_need_no_binding_are_reported_and_not_bound() -> None:
    result = run(EXAMPLE, "--force")
    assert result.exit_code == 0
    assert tomllib.loads(result.stdout) == {"tool": {"govlint": {}}}
    assert "# gates: ToolRunner.run needs no binding" in result.stdout
    assert "every part has a name that needs no binding" in result.stderr


def test_two_bases_of_one_name_are_told_apart(repository: Path) -> None:
    (repository / "vendor").mkdir()
    (repository / "vendor" / "other.py").write_text("class Operator:\n    pass\n")
    bindings, _ = proposed(repository)
    assert bindings["plugins"] == ["base.Operator"]


def test_a_call_into_a_module_is_no_call_of_a_plugin(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(
        "import subprocess\nfrom abc import ABC, abstractmethod\n"
        "class Tool(ABC):\n    @abstractmethod\n    def run(self): ...\n"
        "class A(Tool):\n    def run(self): ...\nclass B(Tool):\n    def run(self): ...\n"
    )
    (tmp_path / "b.py").write_text(
        "import subprocess\nclass ShellRunner:\n    def go(self):\n"
        "        try:\n            subprocess.run('ls')\n        finally:\n            done()\n"
    )
    bindings, _ = proposed(tmp_path)
    assert bindings == {"plugins": ["Tool"]}


@pytest.mark.parametrize("folder", ["nothing", "code"])
def test_where_nothing_is_found_the_defaults_are_named(tmp_path: Path, folder: str) -> None:
    if folder == "code":
        (tmp_path / "a.py").write_text("def f():\n    return 1\n")
    result = run(tmp_path)
    assert result.exit_code == 0
    assert tomllib.loads(result.stdout) == {}
    assert '# bindings.plugins = ["BasePlugin", "Plugin", "PluginBase"]' in result.stdout
    assert "the defaults are proposed" in result.stderr


def test_without_write_nothing_is_written_and_standard_output_is_toml(repository: Path) -> None:
    before = sorted(repository.rglob("*"))
    result = run(repository)
    assert sorted(repository.rglob("*")) == before
    assert "Nothing was written" in result.stderr
    assert "id: govlint" in result.stderr
    tomllib.loads(result.stdout)


def test_write_makes_a_configuration_that_govlint_reads(repository: Path) -> None:
    assert run(repository, "--write").exit_code == 0
    config = load_config([str(repository)])
    assert config.source == str(repository / "govlint.toml")
    assert config.bindings.gates == ("Dispatcher.dispatch",)
    assert config.bindings.job_transitions[0] == ("QUEUED", "STARTED")


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_write_appends_to_pyproject_and_keeps_every_byte_of_it(
    repository: Path, newline: str
) -> None:
    pyproject = repository / "pyproject.toml"
    text = '# kept  \n[project]\nname = "flows"   # kept too\n[tool.other]\nx = [\n  [1],\n]'
    before = text.replace("\n", newline).encode()
    pyproject.write_bytes(before)
    pyproject.chmod(0o640)
    assert run(repository, "--write").exit_code == 0
    after = pyproject.read_bytes()
    assert after.startswith(before)
    assert b"\n" in after and (newline == "\n") == (b"\r\n" not in after)
    assert stat.S_IMODE(pyproject.stat().st_mode) == 0o640
    assert load_config([str(repository)]).bindings.plugins == ("Operator",)
    assert tomllib.loads(after.decode())["tool"]["other"] == {"x": [[1]]}
    assert os.listdir(repository).count("pyproject.toml") == 1
    assert not [name for name in os.listdir(repository) if name.startswith(".govlint-init")]


def test_an_existing_configuration_is_refused_and_replaced_only_by_force(repository: Path) -> None:
    pyproject = repository / "pyproject.toml"
    before = (
        '[tool.govlint]\nselect = ["GOV101"]\n\n[[tool.govlint.per-path]]\npaths = ["a"]\n'
        'ignore = ["GOV101"]\nreason = "x"\n\n[tool.z]\ny = 1\n'
    )
    pyproject.write_text(before)
    assert "configures govlint already; --force" in refusal(repository, "--write")
    assert pyproject.read_text() == before
    assert run(repository, "--write", "--force").exit_code == 0
    document = tomllib.loads(pyproject.read_text())
    assert document["tool"]["z"] == {"y": 1}
    assert set(document["tool"]["govlint"]) == {"bindings"}
    assert run(repository, "--write", "--force").exit_code == 0
    assert tomllib.loads(pyproject.read_text()) == document


@pytest.mark.parametrize(
    "text",
    [
        '[tool]\ngovlint = {select = ["GOV101"]}\n',
        'tool.govlint.select = ["GOV101"]\n',
        '[tool]\ngovlint.select = ["GOV101"]\n',
    ],
)
def test_a_table_that_cannot_be_cut_out_safely_is_left_alone(repository: Path, text: str) -> None:
    pyproject = repository / "pyproject.toml"
    pyproject.write_text(text)
    assert "cannot be replaced safely" in refusal(repository, "--write", "--force")
    assert pyproject.read_text() == text


def test_a_govlint_toml_is_refused_and_replaced_by_force(repository: Path) -> None:
    own = repository / "govlint.toml"
    own.write_text("select = []\n")
    assert "govlint.toml configures govlint already" in refusal(repository)
    assert run(repository, "--write", "--force").exit_code == 0
    assert tomllib.loads(own.read_text())["bindings"]["plugins"] == ["Operator"]


def test_what_is_no_repository_or_no_toml_is_refused_in_one_sentence(tmp_path: Path) -> None:
    assert "does not exist; give the root" in refusal(tmp_path / "gone")
    (tmp_path / "a.py").write_text("")
    assert "is not a directory" in refusal(tmp_path / "a.py")
    (tmp_path / "pyproject.toml").write_text("[project\n")
    assert "is not TOML" in refusal(tmp_path)
    (tmp_path / "pyproject.toml").write_bytes(b"a = '\xff'\n")
    assert "is not UTF-8" in refusal(tmp_path)


def test_odd_files_are_counted_and_stop_nothing(repository: Path) -> None:
    (repository / "broken.py").write_text("def (:\n")
    (repository / "nul.py").write_bytes(b"a = '\0'\n")
    (repository / "latin.py").write_bytes(b"# -*- coding: latin-1 -*-\nx = '\xe9'\n")
    (repository / "escape.py").write_text('x = "\\d"\n')
    (repository / "deep.py").write_text("(" * 5000 + ")" * 5000)
    (repository / "large.py").write_text("#" * 2_100_000)
    (repository / "link.py").symlink_to(repository / "nowhere.py")
    os.mkfifo(repository / "pipe.py")
    result = run(repository)
    assert result.exit_code == 0, result.output
    assert "(4 could not be read)" in result.stderr
    assert tomllib.loads(result.stdout)["bindings"]["plugins"] == ["Operator"]


def test_a_hostile_file_name_stays_a_comment(repository: Path) -> None:
    odd = repository / "x\n[tool.evil]\ny = 1\n"
    odd.mkdir()
    (odd / "base.py").write_text(OPERATORS.replace("Operator", "Task"))
    (odd / "more.py").write_text(
        "\n".join(f"class T{n}(Task):\n    def execute(self): ..." for n in range(9))
    )
    bindings, text = proposed(repository)
    assert "Task" in bindings["plugins"]
    assert set(tomllib.loads(text)) == {"bindings"}
