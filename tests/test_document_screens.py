"""A screen clears no text in which its rule finds anything, and most of those that are clean."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from govlint.documents.reports import bypass, clear
from govlint.documents.reports.language import WordList, word_list
from govlint.documents.reports.unfilled import is_unfilled
from govlint.documents.screen import Screen, Suspect, wider

HERE = Path(__file__).parent


def _pages() -> Iterator[str]:
    for page in sorted((HERE.parent / "rules" / "reports").glob("*.md")):
        for found in re.finditer(r'"((?:[^"\\\n]|\\.)*)"', page.read_text("utf-8")):
            yield json.loads(found.group())


def _lines(sign: str) -> Iterator[str]:
    for path in sorted((HERE / "data" / "reports").glob("*.txt")):
        for line in path.read_text("utf-8").split("\n"):
            if line.startswith(sign):
                yield line[2:]


TEXTS = list(dict.fromkeys([*_lines("+ "), *_lines("- "), *_pages()]))
WORDS = sorted({word for text in TEXTS for word in re.findall(r"\w+|\W+", text)})
JUDGES: dict[str, tuple[Screen, Callable[[str], bool]]] = {
    "unfilled": (clear._SCREEN, lambda text: "|" in text or is_unfilled(text)),
    "language": (word_list().screen, lambda text: bool(word_list().find(text))),
    "bypass": (bypass._SCREEN, bypass.goes_round),
}


def _cleared(screen: Screen, value: Any) -> bool:
    if screen._asked < 100:
        screen.make()
    return screen.clears(value)


@pytest.mark.parametrize("name", JUDGES)
def test_no_text_is_cleared_that_the_rule_finds_something_in(name: str) -> None:
    screen, judge = JUDGES[name]
    guilty = [text for text in TEXTS if judge(text)]
    assert len(guilty) > 40
    assert [text for text in guilty if _cleared(screen, {"key": ["plain text", text]})] == []


@pytest.mark.parametrize("name", JUDGES)
def test_most_clean_texts_are_cleared(name: str) -> None:
    screen, judge = JUDGES[name]
    clean = [text for text in TEXTS if text.isascii() and not judge(text)]
    assert sum(_cleared(screen, text) for text in clean) > 0.5 * len(clean)


@pytest.mark.parametrize("name", JUDGES)
@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_nor_is_any_other_put_together_from_their_words(name: str, data: st.DataObject) -> None:
    screen, judge = JUDGES[name]
    words = data.draw(st.lists(st.sampled_from(WORDS), min_size=1, max_size=8))
    text = data.draw(st.sampled_from(["", " "])).join(words)
    text = data.draw(st.sampled_from([text, text.upper(), text.title(), text + "\n"]))
    assert not (judge(text) and _cleared(screen, text))


@pytest.mark.parametrize(
    ("pattern", "how", "text"),
    [
        (r"(?<!\w)todo(?!\w)", "search", "a TODO here"),
        (r"[^a-z ]+", "fullmatch", "12:30"),
        (r"a(?:b|c){2,3}?\b.", "match", "abcb!"),
        (r"(?>no|none) risk", "search", "No risk"),
        (r"[\W\d]{3}", "search", "x-1-"),
        (r"\Aend\Z", "search", "end"),
        (r"(['x])y\1", "search", "'y'"),
        (r".[^x]", "fullmatch", "xY"),
    ],
)
def test_what_an_expression_matches_its_wider_form_matches(
    pattern: str, how: str, text: str
) -> None:
    made = wider(Suspect(re.compile(pattern), how))
    assert re.search(made, text)
    screen = Screen(lambda: [(made,)])
    assert not _cleared(screen, [text]) and _cleared(screen, ["b", 1, None, {"k": "b"}])


def test_an_expression_that_cannot_be_widened_is_said_to_be_so() -> None:
    with pytest.raises(NotImplementedError, match="GROUPREF_EXISTS"):
        wider(Suspect(re.compile(r"(a)?(?(1)b|c)")))


def test_where_no_screen_can_be_made_nothing_is_cleared() -> None:
    screen = Screen(lambda: [(wider(Suspect(re.compile(r"(a)?(?(1)b|c)"))),)])
    screen.make()
    assert not screen.clears("b")
    assert not _cleared(Screen(lambda: [("(",)]), "b")


def test_a_screen_is_made_when_many_documents_were_asked_about() -> None:
    asked = []
    screen = Screen(lambda: asked.append(1) or [("bad",)])  # type: ignore[func-returns-value]
    assert not any(screen.clears("good") for _ in range(99))
    assert not asked
    assert all(screen.clears("good") for _ in range(99)) and len(asked) == 1
    assert not screen.clears({"a": ["bad"]})


def test_a_project_with_words_of_its_own_has_its_own_screen() -> None:
    words = word_list((("frobnicate", "means nothing"),), ())
    assert isinstance(words, WordList) and words is not word_list()
    text = "operators frobnicate the lease"
    assert not _cleared(words.screen, text) and _cleared(word_list().screen, text)


def test_a_verdict_is_remembered_for_a_report_and_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(clear, "_MOST", 2)
    clear._SCREEN.make()
    good, bad = {"title": "Runtime Guard"}, {"title": "TODO"}
    for _ in range(3):
        assert clear.texts_clear(good) and not clear.texts_clear(bad)
        assert clear.texts_clear({"title": "Event Model"})


def test_no_text_with_a_credential_is_cleared() -> None:
    from govlint.documents.missions import secrets

    data = (HERE / "data").rglob("*")
    lines = {
        line
        for path in [*data, *(HERE.parent / "rules" / "missions").glob("*.md")]
        if path.is_file() and path.suffix in (".txt", ".md", ".yaml", ".json")
        for line in path.read_text("utf-8", "replace").split("\n")
    }
    forms = [
        "AKIA" + "Q2ZT5RWXV7YHLMNP", "ghp_" + "a1B2" * 9, "glpat-" + "x9Y8z7W6v5U4t3S2r1Q0",
        "xoxb-" + "123456789012-abcdef", "sk-ant-" + "api03-Zq8Rk2Lm9Xw4Yt6Bn1", "hf_" + "aB3d" * 8,
        "-----BEGIN RSA PRIVATE KEY-----", "eyJhbGciOiJI.eyJzdWIiOiIx.SflKxwRJSMeKKF",
        "postgres://app:hunter2x@db/x", "https://x.test/?api_key=Zq8Rk2Lm9Xw4",
        "8123456789:AA" + "Hk3L9mPq2RsTuVwXyZ" * 2, 'export DB_PASSWORD="h4nter2x!"',
        "apiKey = zQ81mmP0aa71", "dbPassword: Zq8Rk2Lm9Xw4", "accessKeyId='Zq8Rk2Lm9Xw4'",
    ]  # fmt: skip
    lines |= {f"before\n\tuse {form} here\nand after" for form in forms} | set(forms)
    screen = secrets._SCREEN
    cleared = [line for line in lines if _cleared(screen, line)]
    assert len(cleared) > 0.5 * len(lines)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(secrets, "_SCREEN", Screen(list))
        guilty = [line for line in lines if any(True for _ in secrets.in_text(line))]
    assert len(guilty) > len(forms) and not set(guilty) & set(cleared)
