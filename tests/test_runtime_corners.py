"""What seldom happens in kernel and record: races, late answers, faults of disks, odd replays."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from runtime_world import World, step
from test_runtime_execution import _sleep_long, accepted, saga, threaded
from test_runtime_kernel import check_records, failing, types

from runtime_min.kernel.envelope import Decision, Envelope, Invocation, QualityGate, Retry
from runtime_min.kernel.errors import Cancelled, RecordError, RuntimeMinError, StaleWriter
from runtime_min.kernel.execution import Execution
from runtime_min.kernel.ledger import Ledger
from runtime_min.kernel.plan import in_order, side_by_side
from runtime_min.kernel.ports import SeededRandomness, SimulatedClock, SystemDisk, ThreadScheduler
from runtime_min.record import replay
from runtime_min.record.archive import Archive
from runtime_min.record.keys import KeyStore
from runtime_min.record.sqlite import plain_errors, translated


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    made.provide("work", lambda call: {"seen": call.payload})
    yield made
    check_records(made)
    made.journal.close()


class Crash(BaseException):
    pass


def test_a_denied_decision_is_denied_by_the_gate_as_well(world: World) -> None:
    request = world.request(step("a"))
    for reasons, said in (((), "denies this request"), (("not today",), "not today")):
        denied = Decision(False, "0" * 64, reasons)
        envelope = Envelope(
            "acme", "r", request.principal, request.session, "0" * 32, step("a"), 1, denied
        )
        outcome = world.kernel.gate.open(envelope).outcome
        assert outcome is not None and outcome.refused and outcome.error is not None
        assert said in outcome.error["error"]["message"]


def test_a_run_that_was_stopped_stays_failed_across_a_crash(world: World) -> None:
    """All steps are done, a deadline passes, and the process ends while they are undone."""
    seen: list[str] = []

    def undo(call: Invocation) -> dict[str, Any]:
        seen.append(call.idempotency_key)
        if len(seen) == 1:
            raise Crash
        return {}

    def engine(execution: Execution) -> None:
        in_order(execution)
        if not seen:
            execution.stop(RuntimeMinError("too late", "timeout"))
            execution.stop(RuntimeMinError("the first reason counts", "other"))

    world.provide("undo", undo)
    for unfinished in (False, True):
        seen.clear()
        steps = [step("a"), step("undo-a", "undo", compensates="a", attempts=2)]
        if unfinished:
            steps.append(step("b", depends_on=("a",)))

        def stopping(execution: Execution) -> None:
            execution.run_step("a")
            if not seen:
                execution.stop(RuntimeMinError("too late", "timeout"))

        run = accepted(world, *steps, kind="saga", key=str(unfinished))
        with pytest.raises(Crash):
            world.kernel.execute("acme", run, stopping if unfinished else engine)
        world.reopen()
        result = world.kernel.execute("acme", run, engine)
        assert result.status == "failed" and result.error is not None
        assert result.error["details"]["code"] == ("ended" if unfinished else "interrupted")
        assert types(world, run).count("saga.compensated") == 1


def test_run_step_waits_retries_and_remembers_failures(world: World) -> None:
    world.provide("bad", failing())

    def engine(execution: Execution) -> None:
        execution.commit()  # nothing is held, nothing was
        outcome = execution.run_step("a")
        assert outcome.error is not None and execution.run_step("a").error == outcome.error
        assert set(execution.failures) == {"a"} and not execution.skipped("a")
        execution.skip("b", "why not")
        assert execution.skipped("b")

    run = accepted(world, step("a", "bad", attempts=2), step("b"), kind="intent")
    assert world.kernel.execute("acme", run, engine).status == "failed"
    assert world.clock.slept == [1.5]


def test_run_step_gives_up_on_what_hangs(world: World) -> None:
    kernel = threaded(world)
    released = threading.Event()
    world.provide("hang", lambda call: released.wait(60))

    def engine(execution: Execution) -> None:
        assert execution.run_step("a").error is not None
        assert execution.run_step("b").output == {"seen": {}}

    run = accepted(world, step("a", "hang", timeout_ms=30), step("b"))
    result = kernel.execute("acme", run, engine)
    released.set()
    assert result.error is not None and result.error["details"]["code"] == "timeout"


def test_an_answer_that_comes_too_late_is_forgotten(world: World) -> None:
    kernel = threaded(world)
    released, answered = threading.Event(), threading.Event()

    def hang(call: Invocation) -> dict[str, Any]:
        released.wait(60)
        answered.set()
        return {"late": True}

    def release(call: Invocation) -> dict[str, Any]:
        released.set()
        return {"in time": answered.wait(60)}

    world.provide("hang", hang)
    world.provide("release", release)
    steps = (step("a", "hang", timeout_ms=30, continue_on_error=True),)
    for engine in (side_by_side(2), _one_by_one):
        released.clear()
        answered.clear()
        run = accepted(
            world,
            *steps,
            step("b", "release", depends_on=("a",)),
            step("c", depends_on=("b",)),
            key=str(engine),
        )
        result = kernel.execute("acme", run, engine)
        assert result.status == "completed" and result.output["b"] == {"in time": True}
        assert "a" not in result.output


async def _one_by_one(execution: Execution) -> None:
    for one in execution.steps:
        await execution.run_step_async(one.id)
    await asyncio.sleep(0.05)  # what comes too late finds the loop still there


def test_side_by_side_stops_at_a_refusal(world: World) -> None:
    run = accepted(world, step("a", "missing"), step("b"))
    result = world.kernel.execute("acme", run)
    assert result.error is not None
    assert result.error["details"]["code"] == "refused-capability"
    assert types(world, run).count("step.skipped") == 1


def test_a_refusal_that_cannot_be_recorded_takes_nothing(world: World) -> None:
    run = accepted(world, step("a", "missing"))
    full = [True]

    def point(name: str) -> None:
        if full:
            full.pop()
            raise RecordError("the disk is full", "disk-full")

    world.journal._crash_point = point
    with pytest.raises(RecordError):
        world.kernel.execute("acme", run)
    assert world.kernel.execute("acme", run).status == "failed"


def test_a_task_that_is_cancelled_during_its_commit_leaves_the_run_to_its_journal(
    world: World,
) -> None:
    kernel = threaded(world)
    entered, go_on = threading.Event(), threading.Event()

    def point(name: str) -> None:
        entered.set()
        go_on.wait(60)

    async def engine(execution: Execution) -> None:
        world.journal._crash_point = point
        task = asyncio.ensure_future(execution.run_step_async("a"))
        await asyncio.to_thread(entered.wait, 60)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        go_on.set()
        raise Crash

    run = accepted(world, step("a", attempts=2))
    with pytest.raises(Crash):
        asyncio.run(kernel.execute_async("acme", run, engine))
    world.journal._crash_point = lambda name: None
    assert kernel.execute("acme", run).status == "completed"
    assert types(world, run).count("step.started") == 2


def test_async_steps_commit_what_others_queued(world: World) -> None:
    async def engine(execution: Execution) -> None:
        await execution._commit_async()  # nothing is held, nothing was
        await execution.run_step_async("a")
        await execution._commit_async()  # nothing is held, all is done

    run = accepted(world, step("a"), kind="intent")
    assert world.kernel.execute("acme", run, engine).status == "completed"


def test_a_sync_engine_may_hand_back_something_to_await(world: World) -> None:
    async def later(execution: Execution) -> None:
        await execution.run_step_async("a")

    run = accepted(world, step("a"))
    done = world.kernel.execute_async("acme", run, lambda execution: later(execution))
    assert asyncio.run(done).status == "completed"


def test_the_same_key_at_the_same_time_is_one_run(world: World) -> None:
    real, first = world.journal.run_by_key, world.kernel.submit(world.request(step("a")))
    blind = [True]

    def run_by_key(tenant: str, key: str) -> Any:
        return None if blind and blind.pop() else real(tenant, key)

    world.journal.run_by_key = run_by_key  # type: ignore[method-assign, assignment]
    assert world.kernel.submit(world.request(step("a"))) == first
    world.journal.run_by_key = lambda tenant, key: None  # type: ignore[method-assign, assignment]
    with pytest.raises(StaleWriter, match="belongs to run"):
        world.kernel.submit(world.request(step("a")))


def test_a_run_whose_request_was_erased_cannot_go_on(world: World) -> None:
    run = accepted(world, step("a"))
    digest = world.journal.events("acme", run)[0]["input"]["sha256"]
    world.archive.erase("acme", run, digest, "user:dpo", "asked for")
    for _ in range(2):
        with pytest.raises(RuntimeMinError, match="its request was erased"):
            world.kernel.execute("acme", run)


def test_an_attempt_that_was_cut_off_and_was_the_last_fails_the_run(world: World) -> None:
    world.provide("work", _crash)
    run = accepted(world, step("a"))
    with pytest.raises(Crash):
        world.kernel.execute("acme", run)
    world.reopen()
    result = world.kernel.execute("acme", run)
    assert result.error is not None and result.error["details"]["code"] == "interrupted"


def _crash(call: Invocation) -> None:
    raise Crash


def test_limits_are_each_tenants_own() -> None:
    ledger = Ledger({"t": {"tokens": 5}})
    ledger.reserve("other", "r", "a/1", {"tokens": 50})
    assert ledger.refusal("t", {"tokens": 5}) is None
    ledger.settle_interrupted("t", "r", "x/1", {"tokens": 3})
    assert ledger.settled("t") == {"tokens": 3}


def test_a_simulated_wait_ends_with_its_event() -> None:
    clock, event = SimulatedClock(), threading.Event()
    event.set()
    clock.wait(event, 5)
    assert clock.slept == []


def test_scheduled_work_is_done_in_threads() -> None:
    scheduler, done = ThreadScheduler(1), threading.Event()
    scheduler.submit(done.set)
    assert done.wait(60)
    scheduler.shutdown()


def test_a_receipt_that_cannot_be_written_is_a_clear_error(world: World, tmp_path: Path) -> None:
    run = world.kernel.submit(world.request(step("a"))).run
    (tmp_path / "file").write_text("")
    with pytest.raises(RecordError, match="receipt cannot be written"):
        world.archive.export("acme", run, tmp_path / "file")


def test_a_rotation_that_cannot_be_recorded_leaves_the_old_key(world: World) -> None:
    before = world.archive.key("acme").vkey
    world.journal._writer.execute("PRAGMA query_only=ON")
    with pytest.raises(RecordError, match="cannot be written"):
        world.archive.rotate("acme")
    world.journal._writer.execute("PRAGMA query_only=OFF")
    assert world.archive.key("acme").vkey == before
    with pytest.raises(RecordError, match="makes no leaf"):
        world.journal.append_tenant_leaf("acme", _no_leaf)
    assert world.archive.rotate("acme").vkey != before
    assert len(world.archive._keys.history("acme", "example.org/acme")) == 2


def _no_leaf(index: int, previous: str | None) -> Any:
    raise RecordError("makes no leaf")


class _Racing(SystemDisk):
    """Another process makes the key first."""

    def write_new(self, path: Path, data: bytes, mode: int = 0o644) -> None:
        if not path.exists():
            super().write_new(path, b"ab" * 32 + b"\n", mode)
        super().write_new(path, data, mode)


def test_keys_meet_races_and_faults_of_the_disk(tmp_path: Path) -> None:
    store = KeyStore(tmp_path / "keys", _Racing(), SeededRandomness(1))
    key = store.current("acme", "o")
    assert key.vkey == store.current("acme", "o").vkey
    store.discard("acme", store.next("other", "o"))
    assert key.vkey == store.current("acme", "o").vkey
    store.discard("nobody", key)
    (tmp_path / "keys" / "acme" / "000002.key").mkdir(0o700)
    with pytest.raises(RecordError, match="cannot be read"):
        store.current("acme", "o")
    (tmp_path / "file").write_text("")
    with pytest.raises(RecordError, match="cannot be made"):
        KeyStore(tmp_path / "file", SystemDisk(), SeededRandomness(1)).current("acme", "o")


def test_faults_of_the_disk_have_their_own_words(tmp_path: Path) -> None:
    with (
        pytest.raises(RecordError, match="cannot be used: it broke"),
        plain_errors(tmp_path),
    ):
        raise OSError(5, "it broke")
    busy = sqlite3.OperationalError("locked")
    busy.sqlite_errorname = "SQLITE_BUSY"
    assert translated(busy, tmp_path).code == "second-writer"
    assert translated(sqlite3.OperationalError("x"), tmp_path).code == "io-error"


def test_lines_that_were_changed_are_found_by_every_reader(world: World) -> None:
    run = world.kernel.submit(world.request(step("a"))).run
    assert world.journal.unsealed() == [("acme", run)]
    world.archive.seal("acme", run)
    assert world.journal.unsealed() == []
    kept = world.journal.lines("acme", run)
    world.journal._writer.execute("DROP TRIGGER event_fixed")

    def last(text: str) -> None:
        world.journal._writer.execute(
            "UPDATE event SET line = ? WHERE seq = ?", (text, len(kept) - 1)
        )

    last(kept[-1].decode().replace("jane", "jade"))
    with pytest.raises(RecordError, match="not the one that was recorded"):
        world.kernel.result("acme", run)
    last(kept[-1].decode().replace(":", ": ", 1))
    with pytest.raises(RecordError, match="not the canonical form"):
        world.journal.lines("acme", run)
    last(kept[-1].decode())
    assert world.journal.lines("acme", run) == kept


def test_every_kind_of_end_replays_faithfully(tmp_path: Path) -> None:
    world = World(tmp_path, limits={"acme": {"tokens": 25}}, sandbox="rlimits")
    world.provide("work", lambda call: {"seen": call.payload}, sandbox="landlock")
    world.provide("bad", failing(retryable=False), sandbox="rlimits")
    world.provide("flaky", failing(), sandbox="rlimits")
    world.provide("undo", lambda call: {}, sandbox="rlimits")
    world.provide("weak", lambda call: {})

    def cancelling(call: Invocation) -> None:
        world.kernel.cancel("acme", call.run)
        if call.payload:
            raise Cancelled
        failing()(call)

    def stopping(execution: Execution) -> None:
        execution.run_step("a")
        execution.stop(RuntimeMinError("too late", "timeout"))

    def choosy(execution: Execution) -> None:
        execution.skip("a", "not now", "not-wanted")
        execution.run_step("b", {"resolved": True})

    world.provide("cancelling", cancelling, sandbox="rlimits")
    asked: list[tuple[Any, Any]] = [
        (world.request(*saga(), kind="saga", key="saga"), None),
        (world.request(step("a", "cancelling", attempts=2), step("b"), key="c1"), None),
        (world.request(step("a", "cancelling", {"x": 1}), step("b"), key="c2"), None),
        (world.request(step("a", "weak"), key="sandbox"), None),
        (world.request(step("a", "missing"), key="missing"), None),
        (world.request(step("a"), key="lease", lease_seconds=0), None),
        (world.request(step("a"), step("b"), key="stop"), stopping),
        (world.request(step("a"), step("b"), key="choosy"), choosy),
        (world.request(step("a", budget={"tokens": 20}), key="spends"), None),
        (world.request(step("a", budget={"tokens": 26}), key="budget"), None),
        (world.request(step("a", "flaky", attempts=3), key="retries"), None),
        (world.request(step("a", "flaky"), key="opens"), None),
        (world.request(step("a", "flaky"), key="open"), None),
        (world.request(step("a"), key="evidence", quality_gate=QualityGate()), None),
    ]
    ends = set()
    for request, engine in asked:
        run = world.kernel.submit(request, engine).run
        last = world.journal.events("acme", run)[-1]
        ends.add(last.get("error", {}).get("code", last["type"]))
        report = replay.full(world.journal, "acme", run)
        assert report.faithful, (request.idempotency_key, report)
    assert ends == {
        "down",
        "cancelled",
        "refused-policy",
        "refused-capability",
        "refused-lease",
        "timeout",
        "run.completed",
        "refused-budget",
        "refused-breaker",
    }
    world.journal.close()


def test_a_cancelled_attempt_is_known_after_a_restart(world: World) -> None:
    kernel = threaded(world)
    world.provide("late", _sleep_long)

    async def engine(execution: Execution) -> None:
        task = asyncio.ensure_future(execution.run_step_async("a"))
        while "step.started" not in types(world, execution.run):
            await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.wait([task])
        raise Crash

    run = accepted(world, step("a", "late"))
    with pytest.raises(Crash):
        asyncio.run(kernel.execute_async("acme", run, engine))
    result = kernel.execute("acme", run)
    assert result.error is not None and result.error["details"] == {"code": "cancelled"}
    assert types(world, run).count("step.started") == 1


def test_a_replay_that_undoes_what_was_never_undone_has_no_answer_for_it(world: World) -> None:
    world.provide("other", lambda call: {})
    steps = (step("a"), step("b", "other", depends_on=("a",)), step("undo-a", compensates="a"))
    run = world.kernel.submit(world.request(*steps)).run

    def fails(call: Invocation) -> None:
        raise RuntimeMinError("no more")

    report = replay.full(world.journal, "acme", run, {"other": fails})
    assert report.drift is not None and "saga.compensating a" in report.drift


def test_a_replay_that_goes_another_way_says_where(world: World) -> None:
    steps = (step("a"), step("b", depends_on=("a",)))
    run = world.kernel.submit(world.request(*steps)).run

    def fails(call: Invocation) -> None:
        raise RuntimeMinError("no more")

    report = replay.full(world.journal, "acme", run, {"work": fails})
    assert report.drift is not None and not report.faithful
    assert report.drift.startswith("event 4 of a: recorded was step.completed a 1")
    assert {c.explanation for c in report.comparisons} == {"the step was not reached"}
    recorded = replay.record_replay(
        world.journal,
        world.request(step("a")).principal,
        "s1",
        report,
        world.randomness,
        "0" * 64,
    )
    noted = world.journal.query("acme", run=recorded, type="note.recorded")
    assert [e["note"] for e in noted] == [report.drift]
    with pytest.raises(RecordError, match="is itself a replay"):
        replay.full(world.journal, "acme", recorded)


def test_a_record_whose_retry_nobody_made_is_told_from_one_that_was(world: World) -> None:
    """More attempts then than the kernel would make now are drift, not an error."""
    world.provide("flaky", failing())
    run = world.kernel.submit(world.request(step("a", "flaky", attempts=2))).run
    events = world.journal.events("acme", run)
    import json

    from runtime_min.kernel.wire import request_from_json
    from runtime_min.record.recorded import Recorded

    stored = world.journal.payload("acme", events[0]["input"]["sha256"])
    assert stored is not None
    request = request_from_json(json.loads(stored.data))
    for attempts in (1, 3):
        (planned,) = request.steps
        fields = {name: getattr(planned, name) for name in planned.__dataclass_fields__}
        other = type(planned)(**{**fields, "retry": Retry(attempts)})
        changed = {name: getattr(request, name) for name in request.__dataclass_fields__}
        now = Recorded(world.journal, "acme", events, {}).repeat(
            type(request)(**{**changed, "steps": (other,)})
        )
        assert replay._first_difference(events, now) is not None


def test_a_retry_is_due_while_another_step_still_runs(world: World) -> None:
    kernel = threaded(world)
    retried = threading.Event()
    tries: list[int] = []

    def second_time(call: Invocation) -> dict[str, Any]:
        tries.append(1)
        if len(tries) == 1:
            failing()(call)
        retried.set()
        return {}

    world.provide("second", second_time)
    world.provide("waits", lambda call: {"saw the retry": retried.wait(60)})
    flaky = step("a", "second")
    fields = {name: getattr(flaky, name) for name in flaky.__dataclass_fields__}
    flaky = type(flaky)(**{**fields, "retry": Retry(2, 0.05)})
    run = accepted(world, flaky, step("b", "waits"))
    result = kernel.execute("acme", run, side_by_side(2))
    assert result.output == {"a": {}, "b": {"saw the retry": True}}


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        ({"a": 1}, {"b": 1}, "/a: only in the record"),
        ({}, {"b": 1}, "/b: only in the replay"),
        ({"same": 1, "a": [1, 2]}, {"same": 1, "a": [1, 3]}, "/a/1: 2 then, 3 now"),
        ([1], [1, 2], "/: [1] then, [1, 2] now"),
        (1, 2, "/: 1 then, 2 now"),
    ],
)
def test_the_first_difference_has_a_pointer(old: Any, new: Any, where: str) -> None:
    assert replay._where(old, new) == where


def test_an_archive_makes_the_runtimes_digest_by_itself(world: World) -> None:
    run = world.kernel.submit(world.request(step("a"))).run
    archive = Archive(world.journal, world.archive._keys, SystemDisk(), world.clock)
    assert archive.seal("acme", run) == 0


def test_late_async_answers_find_the_loop_gone(world: World) -> None:
    kernel = threaded(world)
    world.provide("late", _sleep_long)
    released = threading.Event()
    world.provide("hang", lambda call: {"slept": released.wait(60)})

    async def engine(execution: Execution) -> None:
        await execution.run_step_async("a")

    run = accepted(world, step("a", "hang", timeout_ms=30))
    assert asyncio.run(kernel.execute_async("acme", run, engine)).status == "failed"
    released.set()
