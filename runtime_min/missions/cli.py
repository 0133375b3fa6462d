"""`runtime-min run`: a mission from its file to its result.

Exit codes: 0 Completed, 1 Failed, 2 the mission or the command line is wrong, 130 Cancelled.
"""

from __future__ import annotations

import json
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from runtime_min.missions.mission import Mission
    from runtime_min.missions.result import MissionResult
    from runtime_min.plugins.services import Caller
    from runtime_min.runtime import Runtime

_EXIT = {"Completed": 0, "Failed": 1, "Cancelled": 130, "Running": 1}
_MARKS = {"Success": "ok", "Failed": "FAILED", "Skipped": "skipped"}


class Reporter:
    """Says what happens while it happens: plain lines, or JSON lines with `--stream`."""

    def __init__(self, stream: bool, quiet: bool) -> None:
        self._stream = stream
        self._quiet = quiet
        self._lock = threading.Lock()

    def __call__(self, what: str, step: str, details: dict[str, Any]) -> None:
        with self._lock:
            if self._stream:
                print(json.dumps({"event": what, "step": step, **details}), flush=True)
            elif not self._quiet and what == "step.ended":
                said = f"{_MARKS[details['status']]:>8}  {step}"
                error = details.get("error")
                print(f"{said}: {error}" if error else said, file=sys.stderr, flush=True)


def run_mission(
    runtime: Runtime,
    caller: Caller,
    mission: Mission,
    workspace: Path,
    key: str,
    context: dict[str, Any],
    env_file: Path | None,
) -> MissionResult:
    """Run a mission, in a thread: Ctrl-C cancels it, and it is waited for."""
    missions, kernel = runtime.missions, runtime.kernel
    run = missions.accept(
        kernel,
        caller.principal,
        caller.session,
        mission,
        workspace,
        key,
        context=context,
        env_file=env_file,
    )
    return finish(runtime, caller.principal.tenant, run)


def finish(runtime: Runtime, tenant: str, run: str) -> MissionResult:
    """Bring an accepted mission to its end, from wherever it stands."""
    raised: list[BaseException] = []

    def work() -> None:
        try:
            runtime.kernel.execute(tenant, run)
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=work, name="mission")
    thread.start()
    while thread.is_alive():
        try:
            thread.join(0.5)
        except KeyboardInterrupt:
            print("runtime-min: cancelling", file=sys.stderr)
            runtime.kernel.cancel(tenant, run)
    if raised:
        raise raised[0]
    return runtime.missions.result(runtime.kernel, tenant, run)


def show_plan(mission: Mission, as_json: bool) -> None:
    """What would run, level by level; nothing is done."""
    from graphlib import TopologicalSorter

    position = {step.id: at for at, step in enumerate(mission.steps)}
    sorter = TopologicalSorter({step.id: step.depends_on for step in mission.steps})
    sorter.prepare()
    levels: list[list[str]] = []
    while sorter.is_active():
        ready = sorter.get_ready()
        levels.append(sorted(ready, key=position.__getitem__))
        sorter.done(*ready)
    if as_json:
        print(json.dumps({"name": mission.name, "levels": levels}, indent=2, ensure_ascii=False))
        return
    types = {step.id: step.step_type for step in mission.steps}
    print(f"{mission.name}: {len(mission.steps)} steps, up to {mission.settings.width} at a time")
    for number, names in enumerate(levels, start=1):
        print(f"{number:>4}. " + ", ".join(f"{name} ({types[name]})" for name in names))
    print("nothing was done")


def read_context(settings: tuple[str, ...]) -> dict[str, Any]:
    """`context.x.y=value` options as a mapping; a value that is JSON is that value."""
    context: dict[str, Any] = {}
    for setting in settings:
        name, equals, text = setting.partition("=")
        parts = name.split(".")
        if not equals or parts[0] != "context" or len(parts) < 2 or not all(parts):
            raise click.UsageError(f"--set {setting}: it has the form context.NAME=VALUE")
        try:
            value = json.loads(text)
        except ValueError:
            value = text
        here = context
        for part in parts[1:-1]:
            here = here.setdefault(part, {})
            if not isinstance(here, dict):
                raise click.UsageError(f"--set {setting}: {part!r} has a value already")
        here[parts[-1]] = value
    return context


def print_result(result: MissionResult, as_json: bool) -> None:
    """The result to standard output, as JSON or as one line."""
    if as_json:
        print(json.dumps(result.as_json(), indent=2, ensure_ascii=False))
        return
    counts: dict[str, int] = {}
    for step in result.step_results.values():
        counts[step.status] = counts.get(step.status, 0) + 1
    said = ", ".join(f"{number} {status}" for status, number in sorted(counts.items()))
    print(f"{result.status}: {said or 'no step'}; {result.total_duration_ms} ms; run {result.run}")
    if result.error and result.status != "Completed":
        print(f"  {result.error}")


@click.command("run")
@click.argument("mission", type=click.Path(dir_okay=False, path_type=Path), required=False)
@click.option("--dry-run", is_flag=True, help="Check and show the plan; run nothing.")
@click.option(
    "--workspace",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder that nothing leaves.  [default: the mission's own]",
)
@click.option("--env-file", type=click.Path(path_type=Path), help="NAME=value lines for {{env.…}}.")
@click.option("--set", "settings", multiple=True, metavar="context.NAME=VALUE")
@click.option("--key", help="Idempotency key: the same key gives the same run.")
@click.option("--resume", metavar="RUN", help="Go on with a run that a crash cut off.")
@click.option("--receipts", type=click.Path(path_type=Path), help="Write the receipt below here.")
@click.option("--json", "as_json", is_flag=True, help="The result as JSON.")
@click.option("--stream", is_flag=True, help="Each step's start and end as a JSON line.")
@click.option("--quiet", "-q", is_flag=True, help="Only the result.")
@click.pass_obj
def run(
    chosen: dict[str, Any],
    mission: Path | None,
    dry_run: bool,
    workspace: Path | None,
    env_file: Path | None,
    settings: tuple[str, ...],
    key: str | None,
    resume: str | None,
    receipts: Path | None,
    as_json: bool,
    stream: bool,
    quiet: bool,
) -> None:
    """Run MISSION (YAML or JSON), every step through the gate.

    Exit code 0 where it completed, 1 where it failed, 130 where it was cancelled, 2 where it
    cannot be run as it is.
    """
    from runtime_min.cli import caller_of, errors, opened
    from runtime_min.missions.mission import load_mission

    if (mission is None) == (resume is None):
        raise click.UsageError("name a MISSION, or a run with --resume RUN")
    context = read_context(settings)
    if mission is not None:
        with errors():
            loaded = load_mission(mission, context)
        if dry_run:
            show_plan(loaded, as_json)
            return
    with opened(chosen) as runtime:
        tenant = chosen["tenant"]
        runtime.missions.observer = Reporter(stream, quiet or as_json)
        caller = caller_of(runtime, tenant)
        if mission is not None:
            folder = workspace or mission.absolute().parent
            own = key or runtime.randomness.bytes(16).hex()
            result = run_mission(runtime, caller, loaded, folder, own, context, env_file)
        else:
            result = finish(runtime, tenant, str(resume))
        print_result(result, as_json)
        if receipts is not None:
            written = runtime.archive.export(tenant, result.run, receipts)
            print(f"receipt: {written}", file=sys.stderr)
    sys.exit(_EXIT[result.status])
