"""The command line: run a plugin, look at the record, keep the keys, serve.

Exit codes: 0 it went well, 1 the run failed or was refused, 2 the request makes no sense or the
record cannot be used.
"""

from __future__ import annotations

import base64
import getpass
import json
import mimetypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

import runtime_min
from runtime_min.kernel.errors import RuntimeMinError
from runtime_min.missions.cli import run

if TYPE_CHECKING:
    from runtime_min.plugins.services import Caller
    from runtime_min.runtime import Runtime

_LEASE_NS = 3_600_000_000_000


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--home", type=click.Path(path_type=Path), help="Folder of journal and keys.")
@click.option("--tenant", default="local", show_default=True, help="Whose runs these are.")
@click.version_option(runtime_min.__version__, prog_name="runtime-min")
@click.pass_context
def main(context: click.Context, home: Path | None, tenant: str) -> None:
    """Runs plugins through one gate, and keeps a record that can be checked from outside."""
    context.obj = {"home": home, "tenant": tenant}


@main.group()
def plugin() -> None:
    """Plugins: list them, run one."""


@plugin.command("list")
@click.pass_obj
def plugin_list(chosen: dict[str, Any]) -> None:
    """Name, version and summary of every plugin."""
    with opened(chosen) as runtime:
        for name in runtime.registry.names():
            found = runtime.registry.describe(name)
            click.echo(f"{name}  {found.version}  {found.summary}")


@plugin.command("run")
@click.argument("name")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--mime-type", help="Media type of FILE; guessed from its name.")
@click.option("--set", "options", multiple=True, metavar="KEY=NUMBER", help="Plugin option.")
@click.option(
    "--receipts",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write the receipt below this folder.",
)
@click.option("--key", help="Idempotency key: the same key gives the same run.")
@click.pass_obj
def plugin_run(
    chosen: dict[str, Any],
    name: str,
    file: Path,
    mime_type: str | None,
    options: tuple[str, ...],
    receipts: Path | None,
    key: str | None,
) -> None:
    """Run plugin NAME on image FILE; the result goes to standard output as JSON."""
    payload: dict[str, Any] = {}
    for option in options:
        what, equals, number = option.partition("=")
        if not equals or not number.lstrip("-").isdecimal():
            raise click.UsageError(f"--set {option}: it has the form KEY=NUMBER")
        payload[what] = int(number)
    payload["mime_type"] = mime_type or mimetypes.guess_type(file.name)[0] or ""
    try:
        payload["image"] = base64.b64encode(file.read_bytes()).decode("ascii")
    except OSError as error:
        raise click.UsageError(f"{file} cannot be read: {error.strerror}") from error
    with opened(chosen) as runtime:
        caller = caller_of(runtime, chosen["tenant"])
        own = key or runtime.randomness.bytes(16).hex()
        result = runtime.analysis.analyze(caller, name, payload, own)
        if result.error is not None:
            click.echo(json.dumps({"error": result.error}, indent=2, ensure_ascii=False))
        else:
            click.echo(json.dumps(result.output, indent=2, ensure_ascii=False))
        if receipts is not None:
            written = runtime.archive.export(chosen["tenant"], result.run, receipts)
            click.echo(f"receipt: {written}", err=True)
        click.echo(f"run: {result.run} {result.status}", err=True)
    sys.exit(0 if result.status == "completed" else 1)


main.add_command(run)


@main.group()
def keys() -> None:
    """Signing keys: show, rotate, export a trust policy."""


@keys.command("show")
@click.pass_obj
def keys_show(chosen: dict[str, Any]) -> None:
    """The verifier key (C2SP vkey) that signs now; made on first use."""
    with opened(chosen) as runtime:
        click.echo(runtime.archive.key(chosen["tenant"]).vkey)


@keys.command("rotate")
@click.pass_obj
def keys_rotate(chosen: dict[str, Any]) -> None:
    """Make a new key; old and new sign the hand-over in the tenant's log."""
    with opened(chosen) as runtime:
        click.echo(runtime.archive.rotate(chosen["tenant"]).vkey)


@keys.command("export")
@click.pass_obj
def keys_export(chosen: dict[str, Any]) -> None:
    """A trust policy (C2SP tlog-policy) for the verifier's own repository."""
    with opened(chosen) as runtime:
        click.echo(runtime.archive.trust_policy(chosen["tenant"]), nl=False)


@main.group()
def runs() -> None:
    """Runs: list, show, export, erase."""


@runs.command("list")
@click.pass_obj
def runs_list(chosen: dict[str, Any]) -> None:
    """Every run of the tenant, oldest first."""
    with opened(chosen) as runtime:
        for row in runtime.journal.runs(chosen["tenant"]):
            state = (row.terminal or "run.accepted").removeprefix("run.")
            click.echo(f"{row.run}  {row.kind}  {row.intent_type}  {state}  {row.size} events")


@runs.command("events")
@click.option("--run", "run_id")
@click.option("--session")
@click.option("--intent-type")
@click.option("--type", "event_type")
@click.option("--since", help="UTC, as the record writes it; included.")
@click.option("--until", help="UTC; not included.")
@click.option("--cloudevents", "as_cloudevents", is_flag=True, help="CloudEvents JSON lines.")
@click.pass_obj
def runs_events(
    chosen: dict[str, Any],
    run_id: str | None,
    session: str | None,
    intent_type: str | None,
    event_type: str | None,
    since: str | None,
    until: str | None,
    as_cloudevents: bool,
) -> None:
    """Events that fit every condition given, a line each."""
    from runtime_min.record.canonical import canonical
    from runtime_min.record.export import cloudevents

    conditions: dict[str, Any] = {
        "run": run_id,
        "session_id": session,
        "intent_type": intent_type,
        "type": event_type,
        "since": since,
        "until": until,
    }
    with opened(chosen) as runtime:
        if as_cloudevents:
            for line in cloudevents(runtime.journal, chosen["tenant"], **conditions):
                click.echo(line)
            return
        for event in runtime.journal.query(chosen["tenant"], **conditions):
            click.echo(canonical(event).decode("utf-8"))


@runs.command("export")
@click.argument("run_id", metavar="RUN")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--payloads", is_flag=True, help="Inputs and outputs too.")
@click.pass_obj
def runs_export(chosen: dict[str, Any], run_id: str, folder: Path, payloads: bool) -> None:
    """Write a run's receipt below FOLDER."""
    with opened(chosen) as runtime:
        click.echo(runtime.archive.export(chosen["tenant"], run_id, folder, payloads=payloads))


@runs.command("erase")
@click.argument("run_id", metavar="RUN")
@click.argument("sha256")
@click.option("--reason", required=True)
@click.pass_obj
def runs_erase(chosen: dict[str, Any], run_id: str, sha256: str, reason: str) -> None:
    """Remove a payload and its salt for good; the chain stays as it is."""
    with opened(chosen) as runtime:
        actor = caller_of(runtime, chosen["tenant"]).principal.id
        runtime.archive.erase(chosen["tenant"], run_id, sha256, actor, reason)
        click.echo(f"erased: {sha256}")


@main.command()
@click.argument("run_id", metavar="RUN")
@click.option(
    "--mode",
    type=click.Choice(["full", "state_only", "events_only"]),
    default="full",
    show_default=True,
)
@click.pass_obj
def replay(chosen: dict[str, Any], run_id: str, mode: str) -> None:
    """Go through RUN again; no effect is repeated. A full replay is put on record."""
    with opened(chosen) as runtime:
        done = runtime.replays.replay(caller_of(runtime, chosen["tenant"]), run_id, mode)
        for event in done.events:
            click.echo(f"{event['seq']:>5}  {event['ts']}  {event['type']}")
        if mode == "state_only":
            click.echo(json.dumps(done.states, indent=2))
        report = done.report
        for found in report.comparisons if report else ():
            said = "same" if found.match else f"DIFFERS: {found.explanation}"
            click.echo(f"{found.step}: {said}")
        if report and report.drift:
            click.echo(f"drift: {report.drift}")
        if report:
            verdict = "faithful" if report.faithful else "drifted"
            click.echo(f"run: {done.recorded_as} {verdict}", err=True)
    sys.exit(1 if report and not report.faithful else 0)


@main.command()
@click.pass_obj
def metrics(chosen: dict[str, Any]) -> None:
    """Executions and their durations, in the Prometheus text format."""
    from runtime_min.record.export import prometheus

    with opened(chosen) as runtime:
        click.echo(prometheus(runtime.journal, chosen["tenant"]), nl=False)


@main.command()
@click.option("--principal", required=True, help="Who the token is for.")
@click.option("--role", "roles", multiple=True, required=True)
@click.option("--days", default=30, show_default=True)
@click.pass_obj
def token(chosen: dict[str, Any], principal: str, roles: tuple[str, ...], days: int) -> None:
    """Issue a bearer token, bound to the tenant and its roles; it is shown this once."""
    from runtime_min.kernel.envelope import Principal

    with errors():
        store = _tokens(_home(chosen))
        click.echo(store.issue(Principal(principal, chosen["tenant"], roles), days))


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8700, show_default=True)
@click.pass_obj
def serve(chosen: dict[str, Any], host: str, port: int) -> None:
    """Serve the API; tokens come from `runtime-min token`."""
    try:
        import uvicorn

        from runtime_min.api.app import create_app
    except ImportError as error:
        raise click.ClickException(
            f"{error.name} is missing: `pip install 'govlint[api,plugins]'`"
        ) from error
    with opened(chosen) as runtime:
        app = create_app(runtime, _tokens(runtime.home))
        uvicorn.run(app, host=host, port=port, log_level="warning")


def _tokens(home: Path) -> Any:
    from runtime_min.api.tokens import TokenStore
    from runtime_min.kernel.ports import SystemClock, SystemDisk, SystemRandomness

    return TokenStore(home / "tokens.json", SystemDisk(), SystemClock(), SystemRandomness())


def _home(chosen: dict[str, Any]) -> Path:
    from runtime_min.runtime import default_home

    home: Path = chosen["home"] or default_home()
    return home


def caller_of(runtime: Runtime, tenant: str) -> Caller:
    """The user of this machine: who can read the home folder is its operator."""
    from runtime_min.kernel.envelope import Principal, Session
    from runtime_min.plugins.services import Caller

    try:
        user = getpass.getuser()
    except (OSError, KeyError):
        user = "unknown"
    principal = Principal(f"user:{user}", tenant, ("operator",))
    return Caller(principal, Session("cli", tenant, runtime.clock.now_ns() + _LEASE_NS))


@contextmanager
def opened(chosen: dict[str, Any]) -> Iterator[Runtime]:
    from runtime_min.runtime import Runtime

    with errors():
        runtime = Runtime(_home(chosen))
        try:
            yield runtime
        finally:
            runtime.close()


@contextmanager
def errors() -> Iterator[None]:
    """One sentence on standard error, and exit code 2, for what cannot be done."""
    try:
        yield
    except RuntimeMinError as error:
        click.echo(f"runtime-min: {error}", err=True)
        sys.exit(2)
    except ImportError as error:
        click.echo(
            f"runtime-min: {error.name} is missing: `pip install 'govlint[runtime,plugins]'`",
            err=True,
        )
        sys.exit(2)


if __name__ == "__main__":
    main()
