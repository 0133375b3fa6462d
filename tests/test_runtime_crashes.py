"""Real processes and SIGKILL; GOVLINT_CAMPAIGN=1 makes it 500 kills, not 40."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import crash_campaign
import pytest

TESTS = Path(__file__).parent
KILLS = 500 if os.environ.get("GOVLINT_CAMPAIGN") else 40


def test_processes_that_are_killed_lose_nothing_that_was_acknowledged() -> None:
    path = os.pathsep.join([str(TESTS), str(TESTS.parent), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, str(TESTS / "crash_campaign.py"), "--kills", str(KILLS)],
        env={**os.environ, "PYTHONPATH": path, "COVERAGE_PROCESS_START": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    counted = re.match(r"(\d+) kills \{(.*)\}", done.stdout)
    assert counted is not None and int(counted[1]) >= KILLS
    assert all(int(number) > 0 for number in re.findall(r": (\d+)", counted[2]))


@pytest.fixture
def left(tmp_path: Path) -> Path:
    """What a process leaves that was not killed."""
    crash_campaign.victim(tmp_path, "none", 0)
    crash_campaign.check(tmp_path, finished=True)
    return tmp_path


@pytest.mark.parametrize(
    ("file", "line", "message"),
    [
        ("acknowledged", "r-none completed", "r-none"),
        ("effects", "r-none/s0/1", "no durable start"),
        ("effects", None, "its effect twice"),
    ],
)
def test_the_check_would_notice(left: Path, file: str, line: str | None, message: str) -> None:
    path = left / file
    text = path.read_text()
    path.write_text(text + (line or text.splitlines()[0]) + "\n")
    with pytest.raises((AssertionError, KeyError), match=message):
        crash_campaign.check(left)
    shutil.rmtree(left)
