"""`report store` as a command, under several writers that are killed, and with no room left."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

from report_examples import PHASES, report, text

from govlint.documents.reports.ledger import open_ledger


def _store(folder: Path, name: str) -> list[str]:
    return [sys.executable, "-m", "govlint", "report", "store", str(folder / "l.jsonl"), name]


def _write(folder: Path, count: int) -> list[str]:
    (folder / "govlint.toml").touch()
    names = []
    for number in range(count):
        made = report(PHASES[number % 13])
        made["phase_meta"]["version"] = f"v{number // 13 + 1}"
        names.append(f"r{number}.json")
        (folder / names[-1]).write_bytes(text(made))
    return names


def test_writers_that_are_killed_lose_nothing_that_was_stored(tmp_path: Path) -> None:
    names = _write(tmp_path, 8)
    running = [
        subprocess.Popen(_store(tmp_path, n), cwd=tmp_path, stdout=-3, stderr=-3) for n in names
    ]
    for victim in running[1::2]:  # wherever they are by then
        victim.send_signal(signal.SIGKILL)
    codes = [process.wait(timeout=120) for process in running]
    told = {name for name, code in zip(names, codes, strict=True) if code == 0}
    assert told >= set(names[::2])
    lines = (tmp_path / "l.jsonl").read_bytes().splitlines(keepends=True)
    whole = [json.loads(line) for line in lines if line.endswith(b"\n")]
    kept = [entry["report"]["phase_meta"]["phase_id"] for entry in whole]
    assert {PHASES[names.index(name) % 13] for name in told} <= set(kept)
    assert len(kept) == len(set(kept)) and [e["seq"] for e in whole] == list(range(len(kept)))
    with open_ledger(str(tmp_path / "l.jsonl")) as ledger:  # the chain holds
        assert len(ledger.entries) == len(kept)


def test_no_room_on_the_disk_leaves_the_ledger_as_it_was(tmp_path: Path) -> None:
    names = _write(tmp_path, 2)
    assert subprocess.run(_store(tmp_path, names[0]), cwd=tmp_path, check=False).returncode == 0
    before = (tmp_path / "l.jsonl").read_bytes()
    most = len(before) + 200  # bytes that a file may have

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))

    # what measures coverage writes files of its own, for which there is no room either
    env = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
    done = subprocess.run(
        _store(tmp_path, names[1]),
        cwd=tmp_path,
        env={**env, "PYTHONDONTWRITEBYTECODE": "1"},
        preexec_fn=limit,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 3 and "Traceback" not in done.stderr, done.stderr
    assert (tmp_path / "l.jsonl").read_bytes() == before
    assert subprocess.run(_store(tmp_path, names[1]), cwd=tmp_path, check=False).returncode == 0


def test_a_folder_that_cannot_be_written_is_said_to_be_so(tmp_path: Path) -> None:
    [name] = _write(tmp_path, 1)
    (tmp_path / "l.jsonl").symlink_to("/proc/none/l.jsonl")  # nobody may write there, root neither
    done = subprocess.run(
        _store(tmp_path, name), cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode in (2, 3) and "Traceback" not in done.stderr
    assert "l.jsonl" in done.stderr
