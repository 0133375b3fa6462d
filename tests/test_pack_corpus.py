"""Evasions and look-alikes of the participation and trust packs: small projects, as data.

A file of `tests/data` holds `===== name`, then `#### path` for each file of that project; what
stands under `===== BASE` is part of every project. `# expect: CODE` marks the lines that are
found, and nothing else of the two packs may be found anywhere.
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
RULES = (
    *(f"GOV50{number}" for number in range(1, 9)),
    *("GOV601", "GOV602", "GOV603", "GOV701", "GOV702"),
)
_EXPECT = re.compile(r"# expect: (GOV\d+(?:, GOV\d+)*)")
Files = dict[str, str]


def _cases() -> Iterator[tuple[str, Files]]:
    for name in ("participation_cases.txt",):
        text = (DATA / name).read_text(encoding="utf-8")
        base: Files = {}
        for case in re.split(r"^===== ", text, flags=re.M)[1:]:
            title, _, body = case.partition("\n")
            parts = re.split(r"^#### (\S+)\n", body, flags=re.M)
            files = dict(zip(parts[1::2], parts[2::2], strict=True))
            if title.strip() == "BASE":
                base = files
            else:
                yield title.strip(), {**base, **files}


def _expected(files: Files) -> set[tuple[str, int, str]]:
    return {
        (path, number, code)
        for path, text in files.items()
        for number, line in enumerate(text.split("\n"), 1)
        if (found := _EXPECT.search(line))
        for code in found[1].split(", ")
    }


CASES = list(_cases())


def test_each_rule_has_evasions_and_look_alikes() -> None:
    for code in RULES[:8]:
        marked = [files for _, files in CASES if any(c == code for *_, c in _expected(files))]
        named = [title for title, _ in CASES if title.startswith(f"{code[3:]} clean:")]
        assert len(marked) >= 5, code
        assert len(named) >= 4, code


@pytest.mark.parametrize(("title", "files"), CASES, ids=[title for title, _ in CASES])
def test_a_project_is_judged_as_it_is_marked(
    title: str, files: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path, text in files.items():
        target = tmp_path / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    options = engine.Options(cache=False, select=RULES)
    result = engine.run(["."], load_config(["."]), load_catalog(), options)
    assert not result.problems
    found = {(f.location.path, f.location.line, f.rule) for f in result.findings}
    assert found == _expected(files)
