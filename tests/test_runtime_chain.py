"""Spec 001's chain, from HTTP and the command line down to the plugins; replay and exports."""

from __future__ import annotations

import base64
import io
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from PIL import Image
from starlette.testclient import TestClient

from runtime_min.api.app import create_app
from runtime_min.api.limits import RateLimit
from runtime_min.api.tokens import TokenStore
from runtime_min.cli import main
from runtime_min.kernel.envelope import Invocation, Permit, Principal, Session
from runtime_min.kernel.errors import RecordError, RuntimeMinError, ValidationFailed
from runtime_min.kernel.ports import (
    InlineScheduler,
    SeededRandomness,
    SimulatedClock,
    SystemDisk,
)
from runtime_min.kernel.states import JobStatus, PluginLifecycleState
from runtime_min.plugins.contract import BasePlugin, validate_input, validate_output
from runtime_min.plugins.images import ImageReport, Thumbnail
from runtime_min.plugins.registry import PluginRegistry
from runtime_min.plugins.services import Caller
from runtime_min.plugins.tool_runner import ToolRunner
from runtime_min.record import replay
from runtime_min.record.export import cloudevents, prometheus, quantile
from runtime_min.runtime import Runtime


def png(width: int = 30, height: int = 20, color: str = "red") -> str:
    out = io.BytesIO()
    Image.new("RGB", (width, height), color).save(out, "PNG")
    return base64.b64encode(out.getvalue()).decode()


def payload(**more: Any) -> dict[str, Any]:
    return {"image": png(), "mime_type": "image/png", **more}


@pytest.fixture
def runtime(tmp_path: Path) -> Iterator[Runtime]:
    made = Runtime(
        tmp_path,
        clock=SimulatedClock(),
        randomness=SeededRandomness(1),
        scheduler=InlineScheduler(),
    )
    yield made
    made.close()


def drain(runtime: Runtime) -> None:
    assert isinstance(runtime.scheduler, InlineScheduler)
    runtime.scheduler.drain()


def caller(runtime: Runtime, tenant: str = "acme", *roles: str) -> Caller:
    principal = Principal("user:jane", tenant, roles or ("analyst",))
    return Caller(principal, Session("s1", tenant, runtime.clock.now_ns() + 10**13))


def test_the_two_plugins_do_their_work(runtime: Runtime) -> None:
    who = caller(runtime)
    thumb = runtime.analysis.analyze(who, "thumbnail", payload(max_side=10), "1").output
    assert (thumb["width"], thumb["height"]) == (10, 7)
    small = Image.open(io.BytesIO(base64.b64decode(thumb["image"])))
    assert small.size == (10, 7) and small.convert("RGB").getpixel((5, 3)) == (255, 0, 0)
    report = runtime.analysis.analyze(who, "image-report", payload(), "2").output
    assert (report["width"], report["height"], report["mode"]) == (30, 20, "RGB")
    assert report["colors"] == [{"hex": "#ff0000", "share": 1.0}]
    assert report["brightness"] == 76.0 and report["dhash"] == "0" * 16


def test_the_difference_hash_sees_what_a_picture_shows(runtime: Runtime) -> None:
    who = caller(runtime)
    falling = Image.new("L", (90, 80))
    falling.putdata([255 - x * 2 for _ in range(80) for x in range(90)])
    for key, size in (("1", (90, 80)), ("2", (180, 160))):
        out = io.BytesIO()
        falling.resize(size).save(out, "PNG")
        image = base64.b64encode(out.getvalue()).decode()
        given = {"image": image, "mime_type": "image/png"}
        report = runtime.analysis.analyze(who, "image-report", given, key).output
        assert report["dhash"] == "f" * 16


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"image": ""}, "image is missing"),
        ({"mime_type": " "}, "mime_type is missing"),
        ({"mime_type": "text/plain"}, "accepted are image/png"),
        ({"image": "§"}, "not base64"),
        ({"image": base64.b64encode(b"no image").decode()}, "are no image/png"),
        ({"mime_type": "image/jpeg"}, "are no image/jpeg"),
        ({"max_side": 0}, "accepted are 1 to 4096"),
        ({"max_side": True}, "accepted are 1 to 4096"),
    ],
)
def test_bad_input_is_a_validation_error(runtime: Runtime, change: Any, message: str) -> None:
    result = runtime.analysis.analyze(caller(runtime), "thumbnail", payload(**change), "1")
    assert result.status == "failed" and result.error is not None
    assert result.error["type"] == "ValidationError" and message in result.error["message"]
    job = runtime.analysis.job(caller(runtime), result.run)
    assert job is not None and job.status is JobStatus.FAILED
    validations = runtime.journal.audit("acme", "all_validations")
    assert validations[-1]["passed"] == 0
    assert runtime.registry.metrics("thumbnail").error == 1


def test_an_image_that_unpacks_to_too_much_is_refused(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runtime_min.plugins.images._MAX_PIXELS", 599)
    result = runtime.analysis.analyze(caller(runtime), "thumbnail", payload(), "1")
    assert result.error is not None and "30 × 20 pixels" in result.error["message"]


@pytest.mark.parametrize("value", [None, [], "x"])
def test_contracts_refuse_what_is_no_object(value: Any) -> None:
    with pytest.raises(ValidationFailed):
        validate_input(value)
    with pytest.raises(ValidationFailed):
        validate_output(value)


class _Odd(BasePlugin):
    name = "odd"
    version = "1"
    summary = "gives back what it is told to"

    def run(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        if payload["mime_type"] == "list":
            return []  # type: ignore[return-value]
        raise OSError("/etc/secret")


@pytest.mark.parametrize(
    ("mime_type", "kind", "permitted"),
    [
        ("list", "ValidationError", True),
        ("raise", "PluginError", True),
        ("list", "ExecutionError", False),
    ],
)
def test_the_tool_runner_wraps_counts_and_sets_the_state(
    mime_type: str, kind: str, permitted: bool
) -> None:
    registry = PluginRegistry()
    registry.register(_Odd)
    runner = ToolRunner(registry, SimulatedClock(), lambda permit: permitted)
    plugin = registry.create("odd")
    given = {"image": "x", "mime_type": mime_type}
    call = Invocation(given, Permit("t", "odd"), "acme", "r", "k", lambda: False)
    result = runner.run(plugin, call)
    assert result["error"]["type"] == kind and "secret" not in str(result["error"])
    assert "Traceback" in result["_internal"]["traceback"]
    assert plugin.lifecycle_state is PluginLifecycleState.FAILED
    metrics = registry.metrics("odd")
    assert (metrics.success, metrics.error, len(metrics.durations_ms)) == (0, 1, 1)
    assert metrics.last_state is PluginLifecycleState.FAILED
    with pytest.raises(ValidationFailed, match="already"):
        registry.register(_Odd)


def test_jobs_survive_a_restart(tmp_path: Path) -> None:
    def opened() -> Runtime:
        return Runtime(tmp_path, clock=SimulatedClock(), scheduler=InlineScheduler())

    first = opened()
    who = caller(first)
    waiting = first.analysis.submit(who, "thumbnail", payload(), "1").run
    job = first.analysis.job(who, waiting)
    assert job is not None and job.status is JobStatus.PENDING
    first.close()
    second = opened()
    assert second.analysis.resume() == 1
    drain(second)
    job = second.analysis.job(who, waiting)
    assert job is not None and job.status is JobStatus.SUCCESS and job.result["width"] == 30
    assert second.analysis.resume() == 0
    second.close()


def test_a_waiting_job_can_be_cancelled(runtime: Runtime) -> None:
    who = caller(runtime)
    run = runtime.analysis.submit(who, "thumbnail", payload(), "1").run
    assert runtime.analysis.cancel(who, run)
    drain(runtime)
    job = runtime.analysis.job(who, run)
    assert job is not None and job.error is not None
    assert (job.status, job.error["details"]["code"]) == (JobStatus.FAILED, "cancelled")
    assert not runtime.analysis.cancel(who, run)
    assert runtime.registry.metrics("thumbnail").success == 0


@pytest.fixture
def api(runtime: Runtime, tmp_path: Path) -> tuple[TestClient, dict[str, str]]:
    tokens = TokenStore(tmp_path / "tokens.json", SystemDisk(), runtime.clock, runtime.randomness)
    issued = {
        tenant: tokens.issue(Principal(f"user:{tenant}", tenant, (role,)), 1)
        for tenant, role in (("acme", "analyst"), ("other", "analyst"), ("guests", "guest"))
    }
    auditor = Principal("user:auditor", "acme", ("auditor",))
    issued["auditor"] = tokens.issue(auditor, 1)
    app = create_app(runtime, tokens, per_second=1, burst=20)
    return TestClient(app, raise_server_exceptions=False), issued


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def test_the_api_runs_plugins_now_and_later(
    runtime: Runtime, api: tuple[TestClient, dict[str, str]]
) -> None:
    client, tokens = api
    mine = bearer(tokens["acme"])
    body = {"plugin": "thumbnail", **payload(), "options": {"max_side": 5}}
    now = client.post("/v1/analyses", json=body, headers=mine)
    assert now.status_code == 200 and now.json()["result"]["width"] == 5
    later = client.post("/v1/jobs", json=body, headers={**mine, "idempotency-key": "once"})
    assert later.status_code == 202 and later.json()["status"] == "PENDING"
    drain(runtime)
    again = client.post("/v1/jobs", json=body, headers={**mine, "idempotency-key": "once"})
    assert again.json()["job_id"] == later.json()["job_id"]
    where = f"/v1/tenants/acme/jobs/{later.json()['job_id']}"
    assert client.get(where, headers=mine).json()["status"] == "SUCCESS"
    assert len(client.get("/v1/jobs", headers=mine).json()) == 2
    assert client.post(f"{where}/cancel", headers=mine).status_code == 409
    assert {p["name"] for p in client.get("/v1/plugins", headers=mine).json()} == {
        "thumbnail",
        "image-report",
    }
    assert 'outcome="SUCCESS"} 2' in client.get("/v1/metrics", headers=mine).text
    assert client.get("/healthz").json() == {"status": "ok"}


def test_the_api_shows_the_error_section_and_nothing_internal(
    api: tuple[TestClient, dict[str, str]],
) -> None:
    client, tokens = api
    mine = bearer(tokens["acme"])
    bad = client.post(
        "/v1/analyses",
        json={"plugin": "thumbnail", "image": "AAAA", "mime_type": "image/png"},
        headers=mine,
    )
    assert bad.json()["status"] == "FAILED"
    assert bad.json()["error"]["type"] == "ValidationError"
    answers = [
        (bad, 200),
        (client.get("/v1/plugins"), 401),
        (client.get("/v1/plugins", headers=bearer("rtm_wrong")), 401),
        (client.get("/v1/plugins", headers={"authorization": tokens["acme"]}), 401),
        (client.get("/v1/tenants/acme/jobs/none", headers=mine), 404),
        (client.post("/v1/tenants/acme/jobs/none/cancel", headers=mine), 404),
        (client.get("/nowhere"), 404),
        (client.post("/v1/jobs", json={}, headers=mine), 422),
        (client.post("/v1/jobs", json={"plugin": "nope", **payload()}, headers=mine), 422),
        (
            client.post(
                "/v1/jobs",
                json={"plugin": "thumbnail", **payload()},
                headers=bearer(tokens["guests"]),
            ),
            403,
        ),
        (client.post("/v1/jobs", content=bytes(17 * 2**20), headers=mine), 413),
    ]
    for answer, status in answers:
        assert answer.status_code == status, answer.text
        assert "_internal" not in answer.text and "Traceback" not in answer.text
        assert answer.json()["error"]["message"]


def test_reaching_across_tenants_is_refused_and_on_record(
    runtime: Runtime, api: tuple[TestClient, dict[str, str]]
) -> None:
    client, tokens = api
    body = {"plugin": "thumbnail", **payload()}
    job = client.post("/v1/jobs", json=body, headers=bearer(tokens["acme"])).json()["job_id"]
    thief = bearer(tokens["other"])
    assert client.get(f"/v1/tenants/acme/jobs/{job}", headers=thief).status_code == 403
    assert client.post(f"/v1/tenants/acme/jobs/{job}/cancel", headers=thief).status_code == 403
    assert client.get(f"/v1/tenants/other/jobs/{job}", headers=thief).status_code == 404
    assert client.get("/v1/tenants/unknown/jobs/x", headers=thief).status_code == 403
    refused = runtime.journal.query("acme", type="run.refused")
    assert len(refused) == 2 and {e["actor"] for e in refused} == {"user:other"}
    assert len(client.get("/v1/jobs", headers=bearer(tokens["acme"])).json()) == 1
    row = runtime.journal.run("acme", job)
    assert row is not None and not row.cancel_requested
    with pytest.raises(ValidationFailed, match="own tenant"):
        runtime.analysis.refuse_across_tenants(caller(runtime), "acme", "thumbnail", "k")


def test_the_api_replays_for_who_may_and_refuses_others_on_record(
    runtime: Runtime, api: tuple[TestClient, dict[str, str]]
) -> None:
    client, tokens = api
    mine, auditor = bearer(tokens["acme"]), bearer(tokens["auditor"])
    body = {"plugin": "image-report", **payload()}
    job = client.post("/v1/analyses", json=body, headers=mine).json()["job_id"]
    where = f"/v1/tenants/acme/runs/{job}/replay"
    calls = runtime.registry.metrics("image-report").success
    done = client.post(where, json={}, headers=auditor).json()
    assert (done["faithful"], done["drift"]) == (True, None)
    assert [found["match"] for found in done["comparisons"]] == [True]
    assert runtime.registry.metrics("image-report").success == calls
    recorded = runtime.journal.events("acme", done["recorded_as"])
    assert recorded[0]["request"]["replay_of"] == job and recorded[0]["actor"] == "user:auditor"
    states = client.post(where, json={"mode": "state_only"}, headers=auditor).json()["states"]
    assert states["job"] == {job: "SUCCESS"}
    events = client.post(where, json={"mode": "events_only"}, headers=auditor).json()["events"]
    assert events == runtime.journal.events("acme", job)
    refused = len(runtime.journal.query("acme", type="run.refused"))
    for who, status in ((mine, 403), (bearer(tokens["other"]), 403)):
        assert client.post(where, json={}, headers=who).status_code == status
    assert len(runtime.journal.query("acme", type="run.refused")) == refused + 2
    again = f"/v1/tenants/acme/runs/{done['recorded_as']}/replay"
    waiting = client.post("/v1/jobs", json=body, headers=mine).json()["job_id"]
    for path, status in (
        (again, 409),
        (f"/v1/tenants/acme/runs/{waiting}/replay", 409),
        ("/v1/tenants/acme/runs/none/replay", 404),
        ("/v1/tenants/unknown/runs/none/replay", 403),
        (f"/v1/tenants/acme/runs/{'x' * 200}/replay", 422),
    ):
        answer = client.post(path, json={}, headers=auditor)
        assert answer.status_code == status, answer.text
        assert answer.json()["error"]["message"]


def test_too_many_requests_are_refused_and_tokens_end(
    runtime: Runtime, api: tuple[TestClient, dict[str, str]]
) -> None:
    client, tokens = api
    mine = bearer(tokens["acme"])
    codes = [client.get("/v1/plugins", headers=mine).status_code for _ in range(21)]
    assert codes == [200] * 20 + [429]
    assert client.get("/v1/plugins", headers=bearer(tokens["other"])).status_code == 200
    assert isinstance(runtime.clock, SimulatedClock)
    runtime.clock.advance(86_400)
    assert client.get("/v1/plugins", headers=mine).status_code == 401


def test_an_unusable_record_is_503_without_its_reason(
    runtime: Runtime,
    api: tuple[TestClient, dict[str, str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    client, tokens = api

    def full(*args: Any, **more: Any) -> int:
        raise RecordError("the disk of /secret/path is full", "disk-full")

    monkeypatch.setattr(runtime.journal, "append", full)
    body = {"plugin": "thumbnail", **payload()}
    answer = client.post("/v1/jobs", json=body, headers=bearer(tokens["acme"]))
    assert answer.status_code == 503 and "/secret" not in answer.text
    assert answer.json()["error"]["details"] == {"code": "disk-full"}


def test_a_bucket_fills_again() -> None:
    clock = SimulatedClock()
    limit = RateLimit(clock, per_second=2, burst=1)
    assert [limit.allows("a"), limit.allows("a")] == [True, False]
    clock.advance(0.5)
    assert limit.allows("a")


def test_tokens_are_kept_as_digests_and_checked(tmp_path: Path) -> None:
    path = tmp_path / "tokens.json"
    store = TokenStore(path, SystemDisk(), SimulatedClock(), SeededRandomness(1))
    token = store.issue(Principal("user:x", "acme", ("analyst",)), 1)
    assert token not in path.read_text() and path.stat().st_mode & 0o777 == 0o600
    assert store.tenants() == {"acme"}
    for tenant, days in (("a/b", 1), ("acme", 0), ("acme", 999)):
        with pytest.raises(ValidationFailed):
            store.issue(Principal("user:x", tenant, ()), days)
    for text in ("[]", "{"):
        path.write_text(text)
        with pytest.raises(RuntimeMinError, match="token file"):
            store.principal(token)


def test_replay_answers_from_the_record_and_repeats_nothing(runtime: Runtime) -> None:
    who = caller(runtime)
    run = runtime.analysis.analyze(who, "image-report", payload(), "1").run
    before = runtime.registry.metrics("image-report").success
    report = replay.full(runtime.journal, "acme", run)
    assert report.faithful and [c.step for c in report.comparisons] == ["run"]
    assert runtime.registry.metrics("image-report").success == before
    states = replay.state_only(runtime.journal, "acme", run)
    assert states["job"] == {run: "SUCCESS"} and states["plugin"]["image-report"] == "INITIALIZED"
    assert len(replay.events_only(runtime.journal, "acme", run)) > 10
    recorded = replay.record_replay(
        runtime.journal,
        who.principal,
        "s1",
        report,
        runtime.randomness,
        runtime.policy.sha256,
    )
    events = runtime.journal.events("acme", recorded)
    assert [e["type"] for e in events][-2:] == ["replay.compared", "run.completed"]
    assert "step.started" not in {e["type"] for e in events}
    assert runtime.archive.seal("acme", recorded) == 0


def test_replay_finds_drift_and_says_where(runtime: Runtime) -> None:
    run = runtime.analysis.analyze(caller(runtime), "image-report", payload(), "1").run

    def changed(call: Invocation) -> dict[str, Any]:
        plugin = ImageReport()
        return {**plugin.run(call.payload), "colors": [{"hex": "#00ff00", "share": 1.0}]}

    report = replay.full(runtime.journal, "acme", run, {"plugin:image-report": changed})
    (found,) = report.comparisons
    assert not report.faithful and found.explanation is not None
    assert found.explanation.startswith('/colors/0/hex: "#ff0000" then, "#00ff00" now')


def test_replay_of_failures_retries_and_refusals_is_faithful(runtime: Runtime) -> None:
    who = caller(runtime)
    failed = runtime.analysis.analyze(who, "thumbnail", payload(image="AAAA"), "1").run
    guest = caller(runtime, "acme", "guest")
    refused = runtime.analysis.analyze(guest, "thumbnail", payload(), "2").run
    for run in (failed, refused):
        report = replay.full(runtime.journal, "acme", run)
        assert report.faithful and not report.comparisons


def test_what_cannot_be_replayed_is_said(runtime: Runtime) -> None:
    who = caller(runtime)
    with pytest.raises(RecordError, match="there is no run"):
        replay.events_only(runtime.journal, "other", "r")
    waiting = runtime.analysis.submit(who, "thumbnail", payload(), "1").run
    with pytest.raises(RecordError, match="not finished"):
        replay.full(runtime.journal, "acme", waiting)
    drain(runtime)
    done = runtime.journal.query("acme", run=waiting, type="step.completed")[0]
    runtime.archive.erase("acme", waiting, done["output"]["sha256"], "user:dpo", "asked")
    report = replay.full(runtime.journal, "acme", waiting)
    assert not report.faithful and report.comparisons[0].explanation == "the output was erased"
    first = runtime.journal.events("acme", waiting)[0]
    runtime.archive.erase("acme", waiting, first["input"]["sha256"], "user:dpo", "asked")
    with pytest.raises(RecordError, match="request was erased"):
        replay.full(runtime.journal, "acme", waiting)


def test_metrics_are_prometheus_text_with_quantiles(runtime: Runtime) -> None:
    who = caller(runtime)
    for key in "123":
        runtime.analysis.analyze(who, "thumbnail", payload(), key)
    runtime.analysis.analyze(who, "thumbnail", payload(image=""), "4")
    text = prometheus(runtime.journal, "acme")
    sample = re.compile(r'^[a-z_]+\{([a-z_]+="[^"]*",?)+\} [0-9.e+-]+$')
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    assert len(lines) == 7 and all(sample.match(line) for line in lines)
    assert [f'quantile="{q}"' in text for q in ("0.5", "0.95", "0.99")] == [True] * 3
    assert 'outcome="ERROR"} 1' in text and 'outcome="SUCCESS"} 3' in text
    values = [float(n) for n in range(1, 101)]
    assert [quantile(values, q) for q in (0.5, 0.95, 0.99)] == [50, 95, 99]
    assert quantile([7.0], 0.5) == 7
    with pytest.raises(ValueError, match="no values"):
        quantile([], 0.5)


def test_events_are_cloudevents(runtime: Runtime) -> None:
    run = runtime.analysis.analyze(caller(runtime), "thumbnail", payload(), "1").run
    lines = [json.loads(line) for line in cloudevents(runtime.journal, "acme", run=run)]
    assert (
        len({line["id"] for line in lines}) == len(lines) == len(runtime.journal.lines("acme", run))
    )
    for line in lines:
        assert {"specversion", "id", "source", "type"} <= set(line)
        assert line["data"]["trace"]["trace_id"] in line["traceparent"]


def cli(home: Path, *words: str) -> Any:
    return CliRunner().invoke(main, ["--home", str(home), *words])


def test_the_command_line_from_a_run_to_its_receipt(tmp_path: Path) -> None:
    image = tmp_path / "a.png"
    image.write_bytes(base64.b64decode(png()))
    home, out = tmp_path / "home", tmp_path / "out"
    assert "thumbnail" in cli(home, "plugin", "list").stdout
    words = ("plugin", "run", "thumbnail", str(image), "--set", "max_side=6", "--key", "k")
    done = cli(home, *words, "--receipts", str(out))
    assert done.exit_code == 0 and json.loads(done.stdout)["width"] == 6
    (bundle,) = (out / "local" / "runs").iterdir()
    assert {p.name for p in bundle.iterdir()} >= {"events.jsonl", "checkpoint", "receipt.dsse.json"}
    run = bundle.name
    assert json.loads(cli(home, *words).stdout) == json.loads(done.stdout)
    assert cli(home, "runs", "list").stdout.count("\n") == 1
    replayed = cli(home, "replay", run)
    assert (replayed.exit_code, replayed.stdout) == (0, "run: same\n")
    assert "SUCCESS" in cli(home, "replay", run, "--mode", "state_only").stdout
    assert "run.completed" in cli(home, "replay", run, "--mode", "events_only").stdout
    lines = cli(home, "runs", "events", "--run", run).stdout
    assert lines.encode() == (bundle / "events.jsonl").read_bytes()
    assert '"specversion"' in cli(home, "runs", "events", "--cloudevents").stdout
    exported = cli(home, "runs", "export", run, str(out), "--payloads")
    assert exported.exit_code == 0 and (bundle / "payloads").is_dir()
    digest = next((bundle / "payloads" / "sha256").glob("*.salt")).stem
    assert cli(home, "runs", "erase", run, digest, "--reason", "asked").exit_code == 0
    assert "quantile" in cli(home, "metrics").stdout
    first = cli(home, "keys", "show").stdout
    assert cli(home, "keys", "export").stdout == f"log {first}quorum none\n"
    assert cli(home, "keys", "rotate").stdout != first
    token = cli(home, "token", "--principal", "user:x", "--role", "analyst").stdout
    assert token.startswith("rtm_")


def test_the_command_line_says_in_one_sentence_what_is_wrong(tmp_path: Path) -> None:
    image = tmp_path / "a.txt"
    image.write_text("no image")
    home = tmp_path / "home"
    failed = cli(home, "plugin", "run", "thumbnail", str(image))
    assert failed.exit_code == 1 and json.loads(failed.stdout)["error"]["type"] == "ValidationError"
    for words in (
        ("plugin", "run", "nope", str(image)),
        ("plugin", "run", "thumbnail", str(image), "--set", "x"),
        ("plugin", "run", "thumbnail", str(tmp_path / "missing")),
        ("runs", "export", "none", str(tmp_path / "out")),
        ("replay", "none"),
        ("runs", "erase", "none", "0" * 64, "--reason", "x"),
        ("token", "--principal", "x", "--role", "r", "--days", "0"),
    ):
        done = cli(home, *words)
        assert done.exit_code == 2 and "Traceback" not in done.output, done.output
    held = Runtime(home, scheduler=InlineScheduler())
    assert "in use by another process" in cli(home, "runs", "list").stderr
    held.close()


def test_thumbnail_declares_what_it_is() -> None:
    assert Thumbnail().lifecycle_state is PluginLifecycleState.LOADED
