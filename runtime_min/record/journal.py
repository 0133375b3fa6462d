"""The journal: one append-only log that is write-ahead log, audit trail and event stream at once.

`append` returns once the events are on disk. It is compare-and-swap on (run, size, epoch):
whoever goes on with a run that someone else has gone on with fails, and writes nothing.
Appenders that wait at the same time share one commit.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runtime_min.kernel.errors import RecordError, StaleWriter
from runtime_min.kernel.ports import Clock, SystemClock, utc_timestamp
from runtime_min.kernel.states import TERMINAL_EVENTS
from runtime_min.record.canonical import NotCanonical, parse_line, sha256_hex
from runtime_min.record.events import Event, RunIdentity, genesis, line_of, run_origin
from runtime_min.record.payloads import Payload
from runtime_min.record.sqlite import Database, SqliteFile, plain_errors, translated
from runtime_min.record.views import JournalViews


@dataclass(slots=True)
class _Head:
    size: int
    hash: str
    last_ns: int
    epoch: int
    terminal: str | None


@dataclass(slots=True)
class Ticket:
    """Events that are queued; `done` once they are on disk, or refused with `error`."""

    identity: RunIdentity
    events: Sequence[Event]
    expected_size: int
    epoch: int
    payloads: Sequence[Payload]
    error: BaseException | None = None
    done: bool = field(default=False)


class Journal(JournalViews):
    """The record of one runtime on SQLite. Thread-safe; one process at a time."""

    def __init__(
        self,
        where: Path | Database,
        *,
        origin: Callable[[str], str] = lambda tenant: f"runtime-min.local/{tenant}",
        clock: Clock | None = None,
        crash_point: Callable[[str], None] = lambda name: None,
    ) -> None:
        """Open or create a journal. `origin` gives a tenant's log its name; `crash_point` is told
        before and after each commit, for tests that end the process there."""
        self._database = SqliteFile(where) if isinstance(where, Path) else where
        self.path = path = self._database.path
        self.origin = origin
        self._clock = clock or SystemClock()
        self._crash_point = crash_point
        self._heads: dict[tuple[str, str], _Head] = {}
        self._cancelled: set[tuple[str, str]] = set()
        self._queue: list[Ticket] = []
        self._queue_lock = threading.Lock()
        self._write_lock = threading.Lock()
        self._database.lock()
        try:
            with plain_errors(path):
                self._writer = self._database.writer()
                self.epoch = self._opened_epoch = self._next_epoch()
                super().__init__(self._database.reader(), path)
                self._cancelled.update(self._cancel_requests())
        except BaseException:
            self._database.unlock()
            raise

    def close(self) -> None:
        """Give the lock back; what was acknowledged is on disk already."""
        with self._write_lock:
            self.close_reader()
            self._writer.close()
            self._database.unlock()

    def append(
        self,
        identity: RunIdentity,
        events: Sequence[Event],
        *,
        expected_size: int,
        epoch: int | None = None,
        payloads: Sequence[Payload] = (),
    ) -> int:
        """Append all of `events` or none; returns the run's new size.

        StaleWriter where the run is not of `expected_size`, is finished, or has a newer epoch.
        """
        ticket = self.enqueue(
            identity, events, expected_size=expected_size, epoch=epoch, payloads=payloads
        )
        self.commit(ticket)
        return expected_size + len(events)

    def enqueue(
        self,
        identity: RunIdentity,
        events: Sequence[Event],
        *,
        expected_size: int,
        epoch: int | None = None,
        payloads: Sequence[Payload] = (),
    ) -> Ticket:
        """Queue events for the next commit, whoever makes it; nothing is durable yet.

        One run's tickets are committed in the order in which they were queued.
        """
        ticket = Ticket(
            identity, events, expected_size, self.epoch if epoch is None else epoch, payloads
        )
        with self._queue_lock:
            self._queue.append(ticket)
        return ticket

    def commit(self, ticket: Ticket) -> None:
        """Return once a ticket's events are on disk; raise what `append` raises."""
        if not ticket.done:
            with self._write_lock:  # whoever gets here first commits for all who wait behind
                if not ticket.done:
                    with self._queue_lock:
                        batch, self._queue = self._queue, []
                    self._commit(batch)
        if ticket.error is not None:
            raise ticket.error

    def request_cancel(self, tenant: str, run: str) -> bool:
        """Note durably that a run is to be cancelled; False where it is finished or unknown."""
        with self._write_lock, plain_errors(self.path):
            done = self._writer.execute(
                "UPDATE run SET cancel_requested = 1"
                " WHERE tenant = ? AND run = ? AND terminal IS NULL",
                (tenant, run),
            )
            if done.rowcount == 1:
                self._cancelled.add((tenant, run))
            return done.rowcount == 1

    def cancel_requested(self, tenant: str, run: str) -> bool:
        """Whether a run that goes on is to be cancelled; asks no disk."""
        return (tenant, run) in self._cancelled

    def advance_epoch(self) -> None:
        """Begin a new epoch in this process: what the old one left open is closed under it."""
        with self._write_lock, plain_errors(self.path):
            self.epoch = self._next_epoch()

    def append_tenant_leaf(
        self,
        tenant: str,
        make: Callable[[int, str | None], tuple[str, str | None, bytes, bytes | None]],
        erase: str | None = None,
    ) -> int:
        """Append a leaf to a tenant's log; returns its position.

        `make` gets the position and the digest of the tenant's newest receipt, and gives type, run,
        line and receipt payload. `erase` names a payload that goes in the same transaction.
        """
        with self._write_lock, plain_errors(self.path):
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                position = self._writer.execute(
                    "SELECT count(*) FROM tenant_log WHERE tenant = ?", (tenant,)
                ).fetchone()[0]
                newest = self._writer.execute(
                    "SELECT statement FROM tenant_log WHERE tenant = ? AND type = 'receipt'"
                    " ORDER BY position DESC LIMIT 1",
                    (tenant,),
                ).fetchone()
                kind, run, line, statement = make(
                    position, sha256_hex(newest[0]) if newest else None
                )
                self._writer.execute(
                    "INSERT INTO tenant_log VALUES (?,?,?,?,?,?)",
                    (tenant, position, kind, run, line.decode("utf-8"), statement),
                )
                if erase is not None:
                    self._writer.execute(
                        "DELETE FROM payload WHERE tenant = ? AND sha256 = ?", (tenant, erase)
                    )
                self._writer.execute("COMMIT")
            except BaseException:
                self._writer.execute("ROLLBACK")
                raise
            if erase is not None:  # the bytes must not live on in the write-ahead file
                self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            return int(position)

    def _commit(self, batch: list[Ticket]) -> None:
        try:
            self._writer.execute("BEGIN IMMEDIATE")
            heads: dict[tuple[str, str], _Head] = {}
            for ticket in batch:
                self._apply(ticket, heads)
            self._crash_point("before-commit")
            self._writer.execute("COMMIT")
        except BaseException as error:
            if self._writer.in_transaction:
                self._writer.execute("ROLLBACK")
            plain = translated(error, self.path) if isinstance(error, sqlite3.Error) else error
            for ticket in batch:
                ticket.error, ticket.done = ticket.error or plain, True
            return
        self._crash_point("after-commit")
        self._heads.update(heads)
        for key, head in heads.items():
            if head.terminal is not None:
                self._heads.pop(key, None)
                self._cancelled.discard(key)
        for ticket in batch:
            ticket.done = True

    def _apply(self, ticket: Ticket, heads: dict[tuple[str, str], _Head]) -> None:
        """One request of a batch: its own fault is its own, the disk's fault is everyone's."""
        identity = ticket.identity
        key = (identity.tenant, identity.run)
        try:
            head = heads.get(key) or self._heads.get(key) or self._load_head(key)
            self._check_swap(ticket, head)
            start = head or _Head(
                0,
                genesis(
                    run_origin(self.origin(identity.tenant), identity.run),
                    identity.tenant,
                    identity.run,
                ),
                0,
                ticket.epoch,
                None,
            )
            rows, after = self._lines(ticket, start)
        except (RecordError, NotCanonical) as error:
            ticket.error = error
            return
        if head is None:
            request = ticket.events[0].fields["request"]
            known = self._writer.execute(
                "SELECT run FROM run WHERE tenant = ? AND idempotency_key = ?",
                (identity.tenant, request["idempotency_key"]),
            ).fetchone()
            if known is not None:
                ticket.error = StaleWriter(
                    f"the idempotency key {request['idempotency_key']!r} belongs to run {known[0]}"
                )
                return
            self._writer.execute(
                "INSERT INTO run VALUES (?,?,?,?,?,?,?,?,?,?,?,0,?)",
                (
                    *key,
                    after.size,
                    after.hash,
                    after.epoch,
                    after.last_ns,
                    identity.session_id,
                    request["intent_type"],
                    request["kind"],
                    request["idempotency_key"],
                    after.terminal,
                    after.last_ns,
                ),
            )
        else:
            self._writer.execute(
                "UPDATE run SET size=?, head=?, epoch=?, last_ns=?, terminal=?"
                " WHERE tenant=? AND run=?",
                (after.size, after.hash, after.epoch, after.last_ns, after.terminal, *key),
            )
        self._writer.executemany("INSERT INTO event VALUES (?,?,?,?,?,?,?)", rows)
        self._writer.executemany(
            "INSERT OR IGNORE INTO payload VALUES (?,?,?,?,?,?)",
            [
                (identity.tenant, p.sha256, identity.run, p.media, p.salt, p.data)
                for p in ticket.payloads
            ],
        )
        heads[key] = after

    def _check_swap(self, ticket: Ticket, head: _Head | None) -> None:
        run = ticket.identity.run
        size = head.size if head else 0
        if not self._opened_epoch <= ticket.epoch <= self.epoch:
            raise StaleWriter(f"epoch {ticket.epoch} is over: this journal is at {self.epoch}")
        if size != ticket.expected_size:
            raise StaleWriter(
                f"run {run} has {size} events, not {ticket.expected_size}: someone else went on"
            )
        if head is not None and head.terminal is not None:
            raise StaleWriter(f"run {run} is finished ({head.terminal})")
        if head is None and (not ticket.events or ticket.events[0].type != "run.submitted"):
            raise StaleWriter(f"run {run} does not exist; a run begins with run.submitted")

    def _lines(self, ticket: Ticket, start: _Head) -> tuple[list[tuple[Any, ...]], _Head]:
        identity = ticket.identity
        now = max(self._clock.now_ns(), start.last_ns)  # a clock set back does not reach the record
        ts = utc_timestamp(now)
        rows: list[tuple[Any, ...]] = []
        prev, terminal = start.hash, start.terminal
        for seq, event in enumerate(ticket.events, start.size):
            if terminal is not None:
                raise RecordError(f"run {identity.run}: nothing comes after {terminal}")
            line = line_of(identity, event, seq=seq, prev=prev, epoch=ticket.epoch, ts=ts)
            rows.append(
                (
                    identity.tenant,
                    identity.run,
                    seq,
                    event.type,
                    identity.session_id,
                    ts,
                    line.decode("utf-8"),
                )
            )
            prev = sha256_hex(line)
            terminal = event.type if event.type in TERMINAL_EVENTS else None
        return rows, _Head(start.size + len(rows), prev, now, ticket.epoch, terminal)

    def _load_head(self, key: tuple[str, str]) -> _Head | None:
        row = self._writer.execute(
            "SELECT size, head, last_ns, epoch, terminal FROM run WHERE tenant = ? AND run = ?", key
        ).fetchone()
        if row is None:
            return None
        last = self._writer.execute(
            "SELECT line FROM event WHERE tenant = ? AND run = ? AND seq = ?", (*key, row[0] - 1)
        ).fetchone()
        if last is None or sha256_hex(last[0].encode("utf-8")) != row[1]:
            raise RecordError(
                f"run {key[1]}: the last event is not the one that was recorded", "corrupted"
            )
        parse_line(last[0].encode("utf-8"))
        return _Head(*row)

    def _cancel_requests(self) -> list[tuple[str, str]]:
        return self._writer.execute(
            "SELECT tenant, run FROM run WHERE terminal IS NULL AND cancel_requested"
        ).fetchall()

    def _next_epoch(self) -> int:
        self._writer.execute("BEGIN IMMEDIATE")
        row = self._writer.execute("SELECT value FROM meta WHERE key = 'epoch'").fetchone()
        epoch = int(row[0]) + 1 if row else 1
        self._writer.execute("INSERT OR REPLACE INTO meta VALUES ('epoch', ?)", (str(epoch),))
        self._writer.execute("COMMIT")
        return epoch
