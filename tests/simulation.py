"""The whole runtime under a seed: clock, randomness, disk and scheduler are simulated.

`python tests/simulation.py --seed 17` repeats one world and prints what happened;
`python tests/simulation.py --seeds 20000` runs so many and stops at the first that fails, with
the command that repeats it. In each world runs of random plans meet failing, cancelling and slow
capabilities, a disk that is full at times, a clock that jumps, and two crashes: at a commit (before
or after it), or before or after an effect. After each crash the journal alone says how to go on.
"""

from __future__ import annotations

import argparse
import random
import sqlite3
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from runtime_min.kernel.breaker import Breakers
from runtime_min.kernel.ending import RunResult
from runtime_min.kernel.envelope import (
    Capability,
    Invocation,
    Principal,
    QualityGate,
    Request,
    Retry,
    Session,
    Step,
)
from runtime_min.kernel.errors import Cancelled, CapabilityFailed, RecordError, ValidationFailed
from runtime_min.kernel.execution import Execution
from runtime_min.kernel.kernel import Kernel
from runtime_min.kernel.ledger import Ledger
from runtime_min.kernel.plan import in_order, side_by_side
from runtime_min.kernel.policy import RolePolicy
from runtime_min.kernel.ports import SeededRandomness, SimulatedClock
from runtime_min.record import replay
from runtime_min.record.journal import Journal
from runtime_min.record.sqlite import prepare

CRASHES = 2


class Crash(BaseException):
    """The process is gone."""


class SimulatedDisk:
    """A database in memory whose committed part outlives the journal that wrote it."""

    path = Path("simulated.db")
    _fresh: bytes | None = None

    def __init__(self) -> None:
        if SimulatedDisk._fresh is None:
            made = sqlite3.connect(":memory:", isolation_level=None)
            prepare(made, self.path)
            SimulatedDisk._fresh = made.serialize()
        self._kept = sqlite3.connect(":memory:", isolation_level=None)
        self._kept.deserialize(SimulatedDisk._fresh)

    def lock(self) -> None:
        if self._kept.in_transaction:  # what was not committed did not survive
            self._kept.execute("ROLLBACK")

    def unlock(self) -> None:
        pass

    def writer(self) -> sqlite3.Connection:
        return self._kept

    def reader(self) -> sqlite3.Connection:
        return self._kept


class World:
    """One seed: what it does is a function of the number alone."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.thorough = seed % 10 == 0
        self.disk = SimulatedDisk()
        self.clock = SimulatedClock()
        self.randomness = SeededRandomness(seed)
        self.effects: list[str] = []
        self.acknowledged: dict[str, RunResult] = {}
        self.requests: dict[str, Request] = {}
        self.crashes = 0
        self.until_crash = self.random.randint(1, 14)
        self.story: list[str] = []
        self.limits = {"acme": {"tokens": self.random.choice([10**6, 60])}}
        self.catalog = {
            name: Capability(name, "1", "ab" * 32, handler)
            for name, handler in (
                ("work", self._work),
                ("flaky", self._flaky),
                ("broken", self._broken),
                ("cancelling", self._cancelling),
                ("undo", self._work),
            )
        }
        self.open()

    def open(self) -> None:
        self.journal = Journal(
            self.disk, origin=lambda t: f"sim/{t}", clock=self.clock, crash_point=self._point
        )
        self.kernel = Kernel(
            self.journal,
            self.catalog,
            RolePolicy({"analyst": ["test.*"]}),
            clock=self.clock,
            randomness=self.randomness,
            ledger=Ledger(self.limits),
            breakers=Breakers(self.clock, threshold=3, cooldown=30),
            inline=True,
        )

    def run(self) -> None:
        """Submit runs until both crashes have happened and everything is at its end."""
        number = 0
        while number == 0 or self.crashes < CRASHES:
            number += 1
            self._to_its_end(f"k{number}")
        self.check(finished=True)

    def _to_its_end(self, key: str) -> None:
        request = self._request(key)
        for _ in range(60):
            try:
                for row in self.kernel.unfinished():
                    self._acknowledge(self.kernel.execute(row.tenant, row.run, self._engine()))
                result = self.kernel.submit(request, self._engine())
            except Crash:
                self.story.append(f"{key}: crash")
                self.open()
                if self.thorough:
                    self.check()
            except RecordError as error:
                self.story.append(f"{key}: {error}")
                assert error.code == "disk-full", error
            else:
                self._acknowledge(result)
                return
        raise AssertionError(f"run {key} does not end")

    def _acknowledge(self, result: RunResult) -> None:
        before = self.acknowledged.setdefault(result.run, result)
        assert before == result, f"{before} was acknowledged, now it is {result}"
        self.story.append(f"{result.run}: {result.status}")

    def _request(self, key: str) -> Request:
        pick = self.random
        names = [f"s{n}" for n in range(pick.randint(1, 5))]
        kind = pick.choice(["mission", "plugin", "saga", "role"])
        steps = []
        for at, name in enumerate(names):
            steps.append(
                Step(
                    name,
                    pick.choice(["work"] * 5 + ["flaky", "flaky", "broken", "cancelling", "none"]),
                    {"n": at},
                    tuple(pick.sample(names[:at], pick.randint(0, min(at, 2)))),
                    timeout_ms=1000,
                    retry=Retry(pick.randint(1, 4)),
                    budget={"tokens": pick.randint(0, 9)},
                    continue_on_error=pick.random() < 0.2,
                )
            )
        if kind == "saga":
            for name in pick.sample(names, pick.randint(1, len(names))):
                undo = pick.choice(["undo", "undo", "undo", "flaky", "broken"])
                retry = Retry(pick.randint(1, 4))
                steps.append(Step(f"undo-{name}", undo, {}, (name,), 1000, retry, compensates=name))
        lease = pick.choice([10**9] * 9 + [1])
        gate = QualityGate(blocks=pick.random() < 0.5) if pick.random() < 0.3 else None
        request = Request(
            "acme",
            Principal("user:jane", "acme", ("analyst",) if pick.random() < 0.95 else ("guest",)),
            Session("s1", "acme", self.clock.now_ns() + lease * 10**9),
            kind,
            "test.work",
            key,
            tuple(steps),
            quality_gate=gate,
        )
        self.requests[key] = request
        return request

    def _engine(self) -> Callable[[Execution], None]:
        return self.random.choice([in_order, side_by_side(3), self._shuffled])

    def _shuffled(self, execution: Execution) -> None:
        """Starts and ends in any order that the plan allows, with commits in between or not."""
        while not (execution.fatal() or execution.cancel_requested()):
            ready = [
                step.id
                for step in execution.steps
                if not execution.settled(step.id) and all(map(execution.settled, step.depends_on))
            ]
            if not ready:
                break
            chosen = self.random.sample(ready, self.random.randint(1, len(ready)))
            opened = [execution.open(name) for name in chosen]
            execution.commit()
            started = [attempt for attempt in opened if attempt.outcome is None]
            called = [(attempt, execution.gate.call(attempt)) for attempt in started]
            self.random.shuffle(called)
            for attempt, answer in called:
                wait = execution.close(attempt, answer)
                if wait is not None or self.random.random() < 0.5:
                    execution.commit()
                execution.pause(wait or 0)
        if execution.fatal() and not execution.cancel_requested():
            for step in execution.steps:
                execution.skip(step.id, "an earlier step failed")

    def _point(self, name: str) -> None:
        """A place where the process may end, or the disk be full."""
        if name == "before-commit" and self.random.random() < 0.02:
            raise RecordError("the disk is full", "disk-full")
        self.until_crash -= 1
        if self.until_crash == 0 and self.crashes < CRASHES:
            self.crashes += 1
            self.until_crash = self.random.randint(1, 14)
            self.story.append(f"crash at {name}")
            raise Crash(name)

    def _effect(self, call: Invocation) -> None:
        self._point("before-effect")
        assert call.idempotency_key not in self.effects, "one attempt has its effect twice"
        self.effects.append(call.idempotency_key)
        if self.random.random() < 0.1:
            self.clock.advance(self.random.choice([-3600.0, 0.5, 2, 40]))
        call.charge("tokens", self.random.randint(0, 3))
        self._point("after-effect")

    def _work(self, call: Invocation) -> dict[str, Any]:
        self._effect(call)
        return {"by": call.idempotency_key}

    def _flaky(self, call: Invocation) -> dict[str, Any]:
        self._effect(call)
        if self.random.random() < 0.5:
            raise CapabilityFailed("not now", "temporary", retryable=True)
        return {"by": call.idempotency_key}

    def _broken(self, call: Invocation) -> None:
        self._effect(call)
        raise self.random.choice(
            [CapabilityFailed("never", "broken"), ValidationFailed("no"), KeyError("x")]
        )

    def _cancelling(self, call: Invocation) -> dict[str, Any]:
        self.kernel.cancel(call.tenant, call.run)
        self._effect(call)
        if self.random.random() < 0.5:
            raise Cancelled
        return {"by": call.idempotency_key}

    def check(self, finished: bool = False) -> None:
        """What has to hold whenever a process starts, and more when everything is at its end.

        A journal only grows, so the end would show what went wrong before; each tenth world looks
        after each crash, too, and replays its runs.
        """
        journal, started = self.journal, set()
        for row in journal.runs("acme"):
            events = journal.events("acme", row.run)
            started |= check_run(events)
            if finished:
                assert row.terminal
                replay.state_only(journal, "acme", row.run)
                if self.thorough:
                    self._replay(row.run)
        for run, result in self.acknowledged.items():
            assert self.kernel.result("acme", run) == result, "what was acknowledged is gone"
        assert set(self.effects) <= started, "an effect had no durable start"
        ledger = self.kernel.ledger
        assert ledger.reconcile("acme", self.kernel._budget_events("acme")) == {}
        if finished:
            assert ledger.open_reservations() == []
            assert self.crashes == CRASHES

    def _replay(self, run: str) -> None:
        effects = len(self.effects)
        report = replay.full(self.journal, "acme", run)
        assert report.faithful, f"{run}: {report}"
        assert len(self.effects) == effects, "a replay repeated an effect"


def check_run(events: list[dict[str, Any]]) -> set[str]:
    """The rules of schemas/receipts for one run, finished or not; gives its started attempts."""
    plans: dict[str, Any] = {}
    open_attempts: set[tuple[str, int]] = set()
    ended: dict[str, str] = {}
    starts: dict[tuple[str, int], str] = {}
    completed: list[str] = []
    undone: list[str] = []
    settled: dict[str, int] = {}
    epoch = 0
    ts = ""
    for event in events:
        kind, step, attempt = event["type"], event.get("step", ""), event.get("attempt", 0)
        assert event["epoch"] >= epoch and event["ts"] >= ts
        epoch, ts = event["epoch"], event["ts"]
        if kind == "step.planned":
            plans[step] = event["plan"]
        elif kind == "step.started":
            plan = plans[step]
            assert (step, attempt) not in starts and attempt <= plan["max_attempts"]
            assert ended.get(step) not in ("completed", "skipped", "cancelled", "refused")
            for need in plan["depends_on"]:
                soft = plans[need]["continue_on_error"] and need in ended
                assert ended.get(need) == "completed" or soft
            starts[step, attempt] = event["idempotency_key"]
            open_attempts.add((step, attempt))
        elif kind in ("step.completed", "step.failed"):
            open_attempts.remove((step, attempt))
            ended[step] = kind.removeprefix("step.")
            if kind == "step.completed":
                assert step not in completed, f"{step} is completed twice"
                completed.append(step)
        elif kind in ("step.skipped", "step.refused", "step.cancelled"):
            open_attempts.discard((step, attempt))
            ended[step] = kind.removeprefix("step.")
        elif kind == "budget.settled":
            for unit, amount in event["budget"]["amounts"].items():
                settled[unit] = settled.get(unit, 0) + amount
        elif kind == "saga.compensating":
            undone.append(step)
        elif kind.startswith("run.") and "totals" in event:
            assert event is events[-1] and not open_attempts
            assert set(ended) == set(plans) and event["totals"] == settled
            order = [name for name in completed if name in undone]
            assert undone == order[::-1], "undone in another order than the reverse"
    counts = [sum(e["type"] == kind for e in events) for kind in ("step.started",)]
    if "totals" in events[-1]:
        for closing in ("budget.settled", "metrics.recorded"):
            assert sum(e["type"] == closing for e in events) == counts[0]
    return set(starts.values())


def repeat(seed: int) -> str:
    return f"python tests/simulation.py --seed {seed}"


def simulate(seed: int) -> World:
    """Run one seed; AssertionError with the command that repeats it where something breaks."""
    world: World | None = None
    try:
        world = World(seed)
        world.run()
    except Exception as error:
        told = "\n  ".join(world.story if world else [])
        raise AssertionError(f"{error!r}\n  {told}\nrepeat: {repeat(seed)}") from error
    return world


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, help="one world, told")
    parser.add_argument("--seeds", type=int, default=1000, help="how many")
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--processes", type=int, default=2)
    chosen = parser.parse_args()
    if chosen.seed is not None:
        print("\n".join(simulate(chosen.seed).story))
        return
    from concurrent.futures import ProcessPoolExecutor

    began, crashes, runs = time.perf_counter(), 0, 0
    with ProcessPoolExecutor(chosen.processes) as pool:
        seeds = range(chosen.first, chosen.first + chosen.seeds)
        for done in pool.map(_counts, seeds, chunksize=50):
            crashes, runs = crashes + done[0], runs + done[1]
    seconds = time.perf_counter() - began
    print(f"{chosen.seeds} worlds, {runs} runs, {crashes} crashes, {seconds:.1f} s")


def _counts(seed: int) -> tuple[int, int]:
    try:
        world = simulate(seed)
    except AssertionError as error:
        sys.exit(str(error))
    return world.crashes, len(world.journal.runs("acme"))


if __name__ == "__main__":
    main()
