"""`govlint check`: run the rules over code and documents and say what they found."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import click

from govlint.cli.checking import run_check
from govlint.cli.options import CHECK_OPTIONS, Option


def _complete_rules(
    ctx: click.Context, param: click.Parameter, incomplete: str
) -> list[click.shell_completion.CompletionItem]:
    from govlint.cli.completion import complete_rules

    return complete_rules(ctx, param, incomplete)


def _reader(
    read: Callable[[str], Any],
) -> Callable[[click.Context, click.Parameter, str | None], Any]:
    def callback(ctx: click.Context, param: click.Parameter, value: str | None) -> Any:
        if value is None:
            return None
        try:
            return read(value)
        except ValueError as error:
            raise click.BadParameter(str(error), ctx, param) from None

    return callback


def _parameter(option: Option) -> click.Option:
    """Make click's option of one in the table."""
    return click.Option(
        [*option.flags, option.parameter],
        help=option.help,
        metavar=option.metavar,
        is_flag=option.is_flag,
        multiple=option.multiple,
        default=() if option.multiple else False if option.is_flag else option.default,
        type=click.Choice(option.choices) if option.choices else None,
        callback=_reader(option.read) if option.read else None,
        shell_complete=_complete_rules if option.completes_rules else None,
    )


def checking_command(
    help_: str,
    short_help: str,
    kinds: tuple[str, ...] = (),
    options: Sequence[click.Option] = (),
    run: Callable[..., int] = run_check,
) -> click.Command:
    """Make a `check` verb: of everything, or with `kinds` of documents of these kinds alone.

    All of them take the same options and give the same outputs and exit codes; one may take
    more `options`, which its `run` turns into arguments of `run_check`.
    """
    return click.Command(
        "check",
        short_help=short_help,
        help=help_,
        params=[
            click.Argument(["paths"], nargs=-1, type=click.Path()),
            *options,
            *(_parameter(option) for option in CHECK_OPTIONS),
        ],
        callback=partial(run, kinds=kinds) if kinds else run,
    )


check = checking_command(
    """Check PATHS (files or folders; default: the working directory).

    Python code, phase reports, missions and roles are checked together; what a file is, is told
    by the configuration and by what stands in it. Facts come from the whole project that
    the paths lie in, findings only from the paths. With --diff a finding is reported when a
    changed line is its own, in the function it stands in (in a document: the entry), or in
    one that the finding's related places stand in; new files count whole.
    """,
    "Check code and documents against the rules.",
)
