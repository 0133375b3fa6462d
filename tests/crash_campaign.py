"""Real processes, ended by SIGKILL: `python tests/crash_campaign.py --kills 500 --seed 1`.

Each process goes on with what the one before it left: it recovers, then runs chains and fans in
three threads, and is killed at a named point (before a commit; after a commit and before anyone is
told; between a start and its end) or at any time. Effects and acknowledgements are written to files
of their own, and after each kill the journal has to agree with them.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

from runtime_world import World, step
from simulation import check_run

from runtime_min.kernel.envelope import Invocation
from runtime_min.kernel.plan import in_order, side_by_side
from runtime_min.record import replay
from runtime_min.record.journal import Journal

POINTS = ("before-commit", "after-commit", "effect", "any time")
RUNS = ("chain-1", "chain-2", "fan-1", "fan-2", "chain-3", "fan-3")


def victim(folder: Path, point: str, count: int) -> None:
    """What a process does; it may be ended at any moment."""
    seen = 0
    lock = threading.Lock()

    def reached(name: str) -> None:
        nonlocal seen
        with lock:
            seen += name == point
            if name == point and seen == count:
                os.kill(os.getpid(), signal.SIGKILL)

    def work(call: Invocation) -> dict[str, str]:
        _note(folder / "effects", call.idempotency_key)
        reached("effect")
        return {"key": call.idempotency_key}

    world = World(folder, seed=int.from_bytes(os.urandom(4), "big"), crash_point=reached)
    world.provide("work", work)

    def told(run: str, status: str) -> None:
        _note(folder / "acknowledged", f"{run} {status}")

    for result in world.kernel.recover():
        told(result.run, result.status)

    def some(keys: tuple[str, ...]) -> None:
        for key in keys:
            chain = key.startswith("chain")
            steps = [step("s0", attempts=99)]
            needs = [(f"s{n - 1}",) if chain else ("s0",) for n in range(1, 6)]
            steps += [step(f"s{n}", depends_on=d, attempts=99) for n, d in enumerate(needs, 1)]
            request = world.request(*steps, key=key, kind="mission")
            result = world.kernel.submit(request, in_order if chain else side_by_side(3))
            told(result.run, result.status)

    threads = [threading.Thread(target=some, args=(RUNS[n::3],)) for n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for _, run in world.journal.unsealed():
        world.archive.seal("acme", run)
    world.journal.close()


def check(folder: Path, finished: bool = False) -> None:
    """Nothing acknowledged is lost, no chain is broken, no step is completed twice."""
    journal = Journal(folder / "journal.db", origin=lambda tenant: f"example.org/{tenant}")
    try:
        rows = {row.run: row for row in journal.runs("acme")}
        for run, status in (line.split() for line in _lines(folder / "acknowledged")):
            assert rows[run].terminal == f"run.{status}", f"{run} was acknowledged and is gone"
        started: set[str] = set()
        for run in rows:
            started |= check_run(journal.events("acme", run))
            replay.state_only(journal, "acme", run)
        effects = _lines(folder / "effects")
        assert set(effects) <= started, "an effect had no durable start"
        assert len(effects) == len(set(effects)), "one attempt had its effect twice"
        if finished:
            assert len(rows) == len(RUNS) and journal.unsealed() == []
            assert {row.terminal for row in rows.values()} == {"run.completed"}
            assert len(journal.tenant_leaves("acme")) == len(RUNS)
    finally:
        journal.close()


def campaign(kills: int, seed: int, folder: Path) -> Counter[str]:
    """Kill so many processes; AssertionError with the command that repeats it."""
    pick = random.Random(seed)
    done: Counter[str] = Counter()
    while sum(done[point] for point in POINTS) < kills:
        world = folder / f"world-{done['worlds']}"
        world.mkdir()
        done["worlds"] += 1
        lives = pick.randint(4, 12)
        for life in range(lives + 1):
            point = POINTS[sum(done[p] for p in POINTS) % len(POINTS)] if life < lives else "none"
            try:
                if _live(world, point, pick.randint(1, 14), pick.random()):
                    done[point] += 1
                    check(world)
                else:
                    check(world, finished=True)
                    break
            except AssertionError as error:
                command = f"python tests/crash_campaign.py --kills {kills} --seed {seed}"
                raise AssertionError(f"{world}, {point}: {error}\nrepeat: {command}") from error
    return done


def _live(world: Path, point: str, count: int, when: float) -> bool:
    """One process from its start to its end; whether it was killed."""
    child = os.fork()
    if child == 0:
        try:
            victim(world, point, count)
        except BaseException:
            import traceback

            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    if point == "any time":
        time.sleep(when * 0.25)
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    assert status in (0, signal.SIGKILL), f"the process ended with {status}"
    return status == signal.SIGKILL


def _note(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(descriptor, text.encode() + b"\n")
    os.close(descriptor)


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        try:
            done = campaign(chosen.kills, chosen.seed, Path(folder))
        except AssertionError as error:
            sys.exit(str(error))
    kills = {point: done[point] for point in POINTS}
    seconds = time.perf_counter() - began
    print(f"{sum(kills.values())} kills {kills}, {done['worlds']} worlds, {seconds:.0f} s")


if __name__ == "__main__":
    main()
