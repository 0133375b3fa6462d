"""`govlint baseline`: accept today's findings once, and from then on only take entries out."""

from __future__ import annotations

import datetime
import os
import sys
from pathlib import Path

import click

from govlint.errors import BaselineError, IncompleteError, UsageError
from govlint.files import write_atomic


@click.command("baseline", short_help="Accept today's findings; later only shrink.")
@click.argument("paths", nargs=-1, type=click.Path())
@click.option("--output", metavar="FILE", help="Default: .govlint-baseline.json.")
@click.option("--accept-new", is_flag=True, help="Let new findings into an existing baseline.")
@click.option("--reason", metavar="TEXT", help="Why the added findings are accepted.")
@click.option("--select", multiple=True, metavar="RULES", help="Only these rules.")
@click.option("--ignore", multiple=True, metavar="RULES", help="Leave these rules out.")
@click.option("--config", "config_file", metavar="FILE", help="Use this configuration file.")
@click.option("--no-cache", is_flag=True, help="Neither read nor write the cache.")
def baseline(
    paths: tuple[str, ...],
    output: str | None,
    accept_new: bool,
    reason: str | None,
    select: tuple[str, ...],
    ignore: tuple[str, ...],
    config_file: str | None,
    no_cache: bool,
) -> int:
    """Write the baseline of PATHS (default: the working directory).

    The first time it accepts all there is. After that it takes out entries that meet no
    finding any more, and refuses to grow unless --accept-new and --reason are given.
    """
    from govlint import engine
    from govlint.baseline import DEFAULT_NAME, Entry, dump, read, update
    from govlint.catalog import load_catalog
    from govlint.cli.checking import split_list
    from govlint.config import load_config
    from govlint.model import Finding

    if accept_new and not (reason and reason.strip()):
        raise UsageError("--accept-new needs --reason TEXT: say why they are accepted")
    config = load_config(paths, config_file)
    catalog = load_catalog([Path(folder) for folder in config.rules])
    options = engine.Options(
        select=split_list(select), ignore=split_list(ignore), cache=not no_cache
    )
    target = output or config.baseline or os.path.join(config.root, DEFAULT_NAME)
    old = read(target) if os.path.exists(target) else None
    run = engine.Engine(paths, config, catalog, options)
    result = run.run()
    if result.problems:
        first = result.problems[0]
        where = f"{first.path}: " if first.path else ""
        raise IncompleteError(
            f"{where}{first.message}; a baseline of an incomplete run would lose entries,"
            " so none was written"
        )
    findings = [f for f in result.findings if f.rule not in engine.unsuppressable(result.rules)]

    def path_of(finding: Finding) -> str:
        return run.relative(finding.location.path)

    def judged(entry: Entry) -> bool:
        return run.judged(entry)

    today = datetime.date.today().isoformat()
    why = (reason or "accepted when the baseline was made").strip()
    made = update(old, findings, judged, path_of, why, today, accept_new)
    if old is None or made.added or made.removed:
        try:
            write_atomic(target, dump(made.baseline).encode("utf-8", "backslashreplace"))
        except OSError as error:
            raise BaselineError(f"{target}: cannot be written: {error.strerror}") from None
    shown = os.path.relpath(target) if not os.path.relpath(target).startswith("..") else target
    print(
        f"{shown}: {len(made.baseline.entries)} accepted,"
        f" {len(made.added)} added, {len(made.removed)} removed",
        file=sys.stdout,
    )
    return 0
