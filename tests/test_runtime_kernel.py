"""The kernel: one path, ordered checks, budgets, breaker, retries, recovery."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from runtime_world import World, step
from test_runtime_record import schema

from runtime_min.kernel.breaker import Breakers
from runtime_min.kernel.envelope import (
    Capability,
    Invocation,
    Permit,
    Principal,
    Retry,
    Session,
    ordered,
)
from runtime_min.kernel.errors import (
    CapabilityFailed,
    Refused,
    RuntimeMinError,
    ValidationFailed,
    error_envelope,
)
from runtime_min.kernel.gate import Gate
from runtime_min.kernel.kernel import Kernel
from runtime_min.kernel.ledger import Ledger
from runtime_min.kernel.policy import RolePolicy
from runtime_min.kernel.ports import (
    InlineScheduler,
    SeededRandomness,
    SimulatedClock,
    SystemClock,
    SystemDisk,
    SystemRandomness,
    utc_timestamp,
)
from runtime_min.kernel.states import MACHINES, BreakerState, IllegalTransition, check_transition


@pytest.fixture
def world(tmp_path: Path) -> Any:
    made = World(tmp_path)
    made.provide("work", lambda call: {"seen": call.payload})
    yield made
    check_records(made)
    made.journal.close()


def check_records(world: World) -> None:
    """Every event that any test leaves behind fits the published schema and closes its attempts."""
    event_schema: jsonschema_rs.Draft202012Validator = schema("event")
    for tenant in world.journal.tenants():
        for row in world.journal.runs(tenant):
            events = world.journal.events(tenant, row.run)
            for event in events:
                event_schema.validate(event)
            if row.terminal is not None:
                started = [(e["step"], e["attempt"]) for e in events if e["type"] == "step.started"]
                for closing in ("budget.settled", "metrics.recorded"):
                    closed = [(e["step"], e["attempt"]) for e in events if e["type"] == closing]
                    assert sorted(closed) == sorted(started)
        assert world.kernel.ledger.reconcile(tenant, world.kernel._budget_events(tenant)) == {}


def types(world: World, run: str) -> list[str]:
    return [event["type"] for event in world.journal.events("acme", run)]


def failing(code: str = "down", retryable: bool = True) -> Any:
    def handler(call: Invocation) -> None:
        raise CapabilityFailed("the far end is down", code, retryable=retryable)

    return handler


def test_a_run_is_recorded_before_and_after_its_effect(world: World) -> None:
    durable: list[str] = []

    def look(call: Invocation) -> dict[str, bool]:
        durable.extend(types(world, call.run))
        return {"ok": True}

    world.provide("work", look)
    result = world.kernel.submit(world.request(step("a")))
    assert (result.status, result.output) == ("completed", {"ok": True})
    assert durable[-1] == "step.started"
    assert types(world, result.run)[len(durable) :] == [
        "step.completed",
        "budget.settled",
        "metrics.recorded",
        "state.changed",
        "run.completed",
    ]


@pytest.mark.parametrize(
    ("check", "change"),
    [
        ("identity", {"principal": Principal("user:x", "acme", ())}),
        ("tenant", {"session": Session("s1", "other", 2**62)}),
        ("lease", {"lease_seconds": 0}),
        ("budget", {}),
        ("capability", {}),
        ("breaker", {}),
    ],
)
def test_the_gate_refuses_and_says_which_check_did(
    tmp_path: Path, check: str, change: dict[str, Any]
) -> None:
    calls: list[int] = []
    limits = {"acme": {"tokens": 10}} if check == "budget" else {}
    world = World(tmp_path, limits=limits)
    world.kernel._policy = _Yes()
    world.provide("work", lambda call: calls.append(1))
    name = "missing" if check == "capability" else "work"
    if check == "breaker":
        world.provide("bad", failing(retryable=False))
        for key in "123":
            world.kernel.submit(world.request(step("a", "bad"), key=key))
        name = "bad"
    budget = {"tokens": 11} if check == "budget" else {}
    result = world.kernel.submit(world.request(step("a", name, budget=budget), **change))
    assert result.status == "failed" and result.error is not None
    assert result.error["details"] == {"code": f"refused-{check}"}
    assert not calls
    events = world.journal.events("acme", result.run)
    decided = next(e for e in events if e["type"] == "gate.decided")["decision"]
    assert decided["outcome"] == "deny"
    assert [c["passed"] for c in decided["checks"]] == [True] * (len(decided["checks"]) - 1) + [
        False
    ]
    assert decided["checks"][-1]["check"] == check
    assert "step.started" not in {e["type"] for e in events}
    check_records(world)


class _Yes:
    def evaluate(self, request: Any) -> Any:
        from runtime_min.kernel.envelope import Decision

        return Decision(True, "0" * 64)


@pytest.mark.parametrize("fault", [{"status": "revoked"}, {"verified": False}, {"trusted": False}])
def test_only_verified_trusted_active_capabilities_run(world: World, fault: Any) -> None:
    world.provide("work", lambda call: pytest.fail("it ran"), **fault)
    result = world.kernel.submit(world.request(step("a")))
    assert result.error is not None and result.error["details"]["code"] == "refused-capability"


def test_a_sandbox_that_cannot_be_had_is_a_refusal(tmp_path: Path) -> None:
    world = World(tmp_path, sandbox="bubblewrap")
    world.provide("work", lambda call: pytest.fail("it ran"))
    request = world.request(step("a"))
    result = world.kernel.submit(request)
    assert result.error is not None and "bubblewrap" in result.error["message"]


def test_the_policy_is_asked_once_and_a_refusal_is_on_record(world: World) -> None:
    guest = Principal("user:max", "acme", ("guest",))
    result = world.kernel.submit(world.request(step("a"), principal=guest))
    assert result.status == "refused"
    assert types(world, result.run) == ["run.submitted", "policy.decided", "run.refused"]
    stranger = Principal("user:eve", "other", ("analyst",))
    crossing = world.kernel.submit(world.request(step("a"), principal=stranger, key="k2"))
    assert crossing.status == "refused" and crossing.error is not None
    assert "belongs to tenant other" in crossing.error["message"]


def test_retries_wait_as_spec_000_says_and_the_delays_are_on_record(world: World) -> None:
    tries: list[int] = []

    def third_time(call: Invocation) -> dict[str, int]:
        tries.append(1)
        if len(tries) < 3:
            raise CapabilityFailed("not yet", "temporary", retryable=True)
        return {"tries": len(tries)}

    world.provide("work", third_time)
    result = world.kernel.submit(world.request(step("a", attempts=3)))
    assert result.output == {"tries": 3}
    assert world.clock.slept == [1.5, 3.0]
    retried = world.journal.query("acme", type="step.retried")
    assert [(e["attempt"], e["delay_ms"]) for e in retried] == [(2, 1500), (3, 3000)]
    assert Retry(3, 2.0, linear=True).delay_seconds(1) == 4.0


def test_what_is_not_retryable_is_tried_once(world: World) -> None:
    world.provide("work", failing(retryable=False))
    result = world.kernel.submit(world.request(step("a", attempts=3)))
    assert result.status == "failed" and types(world, result.run).count("step.started") == 1


def test_after_a_failure_the_rest_is_skipped_unless_it_may_go_on(world: World) -> None:
    world.provide("bad", failing(retryable=False))
    result = world.kernel.submit(
        world.request(step("a", "bad"), step("b", depends_on=("a",)), kind="mission")
    )
    assert result.status == "failed" and "step.skipped" in types(world, result.run)
    soft = world.request(
        step("a", "bad", continue_on_error=True), step("b", depends_on=("a",)), key="k2"
    )
    result = world.kernel.submit(soft)
    assert (result.status, result.output) == ("completed", {"b": {"seen": {}}})


def test_an_idempotency_key_is_one_run_also_after_a_restart(world: World) -> None:
    first = world.kernel.submit(world.request(step("a")))
    assert world.kernel.submit(world.request(step("a"))) == first
    world.reopen()
    assert world.kernel.submit(world.request(step("a"))) == first
    assert len(world.journal.runs("acme")) == 1
    assert world.kernel.submit(world.request(step("a"), tenant="two")).run != first.run


def test_a_cancelled_run_stops_before_its_next_attempt(world: World) -> None:
    world.provide("work", lambda call: {"cancelled": world.kernel.cancel("acme", call.run)})
    result = world.kernel.submit(world.request(step("a"), step("b", depends_on=("a",))))
    assert result.status == "cancelled"
    assert types(world, result.run)[-3:] == ["step.cancelled", "state.changed", "run.cancelled"]
    assert world.kernel.cancel("acme", result.run) is False
    assert world.kernel.cancel("acme", "nothing") is False


def test_a_cancel_during_the_wait_for_a_retry_is_seen(world: World) -> None:
    def fail_and_cancel(call: Invocation) -> None:
        world.kernel.cancel("acme", call.run)
        assert call.cancelled()
        raise CapabilityFailed("no", retryable=True)

    world.provide("work", fail_and_cancel)
    result = world.kernel.submit(world.request(step("a", attempts=5)))
    assert result.status == "cancelled"
    assert types(world, result.run).count("step.started") == 1


def test_the_breaker_opens_survives_a_restart_probes_and_closes(world: World) -> None:
    world.provide("work", failing(retryable=False))
    for key in "123":
        world.kernel.submit(world.request(step("a"), key=key))
    assert world.kernel.breakers.state("acme", "work") is BreakerState.OPEN
    world.reopen()
    assert world.kernel.breakers.state("acme", "work") is BreakerState.OPEN
    assert world.kernel.breakers.state("other", "work") is BreakerState.CLOSED
    world.clock.advance(31)
    world.kernel.submit(world.request(step("a"), key="4"))
    assert world.kernel.breakers.state("acme", "work") is BreakerState.OPEN
    world.clock.advance(31)
    world.provide("work", lambda call: {})
    assert world.kernel.submit(world.request(step("a"), key="5")).status == "completed"
    assert world.kernel.breakers.state("acme", "work") is BreakerState.CLOSED
    changes = [
        (e["transition"]["from"], e["transition"]["to"])
        for e in world.journal.query("acme", type="state.changed")
        if e["transition"]["machine"] == "breaker"
    ]
    assert changes == [
        ("closed", "open"),
        ("open", "half_open"),
        ("half_open", "open"),
        ("open", "half_open"),
        ("half_open", "closed"),
    ]


def test_failures_in_a_row_are_counted_across_a_restart_and_bad_input_is_not_blamed(
    world: World,
) -> None:
    world.provide("work", failing(retryable=False))
    for key in "12":
        world.kernel.submit(world.request(step("a"), key=key))
    world.reopen()
    world.kernel.submit(world.request(step("a"), key="3"))
    assert world.kernel.breakers.state("acme", "work") is BreakerState.OPEN

    def picky(call: Invocation) -> None:
        raise ValidationFailed("no image")

    world.provide("picky", picky)
    for key in "abcd":
        world.kernel.submit(world.request(step("a", "picky"), key=key))
    assert world.kernel.breakers.state("acme", "picky") is BreakerState.CLOSED


def test_one_probe_at_a_time_passes_a_half_open_breaker() -> None:
    clock = SimulatedClock()
    breakers = Breakers(clock, threshold=1, cooldown=1)
    breakers.leave("t", "c", failed=True)
    assert "open" in (breakers.refusal("t", "c") or "")
    clock.advance(2)
    assert breakers.refusal("t", "c") is None
    breakers.enter("t", "c")
    assert "probe" in (breakers.refusal("t", "c") or "")


def test_budgets_are_precharged_settled_and_limited(tmp_path: Path) -> None:
    world = World(tmp_path, limits={"acme": {"tokens": 100}})

    def spend(call: Invocation) -> dict[str, int]:
        call.charge("tokens", 30)
        call.charge("tokens", 10)
        return {}

    world.provide("work", spend)
    for key in "12":
        request = world.request(step("a", budget={"tokens": 50}), key=key)
        assert world.kernel.submit(request).status == "completed"
    assert world.kernel.ledger.settled("acme")["tokens"] == 80
    refused = world.kernel.submit(world.request(step("a", budget={"tokens": 50}), key="3"))
    assert refused.error is not None and "20 of 100 left" in refused.error["message"]
    world.reopen()
    assert world.kernel.ledger.settled("acme")["tokens"] == 80
    over = world.kernel.submit(world.request(step("a", budget={"tokens": 20}), key="4"))
    assert over.error is not None and over.error["details"]["code"] == "budget-exceeded"
    assert world.kernel.ledger.open_reservations() == []
    check_records(world)


def test_the_ledger_refuses_what_does_not_add_up() -> None:
    ledger = Ledger({"t": {"tokens": 5}})
    ledger.reserve("t", "r", "a/1", {"tokens": 5})
    with pytest.raises(Refused, match="reserved already"):
        ledger.reserve("t", "r", "a/1", {})
    with pytest.raises(Refused, match="0 of 5 left"):
        ledger.reserve("t", "r", "a/2", {"tokens": 1})
    ledger.settle("t", "r", "a/1", {"tokens": 2})
    with pytest.raises(RuntimeMinError, match="settled before"):
        ledger.settle("t", "r", "a/1", {"tokens": 2})
    assert ledger.reconcile("t", []) == {"tokens": 2}


def test_a_reservation_lost_in_a_race_is_a_refusal(world: World) -> None:
    class Racing(Ledger):
        def reserve(self, *what: Any) -> None:
            raise Refused("another attempt was faster", "budget-exhausted")

    world.kernel.gate._ledger = Racing()
    result = world.kernel.submit(world.request(step("a")))
    assert result.error is not None and result.error["details"]["code"] == "refused-budget"


def test_a_capability_that_hangs_is_cut_off_at_its_deadline(tmp_path: Path) -> None:
    world = World(tmp_path)
    released = threading.Event()
    world.provide("work", lambda call: released.wait(30))
    world.kernel = Kernel(
        world.journal,
        world.catalog,
        RolePolicy(world.grants),
        clock=world.clock,
        randomness=world.randomness,
    )
    began = time.monotonic()
    result = world.kernel.submit(world.request(step("a", timeout_ms=50)))
    assert time.monotonic() - began < 10
    released.set()
    assert result.error is not None and result.error["details"]["code"] == "timeout"
    world.provide("work", lambda call: {"in": "time"})
    assert world.kernel.submit(world.request(step("a"), key="2")).output == {"in": "time"}


def test_time_that_a_simulated_clock_passes_counts_against_the_deadline(world: World) -> None:
    world.provide("work", lambda call: world.clock.advance(2))
    result = world.kernel.submit(world.request(step("a", timeout_ms=1000)))
    assert result.error is not None and result.error["details"]["code"] == "timeout"


def test_a_permit_is_worth_something_only_while_its_attempt_runs(world: World) -> None:
    kept: list[Permit] = []

    def keep(call: Invocation) -> bool:
        kept.append(call.permit)
        return world.kernel.gate.holds(call.permit)

    world.provide("work", keep)
    assert world.kernel.submit(world.request(step("a"))).output is True
    assert not world.kernel.gate.holds(kept[0])
    assert not world.kernel.gate.holds(Permit("made up", "work"))


def test_an_output_without_a_json_form_fails_the_step(world: World) -> None:
    world.provide("work", lambda call: {"x": object()})
    result = world.kernel.submit(world.request(step("a")))
    assert result.error is not None
    assert (result.error["type"], result.error["details"]["code"]) == (
        "ValidationError",
        "invalid-output",
    )


def test_internals_never_reach_the_record(world: World) -> None:
    def leak(call: Invocation) -> None:
        raise KeyError("secret-in-a-traceback")

    world.provide("work", leak)
    result = world.kernel.submit(world.request(step("a")))
    assert b"secret-in" not in b"".join(world.journal.lines("acme", result.run))
    wrapped = error_envelope(KeyError("secret"), "p", "now")
    assert "secret" not in str(wrapped["error"]) and "secret" in str(wrapped["_internal"])


@pytest.mark.parametrize(
    "change",
    [
        {"tenant": "a/b"},
        {"kind": "party"},
        {"intent_type": "Work"},
        {"key": ""},
        {"key": "x" * 201},
        {"run": "-"},
    ],
)
def test_malformed_requests_are_refused_before_any_record(world: World, change: Any) -> None:
    with pytest.raises(ValidationFailed):
        world.kernel.submit(world.request(step("a"), **change))
    assert world.journal.tenants() == []


@pytest.mark.parametrize(
    "steps",
    [
        (),
        (step("a"), step("a")),
        (step("a b"),),
        (step("a", depends_on=("b",)),),
        (step("a", depends_on=("b",)), step("b", depends_on=("a",))),
        (step("a", timeout_ms=0),),
        (step("a", attempts=0),),
        (step("a", budget={"gold": 1}),),
        (step("a", budget={"tokens": -1}),),
    ],
)
def test_plans_that_cannot_be_are_refused(world: World, steps: Any) -> None:
    with pytest.raises(ValidationFailed):
        world.kernel.submit(world.request(*steps))


def test_steps_are_ordered_by_need_then_as_written() -> None:
    steps = (step("c", depends_on=("a", "b")), step("b"), step("a"), step("d"))
    assert [s.id for s in ordered(steps)] == ["b", "a", "c", "d"]


def test_charges_that_make_no_sense_are_refused() -> None:
    call = Invocation(None, Permit("", ""), "t", "r", "k", lambda: False)
    for unit, amount in (("gold", 1), ("tokens", -1)):
        with pytest.raises(ValidationFailed):
            call.charge(unit, amount)


def test_every_way_that_a_machine_does_not_have_is_illegal() -> None:
    for machine, table in MACHINES.items():
        states: set[str | None] = {*table, *(s for after in table.values() for s in after)}
        for before in states:
            for after in states - {None}:
                assert after is not None
                if after in table.get(before, ()):
                    check_transition(machine, before, after)
                else:
                    with pytest.raises(IllegalTransition):
                        check_transition(machine, before, after)


def test_a_run_of_another_tenant_is_no_run(world: World) -> None:
    run = world.kernel.submit(world.request(step("a"))).run
    with pytest.raises(RuntimeMinError, match="there is no run"):
        world.kernel.result("other", run)
    with pytest.raises(RuntimeMinError, match="there is no run"):
        world.kernel.execute("other", run)


def test_one_thread_at_a_time_executes_a_run(world: World) -> None:
    inner: list[str] = []

    def again(call: Invocation) -> dict[str, str]:
        inner.append(world.kernel.execute("acme", call.run).status)
        return {}

    world.provide("work", again)
    assert world.kernel.submit(world.request(step("a"))).status == "completed"
    assert inner == ["accepted"]


def test_system_ports_do_what_they_say(tmp_path: Path) -> None:
    clock, disk = SystemClock(), SystemDisk()
    before = clock.monotonic_ns()
    clock.sleep(0.001)
    assert clock.monotonic_ns() > before and abs(clock.now_ns() - time.time_ns()) < 10**10
    assert SystemRandomness().bytes(8) != SystemRandomness().bytes(8)
    assert SeededRandomness(1).bytes(8) == SeededRandomness(1).bytes(8)
    path = tmp_path / "file"
    disk.write_new(path, b"1", 0o600)
    with pytest.raises(FileExistsError):
        disk.write_new(path, b"2")
    disk.replace(path, b"3", 0o600)
    assert disk.read(path) == b"3" and path.stat().st_mode & 0o777 == 0o600
    disk.remove(path)
    assert list(tmp_path.iterdir()) == []
    assert utc_timestamp(1_500) == "1970-01-01T00:00:00.000001Z"
    scheduler, done = InlineScheduler(), []
    scheduler.submit(lambda: done.append(1))
    scheduler.drain()
    scheduler.submit(lambda: done.append(2))
    scheduler.shutdown()
    scheduler.drain()
    assert done == [1]


def test_a_gate_needs_no_kernel(tmp_path: Path) -> None:
    clock = SimulatedClock()
    gate = Gate(
        {"c": Capability("c", "1", "0" * 64, lambda call: 1)},
        Ledger(),
        Breakers(clock),
        clock,
        SeededRandomness(1),
        inline=True,
    )
    assert not gate.holds(Permit("x", "c"))


def test_an_attempt_that_cannot_be_recorded_does_not_run_and_takes_nothing(world: World) -> None:
    world.provide("work", lambda call: pytest.fail("it ran"))
    run = world.kernel.accept(world.request(step("a"))).run
    enqueue = world.journal.enqueue

    def full(identity: Any, events: Any, **more: Any) -> Any:
        ticket = enqueue(identity, events, **more)
        if any(event.type == "step.started" for event in events):
            world.journal._queue.remove(ticket)
            ticket.error, ticket.done = RuntimeMinError("the disk is full", "disk-full"), True
        return ticket

    world.journal.enqueue = full  # type: ignore[method-assign]
    with pytest.raises(RuntimeMinError, match="disk is full"):
        world.kernel.execute("acme", run)
    assert world.kernel.ledger.open_reservations() == []
    world.journal.enqueue = enqueue  # type: ignore[method-assign]
    world.provide("work", lambda call: {"now": True})
    assert world.kernel.execute("acme", run).output == {"now": True}
