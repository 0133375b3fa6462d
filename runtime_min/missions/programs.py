"""Programs that a step starts: without a shell, bounded, and never left behind.

Each runs in a session of its own, so that all it started ends with it (POSIX process groups;
what leaves the group by `setsid` is found through the control group of the sandbox alone).
"""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import IO

from runtime_min.kernel.errors import Cancelled, CapabilityFailed, Refused

_POLL_SECONDS = 0.05
_GRACE_SECONDS = 2.0
_CHUNK = 1 << 16


@dataclass(frozen=True, slots=True)
class Limits:
    """What one program may use; seconds of processor time, bytes, counts."""

    cpu_seconds: int = 600
    memory_bytes: int = 4 << 30
    output_bytes: int = 8 << 20
    file_bytes: int = 4 << 30
    open_files: int = 1024
    processes: int = 4096


@dataclass(frozen=True, slots=True)
class Ended:
    """How a program ended: `code` is None where a signal ended it."""

    code: int | None
    stdout: str
    stderr: str
    truncated: bool


def find(program: str, allowed: Sequence[str] | None) -> str:
    """The program's file. Refused where it is not on the allow-list or is not there."""
    name = os.path.basename(program)
    if allowed is not None and name not in allowed:
        raise Refused(
            f"the program {program!r} is not allowed; allowed are {', '.join(sorted(allowed))}",
            "program-refused",
        )
    found = shutil.which(program)
    if found is None:
        raise CapabilityFailed(f"there is no program {program!r} on this machine", "no-program")
    return found


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """What a program sees: a path, a home, a language, and what the step gives it. No secrets."""
    kept = ("PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "SYSTEMROOT")
    values = {name: os.environ[name] for name in kept if name in os.environ}
    values.setdefault("LANG", "C.UTF-8")
    return {**values, **(extra or {})}


def run(
    arguments: Sequence[str],
    folder: int,
    *,
    deadline: float,
    cancelled: Callable[[], bool],
    limits: Limits,
    env: Mapping[str, str] | None = None,
    given: bytes = b"",
) -> Ended:
    """Run a program in the folder with this descriptor until it ends or `deadline` (monotonic).

    CapabilityFailed (`timeout`, retryable) at the deadline, Cancelled on request; both only
    after the program and all of its process group are gone.
    """
    process = start(arguments, folder, limits=limits, env=env, given=bool(given))
    assert process.stdout is not None and process.stderr is not None
    collectors = [
        _Collector(process.stdout, limits.output_bytes),
        _Collector(process.stderr, limits.output_bytes),
    ]
    if given:
        assert process.stdin is not None
        threading.Thread(target=_feed, args=(process.stdin, given), daemon=True).start()
    try:
        _await(process, deadline, cancelled, collectors)
    finally:
        stop(process)
        for collector in collectors:
            collector.join()
    code = process.returncode
    out, errors = collectors
    return Ended(
        code if code >= 0 else None,
        out.text(),
        errors.text() if code >= 0 else errors.text() + f"\n[ended by signal {-code}]",
        out.over or errors.over,
    )


def start(
    arguments: Sequence[str],
    folder: int,
    *,
    limits: Limits,
    env: Mapping[str, str] | None = None,
    given: bool = False,
    quiet: bool = False,
) -> subprocess.Popen[bytes]:
    """Start a program in a session of its own; with `quiet` nobody reads what it says."""
    stream = subprocess.DEVNULL if quiet else subprocess.PIPE
    bounded = _bounded(limits)
    try:
        return subprocess.Popen(
            [*bounded, *arguments],
            cwd=f"/proc/self/fd/{folder}"
            if os.path.isdir("/proc/self/fd")
            else folder_path(folder),
            env=environment(env),
            stdin=subprocess.PIPE if given else subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            start_new_session=True,
            # without util-linux the limits are set between fork and exec
            preexec_fn=None if bounded else lambda: _limit(limits),
        )
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise CapabilityFailed(
            f"{arguments[0]!r} cannot be started: {reason}", "no-program"
        ) from None


def folder_path(folder: int) -> str:
    """The path of an open folder where the system has no `/proc`."""
    import fcntl

    command = getattr(fcntl, "F_GETPATH", 50)
    return fcntl.fcntl(folder, command, bytes(1024)).rstrip(b"\0").decode()


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a program and all of its group: asked first, then killed; returns when they are gone."""
    for number, seconds in ((signal.SIGTERM, _GRACE_SECONDS), (signal.SIGKILL, _GRACE_SECONDS)):
        if process.poll() is not None and not group_alive(process.pid):
            break
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, number)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if process.poll() is not None and not group_alive(process.pid):
                break
            time.sleep(0.005)
    process.wait()


def group_alive(group: int) -> bool:
    """Whether any process of the group is left that is not merely waiting to be collected."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    import psutil

    for process in psutil.process_iter(["status"]):
        with suppress(psutil.Error, ProcessLookupError):
            if os.getpgid(process.pid) == group and process.info["status"] != psutil.STATUS_ZOMBIE:
                return True
    return False


def _await(
    process: subprocess.Popen[bytes],
    deadline: float,
    cancelled: Callable[[], bool],
    collectors: Sequence[_Collector],
) -> None:
    pause = 0.002
    while True:
        try:
            process.wait(pause)
            return
        except subprocess.TimeoutExpired:
            pass
        if time.monotonic() >= deadline:
            raise CapabilityFailed("the program did not end in time", "timeout", retryable=True)
        if cancelled():
            raise Cancelled()
        if any(collector.over for collector in collectors):
            raise CapabilityFailed("the program writes more than it may", "output-limit")
        pause = min(pause * 2, _POLL_SECONDS)


def _bounded(limits: Limits) -> list[str]:
    """What sets the limits before the program begins, so that nothing it starts is without."""
    prlimit = shutil.which("prlimit")
    if prlimit is None:
        return []
    return [prlimit, *(f"--{name}={most}" for name, _, most in _limits(limits)), "--"]


def _limits(limits: Limits) -> list[tuple[str, int, int]]:
    """Names as `prlimit` has them; data, not address space, which runtimes reserve freely."""
    found = []
    for name, what, most in (
        ("cpu", resource.RLIMIT_CPU, limits.cpu_seconds),
        ("data", resource.RLIMIT_DATA, limits.memory_bytes),
        ("fsize", resource.RLIMIT_FSIZE, limits.file_bytes),
        ("nofile", resource.RLIMIT_NOFILE, limits.open_files),
        ("nproc", resource.RLIMIT_NPROC, limits.processes),
        ("core", resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(what)
        found.append((name, what, most if hard == resource.RLIM_INFINITY else min(most, hard)))
    return found


def _limit(limits: Limits) -> None:
    for _, what, most in _limits(limits):
        with suppress(ValueError, OSError):
            resource.setrlimit(what, (most, most))


def _feed(stream: IO[bytes], data: bytes) -> None:
    with suppress(OSError), stream:
        stream.write(data)


class _Collector(threading.Thread):
    """Reads what a program says, up to a bound, and throws the rest away."""

    def __init__(self, stream: IO[bytes], most: int) -> None:
        super().__init__(daemon=True)
        self._stream = stream
        self._most = most
        self._data = bytearray()
        self.over = False
        self.start()

    def run(self) -> None:
        with suppress(OSError, ValueError), self._stream:
            while chunk := os.read(self._stream.fileno(), _CHUNK):
                room = self._most - len(self._data)
                self._data += chunk[:room]
                self.over = self.over or len(chunk) > room

    def text(self) -> str:
        return self._data.decode("utf-8", "replace")
