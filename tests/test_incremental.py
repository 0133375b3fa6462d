"""A run with a cache finds what a run without one finds, whatever was edited in between."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from pathlib import Path
from runpy import run_path

import pytest

from govlint import analysis, engine
from govlint import cache as cache_module
from govlint.catalog import load_catalog
from govlint.config import load_config
from govlint.model import RunResult
from govlint.output.json_document import render

_GENERATE = run_path(str(Path(__file__).parent.parent / "benchmarks" / "generate.py"))
_FILES = 80
_PAGE = """\
---
id: TEM101
name: team-direct-run
severity: error
since: 1.0.0
check: plugin-run
params: {}
spec: team section 1
---

# Plugins are not run directly

Because we say so.

## How to fix

Use the runner.

## Invalid

```python
from plugins.base import BasePlugin


def go(plugin: BasePlugin) -> None:
    plugin.run({})  # expect: TEM101
```

## Valid

```python
x = 1
```
"""

_VIOLATION = """
from shop.wiring import registry
def rogue(name):
    return registry.get(name).run({})
"""


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "project"
    _GENERATE["write"](folder, _FILES, violations=1)
    monkeypatch.chdir(folder)
    monkeypatch.delenv("GOVLINT_CACHE_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    # what was written a moment ago counts as unstable; these tests do not wait for it
    monkeypatch.setattr(cache_module, "_RACY", -10_000_000_000)
    monkeypatch.setattr(cache_module, "_RACY_COARSE", -10_000_000_000)
    return folder


def check(*paths: str, cache: bool = True) -> RunResult:
    config = load_config(paths)
    catalog = load_catalog([Path(folder) for folder in config.rules])
    return engine.run(paths, config, catalog, engine.Options(cache=cache))


def agree(*paths: str) -> RunResult:
    """Check with and without the cache; the documents have to be the same to the byte."""
    cached = check(*paths)
    assert render(cached) == render(check(*paths, cache=False))
    return cached


class _Editor:
    """Edits a project at random: each method is one kind of edit."""

    def __init__(self, root: Path, seed: int) -> None:
        self.root, self.random = root, random.Random(seed)
        self.count = 0

    def step(self) -> str:
        edits: list[Callable[[], object]] = [
            self.comment, self.comment, self.function, self.violate, self.imports, self.innocent,
            self.delete, self.rename, self.add, self.swap, self.break_syntax, self.suppress,
            self.configure, self.rule_page, self.corrupt, self.nothing, self.encode, self.package,
        ]  # fmt: skip
        edit = self.random.choice(edits)
        edit()
        return edit.__name__

    def file(self) -> Path:
        return self.random.choice(sorted(self.root.rglob("*.py")))

    def append(self, text: str, path: Path | None = None) -> None:
        path = path or self.file()
        self.count += 1
        path.write_bytes(path.read_bytes() + text.encode())

    def comment(self) -> None:
        self.append(f"# {self.count} is no change at all\n")

    def function(self) -> None:
        self.append(f"\n\ndef added_{self.count}(plugin=None):\n    return plugin\n")

    def violate(self) -> None:
        self.append(_VIOLATION)

    def imports(self) -> None:
        self.append(
            f"\nimport {'.'.join(self.file().relative_to(self.root).with_suffix('').parts)}\n"
        )

    def innocent(self) -> None:
        self.append("\nfrom shop.domain import (  # all (of it)\n    missing,\n)\n")

    def delete(self) -> None:
        self.file().unlink()

    def rename(self) -> None:
        path = self.file()
        self.count += 1
        path.rename(path.with_name(f"renamed_{self.count}.py"))

    def add(self) -> None:
        self.count += 1
        path = self.file().with_name(f"new_{self.count}.py")
        path.write_text(self.random.choice(["x = 1\n", _VIOLATION]), "utf-8")

    def swap(self) -> None:
        one, other = self.file(), self.file()
        first, second = one.read_bytes(), other.read_bytes()
        one.write_bytes(second + b"\n")
        other.write_bytes(first + b"\n")

    def break_syntax(self) -> None:
        self.append("\ndef f(:\n")

    def suppress(self) -> None:
        self.append("\nx = 1  # govlint: ignore[GOV101] -- nothing here\n")

    def configure(self) -> None:
        choices = (
            "",
            'ignore = ["GOV103"]\n',
            'exclude = ["shop/api"]\n',
            '[bindings]\nplugins = ["BasePlugin", "*Service"]\n',
            '[severity]\nGOV101 = "note"\n',
            'rules = ["team"]\nselect = ["TEM101", "GOV901"]\n',
        )
        text = self.random.choice(choices)
        if "team" in text and not (self.root / "team").exists():
            self.rule_page()
        (self.root / "govlint.toml").write_text(text, "utf-8")

    def rule_page(self) -> None:
        (self.root / "team").mkdir(exist_ok=True)
        self.count += 1
        page = _PAGE + f"\n<!-- {self.count} -->\n"
        (self.root / "team" / "TEM101-team-direct-run.md").write_text(page, "utf-8")

    def corrupt(self) -> None:
        for path in (self.root / ".govlint_cache").glob("*.json"):
            data = bytearray(path.read_bytes())
            data[self.random.randrange(len(data))] ^= 1 << self.random.randrange(8)
            path.write_bytes(bytes(data))

    def nothing(self) -> None:
        path = self.file()
        os.utime(path)

    def encode(self) -> None:
        path = self.file()
        path.write_bytes(b"# -*- coding: latin-1 -*-\n# \xe9\n" + path.read_bytes())

    def package(self) -> None:
        self.append("\nfrom . import other\nfrom .. import shop\n", self.file())


@pytest.mark.parametrize("seed", range(6))
def test_random_edits_in_random_order(root: Path, seed: int) -> None:
    editor = _Editor(root, seed)
    agree()
    done = []
    for _ in range(18):
        done.append(editor.step())
        try:
            agree()
        except AssertionError:
            raise AssertionError(f"seed {seed}: they differ after {done}") from None
    agree()


def counted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How often a project is analysed, from now on."""
    calls = [0]
    analyse = analysis.analyse

    def counting(*arguments: object) -> object:
        calls[0] += 1
        return analyse(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(analysis, "analyse", counting)
    return calls


def _append(path: Path, text: str) -> None:
    path.write_text(path.read_text("utf-8") + text, "utf-8")


def test_an_edit_outside_the_linked_program_needs_no_analysis(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = check()
    domain = sorted((root / "shop" / "domain").glob("[a-z]*.py"))
    calls = counted(monkeypatch)
    _append(domain[0], "\n\ndef more() -> int:\n    return 1\n")
    _append(domain[1], "\nimport json as base\n")
    after = check()
    assert calls == [0]
    assert after.findings == before.findings != []
    assert after.statistics.cached == _FILES - 2
    _append(domain[2], "x = (\n")
    broken = check()
    assert calls == [0]
    assert {f.rule for f in broken.findings} - {f.rule for f in before.findings} == {"GOV901"}
    agree()


@pytest.mark.parametrize(
    "text",
    ["from shop.wiring import registry\nregistry.get('x').run({})\n",
     "import shop.wiring\nshop.wiring.registry.get('x').run({})\n",
     "from shop import (  # (\n    wiring,\n)\nwiring.registry.get('x').run({})\n",
     "from shop import wiring as \\\n  w\nw.registry.get('x').run({})\n",
     "from .. import wiring\nwiring.registry.get('x').run({})\n",
     "import importlib\nimportlib.import_module('shop.wiring').registry.get('x').run({})\n"],
)  # fmt: skip
def test_an_edit_that_joins_the_linked_program_is_seen(root: Path, text: str) -> None:
    before = check()
    path = sorted((root / "shop" / "domain").glob("[a-z]*.py"))[0]
    _append(path, text)
    after = agree()
    assert len(after.findings) > len(before.findings)
    assert {f.location.path for f in after.findings} >= {str(path.relative_to(root))}


def test_an_edit_of_a_linked_file_is_analysed(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = check()
    calls = counted(monkeypatch)
    _append(root / "shop" / "wiring.py", "\nregistry.get('x').run({})\n")
    after = check()
    assert calls == [1]
    assert len(after.findings) > len(before.findings)


def test_a_planted_list_of_linked_files_hides_nothing(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from govlint.linked import Linked
    from govlint.python.program import Program

    monkeypatch.setattr(Program, "linked", lambda self: Linked(frozenset(), frozenset()))
    check()
    _append(root / "shop" / "wiring.py", "\nregistry.get('x').run({})\n")
    service = sorted((root / "shop" / "services").glob("[a-z]*.py"))[0]
    _append(service, _VIOLATION)
    agree()


_TEST = "from shop.plugins.base import BasePlugin\n\n\ndef test_it() -> None:\n    BasePlugin()\n"


def test_what_a_check_finds_by_itself_is_found_in_an_edited_file(root: Path) -> None:
    tests = root / "tests"
    tests.mkdir()
    (tests / "test_a.py").write_text("def test_a() -> None:\n    assert 1 == 1\n", "utf-8")
    rules = {finding.rule for finding in agree().findings}
    domain = sorted((root / "shop" / "domain").glob("[a-z]*.py"))
    _append(domain[0], "\n\ndef validate_order(order):\n    return True\n")
    assert {f.rule for f in agree().findings} - rules == {"GOV701"}
    _append(tests / "test_a.py", _TEST)
    assert {f.rule for f in agree().findings} - rules == {"GOV701", "GOV702"}


def test_a_gate_that_another_file_overrides_is_a_default(root: Path) -> None:
    domain = sorted((root / "shop" / "domain").glob("[a-z]*.py"))
    base, other = domain[0].stem, domain[1]
    text = "\n\nclass Orders:\n    def validate_order(self, order):\n        return True\n"
    _append(domain[0], text)
    kept = other.read_text("utf-8")
    found = len(agree().findings)
    override = f"""
from shop.domain.{base} import Orders
class Strict(Orders):
    def validate_order(self, order):
        return order.total > 0
"""
    _append(other, override)
    assert len(agree().findings) == found - 1
    other.write_text(kept, "utf-8")
    assert len(agree().findings) == found


def test_a_table_of_checks_that_another_file_fills_is_not_empty(root: Path) -> None:
    domain = sorted((root / "shop" / "domain").glob("[a-z]*.py"))
    gate = "def validate_order(order):\n    return all(check(order) for check in CHECKS)\n"
    _append(domain[0], f"\n\nCHECKS = []\n\n\n{gate}")
    found = len(agree().findings)
    kept = domain[1].read_text("utf-8")
    _append(domain[1], f"\nfrom shop.domain import {domain[0].stem} as m\nm.CHECKS.append(len)\n")
    assert len(agree().findings) == found - 1
    domain[1].write_text(kept, "utf-8")
    assert len(agree().findings) == found
