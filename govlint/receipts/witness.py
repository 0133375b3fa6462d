"""A witness: remembers the newest head of each log and cosigns only what continues it.

C2SP tlog-witness, the call `add-checkpoint`, with cosignature/v1 (Ed25519). Whoever holds a
log's key can sign two histories; a witness that has seen one does not cosign the other.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from typing import NamedTuple

from govlint.errors import IncompleteError
from govlint.receipts.faults import Malformed
from govlint.receipts.keys import SigningKey
from govlint.receipts.merkle import EMPTY_ROOT, proves_consistency
from govlint.receipts.notes import (
    MAX_NOTE,
    Checkpoint,
    has_signed,
    read_checkpoint,
    read_hashes,
    read_number,
    signature_line,
)
from govlint.receipts.policy import Policy

TEXT = "text/plain; charset=utf-8"
SIZE = "text/x.tlog.size"
_WAIT = 10.0  # seconds for another request to finish
_TABLE = (
    "CREATE TABLE IF NOT EXISTS head (origin TEXT PRIMARY KEY, size INTEGER NOT NULL,"
    " root BLOB NOT NULL, time INTEGER NOT NULL, note BLOB NOT NULL) STRICT"
)


class Answer(NamedTuple):
    """An HTTP answer: status, content type, body."""

    status: int
    kind: str
    body: str


class Witness:
    """One witness over its database. Every answer is on disk before it is given."""

    def __init__(
        self, path: str, key: SigningKey, policy: Policy, clock: Callable[[], float]
    ) -> None:
        """`policy` names the logs; raises IncompleteError where the database cannot be used."""
        self._path, self._key, self._policy, self._clock = path, key, policy, clock
        try:
            with closing(self._connect()) as database:
                database.execute("PRAGMA journal_mode = DELETE")
                database.execute(_TABLE)
        except sqlite3.Error as error:
            raise IncompleteError(f"the witness's memory {path} cannot be used: {error}") from None

    def _connect(self) -> sqlite3.Connection:
        database = sqlite3.connect(self._path, timeout=_WAIT, isolation_level=None)
        database.execute("PRAGMA synchronous = EXTRA")
        return database

    def add_checkpoint(self, body: bytes) -> Answer:
        """Answer one request."""
        try:
            old, proof, checkpoint = _read_request(body)
        except Malformed as error:
            return Answer(400, TEXT, f"the request {error}\n")
        keys = self._policy.keys_of(checkpoint.origin)
        if not keys:
            return Answer(404, TEXT, f"the log {checkpoint.origin} is not known here\n")
        signed = [has_signed(checkpoint.note, key) for key in keys]
        if False in signed or True not in signed:
            return Answer(403, TEXT, f"no signature of {checkpoint.origin} that fits\n")
        if old > checkpoint.size:
            return Answer(400, TEXT, "the old size is above that of the checkpoint\n")
        try:
            with closing(self._connect()) as database:
                return self._advance(database, old, proof, checkpoint)
        except sqlite3.Error as error:
            return Answer(503, TEXT, f"the witness cannot write down what it sees: {error}\n")

    def _advance(
        self,
        database: sqlite3.Connection,
        old: int,
        proof: tuple[bytes, ...],
        checkpoint: Checkpoint,
    ) -> Answer:
        """Compare and write in one transaction: two requests at once cannot both go on."""
        database.execute("BEGIN IMMEDIATE")
        known = database.execute(
            "SELECT size, root, time FROM head WHERE origin = ?", (checkpoint.origin,)
        ).fetchone()
        size, root, time = known or (0, EMPTY_ROOT, 0)
        if old != size:
            return Answer(409, SIZE, f"{size}\n")
        if checkpoint.size == 0 and checkpoint.root != EMPTY_ROOT:
            return Answer(422, TEXT, "a tree of no leaves has another root\n")
        if not proves_consistency(old, checkpoint.size, proof, root, checkpoint.root):
            return Answer(422, TEXT, f"this is no continuation of the {size} leaves seen before\n")
        now = max(int(self._clock()), time)
        text = checkpoint.note.text
        database.execute(
            "INSERT OR REPLACE INTO head VALUES (?, ?, ?, ?, ?)",
            (checkpoint.origin, checkpoint.size, checkpoint.root, now, text),
        )
        database.execute("COMMIT")
        return Answer(200, TEXT, signature_line(self._key, text, now))


def _read_request(body: bytes) -> tuple[int, tuple[bytes, ...], Checkpoint]:
    if len(body) > MAX_NOTE:
        raise Malformed(f"has more than {MAX_NOTE} bytes")
    head, empty, note = body.partition(b"\n\n")
    try:
        first, *lines = head.decode("ascii").split("\n")
    except UnicodeDecodeError:
        raise Malformed("is not ASCII before its checkpoint") from None
    if not empty or not first.startswith("old "):
        raise Malformed("does not begin with 'old SIZE', the proof and an empty line")
    old = read_number(first.removeprefix("old "), "size")
    return old, read_hashes(lines), read_checkpoint(note)
