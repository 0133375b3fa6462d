"""Images of a disk whose power went away: `python tests/power_loss.py --images 4000 --seed 1`.

SQLite runs on a file system that notes every write, truncation, deletion and sync. For any moment
an image is what was synced by then and of the rest nothing, everything, some of it, or some of it
in torn sectors. The runtime opens each image, and all that it had acknowledged has to be there.
"""

from __future__ import annotations

import argparse
import random
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import apsw
from runtime_world import World, step

from runtime_min.kernel.plan import side_by_side
from runtime_min.record.journal import Journal
from runtime_min.record.sqlite import prepare

SECTOR = 512
LOSSES = ("nothing", "everything", "some", "torn")
"""What of the writes that were not synced reaches the disk."""


@dataclass(frozen=True, slots=True)
class Op:
    """What happened to a file; or (`ack`) which sizes of runs were acknowledged."""

    kind: str
    name: str = ""
    offset: int = 0
    data: bytes = b""
    sizes: dict[str, int] = field(default_factory=dict)


class _File(apsw.VFSFile):
    def __init__(self, log: list[Op], name: Any, flags: list[int]) -> None:
        super().__init__("", name, flags)
        path = name.filename() if isinstance(name, apsw.URIFilename) else name
        self._name = Path(path).name if path else ""
        self._log = log

    def xWrite(self, data: Any, offset: int) -> None:
        self._log.append(Op("write", self._name, offset, bytes(data)))
        super().xWrite(data, offset)

    def xTruncate(self, newsize: int) -> None:
        self._log.append(Op("truncate", self._name, newsize))
        super().xTruncate(newsize)

    def xSync(self, flags: int) -> None:
        super().xSync(flags)
        self._log.append(Op("sync", self._name))


class _FileSystem(apsw.VFS):
    def __init__(self, name: str, log: list[Op]) -> None:
        super().__init__(name, "")
        self._log = log

    def xOpen(self, name: Any, flags: list[int]) -> _File:
        return _File(self._log, name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:
        super().xDelete(filename, syncdir)
        self._log.append(Op("delete", Path(filename).name))
        if syncdir:
            self._log.append(Op("sync", Path(filename).name))


class _Rows:
    """What sqlite3 gives back, of apsw."""

    def __init__(self, rows: list[Any], changes: int) -> None:
        self._rows = rows
        self.rowcount = changes

    def fetchone(self) -> Any:
        return self._rows[0] if self._rows else None

    def fetchall(self) -> list[Any]:
        return self._rows


class _Connection:
    """As much of sqlite3's connection as a journal uses, over apsw."""

    def __init__(self, path: Path, vfs: str) -> None:
        self._apsw = apsw.Connection(str(path), vfs=vfs)

    @property
    def in_transaction(self) -> bool:
        return self._apsw.in_transaction

    def execute(self, statement: str, values: Any = ()) -> _Rows:
        rows = list(self._apsw.execute(statement, values))
        return _Rows(rows, self._apsw.changes())

    def executemany(self, statement: str, rows: Iterable[Any]) -> None:
        self._apsw.executemany(statement, rows)

    def executescript(self, script: str) -> None:
        self._apsw.execute(script)

    def close(self) -> None:
        pass  # nobody switches the power off in an orderly way


class RecordedDisk:
    """A journal's database on a file system that notes what happens to it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.log: list[Op] = []
        self._vfs = _FileSystem(f"recorded-{id(self)}", self.log)
        self.connection = _Connection(path, f"recorded-{id(self)}")

    def lock(self) -> None: ...

    def unlock(self) -> None: ...

    def writer(self) -> sqlite3.Connection:
        # no shared memory: a recorded file has none
        self.connection.execute("PRAGMA locking_mode=EXCLUSIVE")
        found = cast(sqlite3.Connection, self.connection)
        prepare(found, self.path)
        found.execute("PRAGMA wal_autocheckpoint=40")  # pages: some fall into every recording
        return found

    def reader(self) -> sqlite3.Connection:
        return cast(sqlite3.Connection, self.connection)


def record(folder: Path, seed: int) -> list[Op]:
    """Make a journal, run chains and fans, erase and seal; everything the disk was told."""
    disk = RecordedDisk(folder / "journal.db")

    def told(name: str) -> None:
        if name == "after-commit":
            rows = disk.connection.execute("SELECT run, size FROM run").fetchall()
            disk.log.append(Op("ack", sizes=dict(rows)))

    world = World(folder, seed=seed, where=disk, crash_point=told)
    disk.log.append(Op("ack"))
    world.provide("work", lambda call: {"key": call.idempotency_key, "pad": "x" * 300})
    steps = [step("s0")] + [step(f"s{n}", depends_on=(f"s{n - 1}",)) for n in range(1, 6)]
    for key in ("1", "2"):
        done = world.kernel.submit(world.request(*steps, key=key))
        world.archive.seal("acme", done.run)
        digest = world.journal.payloads_of("acme", done.run)[0].sha256
        world.archive.erase("acme", done.run, digest, "user:dpo", "asked for")
    fan = [step(f"s{n}") for n in range(6)]
    world.kernel.submit(world.request(*fan, key="3"), side_by_side(3))
    return disk.log


class Disk:
    """Files as they are, and as they are on the platter."""

    def __init__(self) -> None:
        self.synced: dict[str, bytes] = {}
        self.pending: dict[str, list[Op]] = {}
        self.acknowledged: dict[str, int] | None = None

    def apply(self, op: Op) -> None:
        if op.kind == "ack":
            self.acknowledged = {**(self.acknowledged or {}), **op.sizes}
        elif op.kind == "sync":
            content = _applied(self.synced.get(op.name), self.pending.pop(op.name, []))
            self.synced.pop(op.name, None)
            if content is not None:
                self.synced[op.name] = content
        else:
            self.pending.setdefault(op.name, []).append(op)

    def image(self, loss: str, pick: random.Random) -> dict[str, bytes]:
        """The files that a machine finds when the power is back."""
        files = dict(self.synced)
        for name, ops in self.pending.items():
            content = _applied(files.pop(name, None), _survivors(ops, loss, pick))
            if content is not None:
                files[name] = content
        return files


def _survivors(ops: list[Op], loss: str, pick: random.Random) -> list[Op]:
    if loss == "nothing":
        return []
    if loss == "everything":
        return ops
    kept: list[Op] = []
    for op in ops:
        if loss == "torn" and op.kind == "write":
            for at in range(0, len(op.data), SECTOR):
                if pick.random() < 0.5:
                    piece = op.data[at : at + SECTOR]
                    kept.append(Op("write", op.name, op.offset + at, piece))
        elif pick.random() < 0.5:
            kept.append(op)
    return kept


def _applied(content: bytes | None, ops: list[Op]) -> bytes | None:
    """A file's content after `ops`; None where there is no file."""
    data = None if content is None else bytearray(content)
    for op in ops:
        if op.kind == "delete":
            data = None
            continue
        data = bytearray() if data is None else data
        if op.kind == "truncate":
            del data[op.offset :]
        else:
            data.extend(bytes(max(op.offset - len(data), 0)))
            data[op.offset : op.offset + len(op.data)] = op.data
    return None if data is None else bytes(data)


def check(files: dict[str, bytes], acknowledged: dict[str, int] | None, folder: Path) -> None:
    """Open an image as a restart would; everything acknowledged has to be in it."""
    for path in folder.iterdir():
        path.unlink()
    for name, data in files.items():
        (folder / name).write_bytes(data)
    if acknowledged is None and not any(files.values()):
        return  # nothing was there yet
    journal = Journal(folder / "journal.db", origin=lambda tenant: f"example.org/{tenant}")
    try:
        for run, size in (acknowledged or {}).items():
            kept = len(journal.lines("acme", run))
            assert kept >= size, f"{size} events of {run} were acknowledged, {kept} are there"
    finally:
        journal.close()


def campaign(images: int, seed: int, folder: Path) -> int:
    """Check so many images; AssertionError with the command that repeats it."""
    done, number = 0, seed
    (folder / "opened").mkdir()
    while done < images:
        (folder / str(number)).mkdir()
        log = record(folder / str(number), number)
        command = f"python tests/power_loss.py --images {images} --seed {seed}"
        try:
            done += _images(log, images - done, number, folder / "opened")
        except AssertionError as error:
            raise AssertionError(f"{error}\nrepeat: {command}") from error
        number += 1
    return done


def _images(log: list[Op], images: int, seed: int, opened: Path) -> int:
    """Check so many images of one recording, spread over all of it, or all that it has."""
    every = max(len(log) * len(LOSSES) / images, 1)
    pick = random.Random(seed)
    disk, due, done = Disk(), 0.0, 0
    for at, op in enumerate(log):
        disk.apply(op)
        for loss in LOSSES:
            due += 1
            if due < every:
                continue
            due -= every
            done += 1
            try:
                check(disk.image(loss, pick), disk.acknowledged, opened)
            except Exception as error:
                raise AssertionError(
                    f"recording {seed}, operation {at} ({op.kind} {op.name}), {loss} of what was"
                    f" not synced survives: {error}"
                ) from error
    return done


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    began = time.perf_counter()
    shared = Path("/dev/shm")  # thousands of images need no real disk
    with tempfile.TemporaryDirectory(dir=shared if shared.is_dir() else None) as folder:
        try:
            done = campaign(chosen.images, chosen.seed, Path(folder))
        except AssertionError as error:
            sys.exit(str(error))
    print(f"{done} images, {time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main()
