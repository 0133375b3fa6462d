"""Hostile shapes of code end in bounded time and memory, with findings or a stated limit."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import pytest
from adversarial_shapes import SHAPES

SECONDS = 15.0  # of processor time: the machine may have other things to do
BYTES = 1 << 30


def _measured(folder: Path, *arguments: str) -> tuple[int, float, int]:
    """Run govlint in `folder`; exit code, CPU seconds, most bytes resident at once."""
    command = [sys.executable, "-m", "govlint", *arguments]
    # what coverage adds to a process is not what is measured
    kept = {name: value for name, value in os.environ.items() if "COV" not in name}
    streams = [folder / "stdout.json", folder / "stderr.txt"]
    started = time.perf_counter()
    pid = os.fork()
    if pid == 0:  # pragma: no cover
        try:
            os.chdir(folder)
            for descriptor, path in enumerate(streams, 1):
                os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), descriptor)
            os.execve(sys.executable, command, {**kept, "GOVLINT_DEBUG": ""})
        finally:
            os._exit(127)
    while True:
        ended, status, usage = os.wait4(pid, os.WNOHANG)
        if ended:
            break
        if time.perf_counter() - started > 8 * SECONDS:
            os.kill(pid, 9)
            os.wait4(pid, 0)
            pytest.fail(f"still running after {8 * SECONDS:.0f} s")
        time.sleep(0.02)
    unit = 1 if sys.platform == "darwin" else 1024
    seconds = usage.ru_utime + usage.ru_stime
    return os.waitstatus_to_exitcode(status), seconds, usage.ru_maxrss * unit


@pytest.mark.skipif(sys.platform == "win32", reason="measured with wait4")
@pytest.mark.platform
@pytest.mark.parametrize("name", SHAPES)
def test_a_hostile_shape_ends(name: str, tmp_path: Path) -> None:
    files = {**SHAPES[name](), "govlint.toml": ""}
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text, "utf-8")
    code, seconds, resident = _measured(tmp_path, "check", "--format", "json", "--no-cache")
    assert (tmp_path / "stderr.txt").read_text("utf-8").count("Traceback") == 0
    assert code in (1, 3)
    report = json.loads((tmp_path / "stdout.json").read_text("utf-8"))
    assert {problem["kind"] for problem in report["problems"]} <= {"limit"}
    last = (tmp_path / "app.py").read_text("utf-8").count("\n") if code == 1 else None
    lines = [
        finding["line"]
        for finding in report["findings"]
        if finding["rule"] == "GOV101" and finding["path"] == "app.py"
    ]
    assert last is None or last in lines
    assert seconds < SECONDS
    assert resident < BYTES
