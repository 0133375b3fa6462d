"""What the rules about words find and what they let pass, a line of tests/data/reports a case."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from govlint.documents.reports.bypass import goes_round
from govlint.documents.reports.guardrails import (
    missing_policy_gates,
    missing_runtime_gates,
    missing_trace_ids,
)
from govlint.documents.reports.language import WordList, word_list
from govlint.documents.reports.measurable import is_measurable
from govlint.documents.reports.models import what_it_is
from govlint.documents.reports.module_paths import is_explicit
from govlint.documents.reports.unfilled import is_unfilled

DATA = Path(__file__).parent / "data" / "reports"


def _gate(key: str, line: str) -> bool:
    judge = {
        "runtime_gate": missing_runtime_gates,
        "policy_gate": missing_policy_gates,
        "audit_trace": missing_trace_ids,
    }[key]
    entries = [entry for entry in line.split(" | ") if entry]
    return bool(list(judge({"guardrails": {key: entries}})))


def _model(line: str) -> bool:
    kind, _, name = line.partition(" | ")
    return what_it_is(kind, name) is not None


FOUND: dict[str, Callable[[str], bool]] = {
    "unfilled": is_unfilled,
    "acceptance": lambda line: not is_measurable(line),
    "bypass": goes_round,
    "modules": lambda line: not is_explicit(line),
    "language": lambda line: bool(word_list().find(line)),
    "runtime_gate": lambda line: _gate("runtime_gate", line),
    "policy_gate": lambda line: _gate("policy_gate", line),
    "audit_trace": lambda line: _gate("audit_trace", line),
    "models": _model,
}


def _cases(sign: str) -> list[object]:
    return [
        pytest.param(name, line[2:], id=f"{name}-{number}")
        for name in FOUND
        for number, line in enumerate((DATA / f"{name}.txt").read_text("utf-8").split("\n"), 1)
        if line.startswith(sign + " ")
    ]


@pytest.mark.parametrize(("name", "line"), _cases("-"))
def test_an_evasion_is_found(name: str, line: str) -> None:
    assert FOUND[name](line), line


@pytest.mark.parametrize(("name", "line"), _cases("+"))
def test_a_look_alike_passes(name: str, line: str) -> None:
    assert not FOUND[name](line), line


@pytest.mark.parametrize("name", FOUND)
def test_each_subject_has_enough_of_both(name: str) -> None:
    lines = (DATA / f"{name}.txt").read_text("utf-8").split("\n")
    least = 12 if name == "audit_trace" or name.endswith("gate") else 15
    assert sum(line.startswith("- ") for line in lines) >= least
    assert sum(line.startswith("+ ") for line in lines) >= least


# -- the word list itself --------------------------------------------------------------------


def test_the_place_of_a_loaded_word_is_its_place_in_the_text() -> None:
    (found,) = word_list().find("so the r\u00e9g\u200bime of leases ends")
    assert (found.start, found.end, found.word) == (7, 14, "r\u00e9g\u200bime")
    (found,) = word_list().find("class DictatorLease")
    assert found.word == "Dictator"


def test_every_word_of_the_list_is_found_and_has_a_reason() -> None:
    import json

    from govlint.data import data_dir

    data = json.loads((data_dir("schemas") / "loaded-language.json").read_text("utf-8"))
    words = word_list()
    for entries in data["languages"].values():
        for entry in entries:
            assert entry["reason"]
            for word in entry["words"]:
                assert words.find(f"{word.removesuffix('*')}"), word
            for phrase in entry.get("unless", ()):
                assert not words.find(phrase.replace("*", "")), phrase
    for term in data["own"]:
        assert not words.find(term), term


def test_a_project_adds_words_and_allows_phrases() -> None:
    own = word_list((("crew", "people are no components"),), ("war room",))
    (found,) = own.find("ask the crew in the war room")
    assert (found.word, found.reason) == ("crew", "people are no components")
    assert not word_list().find("ask the crew")


def test_a_list_without_words_finds_nothing() -> None:
    assert WordList([]).find("a dictator") == []
    assert WordList([]).find("ein Führer, 独裁") == []


# -- texts that were made to take long -----------------------------------------------------------

_HOSTILE = (
    "run |bypass |skip a b c |tests pass |within the |is not really |a|A|aA|1.|<a|{{|[ |TODO |no"
    " no TODO "
    "|to be |a/|a/b.|x_|a-|test_|run even if |run first |the runtime policy |runtime and"
    " |directly |if "
    "|when the gate |tenant x |boundary x |budget: not |\u200b|\u00e9|\uff21|\u653f|police"
    " |war_|.. |, |and |::"
).split("|")


@pytest.mark.parametrize("seed", _HOSTILE)
def test_no_text_takes_long(seed: str) -> None:
    """Time grows with the text and is bounded; without that, a few of these take minutes."""
    import time

    text = (seed * 200_000)[:200_000]
    started = time.process_time()
    for name, found in FOUND.items():
        found(f"table | {text}" if name == "models" else text)
    assert time.process_time() - started < 20
