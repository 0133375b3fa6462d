"""One SQLite file, opened the way a journal needs it, and its errors in plain words.

The rules behind it: one process (flock), one connection that writes and checkpoints, WAL mode
under synchronous=FULL. The file is created under synchronous=EXTRA, so that a power cut right
after creation loses nothing that was acknowledged.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from runtime_min.kernel.errors import RecordError
from runtime_min.record.tables import SCHEMA, SCHEMA_VERSION


@contextmanager
def plain_errors(path: Path) -> Iterator[None]:
    """Turn what SQLite and the system say into one sentence with a stable code."""
    try:
        yield
    except sqlite3.Error as error:
        raise translated(error, path) from error
    except OSError as error:
        raise RecordError(f"the journal {path} cannot be used: {error.strerror}") from error


def translated(error: sqlite3.Error, path: Path) -> RecordError:
    """The RecordError that says what happened to the journal at `path` and what helps."""
    text = str(error)
    name = getattr(error, "sqlite_errorname", "")
    if name.startswith("SQLITE_FULL"):
        return RecordError(
            f"the disk of the journal {path} is full: nothing of this request was recorded; "
            "make room and submit again",
            "disk-full",
        )
    if name.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM")):
        return RecordError(
            f"the journal {path} cannot be written ({text}): give it a disk and a folder that "
            "this user may write to",
            "read-only",
        )
    if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
        return RecordError(
            f"the journal {path} is damaged ({text}): restore it from a copy; receipts that "
            "were exported stay valid",
            "corrupted",
        )
    if name.startswith("SQLITE_BUSY"):
        return RecordError(f"the journal {path} is held by another writer", "second-writer")
    return RecordError(f"the journal {path} cannot be used: {text}", "io-error")


class Database(Protocol):
    """Port: where a journal lives. The simulator and the power-loss tests have others."""

    path: Path
    """What errors call it."""

    def lock(self) -> None:
        """Make sure that nobody else writes; RecordError where someone does."""
        ...

    def writer(self) -> sqlite3.Connection: ...
    def reader(self) -> sqlite3.Connection: ...
    def unlock(self) -> None: ...


class SqliteFile:
    """A journal in a file, with a lock beside it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = -1

    def lock(self) -> None:
        """Take the process lock; RecordError where another process has it."""
        path = self.path
        lock_path = path.with_name(f"{path.name}.lock")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise RecordError(
                f"the journal {path} cannot be opened for writing: {error.strerror}", "read-only"
            ) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(descriptor)
            raise RecordError(
                f"the journal {path} is in use by another process: a journal has one writer",
                "second-writer",
            ) from error
        self._lock = descriptor

    def unlock(self) -> None:
        os.close(self._lock)

    def writer(self) -> sqlite3.Connection:
        """The one connection that writes; makes the file where there is none."""
        connection = sqlite3.connect(
            self.path, isolation_level=None, check_same_thread=False, timeout=5
        )
        try:
            prepare(connection, self.path)
        except BaseException:
            connection.close()
            raise
        return connection

    def reader(self) -> sqlite3.Connection:
        """A connection that cannot write."""
        return sqlite3.connect(
            f"{self.path.absolute().as_uri()}?mode=ro",
            uri=True,
            isolation_level=None,
            check_same_thread=False,
            timeout=5,
        )


class SqliteMemory:
    """A journal that nobody keeps: what a replay writes into."""

    path = Path(":memory:")

    def __init__(self) -> None:
        self._connection = sqlite3.connect(
            ":memory:", isolation_level=None, check_same_thread=False
        )
        prepare(self._connection, self.path)

    def lock(self) -> None:
        """Nobody else can reach it."""

    def unlock(self) -> None:
        """Nobody else can reach it."""

    def writer(self) -> sqlite3.Connection:
        return self._connection

    def reader(self) -> sqlite3.Connection:
        return self._connection


def prepare(connection: sqlite3.Connection, path: Path) -> None:
    """Bring a connection to what a journal needs: tables, durability, a check of the file."""
    connection.execute("PRAGMA synchronous=EXTRA")
    if connection.execute("PRAGMA user_version").fetchone()[0] == 0:
        connection.executescript(
            f"BEGIN IMMEDIATE; {SCHEMA} PRAGMA user_version={SCHEMA_VERSION}; COMMIT;"
        )
    found = connection.execute("PRAGMA user_version").fetchone()[0]
    if found != SCHEMA_VERSION:
        raise RecordError(
            f"the journal {path} has version {found}; this runtime reads version {SCHEMA_VERSION}",
            "unknown-version",
        )
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA secure_delete=ON")  # erased payloads leave no bytes behind
    first = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if first != "ok":
        raise RecordError(f"the journal {path} is damaged ({first})", "corrupted")
