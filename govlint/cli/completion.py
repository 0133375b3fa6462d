"""`govlint completion`: the script that lets a shell complete govlint's command line."""

from __future__ import annotations

from collections.abc import Iterable

import click
from click.shell_completion import CompletionItem, get_completion_class

_SHELLS = ("bash", "zsh", "fish")
_VARIABLE = "_GOVLINT_COMPLETE"


@click.command("completion", short_help="Print the completion script for a shell.")
@click.argument("shell", type=click.Choice(_SHELLS))
def completion(shell: str) -> None:
    """Print the completion script for SHELL.

    \b
    bash:  govlint completion bash > ~/.local/share/bash-completion/completions/govlint
    zsh:   govlint completion zsh > "${fpath[1]}/_govlint"
    fish:  govlint completion fish > ~/.config/fish/completions/govlint.fish
    """
    chosen = get_completion_class(shell)
    if chosen is None:
        raise AssertionError(f"click no longer completes for {shell}")
    # Not `source()`: for bash it starts bash to ask its version, and fails where there is none.
    writer = chosen(click.Command("govlint"), {}, "govlint", _VARIABLE)
    click.echo(writer.source_template % writer.source_vars())


def complete_rules(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Complete a list of rules separated by commas: codes, names and packs.

    For `shell_complete=` of --select and --ignore. What stands before the last comma is
    kept, and a rule that stands there already is not offered again.
    """
    before, comma, last = incomplete.rpartition(",")
    taken = set(before.split(","))
    return [
        CompletionItem(f"{before}{comma}{word}", help=summary)
        for word, summary in _words()
        if word.lower().startswith(last.lower()) and word not in taken
    ]


def _words() -> Iterable[tuple[str, str]]:
    from govlint.catalog import load_catalog

    rules = load_catalog().rules.values()
    packs = dict.fromkeys(rule.pack for rule in rules)
    yield from ((rule.name, rule.summary) for rule in rules)
    yield from ((rule.code, rule.summary) for rule in rules)
    yield from ((pack, f"all rules of the pack {pack}") for pack in packs)
