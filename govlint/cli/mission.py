"""`govlint mission`: check, plan and draw missions. Nothing here runs a step."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from govlint.cli.check import checking_command
from govlint.errors import EXIT_CLEAN, EXIT_FINDINGS, EXIT_INCOMPLETE

if TYPE_CHECKING:
    from govlint.documents.missions.mission import Mission
    from govlint.documents.missions.plan import Plan
    from govlint.picture import Picture

KINDS = ("mission",)
# what has to hold before an order can be told
_NEEDED = ("MSN001", "MSN002", "MSN003", "MSN004", "MSN005", "MSN006")


@click.group("mission", short_help="Check, plan and draw missions.")
def mission() -> None:
    """Work with missions: steps with dependencies between them."""


mission.add_command(
    checking_command(
        """Check missions in PATHS (files or folders; default: the working directory).

        A file that is named is taken for a mission, whatever stands in it.
        """,
        "Check missions, in YAML and JSON.",
        KINDS,
    )
)


@mission.command("plan", short_help="Show the order of steps, without running any.")
@click.argument("files", nargs=-1, required=True, type=click.Path())
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
@click.option("--output", "-o", metavar="FILE", help="Write to FILE.")
@click.option("--config", "config_file", metavar="FILE", help="Use this configuration file.")
def plan(files: tuple[str, ...], form: str, output: str | None, config_file: str | None) -> int:
    """Show what the missions FILES would do: levels, what can run together, the critical path.

    The critical path is the longest by the steps' own timeouts. Nothing is executed. A
    mission with errors of MSN001 to MSN006 has no plan; they are shown, and the exit code is 1.
    """
    from govlint.cli.checking import write_text
    from govlint.documents.missions.plan import plan as plan_of

    missions, code = _read(files, config_file)
    plans = [(path, plan_of(found)) for path, found in missions]
    if form == "json":
        shown = [
            {"path": path, **asdict(made), "waves": made.waves(), "executed": False}
            for path, made in plans
        ]
        write_text(json.dumps(shown, indent=2, ensure_ascii=False) + "\n", output)
    elif plans:
        write_text("\n".join(_text(path, made) for path, made in plans), output)
    return code


@mission.command("graph", short_help="Draw which step waits for which.")
@click.argument("files", nargs=-1, required=True, type=click.Path())
@click.option("--format", "form", type=click.Choice(["svg", "mermaid", "dot"]), default="svg")
@click.option("--output", "-o", metavar="FILE", help="Write to FILE.")
@click.option("--config", "config_file", metavar="FILE", help="Use this configuration file.")
def graph(files: tuple[str, ...], form: str, output: str | None, config_file: str | None) -> int:
    """Draw the steps of the missions FILES. The critical path by timeout stands out."""
    from govlint import picture
    from govlint.cli.checking import write_text

    missions, code = _read(files, config_file)
    if missions:
        write = {"svg": picture.svg, "mermaid": picture.mermaid, "dot": picture.dot}[form]
        write_text(write(_picture(missions)), output)
    return code


def _read(files: tuple[str, ...], config_file: str | None) -> tuple[list[tuple[str, Mission]], int]:
    """The missions that have an order, and the exit code; faults of the rest go to stderr."""
    from govlint import engine
    from govlint.catalog import load_catalog
    from govlint.config import load_config
    from govlint.documents.missions.mission import mission_of
    from govlint.documents.reader import read_text
    from govlint.model import Severity
    from govlint.output._characters import inert

    config = load_config(files, config_file)
    result = engine.run(files, config, load_catalog(), engine.Options(_NEEDED, kinds=KINDS))
    for problem in result.problems:
        print(inert(f"govlint: {problem.path or ''}: {problem.message}"), file=sys.stderr)
    wrong = [f for f in result.findings if f.severity >= Severity.ERROR]
    for finding in wrong:
        at = finding.location
        said = f"{at.path}:{at.line}:{at.column}: {finding.rule} {finding.message}"
        print(inert(said), file=sys.stderr)
    refused = {finding.location.path for finding in wrong}
    missions = []
    for path in sorted(set(result.documents) - refused):
        syntax = "json" if path.lower().endswith(".json") else "yaml"
        document = read_text(path, result.sources.get(path) or "", syntax, "mission")
        missions.append((path, mission_of(document)))
    if result.problems:
        return missions, EXIT_INCOMPLETE
    return missions, EXIT_FINDINGS if wrong else EXIT_CLEAN


def _text(path: str, made: Plan) -> str:
    from govlint.output._characters import inert

    limit = f", at most {made.at_once} at once" if made.at_once else ""
    lines = [f"{path}: {made.name} ({len(made.steps)} steps, {len(made.levels)} levels{limit})"]
    steps = {step.id: step for step in made.steps}
    for number, waves in enumerate(made.waves(), 1):
        lines.append(f"  level {number}")
        for wave in waves:
            if len(wave) > 1:
                lines.append(f"    together: {', '.join(wave)}")
            for name in wave:
                step = steps[name]
                bound = f", {step.seconds:g} s" if step.seconds is not None else ""
                lines.append(f"    {name} ({step.step_type}{bound})")
                for word, paths in (("reads", step.reads), ("writes", step.writes)):
                    if paths:
                        lines.append(f"      {word} {', '.join(paths)}")
    way = " → ".join(made.critical)
    lines.append(f"  critical path: {way} ({made.critical_seconds:g} s by timeout)")
    if made.unbounded:
        count = len(made.unbounded)
        lines.append(f"  without a bound of their own, counted as 0 s: {count} of the steps")
    if made.timeout is not None:
        lines.append(f"  the mission ends after {made.timeout:g} s at the latest")
    lines.append("  nothing was executed")
    return "".join(inert(line) + "\n" for line in lines)


def _picture(missions: list[tuple[str, Mission]]) -> Picture:
    from govlint.documents.missions.plan import plan as plan_of
    from govlint.picture import Edge, Node, Picture

    nodes, edges = [], []
    for number, (path, found) in enumerate(missions):
        made = plan_of(found)
        lead = f"{number}:" if len(missions) > 1 else ""
        critical = set(made.critical)
        for step in made.steps:
            tone = "busy" if step.id in critical else "plain"
            touches = [f"{word} {x}" for word in ("reads", "writes") for x in getattr(step, word)]
            label = f"{step.id}\n{step.step_type}"
            nodes.append(Node(lead + step.id, label, tone, "; ".join([path, *touches])))
            for need in step.needs:
                on_way = step.id in critical and need in critical
                edges.append(Edge(lead + need, lead + step.id, "", "busy" if on_way else "plain"))
    title = ", ".join(str(found.value.get("name", path)) for path, found in missions)
    return Picture(nodes, edges, title, (("busy", "critical path by timeout"),))
