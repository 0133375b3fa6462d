"""The click side of the `govlint` command: verbs, imported when they are asked for."""

from __future__ import annotations

from importlib import import_module

import click

from govlint import __version__

# verb → where it is, and what the overview says of it (so that --help imports none)
_VERBS = {
    "baseline": ("govlint.cli.baseline:baseline", "Accept today's findings; later only shrink."),
    "check": ("govlint.cli.check:check", "Check code and documents against the rules."),
    "completion": (
        "govlint.cli.completion:completion",
        "Print the completion script for a shell.",
    ),
    "describe": (
        "govlint.cli.describe:describe",
        "Say which rules and layers hold for a path.",
    ),
    "explain": ("govlint.cli.explain:explain", "Say what a rule means and how to fix it."),
    "graph": ("govlint.cli.graph:graph", "Show layers, calls, or the ways round the gate."),
    "init": ("govlint.cli.init:init", "Look at a repository and propose a configuration."),
    "mission": ("govlint.cli.mission:mission", "Check, plan and draw missions."),
    "report": ("govlint.cli.report:report", "Lint, begin, draw and store phase reports."),
    "role": ("govlint.cli.role:role", "Check role definitions, registries and @role lines."),
    "rules": ("govlint.cli.rules:rules", "List, write and test rule pages."),
    "verify": ("govlint.cli.verify:verify", "Prove or refute receipts and report ledgers."),
    "witness": ("govlint.cli.witness:witness", "Remember heads of logs, and say when they differ."),
}


class LazyGroup(click.Group):
    """A group whose commands are imported when they run, so that no verb pays for another."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(_VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _VERBS:
            return None
        module, _, attribute = _VERBS[cmd_name][0].partition(":")
        command = getattr(import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(verb, help_) for verb, (_, help_) in sorted(_VERBS.items())])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from difflib import get_close_matches

            near = get_close_matches(args[0], _VERBS, 1, 0.5) if args else []
            known = ", ".join(sorted(_VERBS))
            hint = f"did you mean {near[0]!r}?" if near else f"known are {known}"
            raise click.UsageError(f"there is no command {args[0]!r}; {hint}", ctx) from error


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, "-V", "--version", message="govlint %(version)s")
def govlint() -> None:
    """Say where code breaks the rules that govern how it is executed.

    Exit codes: 0 clean, 1 findings, 2 usage, configuration or rule fault, 3 incomplete
    (something could not be read or decided, or there was nothing to check).
    """
