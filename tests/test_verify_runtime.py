"""What the reference runtime writes passes: every kind of run, payloads, replays, rotated keys."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from receipt_files import judged, told
from runtime_world import World, step

from govlint.model import RunResult
from govlint.receipts.policy import read_policy
from govlint.receipts.request import Request
from runtime_min.kernel.envelope import Invocation, Principal, QualityGate
from runtime_min.kernel.errors import CapabilityFailed
from runtime_min.record import replay


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    made.provide("work", lambda call: {"seen": call.payload})
    made.provide("undo", lambda call: {})

    def bad(call: Invocation) -> None:
        raise CapabilityFailed("the far end is down", "down", retryable=True)

    made.provide("bad", bad)
    made.provide("revoked", lambda call: {}, status="revoked")
    yield made
    made.journal.close()


def verified(world: World, folder: Path, *, payloads: bool = True) -> RunResult:
    """Export every finished run and verify the folder with the key that was there first."""
    for row in world.journal.runs("acme", limit=-1):
        if row.terminal is not None:
            world.archive.export("acme", row.run, folder, payloads=payloads)
    first = world.archive._keys.history("acme", world.journal.origin("acme"))[0]
    policy = read_policy(f"log {first.vkey}\nquorum none\n".encode(), "test")
    return judged(folder, Request(policy))


SAGA = (
    step("a"),
    step("b", depends_on=("a",)),
    step("c", "bad", depends_on=("b",)),
    step("undo-a", "undo", compensates="a"),
    step("undo-b", "undo", compensates="b"),
)


def test_every_kind_of_run_passes(world: World, tmp_path: Path) -> None:
    submit = world.kernel.submit
    done = submit(world.request(step("a", payload={"x": "1"}), step("b", depends_on=("a",))))
    submit(world.request(step("a", "bad", attempts=3), step("b", depends_on=("a",)), key="2"))
    nobody = Principal("user:max", "acme", ("guest",))
    submit(world.request(step("a"), key="3", principal=nobody))
    submit(world.request(step("a", "revoked"), key="4"))
    waiting = world.kernel.accept(world.request(step("a"), key="5")).run
    world.kernel.cancel("acme", waiting)
    world.kernel.execute("acme", waiting)
    submit(world.request(*SAGA, key="6", kind="saga"))
    submit(world.request(step("a"), key="7", kind="role", quality_gate=QualityGate()))
    report = replay.full(world.journal, "acme", done.run)
    who = Principal("user:jane", "acme", ("analyst",))
    replay.record_replay(world.journal, who, "s1", report, world.randomness, "c9" * 32)
    assert told(verified(world, tmp_path / "out")) == []
    rotated = world.archive.rotate("acme")
    submit(world.request(step("a"), key="8"))
    payload = next(iter(world.journal.payloads_of("acme", done.run)))
    world.archive.erase("acme", done.run, payload.sha256, "user:dpo", "asked for")
    assert rotated
    assert told(verified(world, tmp_path / "again", payloads=False)) == []
