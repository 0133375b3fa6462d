"""Two runs over the same files find the same, in whatever order memory was handed out."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from govlint.python.flow import values as v
from govlint.python.ordered import Ordered
from govlint.python.symbols import ClassInfo

# more receivers than are told apart: which of them are depends on the order they come in
_BASE = "class BasePlugin:\n    def run(self, payload):\n        return self.step(payload)\n"
_CLASS = """
class P{0}(BasePlugin):
    def step(self, payload):
        return helper(self, payload)
"""
_REST = """
def helper(plugin, payload):
    other = ALL[payload["other"]]
    return other.run(payload) if other is not plugin else payload

ALL = [{0}]
"""


def test_every_process_finds_the_same(tmp_path: Path) -> None:
    names = [f"P{i}" for i in range(40)]
    text = _BASE + "".join(_CLASS.format(i) for i in range(40))
    text += _REST.format(", ".join(f"{name}()" for name in names))
    (tmp_path / "plugins.py").write_text(text, "utf-8")
    command = [sys.executable, "-m", "govlint", "check", "--no-cache", "--format", "json"]
    told = set()
    for seed in ("0", "1", "2", "3"):
        done = subprocess.run(
            command,
            cwd=tmp_path,
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 1, done.stderr
        told.add(done.stdout)
    assert len(told) == 1


def test_numbers_are_given_in_turn_and_start_again() -> None:
    v.forget()
    first = [hash(Ordered()) for _ in range(3)]
    v.forget()
    assert [hash(Ordered()) for _ in range(3)] == first == [1, 2, 3]
    assert Ordered() != Ordered()
    assert ClassInfo.__hash__ is Ordered.__hash__ is v.Value.__hash__
