"""The baseline: accepted once, counted, and only ever shrinking."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from govlint.baseline import Baseline, Entry, Update, apply, dump, read, update
from govlint.errors import BaselineError
from govlint.model import Finding, Location, Severity


def finding(fingerprint: str, path: str = "a.py", line: int = 1) -> Finding:
    return Finding(
        "GOV101", "direct-plugin-run", Severity.ERROR, "m", Location(path, line),
        fingerprint=fingerprint,
    )  # fmt: skip


def always(_entry: Entry) -> bool:
    return True


def path_of(f: Finding) -> str:
    return f.location.path


def make(old: Baseline | None, *found: Finding, accept: bool = False) -> Update:
    return update(old, found, always, path_of, "why", "2026-11-21", accept)


def test_the_first_time_everything_is_accepted() -> None:
    made = make(None, finding("f1"), finding("f2"))
    assert [e.fingerprint for e in made.baseline.entries] == ["f1", "f2"]
    assert {e.reason for e in made.baseline.entries} == {"why"}
    assert len(made.added) == 2


def test_accepted_findings_are_silenced_with_their_reason() -> None:
    baseline = make(None, finding("f1")).baseline
    applied = apply(baseline, [finding("f1", line=40), finding("f2")], always)
    assert [f.fingerprint for f in applied.kept] == ["f2"]
    (silenced,) = applied.suppressed
    assert (silenced.kind, silenced.reason) == ("baseline", "why")
    assert applied.stale == []


def test_equal_fingerprints_need_an_entry_each() -> None:
    baseline = make(None, finding("f1"), finding("f1")).baseline
    applied = apply(baseline, [finding("f1")] * 3, always)
    assert (len(applied.kept), len(applied.suppressed), applied.stale) == (1, 2, [])
    assert len(apply(baseline, [finding("f1")], always).stale) == 1


def test_stale_entries_leave_and_nothing_new_enters() -> None:
    baseline = make(None, finding("f1"), finding("f2")).baseline
    made = make(baseline, finding("f2"))
    assert [e.fingerprint for e in made.baseline.entries] == ["f2"]
    assert [e.fingerprint for e in made.removed] == ["f1"]
    with pytest.raises(BaselineError) as caught:
        make(baseline, finding("f2"), finding("f3", "b.py", 7))
    assert "would grow by 1 finding (b.py:7 GOV101)" in str(caught.value)
    assert "--accept-new --reason" in str(caught.value)
    assert caught.value.exit_code == 2


def test_new_ones_enter_when_asked_with_their_own_reason() -> None:
    baseline = make(None, finding("f1")).baseline
    made = update(
        baseline, [finding("f1"), finding("f2")], always, path_of, "later", "2026-12-01", True
    )
    assert [(e.fingerprint, e.reason) for e in made.baseline.entries] == [
        ("f1", "why"),
        ("f2", "later"),
    ]


def test_what_the_run_did_not_look_at_stays() -> None:
    baseline = make(None, finding("f1"), finding("f2", "b.py")).baseline
    made = update(baseline, [], lambda e: e.path == "a.py", path_of, "", "", False)
    assert [e.path for e in made.baseline.entries] == ["b.py"]


def test_one_of_two_equal_entries_leaves() -> None:
    baseline = make(None, finding("f1"), finding("f1")).baseline
    assert len(make(baseline, finding("f1")).baseline.entries) == 1


def test_a_baseline_survives_being_written_and_read(tmp_path: Path) -> None:
    path = tmp_path / "b.json"
    baseline = make(None, finding("f1", "é\udce9.py"), finding("f2")).baseline
    path.write_bytes(dump(baseline).encode("utf-8", "backslashreplace"))
    assert [e.fingerprint for e in read(str(path)).entries] == ["f2", "f1"]
    assert json.loads(path.read_text("utf-8"))["version"] == 1
    assert dump(Baseline()) == '{\n  "version": 1,\n  "tool": "govlint",\n  "findings": []\n}\n'


def test_the_text_does_not_depend_on_the_order_of_findings() -> None:
    one = make(None, finding("f1"), finding("f2", "b.py")).baseline
    other = make(None, finding("f2", "b.py"), finding("f1")).baseline
    assert dump(one) == dump(other)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ":1: is not JSON"),
        ('{"version": 1,\n]', ":2: is not JSON"),
        ("[]", "not a baseline of version 1 (found 'list')"),
        ('{"version": 2}', "found 2"),
        ('{"version": 1}', "no list 'findings'"),
        ('{"version": 1, "findings": [1]}', "findings[0] is not an object"),
        ('{"version": 1, "findings": [{"rule": "x"}]}', "findings[0].fingerprint is ''"),
        ('{"version": 1, "findings": [{"fingerprint": 3}]}', "findings[0].fingerprint is 3"),
        ("[" * 100_000, "is not a baseline"),
    ],
)
def test_a_damaged_baseline_is_refused_by_name(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "b.json"
    path.write_text(text, "utf-8")
    with pytest.raises(BaselineError) as caught:
        read(str(path), "b.json")
    assert str(caught.value).startswith("b.json")
    assert words in str(caught.value)


def test_a_baseline_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(BaselineError, match="there is no such baseline"):
        read(str(tmp_path / "b.json"))
    with pytest.raises(BaselineError, match="cannot be read"):
        read(str(tmp_path))
