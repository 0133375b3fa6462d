"""The corpus of documents is found as it is marked, and nothing else is found in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest
from document_corpus import (
    DATA,
    Case,
    edit_cases,
    mission_cases,
    mission_values,
    report_texts,
    role_projects,
    run_case,
    run_together,
)

from govlint.catalog import Catalog, load_catalog


def _edits(name: str) -> Iterator[Case]:
    """The edits in a file named `report_cases2.yaml`."""
    kind, _, suffix = name.removesuffix(".yaml").partition("_cases")
    return edit_cases(kind, suffix)


def _named(pattern: str) -> list[str]:
    return sorted(path.name for path in DATA.glob(pattern))


@cache
def _catalog() -> Catalog:
    return load_catalog()


def _differences(found: dict[str, list[str]]) -> str:
    return "\n".join("\n    ".join([title, *said]) for title, said in found.items() if said)


@pytest.mark.parametrize(
    ("read", "name"),
    [
        *((mission_cases, name) for name in _named("mission_cases*.txt")),
        *((mission_values, name) for name in _named("mission_values*.txt")),
        *((report_texts, name) for name in _named("report_texts*.txt")),
    ],
)
def test_files_are_found_as_they_are_marked(
    read: Callable[[str], Iterator[Case]], name: str, tmp_path: Path
) -> None:
    cases = list(read(name))
    assert len(cases) > 5
    results = run_together(cases, tmp_path, _catalog())
    assert _differences({case.title: said for case, said in results}) == ""


@pytest.mark.parametrize(
    ("read", "name"),
    [
        *((role_projects, name) for name in _named("role_projects*.txt")),
        *((_edits, name) for name in _named("*_cases*.yaml")),
    ],
)
def test_projects_are_found_as_they_are_marked(
    read: Callable[[str], Iterator[Case]], name: str, tmp_path: Path
) -> None:
    cases = list(read(name))
    assert len(cases) > 3
    found = {}
    for number, case in enumerate(cases):
        folder = tmp_path / str(number)
        folder.mkdir()
        found[case.title] = run_case(case, folder, _catalog())
    assert _differences(found) == ""


def test_the_corpus_is_of_both_kinds() -> None:
    cases = [*mission_cases(), *mission_values(), *role_projects()]
    cases += [*edit_cases("report"), *edit_cases("role")]
    clean = sum(case.is_clean for case in cases)
    assert len(cases) > 900
    assert 0.3 < clean / len(cases) < 0.6
