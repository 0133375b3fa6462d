"""Seeded simulation of the whole runtime; GOVLINT_CAMPAIGN=1 runs 20,000 worlds, not 100."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import simulation

from runtime_min.kernel import kernel as kernel_module
from runtime_min.kernel.breaker import Breakers
from runtime_min.kernel.gate import Gate
from runtime_min.record.journal import Journal

TESTS = Path(__file__).parent
WORLDS = 20_000 if os.environ.get("GOVLINT_CAMPAIGN") else 100


@pytest.mark.parametrize("first", range(0, 200, 50))
def test_worlds_with_two_crashes_each_lose_nothing(first: int) -> None:
    for seed in range(first, first + 50):
        assert simulation.simulate(seed).crashes == simulation.CRASHES


def test_a_seed_repeats_itself() -> None:
    once, again = simulation.simulate(42), simulation.simulate(42)
    assert once.story == again.story
    for row in once.journal.runs("acme"):
        assert once.journal.lines("acme", row.run) == again.journal.lines("acme", row.run)


def test_worlds_in_processes_of_their_own() -> None:
    path = os.pathsep.join([str(TESTS), str(TESTS.parent), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, str(TESTS / "simulation.py"), "--seeds", str(WORLDS)],
        env={**os.environ, "PYTHONPATH": path, "COVERAGE_PROCESS_START": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{WORLDS} worlds" in done.stdout
    assert f"{WORLDS * simulation.CRASHES} crashes" in done.stdout


def found(worlds: int = 400) -> str:
    """What the first failing world says; fails where none does."""
    for seed in range(worlds):
        try:
            simulation.simulate(seed)
        except AssertionError as error:
            assert f"repeat: python tests/simulation.py --seed {seed}" in str(error)
            return str(error)
    pytest.fail(f"{worlds} worlds did not notice")


def test_a_lost_attempt_would_be_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel_module, "close_interrupted", lambda *what: None)
    found()


def test_a_handler_before_its_record_would_be_found(monkeypatch: pytest.MonkeyPatch) -> None:
    real = Gate.open

    def early(self: Gate, *what: Any, **more: Any) -> Any:
        attempt = real(self, *what, **more)
        if attempt.invocation is not None and attempt.capability is not None:
            attempt.capability.handler(attempt.invocation)
        return attempt

    monkeypatch.setattr(Gate, "open", early)
    found()


def test_a_commit_that_is_acknowledged_too_early_would_be_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = Journal._commit

    def lazy(self: Journal, batch: Any) -> None:
        if len(batch[0].events) % 3 == 0:
            for ticket in batch:  # never written
                ticket.done = True
            return
        real(self, batch)

    monkeypatch.setattr(Journal, "_commit", lazy)
    found()


def test_an_account_that_forgets_would_be_found(monkeypatch: pytest.MonkeyPatch) -> None:
    from runtime_min.kernel.ledger import Ledger

    monkeypatch.setattr(Ledger, "settle_interrupted", lambda *what: None)
    found()


def test_breakers_are_part_of_the_worlds(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    real = Breakers.leave

    def told(self: Breakers, *what: Any) -> Any:
        changes = real(self, *what)
        opened.extend(after for _, after in changes)
        return changes

    monkeypatch.setattr(Breakers, "leave", told)
    for seed in range(200):
        simulation.simulate(seed)
    assert {"open"} <= set(opened)
