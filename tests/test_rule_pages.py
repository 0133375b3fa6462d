"""Every block of every page is a test: the page is right about what the engine finds."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from govlint.catalog import Catalog, load_catalog, page_paths, read_page
from govlint.examples import VARIANTS, run_example
from govlint.pages import Example, Page

RULES = Path(__file__).parent.parent / "rules"


@cache
def _catalog() -> Catalog:
    return load_catalog()


def _cases() -> list[object]:
    return [
        pytest.param(page, example, variant, id=f"{page.rule.code}-L{example.line}-{variant}")
        for path in page_paths(RULES)
        for page in [read_page(path)]
        for example in page.examples
        for variant in VARIANTS
        if not (example.valid and variant in ("suppressed", "fixed"))
    ]


@pytest.mark.parametrize(("page", "example", "variant"), _cases())
def test_an_example_gives_exactly_what_its_page_says(
    page: Page, example: Example, variant: str
) -> None:
    found = run_example(page, example, variant, _catalog())
    if found is None:  # this form cannot be made of this example; the plain one always can
        assert variant in ("bom", "suppressed", "fixed")
        return
    assert [f"{page.rule.path}:{entry.line}: {entry.message}" for entry in found] == []


@pytest.mark.parametrize("path", page_paths(RULES), ids=lambda path: path.stem)
def test_the_forms_of_a_page_are_really_run(path: Path) -> None:
    """A form that applied to no example of a page would pass without being run."""
    page = read_page(path)
    first = {valid: next(e for e in page.examples if e.valid is valid) for valid in (True, False)}
    for example in first.values():
        for variant in ("plain", "cached", "crlf", "bom"):
            assert run_example(page, example, variant, _catalog()) is not None
    about_suppressions = page.rule.check.startswith("suppression")
    if not about_suppressions and page.rule.check != "syntax":
        assert run_example(page, first[False], "suppressed", _catalog()) is not None
    if page.rule.check == "suppression-unused":
        assert run_example(page, first[False], "fixed", _catalog()) is not None
