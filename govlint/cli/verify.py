"""`govlint verify`: prove or refute receipts, from the outside."""

from __future__ import annotations

import os
import sys
import time
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import click

from govlint.errors import UsageError

if TYPE_CHECKING:
    from govlint.model import RunResult
    from govlint.receipts.request import Request
    from govlint.receipts.verify import Verifier

_LEDGER = b'"format":"govlint.report-ledger/'
_HOUR = 3600


@click.command("verify", short_help="Prove or refute receipts and report ledgers.")
@click.argument("paths", nargs=-1, required=True, type=click.Path())
@click.option("--policy", metavar="FILE", help="Trust policy. Default: .govlint/trust.policy.")
@click.option("--key", "keys", metavar="VKEY", multiple=True, help="Trust this key, no policy.")
@click.option(
    "--expect", metavar="NAME=VALUE", multiple=True, help="Demand a tenant, a run or an origin."
)
@click.option(
    "--anchor", "anchors", metavar="H", multiple=True, help="Demand a head kept elsewhere."
)
@click.option("--pins", metavar="FILE", help="Compare with what was seen before, and add to it.")
@click.option("--against", metavar="MISSION", help="Demand that this mission is what was run.")
@click.option("--partial", is_flag=True, help="A tenant's folder may lack runs that its log has.")
@click.option(
    "--max-delay",
    metavar="HOURS",
    type=click.IntRange(0, 24 * 366),
    default=24,
    show_default=True,
    help="How long after its end a run may be sealed.",
)
@click.option("--attest", metavar="FILE", help="Write a signed verdict (in-toto SVR).")
@click.option("--attest-key", metavar="FILE", help="Sign it with this key; made if missing.")
@click.option("--format", "formats", metavar="NAME[=FILE]", multiple=True, help="Output format.")
@click.option("--output", metavar="FILE", help="Write what would go to standard output to FILE.")
@click.option("--statistics", is_flag=True, help="Add counts and seconds.")
@click.option("--quiet", "-q", is_flag=True, help="Print findings and problems only.")
@click.option(
    "--color", type=click.Choice(("auto", "always", "never")), default="auto", help="Colours."
)
def verify(
    paths: tuple[str, ...],
    policy: str | None,
    keys: tuple[str, ...],
    expect: tuple[str, ...],
    anchors: tuple[str, ...],
    pins: str | None,
    against: str | None,
    partial: bool,
    max_delay: int,
    attest: str | None,
    attest_key: str | None,
    formats: tuple[str, ...],
    output: str | None,
    statistics: bool,
    quiet: bool,
    color: str,
) -> int:
    """Verify PATHS: bundles, tenants' folders, folders of those, report ledgers, `-` for a stream.

    Believed are the trust policy, what is expected here, anchors and pins; nothing that stands in
    what is verified. Exit codes: 0 it holds, 1 it does not, 2 usage, 3 it could not be decided.
    """
    from govlint.catalog import load_catalog
    from govlint.cli.checking import read_outputs, write_outputs
    from govlint.model import exit_code
    from govlint.receipts.pins import Pins
    from govlint.receipts.request import Request, read_anchors, read_expected
    from govlint.receipts.verify import Verifier
    from govlint.verification import as_result

    started = time.monotonic()
    outputs = read_outputs(formats, output)
    if attest_key and not attest:
        raise UsageError("--attest-key needs --attest")
    request = Request(
        policy=_policy(paths, policy, keys),
        expected=read_expected(expect),
        anchors=read_anchors(anchors),
        pins=Pins.load(pins) if pins else None,
        partial=partial,
        max_delay=max_delay * _HOUR,
        now=int(time.time()),
        mission=_mission(against) if against else None,
    )
    verifier = Verifier(request)
    for path in paths:
        _look_at(path, verifier)
    report = verifier.finish()
    result = as_result(report, load_catalog())
    result.statistics.seconds["verify"] = time.monotonic() - started
    if attest:
        _attest(verifier, result, attest, attest_key)
    if report.clean and request.pins is not None:
        _save(request, quiet)
    closing = "" if quiet else _closing(verifier)
    if not any(name == "text" for name, _ in outputs) and closing:
        print(closing, end="", file=sys.stderr)
    write_outputs(result, outputs, color, statistics, quiet, closing)
    return exit_code(result)


# -- what to trust -----------------------------------------------------------------------------


def _policy(paths: tuple[str, ...], named: str | None, keys: tuple[str, ...]) -> Any:
    from govlint.receipts.policy import DEFAULT, Policy, find_policy, load_policy, policy_of_keys

    if named and keys:
        raise UsageError("--policy and --key cannot both say whom to trust")
    if keys:
        return policy_of_keys(keys)
    if named:
        return load_policy(named)
    if all(path != "-" and _is_ledger(path) for path in paths):
        return Policy((), {}, {}, "none")  # a report ledger carries no signatures
    found = find_policy(os.getcwd())
    if found is None:
        raise UsageError(
            f"there is no trust policy: neither {DEFAULT} here or above, nor --policy FILE, nor"
            " --key VKEY; it says whose signatures count and is never part of a receipt"
        )
    for path in paths:
        inside = os.path.realpath(path)
        if path != "-" and found.startswith(inside + os.sep) and _holds_receipts(inside):
            raise UsageError(f"the trust policy {found} lies in what it is to judge; name another")
    return load_policy(found)


def _holds_receipts(folder: str) -> bool:
    names = ("events.jsonl", "receipt.dsse.json", "log.jsonl", "runs")
    return any(os.path.lexists(os.path.join(folder, name)) for name in names)


def _mission(path: str) -> tuple[str, str]:
    try:
        with open(path, "rb") as stream:
            return path, sha256(stream.read()).hexdigest()
    except OSError as error:
        raise UsageError(f"--against {path}: cannot be read: {error.strerror}") from None


# -- what to verify ------------------------------------------------------------------------------


def _look_at(path: str, verifier: Verifier) -> None:
    from govlint.receipts.faults import Malformed, Undecided
    from govlint.receipts.files import Unreadable, open_file
    from govlint.receipts.ring import Ring
    from govlint.receipts.stream import read_run

    undecided = verifier.report.undecided
    ring = Ring(verifier.request.policy)
    try:
        if path == "-":
            if sys.stdin is None:
                raise Unreadable("standard input is closed")
            verifier.stream(read_run(sys.stdin.buffer, path, ring))
        elif os.path.isdir(path):
            verifier.folder(path)
        elif not os.path.lexists(path):
            undecided.append(Undecided("missing", "there is no such file or folder", path))
        elif _is_ledger(path):
            _read_ledger(path, verifier)
        else:
            with open_file(os.path.realpath(path)) as stream:
                verifier.stream(read_run(stream, path, ring))
    except Malformed as error:
        undecided.append(Undecided("unreadable", str(error), path))
    except Unreadable as error:
        undecided.append(Undecided("unreadable", str(error), path))


def _is_ledger(path: str) -> bool:
    from govlint.receipts.faults import Malformed
    from govlint.receipts.files import Unreadable, open_file

    try:
        with open_file(os.path.realpath(path)) as stream:
            return _LEDGER in stream.read(1 << 12)
    except (Malformed, Unreadable, OSError):
        return False


def _read_ledger(path: str, verifier: Verifier) -> None:
    """A ledger of reports, by the reader of those who write it."""
    from govlint.documents.reports.ledger import LedgerError, parse
    from govlint.receipts.files import open_file

    with open_file(os.path.realpath(path)) as stream:
        data = stream.read()
    try:
        entries, rest = parse(data, path)
    except LedgerError as error:
        verifier.report.files += 1
        verifier.report.ledgers += 1
        verifier.report.add("chain", error.message, path, error.line)
        return
    verifier.ledger(path, [entry.head.removeprefix("sha256:") for entry in entries])
    if rest:
        said = "this last line was never finished: a crash left it, or the end was cut off"
        verifier.report.add("chain", said, path, len(entries) + 1)


# -- what comes of it ------------------------------------------------------------------------------


def _attest(verifier: Verifier, result: RunResult, path: str, key_file: str | None) -> None:
    from govlint.cli.checking import write_text
    from govlint.receipts.key_files import load_key
    from govlint.receipts.keys import ED25519
    from govlint.receipts.verdict import sealed, verdict

    found = {finding.rule for finding in result.findings}
    passed = [rule.code for rule in result.rules if rule.code not in found]
    clean = verifier.report.clean
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    statement = verdict(
        verifier.verified, passed if clean or found else [], clean, verifier.request, now
    )
    if key_file is None:
        state = os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")
        key_file = os.path.join(state, "govlint", "keys", "verifier.key")
    key = load_key(key_file, "govlint-verifier", ED25519)
    write_text(sealed(statement, key).decode("ascii"), path)
    print(f"govlint: verdict in {path}, signed by {key.verifier.text}", file=sys.stderr)


def _save(request: Request, quiet: bool) -> None:
    pins = request.pins
    assert pins is not None
    count = pins.save()
    if not quiet:
        said = "was not there, so nothing was compared with it" if pins.is_new else "was compared"
        print(f"govlint: {pins.path} {said}; it has {count} pins now", file=sys.stderr)


def _closing(verifier: Verifier) -> str:
    """What was verified, and what could not have been seen."""
    report = verifier.report
    counts = []
    for number, noun in ((report.bundles, "run"), (report.ledgers, "ledger")):
        if number:
            counts.append(f"{number} {noun}{'s' if number > 1 else ''}")
    lines = []
    if counts and report.clean:
        events = f", {report.events} events" if report.events else ""
        lines.append(f"verified: {' and '.join(counts)}{events}")
    lines += [f"limit: {sentence}" for sentence in report.limits]
    return "".join(f"{line}\n" for line in lines)
