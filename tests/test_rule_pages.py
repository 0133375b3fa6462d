"""Every block of every page is a test: the page is right about what the engine finds."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from govlint.catalog import Catalog, load_catalog, page_paths, read_page
from govlint.examples import VARIANTS, run_example
from govlint.pages import Example, Expected, Page

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
        signed = page.rule.check == "receipt"  # bytes that are signed have one form
        assert variant in ("bom", "suppressed", "fixed") or (signed and variant != "plain")
        return
    assert [f"{page.rule.path}:{entry.line}: {entry.message}" for entry in found] == []


@pytest.mark.parametrize("path", page_paths(RULES), ids=lambda path: path.stem)
def test_the_forms_of_a_page_are_really_run(path: Path) -> None:
    """A form that applied to no example of a page would pass without being run."""
    page = read_page(path)
    if page.rule.check == "receipt":
        for example in page.examples:
            assert run_example(page, example, "plain", _catalog()) is not None
        return
    first = {valid: next(e for e in page.examples if e.valid is valid) for valid in (True, False)}
    for example in first.values():
        for variant in ("plain", "cached", "crlf", "bom"):
            assert run_example(page, example, variant, _catalog()) is not None
    about_suppressions = page.rule.check.startswith("suppression")
    if not about_suppressions and page.rule.check != "syntax":
        assert run_example(page, first[False], "suppressed", _catalog()) is not None
    if page.rule.check == "suppression-unused":
        assert run_example(page, first[False], "fixed", _catalog()) is not None


# -- the runner itself ---------------------------------------------------------------------

_START = """\
class BasePlugin:
    def run(self, payload): ...


def start(plugin: BasePlugin, payload):
"""


def _run(body: str, variant: str, *codes: str) -> list[str] | None:
    """Run an example of GOV101 whose line 6 expects `codes`; the differences as text."""
    page = read_page(RULES / "execution" / "GOV101-direct-plugin-run.md")
    expected = [Expected("x.py", 6, code) for code in codes]
    example = Example(not codes, 10, {"x.py": _START + body}, expected, {"x.py": 10})
    found = run_example(page, example, variant, _catalog())
    return None if found is None else [f"{entry.line}: {entry.message}" for entry in found]


def test_findings_are_counted_where_one_line_has_several() -> None:
    twice = "    return plugin.run(payload), plugin.run(payload)  # expect: GOV101\n"
    assert _run(twice, "plain", "GOV101", "GOV101") == []
    assert _run(twice, "plain", "GOV101") == ["16: GOV101 was found 2 times, expected 1"]


def test_a_suppression_is_only_written_where_it_is_a_comment() -> None:
    in_text = '    plugin.run("""  # expect: GOV101\n    """)\n'
    assert _run(in_text, "plain", "GOV101") == []
    assert _run(in_text, "suppressed", "GOV101") is None
    marked = "    plugin.run(payload)  # expect: GOV101\n"
    assert _run(marked, "suppressed", "GOV101") == []


def test_a_suppression_that_silences_nothing_is_a_difference() -> None:
    found = _run("    return payload  # expect: GOV101\n", "suppressed", "GOV101")
    assert found is not None
    assert len(found) == 1
    assert found[0].startswith("16: GOV802 is left after a suppression: ")


def test_a_byte_order_mark_is_not_put_before_a_declared_encoding() -> None:
    page = read_page(RULES / "execution" / "GOV901-syntax-error.md")
    example = Example(True, 1, {"x.py": "# coding: latin-1\nx = 1\n"}, [], {"x.py": 1})
    assert run_example(page, example, "bom", _catalog()) is None
    assert run_example(page, example, "plain", _catalog()) == []
