"""`govlint report`: lint, begin, prompt for, draw and store phase reports."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from govlint.cli.check import checking_command
from govlint.cli.checking import run_check
from govlint.errors import EXIT_CLEAN, EXIT_INCOMPLETE, UsageError

if TYPE_CHECKING:
    from govlint.documents.reports.registry import Phase
    from govlint.model import RunResult

KINDS = ("report",)
AGAINST = "Look the module paths and tests that are named up in this repository."


@click.group("report", short_help="Lint, begin, draw and store phase reports.")
def report() -> None:
    """Work with phase reports of the P1-P13 Unified Specification Protocol."""


# -- check -------------------------------------------------------------------------------------


def _check(against: str | None, **options: Any) -> int:
    return run_check(**options, params=against_params(against), closing=_matrix)


def against_params(repository: str | None) -> dict[str, Mapping[str, Any]]:
    """The parameters of the rules that compare with a repository. Raises UsageError."""
    if repository is None:
        return {}
    if not os.path.isdir(repository):
        raise UsageError(f"--against {repository}: there is no such folder")
    return {rule: {"against": repository} for rule in ("RPT007", "RPT015")}


def _matrix(result: RunResult) -> str:
    """The phase × key matrix of the reports of a run."""
    from govlint.documents.reader import read_text
    from govlint.documents.reports.matrix import matrix

    reports = [
        (path, read_text(path, result.sources.get(path) or "", "json").value)
        for path in sorted(result.documents)
    ]
    if not reports:
        return ""
    places = [(f.location.path, f.location.pointer or "") for f in result.findings]
    return "\n" + matrix(reports, places)


report.add_command(
    checking_command(
        """Check phase reports (files or folders; default: the working directory).

    A file that is named is taken for a report, whatever stands in it. The graph of phases is
    drawn from all reports of the run. The text output closes with a matrix of phases and keys.
    """,
        "Check reports one by one, and the graph they draw.",
        KINDS,
        (click.Option(["--against"], metavar="REPO", help=AGAINST),),
        _check,
    )
)


# -- new, prompt -------------------------------------------------------------------------------


@report.command("new", short_help="Begin a report on a phase.")
@click.argument("phase")
@click.option("--output", "-o", metavar="FILE", help="Write to FILE, which must not exist yet.")
def new(phase: str, output: str | None) -> None:
    """Print a report on PHASE (P1 to P13) with what the phase registry knows of it.

    What only its author can know is a TODO: the report fails its check until it is filled in.
    """
    import json

    from govlint.documents.reports.skeleton import skeleton

    text = json.dumps(skeleton(_phase(phase)), indent=2, ensure_ascii=False) + "\n"
    if output is None:
        click.echo(text, nl=False)
        return
    try:
        with open(output, "x", encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError:
        raise UsageError(f"{output}: exists already, and is not written over") from None
    except OSError as error:
        raise UsageError(f"{output}: cannot be written: {error.strerror}") from None


@report.command("prompt", short_help="Print the protocol's prompt for a phase.")
@click.argument("phase")
def prompt(phase: str) -> None:
    """Print the protocol's prompt contract for PHASE (P1 to P13), for any model.

    It holds the phase's row of the registry and the JSON Schema of the answer.
    """
    from govlint.documents.reports import skeleton

    click.echo(skeleton.prompt(_phase(phase)), nl=False)


def _phase(name: str) -> Phase:
    from govlint.documents.reports.registry import phases

    found = phases().get(name.strip().upper())
    if found is None:
        raise UsageError(f"there is no phase {name!r}; phases are P1 to P13")
    return found


# -- graph ---------------------------------------------------------------------------------------


@report.command("graph", short_help="Draw what waits for what.")
@click.argument("paths", nargs=-1, type=click.Path())
@click.option("--format", "form", type=click.Choice(["svg", "mermaid", "dot"]), default="svg")
@click.option("--output", "-o", metavar="FILE", help="Write to FILE.")
@click.option("--all", "every", is_flag=True, help="Show phases that no report speaks of, too.")
@click.option("--config", "config_file", metavar="FILE", help="Use this configuration file.")
def graph(
    paths: tuple[str, ...], form: str, output: str | None, every: bool, config_file: str | None
) -> int:
    """Draw the phases of the reports below PATHS: what waits for what, by stage and completion.

    Edges that contradict each other or close a cycle are red.
    """
    from govlint import picture
    from govlint.cli.checking import write_text
    from govlint.documents.reports.phase_graph import ReportSet
    from govlint.phase_picture import drawing

    values, faults = _read_all(paths, config_file)
    for fault in faults:
        print(f"govlint: {fault}", file=sys.stderr)
    drawn = drawing(ReportSet(tuple(values)), every)
    write = {"svg": picture.svg, "mermaid": picture.mermaid, "dot": picture.dot}[form]
    write_text(write(drawn), output)
    return EXIT_INCOMPLETE if faults else EXIT_CLEAN


def _read_all(paths: tuple[str, ...], config_file: str | None) -> tuple[list[Any], list[str]]:
    """The values of all reports below `paths`, and why others have none."""
    from govlint import engine
    from govlint.catalog import load_catalog
    from govlint.config import load_config
    from govlint.documents.reader import read_text

    config = load_config(paths, config_file)
    result = engine.run(paths, config, load_catalog(), engine.Options(("RPT001",), kinds=KINDS))
    values, faults = [], [f"{p.path + ': ' if p.path else ''}{p.message}" for p in result.problems]
    for path in sorted(result.documents):
        document = read_text(path, result.sources.get(path) or "", "json")
        if document.faults:
            fault = document.faults[0]
            faults.append(f"{path}:{fault.line}: is left out: {fault.message}")
        else:
            values.append(document.value)
    return values, faults


# -- store ---------------------------------------------------------------------------------------


@report.command("store", short_help="Append reports to a ledger.")
@click.argument("ledger", type=click.Path())
@click.argument("files", nargs=-1, required=True, type=click.Path())
@click.option("--against", metavar="REPO", help=AGAINST)
@click.option("--anchor", metavar="HEAD", help="A head that was kept: the ledger must hold it.")
@click.option("--config", "config_file", metavar="FILE", help="Use this configuration file.")
def store(
    ledger: str,
    files: tuple[str, ...],
    against: str | None,
    anchor: str | None,
    config_file: str | None,
) -> int:
    """Append the reports FILES to LEDGER, all or none, in the order they are given.

    They have to pass their check, alone and together with what the ledger holds. The ledger
    is checked first; where it was changed, nothing is appended. Its format is
    report-ledger.schema.json.
    """
    from govlint.cli.storing import store_reports

    return store_reports(ledger, files, against_params(against), anchor, config_file)
