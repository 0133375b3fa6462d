"""The report ledger: what is stored stays, and whatever was done to it shows."""

from __future__ import annotations

import json
import multiprocessing
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from report_examples import CRITERIA, report

from govlint.documents.reports import ledger as ledgers
from govlint.documents.reports.ledger import NO_HEAD, LedgerError, canonical, digest, open_ledger
from govlint.documents.schema import violations
from govlint.errors import IncompleteError, UsageError

RULESET = "sha256:" + "a" * 64
WHEN = "2026-11-21T10:00:00Z"


def _store(path: Path, *reports: Any) -> str:
    with open_ledger(str(path)) as ledger:
        ledger.append(reports, RULESET, WHEN)
        return ledger.head


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    path = tmp_path / "reports.jsonl"
    _store(path, *(report(phase) for phase in list(CRITERIA)[:5]))
    return path


def test_every_line_keeps_to_the_published_schema(stored: Path) -> None:
    lines = stored.read_bytes().splitlines()
    assert len(lines) == 5
    for line in lines:
        entry = json.loads(line)
        assert violations(entry, "report-ledger") == []
        assert canonical(entry) == line
        for key in entry:
            assert violations({k: v for k, v in entry.items() if k != key}, "report-ledger")


def test_the_chain_is_what_the_schema_says(stored: Path) -> None:
    """Computed here again, from the words of the schema alone."""
    import hashlib

    prev = "sha256:" + "0" * 64
    for number, line in enumerate(stored.read_bytes().splitlines()):
        entry = json.loads(line)
        assert (entry["seq"], entry["prev"]) == (number, prev)
        prev = "sha256:" + hashlib.sha256(line).hexdigest()


def test_appending_goes_on_where_it_was_left(stored: Path) -> None:
    before = stored.read_bytes()
    head = _store(stored, report("P9"))
    after = stored.read_bytes()
    assert after.startswith(before)
    assert digest(after.splitlines()[-1]) == head
    with open_ledger(str(stored), head) as ledger:
        assert [entry.seq for entry in ledger.entries] == list(range(6))


def test_a_ledger_that_nothing_was_stored_in_is_not_begun(tmp_path: Path) -> None:
    path = tmp_path / "new.jsonl"
    with open_ledger(str(path)) as ledger:
        assert ledger.head == NO_HEAD
    assert not path.exists()
    with pytest.raises(ZeroDivisionError), open_ledger(str(path)):
        raise ZeroDivisionError
    assert not path.exists()


def _flip(data: bytes) -> bytes:
    return data.replace(b'"completion":0.4', b'"completion":0.9', 1)


_TAMPERED: dict[str, Callable[[bytes], bytes]] = {
    "value changed": _flip,
    "line taken out": lambda d: b"\n".join(d.split(b"\n")[:1] + d.split(b"\n")[2:]),
    "first line taken out": lambda d: d.split(b"\n", 1)[1],
    "lines swapped": lambda d: b"\n".join([d.split(b"\n")[i] for i in (0, 2, 1, 3, 4, 5)]),
    "line twice": lambda d: b"\n".join([d.split(b"\n")[i] for i in (0, 1, 1, 2, 3, 4, 5)]),
    "space put in": lambda d: d.replace(b'"seq":2', b'"seq": 2'),
    "carriage returns": lambda d: d.replace(b"\n", b"\r\n"),
    "empty line": lambda d: d.replace(b"\n", b"\n\n", 1),
    "byte order mark": lambda d: b"\xef\xbb\xbf" + d,
    "no JSON": lambda d: b"hello\n" + d,
    "a list": lambda d: b"[]\n" + d,
    "another format": lambda d: d.replace(b"report-ledger/1", b"report-ledger/2", 1),
    "another key": lambda d: d.replace(b'{"digest"', b'{"a":1,"digest"', 1),
    "truth for a number": lambda d: d.replace(b'"seq":1', b'"seq":true'),
    "nested without end": lambda d: b"[" * 100_000 + b"\n" + d,
}


@pytest.mark.parametrize("how", _TAMPERED)
def test_a_ledger_that_was_changed_is_not_appended_to(stored: Path, how: str) -> None:
    tamper: Callable[[bytes], bytes] = _TAMPERED[how]
    changed = tamper(stored.read_bytes())
    stored.write_bytes(changed)
    with pytest.raises(LedgerError, match=r"reports\.jsonl:\d+: "):
        _store(stored, report("P9"))
    assert stored.read_bytes() == changed


def test_every_byte_of_the_ledger_counts(stored: Path) -> None:
    data = stored.read_bytes()
    for place in range(0, len(data), 97):
        changed = bytearray(data)
        changed[place] ^= 1
        stored.write_bytes(bytes(changed))
        with pytest.raises(LedgerError):
            _store(stored, report("P9"))


def test_an_end_that_was_cut_off_shows_against_a_head_kept_elsewhere(stored: Path) -> None:
    head = _store(stored, report("P9"))
    lines = stored.read_bytes().splitlines(keepends=True)
    stored.write_bytes(b"".join(lines[:3]))
    with open_ledger(str(stored)) as ledger:  # the chain alone cannot know
        assert len(ledger.entries) == 3
    with pytest.raises(LedgerError, match="cut off or rewritten"), open_ledger(str(stored), head):
        pass


# -- crashes and other writers -------------------------------------------------------------------


def test_an_unfinished_line_is_put_aside_and_kept(stored: Path) -> None:
    whole = stored.read_bytes()
    for number, rest in enumerate((b'{"digest":"sha', whole.splitlines()[0]), 1):
        stored.write_bytes(stored.read_bytes() + rest)
        with open_ledger(str(stored)) as ledger:
            assert ledger.dropped == rest
        assert stored.read_bytes() == whole
        assert Path(f"{stored}.unfinished-{number}").read_bytes() == rest


def test_a_full_disk_leaves_the_ledger_as_it_was(
    stored: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = stored.read_bytes()
    write = os.write
    calls = iter(range(9))

    def fail_later(descriptor: int, data: Any) -> int:
        if next(calls) == 0:
            return write(descriptor, bytes(data)[:100])
        raise OSError(28, "No space left on device")

    with open_ledger(str(stored)) as ledger:
        monkeypatch.setattr(os, "write", fail_later)
        with pytest.raises(IncompleteError, match="No space left"):
            ledger.append([report("P9")], RULESET, WHEN)
    monkeypatch.undo()
    assert stored.read_bytes() == before


_KILLED = """
import os, sys
from govlint.documents.reports import ledger
real = os.write
def write(descriptor, data):
    real(descriptor, bytes(data)[:int(sys.argv[2])])
    os._exit(9)
ledger.os.write = write
with ledger.open_ledger(sys.argv[1]) as opened:
    opened.append([{"a": 1}], "sha256:" + "a" * 64, "2026-11-21T10:00:00Z")
"""


@pytest.mark.parametrize("written", [0, 1, 150, 10_000])
def test_a_writer_that_is_killed_loses_nothing_that_was_stored(stored: Path, written: int) -> None:
    before = stored.read_bytes()
    arguments = [sys.executable, "-c", _KILLED, str(stored), str(written)]
    done = subprocess.run(arguments, timeout=60, check=False)
    assert done.returncode == 9
    _store(stored, report("P9"))
    assert stored.read_bytes().startswith(before)
    with open_ledger(str(stored)) as ledger:
        assert len(ledger.entries) == (7 if written == 10_000 else 6)


def _write_some(path: str, first: int) -> None:
    for number in range(first, first + 8):
        with open_ledger(path) as ledger:
            ledger.append([{"n": number}], RULESET, WHEN)


def test_writers_at_once_wait_for_each_other(tmp_path: Path) -> None:
    path = tmp_path / "reports.jsonl"
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_write_some, args=(str(path), n * 100)) for n in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
        assert writer.exitcode == 0
    with open_ledger(str(path)) as ledger:
        numbers = [entry.report["n"] for entry in ledger.entries]
    assert sorted(numbers) == sorted(n * 100 + i for n in range(3) for i in range(8))


def test_a_writer_that_never_ends_is_not_waited_for_forever(
    stored: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledgers, "_WAIT", 0.1)
    with (
        open_ledger(str(stored)),
        pytest.raises(IncompleteError, match="another process"),
        open_ledger(str(stored)),
    ):
        pass


# -- what cannot be stored -------------------------------------------------------------------------


@pytest.mark.parametrize("value", [2**53, -(2**53), "\ud800"])
def test_what_has_no_canonical_form_is_refused(stored: Path, value: Any) -> None:
    before = stored.read_bytes()
    with pytest.raises(ValueError), open_ledger(str(stored)) as ledger:
        ledger.append([{"n": value}], RULESET, WHEN)
    assert stored.read_bytes() == before


def test_what_is_no_file_is_no_ledger(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be opened"), open_ledger(str(tmp_path)):
        pass
    with pytest.raises(UsageError, match="no regular file"), open_ledger(os.devnull):
        pass
    with pytest.raises(UsageError), open_ledger(str(tmp_path / "no" / "folder")):
        pass
