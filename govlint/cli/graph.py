"""`govlint graph`: the layers of a project, its calls, or the ways round its gate."""

from __future__ import annotations

import json
import sys

import click

from govlint.errors import UsageError

_FORMATS = ("json", "text", "dot", "mermaid", "svg")


@click.command("graph", short_help="Show layers, calls, or the ways round the gate.")
@click.argument("paths", nargs=-1, type=click.Path())
@click.option("--layers", is_flag=True, help="The chain of layers and the calls between them.")
@click.option("--calls", is_flag=True, help="Which function may call which.")
@click.option("--gate", is_flag=True, help="Every way round the gate, from its entry on.")
@click.option("--format", "form", type=click.Choice(_FORMATS), default="json", show_default=True)
@click.option("-o", "--output", metavar="FILE", help="Write to FILE, not to standard output.")
@click.option("--config", "config_file", metavar="FILE", help="Use this configuration file.")
def graph(
    paths: tuple[str, ...],
    layers: bool,
    calls: bool,
    gate: bool,
    form: str,
    output: str | None,
    config_file: str | None,
) -> None:
    """Show the layers of the code in PATHS (the default), its calls, or the ways round its gate.

    In the picture of the layers a dashed edge is a call that the chain does not have, with
    the places where it is. The call graph in JSON is an object that has, for each qualified
    name, the list of names that it may call. With --gate each way is a chain of calls from an
    entry to the place that runs a plugin past the gate, the shortest first; as text, a line
    each.

    Exit codes: 0, or 3 where a file could not be read or followed to its end.
    """
    from govlint import graphs, picture
    from govlint.config import load_config
    from govlint.files import write_atomic

    if layers + calls + gate > 1:
        raise UsageError("graph: --layers, --calls and --gate are different graphs; ask for one")
    if form == "text" and not gate:
        raise UsageError("graph: --format text is for --gate; others are json, dot, mermaid, svg")
    config = load_config(list(paths), config_file)
    if calls:
        adjacency, problems = graphs.call_graph(paths, config)
        document: object = adjacency
        drawn = graphs.call_picture(adjacency)
    elif gate:
        ways, problems = graphs.ways_round_gate(paths, config)
        document = graphs.way_document(ways)
        drawn = graphs.way_picture(ways)
    else:
        layered, problems = graphs.layer_graph(paths, config)
        document = graphs.layer_document(layered)
        drawn = graphs.layer_picture(layered)
    if form == "json":
        text = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    elif form == "text":
        text = graphs.way_text(ways)
    else:
        text = {"dot": picture.dot, "mermaid": picture.mermaid, "svg": picture.svg}[form](drawn)
    if output is None:
        sys.stdout.write(text)
    else:
        try:
            write_atomic(output, text.encode())
        except OSError as error:
            raise UsageError(f"graph: {output} cannot be written: {error.strerror}") from None
    for problem in problems:
        where = f"{problem.path}:{problem.line}: " if problem.path else ""
        click.echo(f"graph: {where}{problem.message}", err=True)
    if problems:
        sys.exit(3)
