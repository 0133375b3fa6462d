"""The report ledger: an append-only file of reports, each line chained to the one before.

`schemas/report-ledger.schema.json` is the format's definition. A line is the canonical JSON
(RFC 8785) of one entry; `prev` is the SHA-256 of the line before, so that no entry can be
changed, moved or taken out of the middle without every later line showing it. That the end was
cut off, or all of it rewritten, shows only against a head that was kept elsewhere.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import stat
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from govlint.errors import IncompleteError, UsageError

FORMAT = "govlint.report-ledger/1"
NO_HEAD = "sha256:" + "0" * 64
_KEYS = ("digest", "format", "prev", "report", "ruleset", "seq", "stored_at")
_WAIT = 30.0  # seconds for another writer to finish
_POLL = 0.02


class LedgerError(IncompleteError):
    """The ledger is not what was stored: the message says at which line and why."""

    def __init__(self, message: str, path: str = "", line: int = 1) -> None:
        super().__init__(f"{path}:{line}: {message}" if path else message)
        self.message, self.line = message, line


@dataclass(frozen=True, slots=True)
class Entry:
    """One stored report. `head` is the digest of its line, which the next entry names."""

    seq: int
    head: str
    digest: str
    report: Mapping[str, Any]


def canonical(value: Any) -> bytes:
    """The canonical JSON of a value (RFC 8785). Raises ValueError for what has none."""
    import rfc8785

    try:
        return rfc8785.dumps(value)
    except rfc8785.CanonicalizationError as error:
        raise ValueError(str(error)) from None


def digest(data: bytes) -> str:
    """`sha256:` and the hexadecimal digest."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def parse(data: bytes, shown: str) -> tuple[list[Entry], bytes]:
    """The entries of a ledger's bytes, every link checked, and an unfinished last line.

    A line without its end was never reported as stored: a crash left it. Raises LedgerError
    at the first line that is not what was stored.
    """
    whole, end, rest = data.rpartition(b"\n")
    entries: list[Entry] = []
    head = NO_HEAD
    for line in whole.split(b"\n") if end else []:
        entry = _entry(line, len(entries), head, shown)
        entries.append(entry)
        head = entry.head
    return entries, rest


def _entry(line: bytes, seq: int, head: str, shown: str) -> Entry:
    def fault(message: str) -> LedgerError:
        return LedgerError(message, shown, seq + 1)

    try:
        value = json.loads(line)
        same = isinstance(value, dict) and canonical(value) == line
    except (ValueError, RecursionError):
        value, same = None, False
    if not same:
        raise fault("is no entry in canonical JSON; the ledger was changed")
    if tuple(sorted(value)) != _KEYS or value["format"] != FORMAT:
        raise fault(f"is no entry of {FORMAT}; accepted keys are {', '.join(_KEYS)}")
    if value["seq"] != seq or isinstance(value["seq"], bool):
        raise fault(
            f"has number {value['seq']} where {seq} is due; an entry was taken out, put in or moved"
        )
    if value["prev"] != head:
        raise fault("does not continue the line before it; the ledger was changed")
    if not isinstance(value["report"], dict) or value["digest"] != digest(
        canonical(value["report"])
    ):
        raise fault("the report is not the one that was stored")
    return Entry(seq, digest(line), value["digest"], value["report"])


class Ledger:
    """A ledger that is open for appending and locked against other writers.

    `dropped` are the bytes of an unfinished line that was put aside when it was opened.
    """

    def __init__(self, path: str, descriptor: int, entries: list[Entry], dropped: bytes) -> None:
        self.path, self.entries, self.dropped = path, entries, dropped
        self._descriptor = descriptor

    @property
    def head(self) -> str:
        """The digest of the last line; keep it elsewhere to be able to prove the end."""
        return self.entries[-1].head if self.entries else NO_HEAD

    def append(self, reports: Sequence[Mapping[str, Any]], ruleset: str, stored_at: str) -> None:
        """Append the reports, all or none, and come back when they are on the disk.

        `ruleset` is the digest of the rules they passed, `stored_at` the time in UTC
        (RFC 3339). Raises IncompleteError where the disk takes them not, ValueError for a
        report that has no canonical form.
        """
        made: list[Entry] = []
        lines = b""
        head = self.head
        for seq, report in enumerate(reports, len(self.entries)):
            fields = {
                "format": FORMAT,
                "seq": seq,
                "prev": head,
                "stored_at": stored_at,
                "ruleset": ruleset,
                "digest": digest(canonical(report)),
                "report": dict(report),
            }
            line = canonical(fields)
            head = digest(line)
            made.append(Entry(seq, head, str(fields["digest"]), report))
            lines += line + b"\n"
        _write(self._descriptor, lines, self.path)
        self.entries += made


@contextlib.contextmanager
def open_ledger(path: str, anchor: str | None = None) -> Iterator[Ledger]:
    """Open a ledger, or begin one, lock it, and check all of it.

    `anchor` is a head that was kept elsewhere: the ledger has to hold it. Raises LedgerError
    where the ledger was tampered with, UsageError where it cannot be opened, IncompleteError
    where another writer holds it for too long.
    """
    fresh = not os.path.exists(path)
    descriptor = _open_locked(path)
    try:
        data = _read(descriptor)
        entries, rest = parse(data, path)
        if anchor is not None and all(entry.head != anchor for entry in entries):
            raise LedgerError(
                f"{path}: does not hold the entry {anchor}; it was cut off or rewritten since"
            )
        if rest:
            _put_aside(path, rest)
            os.ftruncate(descriptor, len(data) - len(rest))
            os.fsync(descriptor)
        if fresh:
            _sync_folder(path)
        yield Ledger(path, descriptor, entries, rest)
    finally:
        if fresh and os.fstat(descriptor).st_size == 0:  # nothing was stored: none was begun
            with contextlib.suppress(OSError):
                os.unlink(path)
        os.close(descriptor)  # which unlocks it


def _open_locked(path: str) -> int:
    """Open the file and lock it; again where another writer took it away meanwhile."""
    while True:
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o644)
        except OSError as error:
            raise UsageError(f"{path}: cannot be opened: {error.strerror}") from None
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise UsageError(f"{path}: is no regular file")
            _lock(descriptor, path)
            with contextlib.suppress(OSError):
                if os.path.samestat(os.fstat(descriptor), os.stat(path)):
                    return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _lock(descriptor: int, path: str) -> None:
    """Wait for the only right to write. It ends with the process, however that ends."""
    until = time.monotonic() + _WAIT
    while not _try_lock(descriptor):
        if time.monotonic() > until:
            raise IncompleteError(f"{path}: another process has been writing for {_WAIT:.0f} s")
        time.sleep(_POLL)


if sys.platform == "win32":
    import msvcrt

    def _try_lock(descriptor: int) -> bool:
        try:
            os.lseek(descriptor, 1 << 40, os.SEEK_SET)  # beyond what is read
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _try_lock(descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True


def _read(descriptor: int) -> bytes:
    os.lseek(descriptor, 0, os.SEEK_SET)
    parts = []
    while part := os.read(descriptor, 1 << 20):
        parts.append(part)
    return b"".join(parts)


def _write(descriptor: int, data: bytes, path: str) -> None:
    """Write at the end and flush to the disk; what was written in part is taken back."""
    size = os.lseek(descriptor, 0, os.SEEK_END)
    try:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(descriptor, rest) :]
        os.fsync(descriptor)
    except OSError as error:
        with contextlib.suppress(OSError):
            os.ftruncate(descriptor, size)
        raise IncompleteError(f"{path}: cannot be written: {error.strerror}") from None


def _put_aside(path: str, rest: bytes) -> None:
    """Keep an unfinished line beside the ledger: nothing that was written is lost."""
    for number in range(1, 10_000):
        try:
            with open(f"{path}.unfinished-{number}", "xb") as stream:
                stream.write(rest)
        except FileExistsError:
            continue
        except OSError as error:
            raise UsageError(
                f"{path}: ends in an unfinished line that cannot be kept: {error.strerror}"
            ) from None
        return
    raise UsageError(f"{path}: has too many unfinished lines beside it")


def _sync_folder(path: str) -> None:
    """Make a new file's name last; where folders cannot be flushed, it lasts by itself."""
    with contextlib.suppress(OSError):
        folder = os.open(os.path.dirname(os.path.abspath(path)), os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
