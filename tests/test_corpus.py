"""Evasions and look-alikes of the execution pack, as whole small projects."""

from __future__ import annotations

from pathlib import Path

import pytest
from corpus import FOLDER, Case, cases, judge

CODES = tuple(
    f"GOV{n}"
    for n in (101, 102, 103, 104, 201, 202, 203, 301, 302, 303, 304, 401, 402, 403, 801, 802, 901)
)
CASES = [
    pytest.param(case, id=f"{path.stem}: {case.name}")
    for path in sorted(FOLDER.glob("*.txt"))
    if path.stem != "projects"
    for case in cases(path.name)
]


@pytest.mark.parametrize("case", CASES)
def test_a_case_is_found_as_it_is_marked(
    case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert judge(case, tmp_path, CODES) == case.expected()
