"""Whatever the code: no exception, no crash, an end, and the same answer from the cache.

`GOVLINT_FUZZ=N` multiplies the number of cases, for a long campaign.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
import warnings
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import hypothesmith
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from random_python import PRELUDE, damaged, modules

from govlint.catalog import Catalog, load_catalog, page_paths, read_page
from govlint.config import load_config
from govlint.engine import Options, run
from govlint.model import RunResult

ROOT = Path(__file__).parent.parent
TIMES = max(1, int(os.environ.get("GOVLINT_FUZZ", "1")))
SECONDS = 10.0  # of processor time, for one run


def _cases(number: int) -> settings:
    return settings(
        max_examples=number * TIMES,
        deadline=None,  # measured below, as processor time
        database=None,
        derandomize=TIMES == 1,
        suppress_health_check=list(HealthCheck),
    )


@cache
def _catalog() -> Catalog:
    return load_catalog()


@cache
def _real() -> tuple[str, ...]:
    """The example project's files and the blocks of the rule pages, those with code in them."""
    files = [path.read_text("utf-8") for path in sorted((ROOT / "examples").rglob("*.py"))]
    pages = [read_page(path) for path in page_paths(ROOT / "rules")]
    blocks = [
        text
        for page in pages
        for example in page.examples
        for path, text in example.files.items()
        if path.endswith(".py")
    ]
    return tuple(text for text in [*files, *blocks] if text.strip())


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.delenv("GOVLINT_DEBUG", raising=False)
    monkeypatch.delenv("GOVLINT_CACHE_DIR", raising=False)
    with tempfile.TemporaryDirectory(prefix="govlint-fuzz-") as name:
        monkeypatch.chdir(name)
        yield Path(name).resolve()


def _told(result: RunResult) -> list[tuple[object, ...]]:
    findings = [(f.rule, f.location, f.message, f.related, f.fix) for f in result.findings]
    problems = [(p.kind, p.path, p.line, p.message) for p in result.problems]
    return [*findings, *problems]


def _check(folder: Path, files: dict[str, bytes]) -> RunResult:
    """Run without a cache, with a cold one and a warm one; all have to agree."""
    for path in folder.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    (folder / "govlint.toml").touch()
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    config = load_config(["."])
    results = []
    for caching in (False, True, True):
        started = time.process_time()
        results.append(run(["."], config, _catalog(), Options(jobs=1, cache=caching)))
        assert time.process_time() - started < SECONDS
    first = results[0]
    assert [p for p in first.problems if p.kind in ("crash", "timeout")] == []
    for other in results[1:]:
        assert _told(other) == _told(first)
    assert first.files == len(files)
    return first


# Hypothesis calls a test again and again: the folder is one per test, emptied per case.


def test_random_code_about_plugins(folder: Path) -> None:
    @_cases(40)
    @given(code=modules())
    def check(code: str) -> None:
        _check(folder, {"app.py": code.encode("utf-8", "surrogatepass")})

    check()


def test_random_modules_that_import_each_other(folder: Path) -> None:
    @_cases(12)
    @given(first=modules(), second=modules())
    def check(first: str, second: str) -> None:
        _check(
            folder,
            {
                "app/__init__.py": f"{first}from .x import *\n".encode(),
                "app/x.py": f"{second}from . import run, x, y\nfrom app import *\n".encode(),
            },
        )

    check()


def test_damaged_real_code(folder: Path) -> None:
    @_cases(60)
    @given(data=damaged(_real()))
    def check(data: bytes) -> None:
        _check(folder, {"app.py": data})

    check()


def test_a_project_with_one_damaged_file(folder: Path) -> None:
    root = ROOT / "examples" / "vision-server"
    files = {
        path.relative_to(root).as_posix(): path.read_bytes() for path in sorted(root.rglob("*.py"))
    }
    names = sorted(name for name, data in files.items() if data.strip())

    @_cases(12)
    @given(data=st.data())
    def check(data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(names))
        broken = data.draw(damaged([files[name].decode()]))
        _check(folder, {**files, name: broken})

    check()


def test_any_python_beside_a_plugin(folder: Path) -> None:
    @_cases(20)
    @given(code=hypothesmith.from_node())
    def check(code: str) -> None:
        text = f"{PRELUDE}\n{code}\nplugin = BasePlugin()\nplugin.run(1)\n"
        _check(folder, {"app.py": text.encode("utf-8", "surrogatepass")})

    check()


def test_any_bytes(folder: Path) -> None:
    @_cases(20)
    @given(data=st.binary(max_size=200), before=st.booleans())
    def check(data: bytes, before: bool) -> None:
        real = b"class P(BasePlugin): pass\nP().run(1)\n"
        _check(folder, {"app.py": data + real if before else real + data})

    check()


def test_random_code_is_mostly_valid() -> None:
    """Code that no parser takes would prove nothing about the analysis."""
    valid: list[bool] = []

    @settings(max_examples=40, deadline=None, database=None, derandomize=True)
    @given(code=modules())
    def collect(code: str) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)
            try:
                compile(code, "app.py", "exec", dont_inherit=True)
            except (SyntaxError, ValueError):
                valid.append(False)
            else:
                valid.append(True)

    collect()
    assert valid.count(True) > len(valid) / 2
