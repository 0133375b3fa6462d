"""Clock, randomness, disk and scheduler as ports, so that a whole system runs under a seed.

Nothing else in this package reads the time, draws a random number or starts a thread: with
`SimulatedClock` and `SeededRandomness` a run repeats byte for byte.
"""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol


class Clock(Protocol):
    """Wall time for records, monotonic time for durations; both in nanoseconds."""

    def now_ns(self) -> int: ...
    def monotonic_ns(self) -> int: ...
    def sleep(self, seconds: float) -> None: ...
    def wait(self, event: threading.Event, seconds: float) -> None:
        """Sleep until the time is up or `event` is set."""
        ...


class Randomness(Protocol):
    """Source of identifiers, salts and keys."""

    def bytes(self, count: int) -> bytes: ...


class Disk(Protocol):
    """Files other than the journal: keys, payloads, receipts."""

    def write_new(self, path: Path, data: bytes, mode: int = 0o644) -> None: ...
    def replace(self, path: Path, data: bytes, mode: int = 0o644) -> None: ...
    def read(self, path: Path) -> bytes: ...
    def remove(self, path: Path) -> None: ...


class Scheduler(Protocol):
    """Runs work that nobody waits for."""

    def submit(self, work: Callable[[], None]) -> None: ...
    def shutdown(self) -> None: ...


class SystemClock:
    """The machine's own clocks."""

    def now_ns(self) -> int:
        return time.time_ns()

    def monotonic_ns(self) -> int:
        return time.monotonic_ns()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    def wait(self, event: threading.Event, seconds: float) -> None:
        event.wait(seconds)


class SimulatedClock:
    """A clock that moves only when it is told to, or when someone sleeps."""

    def __init__(self, start_ns: int = 1_767_225_600_000_000_000) -> None:
        self._now = start_ns
        self.slept: list[float] = []

    def now_ns(self) -> int:
        return self._now

    def monotonic_ns(self) -> int:
        return self._now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.advance(seconds)

    def wait(self, event: threading.Event, seconds: float) -> None:
        if not event.is_set():
            self.sleep(seconds)

    def advance(self, seconds: float) -> None:
        """Move time on by so many seconds; a clock that jumps back takes a negative number."""
        self._now += round(seconds * 1e9)


class SystemRandomness:
    """The operating system's generator."""

    def bytes(self, count: int) -> bytes:
        return os.urandom(count)


class SeededRandomness:
    """Repeatable; for simulation and test vectors, never for a key that counts."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def bytes(self, count: int) -> bytes:
        return self._random.randbytes(count)


class SystemDisk:
    """Plain files, synced before anyone is told that they are there."""

    def write_new(self, path: Path, data: bytes, mode: int = 0o644) -> None:
        """Create `path` with `data`; FileExistsError where it is there already."""
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        self._sync_folder(path.parent)

    def replace(self, path: Path, data: bytes, mode: int = 0o644) -> None:
        """Put `data` in place of what `path` holds, whole or not at all."""
        beside = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}.new")
        beside.unlink(missing_ok=True)
        try:
            self.write_new(beside, data, mode)
            os.replace(beside, path)
        finally:
            beside.unlink(missing_ok=True)
        self._sync_folder(path.parent)

    def read(self, path: Path) -> bytes:
        return path.read_bytes()

    def remove(self, path: Path) -> None:
        path.unlink(missing_ok=True)
        self._sync_folder(path.parent)

    def _sync_folder(self, folder: Path) -> None:
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


class ThreadScheduler:
    """A bounded pool of threads."""

    def __init__(self, workers: int = 4) -> None:
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="runtime-min")
        self._pending: set[Future[None]] = set()

    def submit(self, work: Callable[[], None]) -> None:
        future = self._pool.submit(work)
        self._pending.add(future)
        future.add_done_callback(self._pending.discard)

    def shutdown(self) -> None:
        """Let what runs finish; what waits is in the journal and taken up at the next start."""
        self._pool.shutdown(wait=True, cancel_futures=True)


class InlineScheduler:
    """Keeps work until `drain` runs it, in order: the scheduler of tests and simulation."""

    def __init__(self) -> None:
        self._work: list[Callable[[], None]] = []

    def submit(self, work: Callable[[], None]) -> None:
        self._work.append(work)

    def drain(self) -> None:
        while self._work:
            self._work.pop(0)()

    def shutdown(self) -> None:
        self._work.clear()


def utc_timestamp(ns: int) -> str:
    """UTC, ISO 8601, microseconds, `Z`: the one form a time has in a record."""
    seconds, rest = divmod(ns, 1_000_000_000)
    moment = datetime.fromtimestamp(seconds, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{rest // 1000:06d}Z"
