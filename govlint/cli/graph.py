"""`govlint graph`: the layers of a project, or its call graph."""

from __future__ import annotations

import json
import sys

import click

from govlint.errors import UsageError

_FORMATS = ("json", "dot", "mermaid", "svg")


@click.command("graph", short_help="Show the layers of a project, or its call graph.")
@click.argument("paths", nargs=-1, type=click.Path())
@click.option("--layers", is_flag=True, help="The chain of layers and the calls between them.")
@click.option("--calls", is_flag=True, help="Which function may call which.")
@click.option("--format", "form", type=click.Choice(_FORMATS), default="json", show_default=True)
@click.option("-o", "--output", metavar="FILE", help="Write to FILE, not to standard output.")
@click.option("--config", "config_file", metavar="FILE", help="Use this configuration file.")
def graph(
    paths: tuple[str, ...],
    layers: bool,
    calls: bool,
    form: str,
    output: str | None,
    config_file: str | None,
) -> None:
    """Show the layers of the code in PATHS (the default), or with --calls its call graph.

    In the picture of the layers a dashed edge is a call that the chain does not have, with
    the places where it is. The call graph in JSON is an object that has, for each qualified
    name, the list of names that it may call.

    Exit codes: 0, or 3 where a file could not be read or followed to its end.
    """
    from govlint import graphs
    from govlint.config import load_config
    from govlint.files import write_atomic
    from govlint.output import picture

    if layers and calls:
        raise UsageError("graph: --layers and --calls are two graphs; ask for one")
    config = load_config(list(paths), config_file)
    if calls:
        adjacency, problems = graphs.call_graph(paths, config)
        document: object = adjacency
        drawn = graphs.call_picture(adjacency)
    else:
        layered, problems = graphs.layer_graph(paths, config)
        document = graphs.layer_document(layered)
        drawn = graphs.layer_picture(layered)
    if form == "json":
        text = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
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
