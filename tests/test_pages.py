"""Rule pages: what they give, and that what is faulty is refused with its line."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from team_page import FAULTS, NAME, PAGE

from govlint.catalog import Catalog, load_catalog, page_paths, read_page
from govlint.cli import main
from govlint.errors import RuleError
from govlint.examples import run_example
from govlint.model import Severity
from govlint.pages import EXPECT, REQUIRED, Example, Expected, Page, parse

ROOT = Path(__file__).parent.parent
PAGES = page_paths(ROOT / "rules")


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOVLINT_CACHE_DIR", str(tmp_path / "cache"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "team" / "governance"
    path.mkdir(parents=True)
    (path / NAME).write_text(PAGE, encoding="utf-8")
    return path


def test_a_page_gives_its_rule_and_examples() -> None:
    page = parse(PAGE, f"x/governance/{NAME}")
    rule = page.rule
    assert (rule.code, rule.name, rule.severity) == ("ACM001", "run-outside", Severity.WARNING)
    assert (rule.since, rule.check, rule.pack) == ("1.2.3", "dynamic-dispatch", "governance")
    assert rule.params == {"undecided": "warning"}
    assert rule.spec == "handbook, page 7"
    assert rule.summary == "Nobody runs a plugin by a computed name"
    assert rule.why == (
        "Because the gate does not see it.\n\n### More\n\nIt is not counted either."
    )
    assert rule.fix == "Call the gate."
    invalid, valid = page.examples
    assert [(e.path, e.line, e.code) for e in invalid.expected] == [("example.py", 6, "ACM001")]
    assert PAGE.split("\n")[invalid.page_line("example.py", 6) - 1].endswith("# expect: ACM001")
    assert valid.valid
    assert valid.expected == []


def test_line_ends_and_a_byte_order_mark_make_no_other_rule() -> None:
    plain = parse(PAGE, NAME)
    for text in (PAGE.replace("\n", "\r\n"), "\ufeff" + PAGE, PAGE.replace("\n", "\r")):
        assert parse(text, NAME).rule == plain.rule


def test_titled_blocks_that_follow_each_other_are_one_project() -> None:
    titled = PAGE.replace(
        "## Valid\n\n```python\n",
        '## Valid\n\n```python title="a/x.py"\nX = 1\n```\n\n```toml title="pyproject.toml"\n'
        '```\n\nA sentence between.\n\n```python title="a/x.py"\n',
    )
    examples = parse(titled, NAME).examples
    assert [sorted(e.files) for e in examples] == [
        ["example.py"],
        ["a/x.py", "pyproject.toml"],
        ["a/x.py"],
    ]


def test_a_document_expects_by_pointer() -> None:
    block = '```json title="m.json" expect="/steps/0 /steps/1/id"\n{}\n```\n\n## Valid\n'
    example = parse(PAGE.replace("## Valid\n", block), NAME).examples[1]
    assert [(e.path, e.pointer, e.code) for e in example.expected] == [
        ("m.json", "/steps/0", ""),
        ("m.json", "/steps/1/id", ""),
    ]


# -- faults ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_ends_in_exit_2_with_its_line(
    name: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    old, new, line_text, said = FAULTS[name]
    text = PAGE.replace(old, new, 1)
    assert text != PAGE
    (folder / NAME).write_text(text, encoding="utf-8")
    with pytest.raises(RuleError) as caught:
        read_page(folder / NAME)
    assert said in str(caught.value)
    lines = text.split("\n")
    assert 1 <= caught.value.line <= len(lines)
    if line_text:
        assert line_text in lines[caught.value.line - 1]

    monkeypatch.chdir(folder.parent)
    (folder.parent / "govlint.toml").write_text('rules = ["governance"]\n')
    for arguments in (["rules", "list"], ["explain", "GOV101"], ["check", "."]):
        with pytest.raises(SystemExit) as stop:
            main(arguments)
        assert stop.value.code == 2
        errors = capsys.readouterr().err
        assert errors.count("\n") == 1
        assert f"{NAME}:{caught.value.line}: " in errors


def test_bytes_that_are_no_text_are_refused_with_their_line(folder: Path) -> None:
    (folder / NAME).write_bytes(PAGE.encode().replace(b"Because", b"\xff"))
    with pytest.raises(RuleError, match="not UTF-8") as caught:
        read_page(folder / NAME)
    assert caught.value.line == PAGE[: PAGE.index("Because")].count("\n") + 1


def test_a_page_that_is_gone_is_refused(folder: Path) -> None:
    with pytest.raises(RuleError, match="cannot be read"):
        read_page(folder / "ACM002-other.md")


# -- real pages, changed -----------------------------------------------------------------------


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_a_page_needs_each_of_its_keys_and_sections(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for key in REQUIRED:
        with pytest.raises(RuleError, match=f"lacks `{key}`"):
            parse(re.sub(rf"^{key}:.*\n( .*\n)*", "", text, count=1, flags=re.M), str(path))
    for heading in ("How to fix", "Invalid", "Valid"):
        with pytest.raises(RuleError):
            parse(re.sub(rf"^## {heading}\n", "", text, count=1, flags=re.M), str(path))
    with pytest.raises(RuleError, match="title"):
        parse(re.sub(r"^# .*\n", "", text, count=1, flags=re.M), str(path))


def _alone(text: str, example: Example) -> list[str]:
    """The page with this invalid example and no other, as lines."""
    lines = text.split("\n")
    blocks: list[str] = []
    for name, fence in example.fences.items():
        blocks += [*lines[fence - 1 : fence + example.files[name].count("\n") + 1], ""]
    head = lines[: lines.index("## Invalid") + 1]
    return [*head, "", *blocks, "## Valid", "", "```python", "x = 1", "```", ""]


def _is_noticed(text: str, path: str, line: int, catalog: Catalog) -> bool:
    try:
        page = parse(text, path)
    except RuleError as error:
        return "marks no line with" in str(error)
    found = run_example(page, page.examples[0], "plain", catalog)
    return any(mismatch.line == line for mismatch in found or [])


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_a_mark_that_is_dropped_or_added_is_noticed(path: Path) -> None:
    """Every mark: by the loader where it was the rule's last, else by running the example."""
    text = path.read_text(encoding="utf-8")
    page, catalog = read_page(path), load_catalog()
    other = "GOV102" if page.rule.code == "GOV101" else "GOV101"
    for example in page.examples:
        if example.valid:
            continue
        lines = _alone(text, example)
        start = lines.index("## Invalid")
        for number, line in enumerate(lines[start:], start):
            for mark in ("", f"# expect: {other}"):
                changed = EXPECT.sub(mark, line)
                if changed != line:
                    mutant = "\n".join([*lines[:number], changed, *lines[number + 1 :]])
                    assert _is_noticed(mutant, str(path), number + 1, catalog), line
    valid = next(e for e in page.examples if e.valid)
    name = next(name for name in valid.files if name.endswith((".py", ".json", ".yaml", ".jsonl")))
    valid.expected.append(Expected(name, 1, page.rule.code))
    found = run_example(page, valid, "plain", catalog)
    assert found is not None
    assert [m.line for m in found] == [valid.page_line(name, 1)]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_a_pointer_that_is_dropped_is_noticed(path: Path) -> None:
    """The marks of documents stand in the fence: without one, its finding is one too many."""
    page, catalog = read_page(path), load_catalog()
    for example in page.examples:
        if example.valid or example.expected[0].pointer is None:
            continue
        dropped = example.expected.pop()
        found = run_example(page, example, "plain", catalog)
        assert found, f"{path}:{example.line}: nothing is found at {dropped.pointer}"
        assert all("is not expected" in m.message or "times" in m.message for m in found)


_PIECES = st.sampled_from(
    [*PAGE.splitlines(keepends=True), "```\n", "```python\n", "---\n", "## Valid\n", "# x\n", "> ",
     "- ", "\t", "&a ", "*a", "{", "[", "!!bool ", "!!int ", "\x85", "\u2028", "\x00", "\r",
     "~~~\n"]
)  # fmt: skip


def _is_page_or_fault(text: str) -> None:
    try:
        assert isinstance(parse(text, NAME), Page)
    except RuleError as error:
        shown = text.replace("\r\n", "\n").replace("\r", "\n")
        assert 1 <= error.line <= shown.count("\n") + 1
        assert "\n" not in str(error)


@settings(max_examples=150, deadline=None)
@given(st.text(), st.lists(st.one_of(_PIECES, st.text(max_size=5)), max_size=40))
def test_any_text_is_a_page_or_a_fault_inside_it(text: str, pieces: list[str]) -> None:
    _is_page_or_fault(text)
    _is_page_or_fault("---\n" + text + "\n---")
    _is_page_or_fault("".join(pieces))


@settings(max_examples=150, deadline=None)
@given(st.integers(0, len(PAGE)), st.integers(0, 30), st.one_of(_PIECES, st.text(max_size=8)))
def test_a_damaged_page_is_a_page_or_a_fault_inside_it(start: int, cut: int, new: str) -> None:
    _is_page_or_fault(PAGE[:start] + new + PAGE[start + cut :])
