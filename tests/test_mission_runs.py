"""Missions run through the kernel: order, failure, time, variables, secrets, restart."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from runtime_min.kernel.envelope import Principal, Session
from runtime_min.kernel.errors import ValidationFailed
from runtime_min.missions.cli import run_mission
from runtime_min.missions.mission import load_mission
from runtime_min.missions.result import MissionResult
from runtime_min.missions.service import read_env
from runtime_min.plugins.services import Caller
from runtime_min.runtime import Runtime

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX descriptors")


@pytest.fixture
def runtime(tmp_path: Path) -> Iterator[Runtime]:
    made = Runtime(tmp_path / "home")
    yield made
    made.close()


def step(name: str, step_type: str, *needs: str, **more: Any) -> dict[str, Any]:
    own: dict[str, Any] = {
        key: more.pop(key) for key in ("continue_on_error", "timeout_seconds") if key in more
    }
    found: dict[str, Any] = {
        "id": name,
        "name": name,
        "step_type": step_type,
        "parameters": more,
        **own,
    }
    return {**found, "depends_on": list(needs)} if needs else found


def python(name: str, code: str, *needs: str, **more: Any) -> dict[str, Any]:
    """A step that runs a script of the workspace."""
    more.setdefault("timeout_seconds", 30)
    return step(name, "command", *needs, command="python3", args=[f"{name}.py"], **more) | {
        "_code": code
    }


def run(
    runtime: Runtime, tmp_path: Path, steps: list[dict[str, Any]], key: str = "k", **config: Any
) -> MissionResult:
    folder = tmp_path / "work"
    folder.mkdir(exist_ok=True)
    for one in steps:
        code = one.pop("_code", None)
        if code is not None:
            (folder / f"{one['id']}.py").write_text(code)
    context = config.pop("context", {})
    env_file = config.pop("env_file", None)
    mission: dict[str, Any] = {"version": "1.0", "name": "m", "steps": steps}
    if config:
        mission["config"] = config
    file = folder / "mission.yaml"
    file.write_text(yaml.safe_dump(mission, sort_keys=False))
    principal = Principal("user:a", "acme", ("operator",))
    session = Session("s", "acme", runtime.clock.now_ns() + 10**12)
    caller = Caller(principal, session)
    return run_mission(runtime, caller, load_mission(file), folder, key, context, env_file)


def statuses(result: MissionResult) -> dict[str, str]:
    return {name: one.status for name, one in result.step_results.items()}


def types(runtime: Runtime, run: str) -> list[str]:
    return [event["type"] for event in runtime.journal.events("acme", run)]


# -- order and failure -------------------------------------------------------------------


def test_outputs_reach_their_dependents_and_every_step_is_an_envelope(
    runtime: Runtime, tmp_path: Path
) -> None:
    result = run(
        runtime,
        tmp_path,
        [
            step(
                "last",
                "create_file",
                "parsed",
                path="o.txt",
                content="{{parsed.output.parsed.a[1]}} {{{{x}}",
            ),
            step("made", "create_file", path="{{context.dir}}/i.json", content='{"a": [1, 2]}'),
            step("read", "read_file", "made", path="{{made.output.path}}"),
            step("parsed", "parse_json", "read", content="{{read.output.content}}"),
            step("log", "create_file", "parsed", path="all.json", content="{{ parsed.output }}"),
        ],
        context={"dir": "in"},
    )
    assert result.status == "Completed", result
    work = tmp_path / "work"
    assert (work / "o.txt").read_text() == "2 {{x}}"
    assert json.loads((work / "all.json").read_text()) == {"parsed": {"a": [1, 2]}, "valid": True}
    kinds = types(runtime, result.run)
    assert kinds.count("gate.decided") == kinds.count("step.completed") == 5
    assert kinds[-1] == "run.completed"


def test_independent_steps_run_at_once_and_no_more_than_allowed(
    runtime: Runtime, tmp_path: Path
) -> None:
    def sleepers() -> list[dict[str, Any]]:
        return [python(f"s{i}", "import time; time.sleep(0.5)") for i in range(4)]

    def most_at_once(run: str) -> int:
        running = most = 0
        for kind in types(runtime, run):
            running += (kind == "step.started") - (kind == "step.completed")
            most = max(most, running)
        return most

    for width in (1, 2, 4):
        result = run(runtime, tmp_path, sleepers(), key=str(width), max_concurrent_steps=width)
        assert result.status == "Completed" and most_at_once(result.run) == width


def test_the_first_failure_ends_the_mission_running_steps_included(
    runtime: Runtime, tmp_path: Path
) -> None:
    result = run(
        runtime,
        tmp_path,
        [
            python("slow", "import time; time.sleep(60)"),
            python("bad", "import time, sys; time.sleep(0.3); sys.exit('no')"),
            step("after", "noop", "bad"),
            step("late", "noop", "slow"),
        ],
        max_concurrent_steps=4,
    )
    assert result.status == "Failed"
    assert statuses(result) == {
        "bad": "Failed",
        "slow": "Skipped",
        "after": "Skipped",
        "late": "Skipped",
    }
    assert result.error is not None and "step bad failed" in result.error and "no" in result.error
    assert result.total_duration_ms < 20_000


def test_without_fail_fast_other_branches_go_on(runtime: Runtime, tmp_path: Path) -> None:
    result = run(
        runtime,
        tmp_path,
        [
            python("bad", "raise SystemExit(3)"),
            step("b1", "noop", "bad"),
            step("b2", "noop", "b1"),
            step("good", "noop"),
            step("g1", "noop", "good"),
        ],
        fail_fast=False,
    )
    assert result.status == "Failed"
    assert statuses(result) == {
        "bad": "Failed",
        "b1": "Skipped",
        "b2": "Skipped",
        "good": "Success",
        "g1": "Success",
    }
    assert "step.started" not in [
        event["type"]
        for event in runtime.journal.events("acme", result.run)
        if event.get("step") == "b2"
    ]


@pytest.mark.parametrize("fail_fast", [True, False])
def test_continue_on_error_lets_dependents_see_the_failure(
    runtime: Runtime, tmp_path: Path, fail_fast: bool
) -> None:
    result = run(
        runtime,
        tmp_path,
        [
            python("risky", "raise SystemExit(3)", continue_on_error=True),
            step(
                "next", "create_file", "risky", path="n", content="{{risky.status}}|{{risky.error}}"
            ),
        ],
        fail_fast=fail_fast,
    )
    assert result.status == "Completed"
    assert statuses(result) == {"risky": "Failed", "next": "Success"}
    assert (tmp_path / "work" / "n").read_text() == "Failed|'python3' ended with exit code 3"
    output = result.step_results["risky"].output
    assert output["exit_code"] == 3


def test_retries_wait_and_are_counted(runtime: Runtime, tmp_path: Path) -> None:
    counter = "import os, sys\nn = len(os.listdir('tries')) if os.path.isdir('tries') else 0\n"
    counter += "os.makedirs('tries', exist_ok=True); open(f'tries/{n}', 'w')\nsys.exit(n < 2)\n"
    result = run(
        runtime, tmp_path, [python("flaky", counter)], retry_attempts=3, retry_delay_ms=200
    )
    assert result.status == "Completed" and result.step_results["flaky"].attempts == 3
    delays = [
        event["delay_ms"]
        for event in runtime.journal.events("acme", result.run)
        if event["type"] == "step.retried"
    ]
    assert delays == [200, 200] and result.total_duration_ms >= 400


def test_bounds_of_step_and_mission_stop_the_work(runtime: Runtime, tmp_path: Path) -> None:
    sleeper = "import time\ntime.sleep(60)\n"
    result = run(runtime, tmp_path, [python("s", sleeper, timeout_seconds=1)])
    assert result.status == "Failed" and "in time" in (result.step_results["s"].error or "")
    result = run(
        runtime,
        tmp_path,
        [python("s", sleeper), step("t", "noop", "s")],
        key="2",
        timeout_seconds=1,
    )
    assert result.status == "Failed" and result.error == "the mission did not end within 1 s"
    assert statuses(result) == {"s": "Skipped", "t": "Skipped"}
    import psutil

    left = [p for p in psutil.process_iter(["cwd"]) if p.info["cwd"] == str(tmp_path / "work")]
    assert left == []


def test_a_mission_is_cancelled_while_it_runs(runtime: Runtime, tmp_path: Path) -> None:
    def cancel() -> None:
        while not (rows := runtime.journal.runs("acme")) or "step.started" not in types(
            runtime, rows[0].run
        ):
            time.sleep(0.02)
        assert runtime.kernel.cancel("acme", rows[0].run)

    thread = threading.Thread(target=cancel)
    thread.start()
    result = run(
        runtime, tmp_path, [python("s", "import time; time.sleep(60)"), step("t", "noop", "s")]
    )
    thread.join()
    assert result.status == "Cancelled" and statuses(result) == {"s": "Skipped", "t": "Skipped"}


def test_programs_that_go_on_end_with_the_mission(runtime: Runtime, tmp_path: Path) -> None:
    import psutil

    result = run(
        runtime,
        tmp_path,
        [
            step("up", "process_start", command="sleep", args=["60"]),
            step("down", "process_kill", "up", pid="{{up.output.pid}}"),
            step("other", "process_start", "down", command="sleep", args=["61"]),
        ],
    )
    assert result.status == "Completed", result
    for name in ("up", "other"):
        pid = result.step_results[name].output["pid"]
        assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == "zombie"
    assert result.step_results["down"].output["killed"] is True


# -- variables and secrets ---------------------------------------------------------------


def test_what_names_nothing_fails_the_step(runtime: Runtime, tmp_path: Path) -> None:
    for number, (text, said) in enumerate(
        [
            ("{{env.NO_SUCH_VARIABLE}}", "the environment has no variable NO_SUCH_VARIABLE"),
            ("{{context.none}}", "there is no 'none'"),
            ("{{first.output.message.deeper}}", "of str, which has no parts"),
        ]
    ):
        steps = [step("first", "noop"), step("s", "create_file", "first", path="x", content=text)]
        result = run(runtime, tmp_path, steps, key=str(number))
        assert said in (result.step_results["s"].error or ""), result
        assert not (tmp_path / "work" / "x").exists()


def test_a_value_is_data_and_never_more(runtime: Runtime, tmp_path: Path) -> None:
    sneaky = "a b'; rm -rf / #\n{{env.HOME}}"
    result = run(
        runtime,
        tmp_path,
        [
            python("s", "import sys; print(len(sys.argv), repr(sys.argv[1]))"),
            step("p", "read_file", path="{{context.up}}", continue_on_error=True),
        ],
        context={"x": sneaky, "up": "../../etc/passwd"},
    )
    assert "leaves the workspace" in (result.step_results["p"].error or "")
    steps = [
        step("e", "command", command="python3", args=["e.py", "{{context.x}}"], timeout_seconds=9)
    ]
    (tmp_path / "work" / "e.py").write_text("import sys; print(sys.argv[1:])")
    result = run(runtime, tmp_path, steps, key="2", context={"x": sneaky})
    assert result.step_results["e"].output["stdout"] == f"{[sneaky]!r}\n"


def test_text_of_the_environment_becomes_what_is_due(
    runtime: Runtime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOW_MANY", "1")
    steps = [step("s", "service_health", service="localhost", port="{{env.HOW_MANY}}")]
    assert run(runtime, tmp_path, steps).step_results["s"].output["port"] == 1
    monkeypatch.setenv("HOW_MANY", "many")
    result = run(runtime, tmp_path, steps, key="2")
    assert "port" in (result.step_results["s"].error or "")


def test_a_secret_is_nowhere_on_record(
    runtime: Runtime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = 'hunter2-é"x'
    env_file = tmp_path / ".env"
    env_file.write_text(f"# comment\nexport API_TOKEN='{secret}'\nPLAIN=1 # one\n")
    assert read_env(env_file) == {"API_TOKEN": secret, "PLAIN": "1"}
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "known.txt").write_text(f"it is {secret}")
    result = run(
        runtime,
        tmp_path,
        [
            step("w", "create_file", path="x", content="{{env.API_TOKEN}}", continue_on_error=True),
            step("r", "read_file", path="known.txt"),
            step(
                "h",
                "http",
                "r",
                url="http://127.0.0.1:9/",
                headers={"Authorization": "Bearer {{env.API_TOKEN}}"},
                timeout=2,
                continue_on_error=True,
            ),
        ],
        env_file=env_file,
    )
    assert result.status == "Completed"
    assert "is a secret, and content is written to the record" in (
        result.step_results["w"].error or ""
    )
    assert result.step_results["r"].output["content"] == "it is [secret API_TOKEN]"
    for file in (tmp_path / "home").rglob("*"):
        if file.is_file():
            data = file.read_bytes()
            assert secret.encode() not in data and json.dumps(secret).encode()[1:-1] not in data, (
                file
            )


# -- what is refused ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ([step("a", "noop", "b"), step("b", "noop", "a")], "MSN006"),
        ([step("a", "nope")], "MSN003"),
        ([step("a", "read_file", path="/etc/passwd")], "MSN010"),
        ([step("a", "create_file")], "MSN013"),
        ([step("a", "noop"), step("a", "noop")], "MSN004"),
    ],
)
def test_what_the_linter_calls_an_error_does_not_run(
    runtime: Runtime, tmp_path: Path, steps: list[dict[str, Any]], said: str
) -> None:
    with pytest.raises(ValidationFailed, match=said):
        run(runtime, tmp_path, steps)
    assert runtime.journal.runs("acme") == []


def test_scalars_are_those_of_yaml_1_2(tmp_path: Path) -> None:
    file = tmp_path / "m.yaml"
    file.write_text(
        'version: "1.0"\nname: on\nsteps:\n'
        "  - {id: a, name: no, step_type: create_file, parameters: {path: f, content: 12:30}}\n"
    )
    loaded = load_mission(file)
    assert loaded.name == "on" and loaded.steps[0].parameters["content"] == "12:30"


# -- restart -----------------------------------------------------------------------------


_DRIVER = """
import sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from runtime_min.cli import main
main(["--home", {home!r}, "--tenant", "acme", *sys.argv[1:]])
"""


def test_a_killed_mission_goes_on_and_completes_every_step_once(tmp_path: Path) -> None:
    work = tmp_path / "work"
    work.mkdir()
    mark = "import sys, time\nopen('ran', 'a').write(sys.argv[1] + '\\n')\ntime.sleep(0.15)\n"
    (work / "mark.py").write_text(mark)
    steps = [
        step(
            f"s{i}",
            "command",
            *([f"s{i - 1}"] if i else []),
            command="python3",
            args=["mark.py", f"s{i}"],
            timeout_seconds=20,
        )
        for i in range(8)
    ]
    config = {"retry_attempts": 2, "retry_delay_ms": 10}
    mission = {"version": "1.0", "name": "m", "steps": steps, "config": config}
    (work / "m.yaml").write_text(yaml.safe_dump(mission))
    driver = _DRIVER.format(tests=str(Path(__file__).parent), home=str(tmp_path / "home"))
    command = [sys.executable, "-c", driver, "run"]
    first = subprocess.Popen(
        [*command, str(work / "m.yaml"), "--quiet"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    end = time.monotonic() + 60
    while (
        time.monotonic() < end
        and len((work / "ran").read_text().split() if (work / "ran").exists() else ()) < 4
    ):
        time.sleep(0.01)
    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    with_runtime = Runtime(tmp_path / "home")
    run_id = with_runtime.journal.runs("acme")[0].run
    done = [
        e["step"]
        for e in with_runtime.journal.events("acme", run_id)
        if e["type"] == "step.completed"
    ]
    with_runtime.close()
    assert 2 <= len(done) < 8
    again = subprocess.run(
        [*command, "--resume", run_id, "--json"], capture_output=True, text=True, check=False
    )
    assert again.returncode == 0, again.stderr
    result = json.loads(again.stdout)
    assert result["status"] == "Completed" and len(result["step_results"]) == 8
    ran = (work / "ran").read_text().split()
    assert [name for name in done if ran.count(name) != 1] == []
    last = Runtime(tmp_path / "home")
    completed = [
        e["step"] for e in last.journal.events("acme", run_id) if e["type"] == "step.completed"
    ]
    last.close()
    assert sorted(completed) == [f"s{i}" for i in range(8)]


def test_the_command_line(tmp_path: Path) -> None:
    work = tmp_path / "work"
    work.mkdir()
    (work / "m.yaml").write_text(
        'version: "1.0"\nname: m\nsteps:\n  - {id: a, name: a, step_type: noop}\n'
        "  - {id: b, name: b, step_type: create_file, depends_on: [a],\n"
        "     parameters: {path: b.txt, content: '{{context.who.name}}'}}\n"
    )

    def call(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "runtime_min.cli", "--home", str(tmp_path / "home")]
        return subprocess.run(
            [*command, *arguments], capture_output=True, text=True, check=False, cwd=work
        )

    done = call("run", "m.yaml", "--dry-run")
    assert (
        done.returncode == 0
        and "2. b (create_file)" in done.stdout
        and not (work / "b.txt").exists()
    )
    done = call("run", "m.yaml", "--set", "context.who.name=Ann", "--receipts", "receipts")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Completed: 2 Success") and (work / "b.txt").read_text() == "Ann"
    assert "ok  b" in done.stderr and "receipt: " in done.stderr
    assert list((work / "receipts").rglob("receipt.dsse.json"))
    (work / "trust.policy").write_text(call("keys", "export").stdout)
    for against, code in (("m.yaml", 0), ("other.yaml", 1)):
        (work / "other.yaml").write_text((work / "m.yaml").read_text() + "# changed\n")
        verify = [sys.executable, "-P", "-m", "govlint", "verify", "receipts"]
        verify += ["--policy", "trust.policy", "--against", against]
        judged = subprocess.run(verify, capture_output=True, text=True, check=False, cwd=work)
        assert judged.returncode == code, judged.stdout
    done = call("run", "m.yaml", "--stream", "--key", "k")
    assert done.returncode == 1 and "there is no 'who'" in done.stdout
    events = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert [e["event"] for e in events if e["step"] == "a"] == ["step.started", "step.ended"]
    assert call("run").returncode == 2
    assert call("run", "none.yaml").returncode == 2
    assert call("run", "m.yaml", "--set", "x=1").returncode == 2
    done = call("run", "--resume", "r-none")
    assert done.returncode == 2 and "there is no run" in done.stderr
