"""A corpus of evasions and look-alikes of GOV101, GOV102 and GOV104.

`tests/data/flow_cases.txt` holds `===== name`, then `#### path` for each file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from govlint import engine
from govlint.catalog import load_catalog
from govlint.config import load_config

DATA = Path(__file__).parent / "data"
RULES = ("GOV101", "GOV102", "GOV104")
BASE = """\
class BasePlugin:
    name = "base"

    def run(self, payload): ...

    def describe(self):
        return self.name


class Crop(BasePlugin):
    def run(self, payload):
        return {}


class Server:
    name = "server"

    def run(self, *arguments): ...


class ToolRunner:
    def run(self, plugin, payload):
        try:
            return plugin.run(payload)
        finally:
            self.update_execution_metrics(plugin)

    def update_execution_metrics(self, plugin): ...
"""


def _cases() -> Iterator[tuple[str, dict[str, str]]]:
    text = (DATA / "flow_cases.txt").read_text(encoding="utf-8")
    for case in re.split(r"^===== ", text, flags=re.M)[1:]:
        name, _, body = case.partition("\n")
        parts = re.split(r"^#### (\S+)\n", body, flags=re.M)
        files = dict(zip(parts[1::2], parts[2::2], strict=True))
        yield name.strip(), files


def _expected(files: dict[str, str]) -> set[tuple[str, int, str]]:
    return {
        (path, number, code.strip())
        for path, text in files.items()
        for number, line in enumerate(text.split("\n"), 1)
        if (found := re.search(r"# expect: (.*)", line))
        for code in found[1].split(",")
        if code.strip() in RULES
    }


CASES = list(_cases())


@pytest.mark.parametrize(("name", "files"), CASES, ids=[name for name, _ in CASES])
def test_a_case_is_found_as_it_is_marked(
    name: str, files: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path, text in {"app/__init__.py": "", "app/base.py": BASE, **files}.items():
        target = tmp_path / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    options = engine.Options(cache=False, select=RULES)
    result = engine.run(["."], load_config(["."]), load_catalog(), options)
    found = {(f.location.path, f.location.line, f.rule) for f in result.findings}
    assert not result.problems
    assert found == _expected(files)
