"""What is shipped: the wheel's contents, the entry point, the version, the guard against skips."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest

import govlint

ROOT = Path(__file__).parent.parent
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def _files(folder: str) -> set[str]:
    return {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and not {"__pycache__", ".govlint_cache"} & set(path.parts)
    }


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel and an sdist, built without the network by the backend of this environment."""
    out = tmp_path_factory.mktemp("dist")
    script = (
        "import sys; from hatchling import build as b; "
        "b.build_wheel(sys.argv[1]); b.build_sdist(sys.argv[1])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(out)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return out


def test_the_wheel_carries_the_law_book_and_nothing_that_is_no_part_of_it(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    law_book = {
        f"govlint/_data/{name}" for folder in ("rules", "schemas") for name in _files(folder)
    }
    assert law_book
    assert law_book <= names
    assert {n for n in _files("govlint") if not n.endswith(".pyc")} <= names
    tops = {name.partition("/")[0] for name in names}
    assert tops == {"govlint", "runtime_min", f"govlint-{govlint.__version__}.dist-info"}
    assert "govlint/py.typed" in names
    assert f"govlint-{govlint.__version__}.dist-info/licenses/LICENSE" in names


def test_the_source_distribution_can_run_its_own_tests(built: Path) -> None:
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    for folder in ("govlint", "rules", "runtime_min", "schemas", "tests", "examples"):
        assert _files(folder) <= names, folder
    assert {
        "README.md",
        "pyproject.toml",
        "action.yml",
        ".ci/run",
        ".pre-commit-hooks.yaml",
    } <= names


def test_the_wheel_works_away_from_its_sources(built: Path, tmp_path: Path) -> None:
    (wheel,) = built.glob("*.whl")
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    done = subprocess.run(
        [sys.executable, "-m", "govlint", "rules", "list"],
        cwd=elsewhere,
        env=os.environ | {"PYTHONPATH": str(tmp_path / "site")},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "GOV101" in done.stdout and "direct-plugin-run" in done.stdout


def test_the_command_says_its_version() -> None:
    command = os.path.join(os.path.dirname(sys.executable), "govlint")
    done = subprocess.run([command, "--version"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0
    assert govlint.__version__ in done.stdout


def test_the_changelog_has_an_entry_for_this_version() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(rf"^## \[{re.escape(govlint.__version__)}\]", text, re.M)


def test_every_import_of_the_package_is_a_declared_dependency() -> None:
    modules = {
        "ahocorasick_rs", "ast_serialize", "click", "cryptography", "jsonschema_rs", "libcst",
        "markdown_it", "networkx", "orjson", "pathspec", "rfc8785", "yaml",
    }  # fmt: skip
    declared = {re.split(r"[><=~ ]", d)[0].lower() for d in PROJECT["project"]["dependencies"]}
    names = {
        "markdown_it": "markdown-it-py",
        "yaml": "pyyaml",
        "ast_serialize": "ast-serialize",
        "jsonschema_rs": "jsonschema-rs",
    }
    assert {names.get(m, m) for m in modules} == declared
    imported = set()
    for path in (ROOT / "govlint").rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        imported |= set(re.findall(r"^\s*(?:import|from) (\w+)", text, re.M))
        imported |= set(re.findall(r"import_module\(\"(\w+)\"\)", text))
    foreign = imported - set(sys.stdlib_module_names) - {"govlint"}
    assert foreign <= modules, f"not declared: {foreign - modules}"
    assert modules <= foreign, f"declared and not used: {modules - foreign}"


SKIPPING = """\
import pytest

def test_plain():
    pytest.skip("no reason good enough")

@pytest.mark.platform
def test_platform():
    pytest.skip("no such system call here")

@pytest.mark.xfail(strict=True)
def test_expected():
    assert False

def test_passes():
    assert True
"""


@pytest.mark.parametrize(("ci", "failed", "skipped"), [("true", 1, 1), ("", 0, 2)])
def test_a_skip_fails_in_ci_unless_the_platform_is_the_reason(
    tmp_path: Path, ci: str, failed: int, skipped: int
) -> None:
    (tmp_path / "test_it.py").write_text(SKIPPING)
    (tmp_path / "conftest.py").write_text((ROOT / "tests" / "conftest.py").read_text())
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = platform: x\n")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST", "COV_"))}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=tmp_path,
        env=environment | {"CI": ci},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert f"{skipped} skipped" in done.stdout
    assert (f"{failed} failed" in done.stdout) == bool(failed)
    assert ("CI does not accept: " in done.stdout) == bool(failed)
    assert done.returncode == (1 if failed else 0)


def test_a_skipped_module_fails_in_ci_too(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text("import pytest\npytest.importorskip('no_such_module')\n")
    (tmp_path / "conftest.py").write_text((ROOT / "tests" / "conftest.py").read_text())
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", "."],
        cwd=tmp_path,
        env={k: v for k, v in os.environ.items() if not k.startswith("PYTEST")} | {"CI": "true"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 2, done.stdout
    assert "1 error" in done.stdout
