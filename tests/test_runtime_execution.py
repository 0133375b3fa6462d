"""The seam for engines: order, concurrency, async, stops, restarts; sagas; evidence."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from runtime_world import World, step
from test_runtime_kernel import check_records, failing, types

from runtime_min.kernel.envelope import Invocation, QualityGate
from runtime_min.kernel.errors import (
    Cancelled,
    RecordError,
    RuntimeMinError,
    StaleWriter,
    ValidationFailed,
)
from runtime_min.kernel.execution import Execution
from runtime_min.kernel.kernel import Kernel
from runtime_min.kernel.plan import in_order, side_by_side
from runtime_min.kernel.policy import RolePolicy
from runtime_min.kernel.ports import SystemClock


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    made.provide("work", lambda call: {"seen": call.payload})
    yield made
    check_records(made)
    made.journal.close()


def threaded(world: World, **more: Any) -> Kernel:
    """A kernel that runs capabilities in threads, on the machine's clock."""
    clock = SystemClock()
    world.kernel = Kernel(
        world.journal,
        world.catalog,
        RolePolicy(world.grants),
        clock=clock,
        randomness=world.randomness,
        **more,
    )
    return world.kernel


def accepted(world: World, *steps: Any, **more: Any) -> str:
    return world.kernel.accept(world.request(*steps, lease_seconds=10**9, **more)).run


def test_an_engine_decides_the_order_and_resolves_payloads(world: World) -> None:
    def engine(execution: Execution) -> None:
        first = execution.run_step("b", {"resolved": 1})
        assert first.output == {"seen": {"resolved": 1}}
        assert execution.run_step("b").output == first.output  # nothing runs twice
        execution.note("note.recorded", note="half of it")
        execution.skip("a", "not wanted")
        execution.skip("a", "not wanted twice")
        execution.output = {"only": "b"}

    steps = (step("a"), step("b"))
    result = world.kernel.submit(world.request(*steps), engine)
    assert (result.status, result.output) == ("completed", {"only": "b"})
    assert world.kernel.result("acme", result.run) == result
    seen = types(world, result.run)
    assert seen.count("step.started") == 1 and seen.count("step.skipped") == 1
    assert "note.recorded" in seen


def test_an_engine_may_not_leave_steps_or_record_what_is_the_kernels(world: World) -> None:
    def forging(execution: Execution) -> None:
        execution.note("step.completed", step="a")

    run = accepted(world, step("a"))
    with pytest.raises(ValidationFailed, match="is the kernel's to record"):
        world.kernel.execute("acme", run, forging)

    def unknown(execution: Execution) -> None:
        execution.run_step("z")

    with pytest.raises(ValidationFailed, match="has no step 'z'"):
        world.kernel.execute("acme", run, unknown)

    def no_json(execution: Execution) -> None:
        execution.run_step("a", {"x": object()})

    with pytest.raises(ValidationFailed, match="payload of step a"):
        world.kernel.execute("acme", run, no_json)
    result = world.kernel.execute("acme", run, lambda execution: None)
    assert result.error is not None
    assert result.error["details"] == {"code": "engine-incomplete"}


def test_the_engine_of_a_kind_is_used_also_by_recovery(world: World) -> None:
    seen: list[str] = []

    def engine(execution: Execution) -> None:
        seen.append(execution.run)
        in_order(execution)

    kernel = Kernel(
        world.journal,
        world.catalog,
        RolePolicy(world.grants),
        clock=world.clock,
        randomness=world.randomness,
        engines={"mission": engine},
        inline=True,
    )
    run = kernel.accept(world.request(step("a"), kind="mission")).run
    assert [r.status for r in kernel.recover()] == ["completed"] and seen == [run]


def test_a_restart_gives_an_engine_what_is_settled(world: World) -> None:
    calls: list[str] = []

    def work(call: Invocation) -> dict[str, str]:
        calls.append(call.idempotency_key)
        return {"by": call.idempotency_key}

    world.provide("work", work)

    def crashing(execution: Execution) -> None:
        execution.run_step("a")
        raise KeyboardInterrupt

    run = accepted(world, step("a"), step("b", depends_on=("a",)))
    with pytest.raises(KeyboardInterrupt):
        world.kernel.execute("acme", run, crashing)
    world.reopen()

    def engine(execution: Execution) -> None:
        assert execution.settled("a") and not execution.settled("b")
        assert execution.run_step("a").output == {"by": f"{run}/a/1"}
        execution.run_step("b")

    assert world.kernel.execute("acme", run, engine).status == "completed"
    assert calls == [f"{run}/a/1", f"{run}/b/1"]


def test_steps_side_by_side_overlap_and_share_commits(world: World) -> None:
    meet = threading.Barrier(4, timeout=30)
    world.provide("work", lambda call: {"met": meet.wait() >= 0})
    kernel = threaded(world)
    commits: list[str] = []
    world.journal._crash_point = commits.append
    run = accepted(world, *(step(f"s{n}") for n in range(4)))
    result = kernel.execute("acme", run, side_by_side(4))
    assert result.status == "completed" and len(result.output) == 4
    assert commits.count("after-commit") < 8


def test_side_by_side_keeps_to_the_needs_and_retries(world: World) -> None:
    order: list[str] = []
    lock = threading.Lock()
    tries: list[int] = []

    def work(call: Invocation) -> dict[str, Any]:
        with lock:
            order.append(call.idempotency_key.split("/")[1])
        return {"up": sorted(call.upstream)}

    def second_time(call: Invocation) -> dict[str, Any]:
        tries.append(1)
        if len(tries) < 2:
            failing()(call)
        return {}

    world.provide("work", work)
    world.provide("second", second_time)
    kernel = threaded(world)
    retried = step("r", "second")
    retried = type(retried)(**{**_fields(retried), "retry": type(retried.retry)(2, 0.01)})
    run = accepted(
        world, step("a"), retried, step("b"), step("c", depends_on=("a", "b")), step("d")
    )
    result = kernel.execute("acme", run, side_by_side(2))
    assert result.status == "completed" and result.output["c"] == {"up": ["a", "b"]}
    assert order.index("c") > max(order.index("a"), order.index("b"))
    assert types(world, run).count("step.retried") == 1


def _fields(planned: Any) -> dict[str, Any]:
    return {name: getattr(planned, name) for name in planned.__dataclass_fields__}


def test_side_by_side_gives_up_on_what_hangs_and_skips_the_rest(world: World) -> None:
    released = threading.Event()
    world.provide("hang", lambda call: released.wait(60))
    kernel = threaded(world)
    run = accepted(world, step("a", "hang", timeout_ms=50), step("b"), step("c", depends_on=("a",)))
    result = kernel.execute("acme", run, side_by_side(2))
    released.set()
    assert result.error is not None and result.error["details"]["code"] == "timeout"
    assert types(world, run).count("step.skipped") == 1


def test_a_failure_elsewhere_ends_a_wait_for_a_retry(world: World) -> None:
    world.provide("bad", failing(retryable=False))
    world.provide("flaky", failing())
    kernel = threaded(world)
    run = accepted(world, step("a", "flaky", attempts=2), step("b", "bad"))
    result = kernel.execute("acme", run, side_by_side(2))
    assert result.status == "failed"
    seen = types(world, run)
    assert seen.count("step.retried") == 1 and seen.count("step.cancelled") == 1


def test_an_async_engine_runs_many_steps_at_once(world: World) -> None:
    kernel = threaded(world)
    running: list[int] = [0, 0]

    async def work(call: Invocation) -> dict[str, int]:
        running[0] += 1
        running[1] = max(running)
        await asyncio.sleep(0.05)
        running[0] -= 1
        return {}

    world.provide("async", work)
    world.provide("late", _sleep_long)
    steps = [step(f"s{n}", "async" if n % 2 else "work") for n in range(20)]

    async def engine(execution: Execution) -> None:
        await asyncio.gather(*(execution.run_step_async(one.id) for one in execution.steps))

    run = accepted(world, *steps)
    result = asyncio.run(kernel.execute_async("acme", run, engine))
    assert result.status == "completed" and running[1] > 1
    assert asyncio.run(kernel.execute_async("acme", run, engine)) == result
    run = accepted(world, step("a", "late", timeout_ms=30), key="2")
    late = kernel.execute("acme", run, engine)
    assert late.error is not None and late.error["details"]["code"] == "timeout"
    run = accepted(world, step("a", "async"), step("b", depends_on=("a",)), key="3")
    assert asyncio.run(kernel.execute_async("acme", run)).status == "completed"


async def _sleep_long(call: Invocation) -> None:
    await asyncio.sleep(60)


def test_async_steps_fail_time_out_and_retry_like_others(world: World) -> None:
    kernel = threaded(world)
    hang = threading.Event()

    async def broken(call: Invocation) -> None:
        raise ValidationFailed("no")

    world.provide("broken", broken)
    world.provide("flaky", failing())
    world.provide("hang", lambda call: hang.wait(60))

    async def engine(execution: Execution) -> None:
        for one in execution.steps:
            outcome = await execution.run_step_async(one.id)
            assert outcome.error is not None

    retried = step("c", "flaky", attempts=2, continue_on_error=True)
    retried = type(retried)(**{**_fields(retried), "retry": type(retried.retry)(2, 0.01)})
    steps = (
        step("a", "broken", continue_on_error=True),
        step("b", "hang", timeout_ms=30, continue_on_error=True),
        retried,
        step("d", "missing", continue_on_error=True),
    )
    run = accepted(world, *steps)
    assert kernel.execute("acme", run, engine).status == "completed"
    hang.set()
    errors = {
        e["step"]: e["error"]["code"]
        for e in world.journal.events("acme", run)
        if e["type"] in ("step.failed", "step.refused")
    }
    expected = {"a": "invalid-input", "b": "timeout", "c": "down", "d": "refused-capability"}
    assert errors == expected


def test_a_task_that_is_cancelled_closes_its_attempt(world: World) -> None:
    kernel = threaded(world)
    world.provide("late", _sleep_long)

    async def engine(execution: Execution) -> None:
        task = asyncio.ensure_future(execution.run_step_async("a"))
        while "step.started" not in types(world, execution.run):
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run = accepted(world, step("a", "late"))
    result = asyncio.run(kernel.execute_async("acme", run, engine))
    assert result.status == "failed" and result.error is not None
    assert result.error["details"] == {"code": "cancelled"}
    assert types(world, run).count("step.cancelled") == 1


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_a_stop_ends_a_run_with_its_own_error(world: World, mode: str) -> None:
    def work(call: Invocation) -> dict[str, bool]:
        execution = world.kernel._running["acme", call.run]
        assert execution is not None and not call.cancelled()
        execution.stop(RuntimeMinError("the mission ran out of time", "timeout"))
        return {"cancelled": call.cancelled()}

    world.provide("work", work)

    async def engine(execution: Execution) -> None:
        assert (await execution.run_step_async("a")).output == {"cancelled": True}
        assert (await execution.run_step_async("b")).cancelled

    chosen = engine if mode == "async" else in_order
    result = world.kernel.submit(world.request(step("a"), step("b", depends_on=("a",))), chosen)
    assert result.status == "failed" and result.error is not None
    assert result.error["message"] == "the mission ran out of time"
    assert types(world, result.run).count("step.skipped") == 1


def test_a_cancel_ends_a_wait_for_a_retry_at_once(world: World) -> None:
    kernel = threaded(world)
    world.provide("flaky", failing())
    retried = step("a", "flaky")
    retried = type(retried)(**{**_fields(retried), "retry": type(retried.retry)(9, 3600.0)})
    run = accepted(world, retried)
    results: list[Any] = []
    thread = threading.Thread(target=lambda: results.append(kernel.execute("acme", run)))
    thread.start()
    while "step.retried" not in types(world, run):
        thread.join(0.01)
    assert kernel.cancel("acme", run)
    thread.join(60)
    assert results[0].status == "cancelled"


def test_a_capability_that_stops_for_a_cancellation_is_cancelled_on_record(world: World) -> None:
    def work(call: Invocation) -> None:
        world.kernel.cancel("acme", call.run)
        raise Cancelled

    world.provide("work", work)
    result = world.kernel.submit(world.request(step("a")))
    assert result.status == "cancelled"
    assert types(world, result.run).count("step.cancelled") == 1
    assert world.kernel.breakers.refusal("acme", "work") is None


def test_an_execution_that_could_not_record_is_over_and_the_run_goes_on(world: World) -> None:
    """The end of a step cannot be written: nothing is lost, the account stands as the record."""
    world.limits = {"acme": {"tokens": 100}}
    world.reopen()
    full = [True]
    kept: list[Execution] = []

    def point(name: str) -> None:
        if name == "before-commit" and kept and full:
            full.pop()
            raise RecordError("the disk is full", "disk-full")

    def work(call: Invocation) -> dict[str, Any]:
        execution = world.kernel._running["acme", call.run]
        assert execution is not None
        kept.append(execution)
        return {}

    world.provide("work", work)
    world.journal._crash_point = point
    run = accepted(world, step("a", attempts=2, budget={"tokens": 10}))
    with pytest.raises(RecordError, match="disk is full"):
        world.kernel.execute("acme", run)
    assert world.kernel.ledger.open_reservations() == [("acme", run, "a/1")]
    with pytest.raises(StaleWriter, match="taken up from its journal"):
        kept[0].commit()
    epoch = world.journal.epoch
    assert world.kernel.execute("acme", run).status == "completed"
    assert world.journal.epoch == epoch + 1
    assert world.kernel.ledger.open_reservations() == []
    codes = [e["error"]["code"] for e in world.journal.query("acme", type="step.failed")]
    assert codes == ["interrupted"]


def test_an_async_execution_that_could_not_record_says_so(world: World) -> None:
    def point(name: str) -> None:
        raise RecordError("the disk is full", "disk-full")

    async def engine(execution: Execution) -> None:
        world.journal._crash_point = point
        await execution.run_step_async("a")

    run = accepted(world, step("a"))
    with pytest.raises(RecordError, match="disk is full"):
        world.kernel.execute("acme", run, engine)
    world.journal._crash_point = lambda name: None
    assert world.kernel.ledger.open_reservations() == []
    assert world.kernel.execute("acme", run).status == "completed"


def saga(*more: Any) -> tuple[Any, ...]:
    return (
        step("a"),
        step("b", depends_on=("a",)),
        step("c", "bad", depends_on=("b",)),
        step("undo-a", "undo", depends_on=("a",), compensates="a", attempts=2),
        step("undo-b", "undo", depends_on=("b",), compensates="b"),
        step("undo-c", "undo", depends_on=("c",), compensates="c"),
        *more,
    )


def test_a_saga_undoes_what_it_completed_newest_first(world: World) -> None:
    undone: list[Any] = []
    world.provide("bad", failing(retryable=False))
    world.provide("undo", lambda call: {"nth": undone.append(dict(call.upstream))})  # type: ignore[func-returns-value]
    result = world.kernel.submit(world.request(*saga(), kind="saga"))
    assert result.status == "failed" and result.error is not None
    assert result.error["details"] == {"code": "down"}
    assert [list(given) for given in undone] == [["b"], ["a"]]
    events = world.journal.events("acme", result.run)
    said = [(e["type"], e["step"]) for e in events if e["type"].startswith("saga.")]
    assert said == [
        ("saga.compensating", "b"),
        ("saga.compensated", "b"),
        ("saga.compensating", "a"),
        ("saga.compensated", "a"),
    ]
    states = [e["transition"]["to"] for e in events if e["type"] == "state.changed"]
    assert states == ["running", "compensating", "compensated"]
    assert [e["step"] for e in events if e["type"] == "step.skipped"] == ["undo-c"]


def test_a_saga_that_completes_has_nothing_to_undo(world: World) -> None:
    world.provide("undo", lambda call: pytest.fail("it ran"))
    steps = (step("a"), step("undo-a", "undo", compensates="a"))
    result = world.kernel.submit(world.request(*steps, kind="saga"))
    assert (result.status, result.output) == ("completed", {"seen": {}})
    skipped = world.journal.query("acme", type="step.skipped")
    assert [(e["step"], e["error"]["code"]) for e in skipped] == [("undo-a", "not-needed")]


def test_a_compensation_that_fails_for_good_needs_an_operator(world: World) -> None:
    world.provide("bad", failing(retryable=False))
    world.provide("undo", failing())
    result = world.kernel.submit(world.request(*saga(), kind="saga"))
    assert result.status == "failed"
    events = world.journal.events("acme", result.run)
    (failed,) = [e for e in events if e["type"] == "saga.failed"]
    assert (failed["step"], failed["error"]["code"]) == ("b", "needs_operator")
    states = [e["transition"]["to"] for e in events if e["type"] == "state.changed"]
    assert states == ["running", "compensating", "needs_operator"]
    skipped = {e["step"] for e in events if e["type"] == "step.skipped"}
    assert skipped == {"undo-a", "undo-c"}


def test_a_crash_during_compensation_goes_on_where_it_was(world: World) -> None:
    class Crash(BaseException):
        pass

    undone: list[str] = []

    def undo(call: Invocation) -> dict[str, Any]:
        undone.append(call.idempotency_key.split("/", 1)[1])
        if len(undone) == 2:
            raise Crash
        return {}

    world.provide("bad", failing(retryable=False))
    world.provide("undo", undo)
    run = accepted(world, *saga(), kind="saga")
    with pytest.raises(Crash):
        world.kernel.execute("acme", run)
    world.reopen()
    assert world.kernel.execute("acme", run).status == "failed"
    assert undone == ["undo-b/1", "undo-a/1", "undo-a/2"]
    events = world.journal.events("acme", run)
    said = [e["step"] for e in events if e["type"] == "saga.compensating"]
    assert said == ["b", "a"]
    states = [e["transition"]["to"] for e in events if e["type"] == "state.changed"]
    assert states == ["running", "compensating", "compensated"]


def test_a_cancelled_saga_is_undone_as_well(world: World) -> None:
    world.provide("work", lambda call: {"cancelled": world.kernel.cancel("acme", call.run)})
    world.provide("undo", lambda call: {"cancelled": call.cancelled()})
    steps = (step("a"), step("b", depends_on=("a",)), step("undo-a", "undo", compensates="a"))
    result = world.kernel.submit(world.request(*steps, kind="saga"))
    assert result.status == "cancelled"
    assert types(world, result.run).count("saga.compensated") == 1


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ((step("a"), step("b", compensates="z")), "no step that acts"),
        ((step("a"), step("b", compensates="a"), step("c", compensates="b")), "no step that acts"),
        ((step("a"), step("b", compensates="a"), step("c", compensates="a")), "two steps"),
        ((step("a"), step("b", compensates="a"), step("c", depends_on=("b",))), "a compensation"),
    ],
)
def test_compensations_that_make_no_sense_are_refused(
    world: World, steps: Any, message: str
) -> None:
    with pytest.raises(ValidationFailed, match=message):
        world.kernel.submit(world.request(*steps))


def test_evidence_is_collected_and_judged(world: World) -> None:
    planned = step("a", payload={"x": 1, "y": 2}, claims=("/seen", "/seen/x"))
    result = world.kernel.submit(world.request(planned, kind="role", quality_gate=QualityGate()))
    assert result.status == "completed" and result.quality is not None
    assert result.quality["passed"] and result.quality["coverage_bp"] == 10_000
    assert world.kernel.result("acme", result.run) == result
    (row,) = world.journal.audit("acme", "evidence_validations")
    # the invocation, the input, x, y, the output, two fields, the log
    assert (row["claims"], row["verified"], row["coverage"]) == (8, 8, 1.0)
    (row,) = world.journal.audit("acme", "quality_gate_validations")
    assert (row["passed"], row["coverage"], row["reasons"]) == (1, 1.0, "[]")
    (row,) = world.journal.audit("acme", "role_executions")
    assert (row["role_id"], row["outcome"], row["attempt"]) == ("work", "SUCCESS", 1)
    lines = world.journal.lines("acme", result.run)
    events = world.journal.events("acme", result.run)
    (collected,) = [e for e in events if e["type"] == "evidence.collected"]
    from runtime_min.record.canonical import sha256_hex

    for link in collected["evidence"]["links"]:
        kind, _, name = link["uri"].partition(":")
        if kind == "event":
            assert link["sha256"] == sha256_hex(lines[int(name)])
        else:
            assert link["sha256"] == name


@pytest.mark.parametrize("blocks", [False, True])
def test_what_is_not_evidenced_lowers_the_coverage(world: World, blocks: bool) -> None:
    claims = ("/seen/none", "/rows/0", "/rows/9", "/rows/x")
    world.provide("work", lambda call: {"rows": [1], "~/": {"a/b": 1}})
    planned = step("a", claims=(*claims, "/~0~1/a~1b"))
    result = world.kernel.submit(
        world.request(planned, quality_gate=QualityGate(blocks=blocks), kind="plugin")
    )
    assert result.status == ("failed" if blocks else "completed")
    assert result.quality is not None and not result.quality["passed"]
    # of 9 claims (invocation, input, output, log, five fields) three fields do not hold
    assert result.quality["coverage_bp"] == 6666
    assert [r.split(" of the")[0] for r in result.quality["reasons"]] == [
        "not evidenced: field /seen/none",
        "not evidenced: field /rows/9",
        "not evidenced: field /rows/x",
    ]
    if blocks:
        assert result.error is not None and result.error["details"] == {"code": "R008"}


def test_a_payload_that_was_changed_is_no_evidence(world: World) -> None:
    def work(call: Invocation) -> dict[str, Any]:
        world.journal._writer.execute("UPDATE payload SET data = x'7b7d20'")
        return {}

    world.provide("work", work)
    result = world.kernel.submit(
        world.request(step("a", payload={"x": 1}), quality_gate=QualityGate())
    )
    assert result.quality is not None
    assert result.quality["reasons"] == [
        "not evidenced: the input of a",
        "not evidenced: parameter x of a",
    ]


@pytest.mark.parametrize("threshold", [8999, 10_001])
def test_a_quality_gate_below_the_specs_floor_is_refused(world: World, threshold: int) -> None:
    with pytest.raises(ValidationFailed, match="accepted are 9000"):
        world.kernel.submit(world.request(step("a"), quality_gate=QualityGate(threshold)))


@pytest.mark.parametrize(
    ("offered", "runs"),
    [("none", False), ("rlimits", False), ("landlock", True), ("bubblewrap", True), ("x", False)],
)
def test_a_policy_gets_the_sandbox_it_demands_or_more(
    tmp_path: Path, offered: str, runs: bool
) -> None:
    world = World(tmp_path, sandbox="landlock")
    world.provide("work", lambda call: {}, sandbox=offered)
    result = world.kernel.submit(world.request(step("a")))
    assert (result.status == "completed") is runs
    started = world.journal.query("acme", type="step.started")
    assert [e["sandbox"] for e in started] == ([offered] if runs else [])
    world.journal.close()
