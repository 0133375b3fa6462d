"""Processes that scan: the same as one alone finds, also when they die."""

from __future__ import annotations

import os
import socket
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from govlint import scan
from govlint.discover import discover
from govlint.workers import PROGRESS, Workers, can_fork

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="no process is forked here"),
    pytest.mark.platform,
    # the test runner may have threads; they hold no lock that the scan takes
    pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning"),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for i in range(700):
        text = ["x = 1\n", "f(\n", "class A(BasePlugin): pass\n", "é = 1\n"][i % 4] + f"# {i}\n"
        (tmp_path / f"m{i}.py").write_text(text, "utf-8")
    (tmp_path / "deep.py").write_text("x = " + "a." * 150_000 + "b\n", "utf-8")
    (tmp_path / "bytes.py").write_bytes(b"\xff\n")
    return tmp_path


@pytest.fixture
def forked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The processes that a test starts; the test runner may have others."""
    processes: list[int] = []
    fork = os.fork

    def recording() -> int:
        process = fork()
        processes.append(process)
        return process

    monkeypatch.setattr(os, "fork", recording)
    return processes


def _assert_ended(processes: list[int]) -> None:
    for process in processes:
        with pytest.raises(ChildProcessError):
            os.waitpid(process, os.WNOHANG)


def _targets(folder: Path) -> Any:
    return discover([str(folder)], str(folder), str(folder), [], 10**7).targets


@pytest.mark.parametrize("jobs", [2, 3])
def test_any_number_of_processes_finds_the_same(
    folder: Path, jobs: int, monkeypatch: pytest.MonkeyPatch, forked: list[int]
) -> None:
    targets = _targets(folder)
    alone = scan.scan_files(targets, ["BasePlugin"], 1, {})
    assert len(alone) == 702 and len({*alone.values()}) > 4
    monkeypatch.setattr(scan, "can_fork", lambda: True)
    pool = scan.Pool(["BasePlugin"], jobs, {})
    for start in range(0, len(targets), 100):
        pool.feed(targets[start : start + 100])
    assert pool._workers is not None
    assert pool.finish() == alone
    assert len(forked) == jobs - 1
    _assert_ended(forked)


def test_what_a_dying_process_had_taken_is_done_by_the_parent(
    folder: Path, monkeypatch: pytest.MonkeyPatch, forked: list[int]
) -> None:
    targets = _targets(folder)
    alone = scan.scan_files(targets, ["BasePlugin"], 1, {})
    monkeypatch.setattr(scan, "can_fork", lambda: True)
    parent = os.getpid()
    whole = scan.Pool._scan

    def dying(self: scan.Pool, batch: Any) -> Any:
        if os.getpid() != parent:
            os._exit(9)
        return whole(self, batch)

    monkeypatch.setattr(scan.Pool, "_scan", dying)
    assert scan.scan_files(targets, ["BasePlugin"], 3, {}) == alone
    assert len(forked) == 2
    _assert_ended(forked)


def test_no_process_to_be_had(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> Any:
        raise OSError(11, "no more")

    targets = _targets(folder)
    alone = scan.scan_files(targets, ["BasePlugin"], 1, {})
    monkeypatch.setattr(scan, "can_fork", lambda: True)
    for module, name in ((os, "fork"), (os, "pipe"), (socket, "socketpair")):
        with monkeypatch.context() as patched:
            patched.setattr(module, name, refuse)
            assert scan.scan_files(targets, ["BasePlugin"], 4, {}) == alone


def test_a_queue_takes_back_gives_and_ends() -> None:
    workers = Workers(lambda piece: piece * 2, 0)
    assert workers.take_back() is None
    offered = 0
    while workers.offer(["x" * 1000, offered]):
        offered += 1
    assert 0 < offered < 100_000
    assert workers.take_back() == ["x" * 1000, 0]
    results, undone = workers.finish()
    assert results == [] and [number for _, number in undone] == list(range(1, offered))


def test_results_come_from_other_processes() -> None:
    workers = Workers(lambda piece: (piece, os.getpid()), 2)
    for piece in range(20):
        assert workers.offer(piece)
    results, undone = workers.finish()
    assert not undone
    assert sorted(piece for piece, _ in results) == list(range(20))
    assert os.getpid() not in {process for _, process in results}


def test_no_fork_beside_a_thread_that_may_hold_a_lock() -> None:
    before = can_fork()
    stop = threading.Event()
    for name, allowed in ((PROGRESS, before), ("other", False)):
        thread = threading.Thread(target=stop.wait, name=name)
        thread.start()
        assert can_fork() is allowed
        stop.set()
        thread.join()
        stop.clear()
