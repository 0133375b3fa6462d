"""The journal: compare-and-swap, group commit, queries, faults of disks."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from runtime_world import World, step

from runtime_min.kernel.errors import RecordError, StaleWriter
from runtime_min.kernel.ports import SeededRandomness
from runtime_min.record.events import Event, RunIdentity
from runtime_min.record.journal import Journal
from runtime_min.record.payloads import Payload

TESTS = Path(__file__).parent
POLICY = {"outcome": "allow", "policy_sha256": "0" * 64, "reasons": []}


def identity(run: str = "r1", tenant: str = "acme") -> RunIdentity:
    return RunIdentity(tenant, run, "s1", "0" * 32, "user:jane", "work", "1.0")


def submitted(key: str = "k") -> Event:
    principal = {"id": "user:jane", "tenant": "acme", "roles": ["analyst"]}
    request = {
        "kind": "intent",
        "intent_type": "test.work",
        "idempotency_key": key,
        "principal": principal,
    }
    given = {"sha256": "0" * 64, "size": 0, "media": "application/json"}
    return Event("run.submitted", {"request": request, "input": given}, "0" * 16)


def note(text: str = "x") -> Event:
    return Event("note.recorded", {"note": text}, "0" * 16)


@pytest.fixture
def journal(tmp_path: Path) -> Any:
    made = Journal(tmp_path / "journal.db")
    yield made
    made.close()


def test_append_is_compare_and_swap(journal: Journal) -> None:
    assert journal.append(identity(), [submitted()], expected_size=0) == 1
    assert journal.append(identity(), [note()], expected_size=1) == 2
    for size, epoch in ((1, None), (3, None), (2, journal.epoch - 1), (2, journal.epoch + 1)):
        with pytest.raises(StaleWriter):
            journal.append(identity(), [note("zombie")], expected_size=size, epoch=epoch)
    assert len(journal.lines("acme", "r1")) == 2


def test_an_epoch_ends_when_the_journal_is_opened_again(tmp_path: Path) -> None:
    first = Journal(tmp_path / "journal.db")
    first.append(identity(), [submitted()], expected_size=0)
    first.close()
    second = Journal(tmp_path / "journal.db")
    with pytest.raises(StaleWriter, match="is over"):
        second.append(identity(), [note()], expected_size=1, epoch=first.epoch)
    second.append(identity(), [note()], expected_size=1)
    assert [e["epoch"] for e in second.events("acme", "r1")] == [1, 2]
    second.close()


def test_a_run_begins_with_its_request_and_ends_once(journal: Journal) -> None:
    with pytest.raises(StaleWriter, match="begins with"):
        journal.append(identity(), [note()], expected_size=0)
    end = Event("run.cancelled", {"totals": {}}, "0" * 16)
    journal.append(identity(), [submitted()], expected_size=0)
    with pytest.raises(RecordError, match="nothing comes after"):
        journal.append(identity(), [end, note()], expected_size=1)
    journal.append(identity(), [end], expected_size=1)
    with pytest.raises(StaleWriter, match="is finished"):
        journal.append(identity(), [note()], expected_size=2)


def test_one_key_one_run(journal: Journal) -> None:
    journal.append(identity("r1"), [submitted()], expected_size=0)
    with pytest.raises(StaleWriter, match="belongs to run r1"):
        journal.append(identity("r2"), [submitted()], expected_size=0)
    journal.append(identity("r2", "other"), [submitted()], expected_size=0)


def test_appenders_that_wait_share_commits_and_none_is_lost(tmp_path: Path) -> None:
    commits: list[str] = []
    journal = Journal(tmp_path / "journal.db", crash_point=commits.append)

    def work(name: int) -> None:
        size = journal.append(identity(f"r{name}"), [submitted(str(name))], expected_size=0)
        for _ in range(20):
            size = journal.append(identity(f"r{name}"), [note()], expected_size=size)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [len(journal.lines("acme", f"r{n}")) for n in range(16)] == [21] * 16
    assert commits.count("after-commit") < 16 * 21
    journal.close()


def test_a_bad_request_in_a_shared_commit_hurts_nobody_else(journal: Journal) -> None:
    from runtime_min.record.journal import Ticket

    journal.append(identity("r1"), [submitted("1")], expected_size=0)
    good = Ticket(identity("r1"), [note()], 1, journal.epoch, ())
    stale = Ticket(identity("r1"), [note()], 1, journal.epoch, ())
    unfit = Ticket(identity("r2"), [submitted("2"), Event("x", {"y": 1.5}, "")], 0, 1, ())
    journal._commit([good, stale, unfit])
    assert good.error is None and isinstance(stale.error, StaleWriter) and unfit.error is not None
    assert len(journal.lines("acme", "r1")) == 2 and journal.run("acme", "r2") is None


def test_queries_by_every_key_of_spec_003(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.provide("work", lambda call: {})
    first = world.kernel.submit(world.request(step("a"), key="1", intent_type="test.one")).run
    world.clock.advance(60)
    second = world.kernel.submit(world.request(step("a"), key="2", intent_type="test.two")).run
    query = world.journal.query
    assert {e["run"] for e in query("acme", run=first)} == {first}
    assert {e["run"] for e in query("acme", intent_type="test.two")} == {second}
    assert {e["type"] for e in query("acme", type="step.started")} == {"step.started"}
    assert len(query("acme", session_id="s1")) == len(query("acme"))
    assert query("acme", session_id="s2") == query("other") == []
    middle = "2026-01-01T00:00:30.000000Z"
    assert {e["run"] for e in query("acme", since=middle)} == {second}
    assert {e["run"] for e in query("acme", until=middle)} == {first}
    assert len(query("acme", limit=3)) == 3


def test_the_audit_tables_of_spec_000_are_views(journal: Journal) -> None:
    events = [
        submitted(),
        Event(
            "validation.recorded",
            {"validation": {"target": "input", "passed": True, "reasons": []}},
            "0" * 16,
        ),
        Event(
            "evidence.collected",
            {"evidence": {"claims": 10, "verified": 9, "coverage_bp": 9000, "links": []}},
            "0" * 16,
        ),
        Event(
            "quality_gate.decided",
            {
                "quality_gate": {
                    "passed": True,
                    "threshold_bp": 9000,
                    "coverage_bp": 9000,
                    "reasons": [],
                }
            },
            "0" * 16,
        ),
    ]
    journal.append(identity(), events, expected_size=0)
    (validation,) = journal.audit("acme", "all_validations")
    assert (validation["target"], validation["passed"], validation["execution_id"]) == (
        "input",
        1,
        "r1",
    )
    assert validation["trace_id"] and validation["version"] == "1.0"
    assert journal.audit("acme", "evidence_validations")[0]["coverage"] == 0.9
    assert journal.audit("acme", "quality_gate_validations")[0]["passed"] == 1
    assert journal.audit("acme", "role_executions") == journal.audit("x", "all_validations") == []
    with pytest.raises(RecordError, match="is no audit table"):
        journal.audit("acme", "event")


def test_events_can_be_neither_changed_nor_removed(journal: Journal) -> None:
    journal.append(identity(), [submitted()], expected_size=0)
    for statement in ("DELETE FROM event", "UPDATE event SET line = ''"):
        with pytest.raises(sqlite3.DatabaseError, match="append-only"):
            journal._writer.execute(statement)


def test_a_second_writer_is_refused_and_hurts_nothing(journal: Journal) -> None:
    script = f"""
from pathlib import Path
from runtime_min.record.journal import Journal
from runtime_min.kernel.errors import RecordError
try:
    Journal(Path({str(journal.path)!r}))
except RecordError as error:
    print(error.code)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "second-writer"
    journal.append(identity(), [submitted()], expected_size=0)


def test_a_full_disk_is_a_clear_error_and_keeps_what_was_acknowledged(journal: Journal) -> None:
    journal.append(identity(), [submitted()], expected_size=0)
    pages = journal._writer.execute("PRAGMA page_count").fetchone()[0]
    journal._writer.execute(f"PRAGMA max_page_count={pages + 4}")
    size = 1
    big = Payload.of(bytes(10_000), "application/octet-stream", SeededRandomness(1))
    with pytest.raises(RecordError) as caught:
        for n in range(100):
            more = Payload.of(bytes(10_000) + bytes([n]), big.media, SeededRandomness(n))
            size = journal.append(identity(), [note()], expected_size=size, payloads=[more])
    assert caught.value.code == "disk-full" and "make room" in str(caught.value)
    assert len(journal.lines("acme", "r1")) == size
    journal._writer.execute("PRAGMA max_page_count=1073741823")
    assert journal.append(identity(), [note()], expected_size=size) == size + 1


def test_a_file_size_limit_of_the_system_is_a_clear_error(tmp_path: Path) -> None:
    script = f"""
import resource, signal, sys
sys.path.insert(0, {str(TESTS)!r})
from pathlib import Path
from test_runtime_journal import *
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
journal = Journal(Path({str(tmp_path)!r}) / "journal.db")
journal.append(identity(), [submitted()], expected_size=0)
resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000))
size = 1
try:
    while True:
        size = journal.append(identity(), [note("x" * 4000)] * 10, expected_size=size)
except RecordError as error:
    print(error.code, size, len(journal.lines("acme", "r1")))
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True
    )
    code, acknowledged, kept = done.stdout.split()
    assert code in ("disk-full", "io-error") and acknowledged == kept
    with_room = Journal(tmp_path / "journal.db")
    assert len(with_room.lines("acme", "r1")) == int(kept)
    with_room.close()


@pytest.mark.parametrize("name", ["SQLITE_READONLY", "SQLITE_CANTOPEN"])
def test_a_read_only_disk_is_a_clear_error(journal: Journal, name: str) -> None:
    journal._writer.execute("PRAGMA query_only=ON")
    with pytest.raises(RecordError) as caught:
        journal.append(identity(), [submitted()], expected_size=0)
    assert caught.value.code == "read-only"
    journal._writer.execute("PRAGMA query_only=OFF")
    journal.append(identity(), [submitted()], expected_size=0)


def test_a_folder_that_cannot_be_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RecordError, match="cannot be opened for writing"):
        Journal(tmp_path / "file" / "journal.db")


@pytest.mark.parametrize("damage", ["header", "middle", "text", "version"])
def test_a_damaged_file_is_a_clear_error(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "journal.db"
    made = Journal(path)
    size = made.append(identity(), [submitted()], expected_size=0)
    for _ in range(50):
        size = made.append(identity(), [note("y" * 500)], expected_size=size)
    made.close()
    data = bytearray(path.read_bytes())
    if damage == "header":
        data[:16] = b"not a database!!"
    elif damage == "middle":
        data[4096 * 3 : 4096 * 6] = os.urandom(4096 * 3)
    elif damage == "text":
        at = data.rindex(b"y" * 500)
        data[at] = ord("z")
    else:
        connection = sqlite3.connect(path)
        connection.execute("PRAGMA user_version=99")
        connection.close()
        data = bytearray(path.read_bytes())
    path.write_bytes(data)
    with pytest.raises(RecordError) as caught:
        again = Journal(path)
        try:
            again.lines("acme", "r1")
        finally:
            again.close()
    assert caught.value.code == ("unknown-version" if damage == "version" else "corrupted")
    os.close(os.open(path, os.O_RDONLY))


def test_an_edited_last_event_stops_the_next_append(tmp_path: Path) -> None:
    made = Journal(tmp_path / "journal.db")
    made.append(identity(), [submitted()], expected_size=0)
    made.close()
    connection = sqlite3.connect(tmp_path / "journal.db")
    connection.executescript(
        "DROP TRIGGER event_fixed; UPDATE event SET line = replace(line, 'jane', 'jade');"
    )
    connection.close()
    again = Journal(tmp_path / "journal.db")
    with pytest.raises(RecordError, match="not the one that was recorded"):
        again.append(identity(), [note()], expected_size=1)
    again.close()


def test_a_payload_that_was_changed_on_disk_is_noticed(journal: Journal) -> None:
    kept = Payload.of(b"data", "text/plain", SeededRandomness(1))
    journal.append(identity(), [submitted()], expected_size=0, payloads=[kept])
    assert journal.payload("acme", kept.sha256) == kept
    assert journal.payload("other", kept.sha256) is None
    journal._writer.execute("UPDATE payload SET data = x'00'")
    with pytest.raises(RecordError, match="was changed on disk"):
        journal.payload("acme", kept.sha256)
