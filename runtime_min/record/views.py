"""What can be read from a journal: queries, chains, audit views. Nothing here writes."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runtime_min.kernel.errors import RecordError
from runtime_min.record.canonical import NotCanonical, parse_line, sha256_hex
from runtime_min.record.payloads import Payload, salted
from runtime_min.record.sqlite import plain_errors
from runtime_min.record.tables import VIEWS


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run as the journal's index has it; `terminal` is None while it goes on."""

    tenant: str
    run: str
    size: int
    session_id: str
    intent_type: str
    kind: str
    idempotency_key: str
    terminal: str | None
    cancel_requested: bool


_RUN = "tenant, run, size, session, intent_type, kind, idempotency_key, terminal, cancel_requested"


class JournalViews:
    """The reading half of the journal; every method asks for one tenant."""

    def __init__(self, reader: sqlite3.Connection, path: Path) -> None:
        self._reader = reader
        self._reader_path = path
        self._reader_lock = threading.Lock()

    def close_reader(self) -> None:
        with self._reader_lock:
            self._reader.close()

    def run(self, tenant: str, run: str) -> RunRow | None:
        """A run of this tenant, or None: another tenant's run is no run."""
        rows = self._select(f"SELECT {_RUN} FROM run WHERE tenant = ? AND run = ?", (tenant, run))
        return _run_row(rows[0]) if rows else None

    def run_by_key(self, tenant: str, idempotency_key: str) -> RunRow | None:
        rows = self._select(
            f"SELECT {_RUN} FROM run WHERE tenant = ? AND idempotency_key = ?",
            (tenant, idempotency_key),
        )
        return _run_row(rows[0]) if rows else None

    def runs(self, tenant: str, *, open_only: bool = False, limit: int = 1000) -> list[RunRow]:
        """A tenant's runs, oldest first."""
        where = " AND terminal IS NULL" if open_only else ""
        rows = self._select(
            f"SELECT {_RUN} FROM run WHERE tenant = ?{where} ORDER BY created, run LIMIT ?",
            (tenant, limit),
        )
        return [_run_row(row) for row in rows]

    def tenants(self) -> list[str]:
        return [row[0] for row in self._select("SELECT DISTINCT tenant FROM run ORDER BY 1", ())]

    def lines(self, tenant: str, run: str) -> list[bytes]:
        """A run's lines, checked against each other; RecordError where the chain is broken."""
        return [line for line, _ in self._checked(tenant, run)]

    def events(self, tenant: str, run: str) -> list[dict[str, Any]]:
        """A run's events, their chain checked as `lines` does."""
        return [event for _, event in self._checked(tenant, run)]

    def _checked(self, tenant: str, run: str) -> list[tuple[bytes, dict[str, Any]]]:
        rows = self._select(
            "SELECT line FROM event WHERE tenant = ? AND run = ? ORDER BY seq", (tenant, run)
        )
        found: list[tuple[bytes, dict[str, Any]]] = []
        prev: str | None = None
        for seq, (text,) in enumerate(rows):
            line = text.encode("utf-8")
            try:
                event = parse_line(line)
            except NotCanonical as error:
                raise RecordError(f"run {run}, event {seq}: {error}", "corrupted") from error
            if event["seq"] != seq or (prev is not None and event["prev"] != prev):
                raise RecordError(
                    f"run {run}: the chain is broken at event {seq}: an event was changed, "
                    "removed or put in",
                    "corrupted",
                )
            prev = sha256_hex(line)
            found.append((line, event))
        return found

    def last(self, tenant: str, run: str) -> dict[str, Any] | None:
        """A run's newest event; RecordError where it is not the one that was recorded."""
        rows = self._select(
            "SELECT e.line, r.head FROM run r JOIN event e"
            " ON e.tenant = r.tenant AND e.run = r.run AND e.seq = r.size - 1"
            " WHERE r.tenant = ? AND r.run = ?",
            (tenant, run),
        )
        if not rows:
            return None
        line = rows[0][0].encode("utf-8")
        if sha256_hex(line) != rows[0][1]:
            raise RecordError(
                f"run {run}: the last event is not the one that was recorded", "corrupted"
            )
        event: dict[str, Any] = parse_line(line)
        return event

    def query(
        self,
        tenant: str,
        *,
        run: str | None = None,
        session_id: str | None = None,
        intent_type: str | None = None,
        type: str | None = None,
        since: str | None = None,
        until: str | None = None,
        limit: int = 10_000,
    ) -> list[dict[str, Any]]:
        """Events of a tenant that fit every condition given, oldest first.

        `since` is included and `until` is not; both are times as the record writes them.
        """
        conditions, values = ["e.tenant = ?"], [tenant]
        for condition, value in (
            ("e.run = ?", run),
            ("e.session = ?", session_id),
            ("r.intent_type = ?", intent_type),
            ("e.type = ?", type),
            ("e.ts >= ?", since),
            ("e.ts < ?", until),
        ):
            if value is not None:
                conditions.append(condition)
                values.append(value)
        rows = self._select(
            "SELECT e.line FROM event e JOIN run r ON r.tenant = e.tenant AND r.run = e.run"
            f" WHERE {' AND '.join(conditions)} ORDER BY e.ts, e.run, e.seq LIMIT ?",
            (*values, limit),
        )
        return [parse_line(row[0].encode("utf-8")) for row in rows]

    def audit(self, tenant: str, view: str, limit: int = 10_000) -> list[dict[str, Any]]:
        """Rows of one of spec 000's audit tables."""
        if view not in VIEWS:
            raise RecordError(f"{view!r} is no audit table (accepted: {', '.join(VIEWS)})")
        with self._reader_lock, plain_errors(self._reader_path):
            cursor = self._reader.execute(
                f"SELECT * FROM {view} WHERE tenant = ? ORDER BY timestamp, seq LIMIT ?",
                (tenant, limit),
            )
            names = [column[0] for column in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def payload(self, tenant: str, sha256: str) -> Payload | None:
        """What a digest stands for; None where it was erased or never was."""
        rows = self._select(
            "SELECT salt, data, media FROM payload WHERE tenant = ? AND sha256 = ?",
            (tenant, sha256),
        )
        if not rows:
            return None
        salt, data, media = rows[0]
        if salted(salt, data) != sha256:
            raise RecordError(f"the payload {sha256} was changed on disk", "corrupted")
        return Payload(sha256, salt, data, media)

    def payloads_of(self, tenant: str, run: str) -> list[Payload]:
        rows = self._select(
            "SELECT sha256, salt, data, media FROM payload WHERE tenant = ? AND run = ?"
            " ORDER BY sha256",
            (tenant, run),
        )
        return [Payload(*row) for row in rows]

    def tenant_leaves(self, tenant: str) -> list[bytes]:
        """The lines of a tenant's log."""
        rows = self._select(
            "SELECT line FROM tenant_log WHERE tenant = ? ORDER BY position", (tenant,)
        )
        return [row[0].encode("utf-8") for row in rows]

    def receipt(self, tenant: str, run: str) -> tuple[int, bytes] | None:
        """Position in the tenant's log and statement of a run's receipt."""
        rows = self._select(
            "SELECT position, statement FROM tenant_log"
            " WHERE tenant = ? AND run = ? AND type = 'receipt'",
            (tenant, run),
        )
        return (rows[0][0], rows[0][1]) if rows else None

    def unsealed(self) -> list[tuple[str, str]]:
        """Finished runs that have no receipt yet, in the order of their end."""
        rows = self._select(
            "SELECT r.tenant, r.run FROM run r LEFT JOIN tenant_log t"
            " ON t.tenant = r.tenant AND t.run = r.run AND t.type = 'receipt'"
            " WHERE r.terminal IS NOT NULL AND t.run IS NULL ORDER BY r.last_ns, r.run",
            (),
        )
        return [(row[0], row[1]) for row in rows]

    def _select(self, statement: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        with self._reader_lock, plain_errors(self._reader_path):
            return self._reader.execute(statement, values).fetchall()


def _run_row(row: tuple[Any, ...]) -> RunRow:
    tenant, run, size, session, intent_type, kind, key, terminal, cancelled = row
    return RunRow(tenant, run, size, session, intent_type, kind, key, terminal, bool(cancelled))
