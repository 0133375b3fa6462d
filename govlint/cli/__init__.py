"""The `govlint` command: one module a verb, imported when that verb is asked for."""

from __future__ import annotations

import os
import sys
from importlib import import_module

import click

from govlint import __version__
from govlint.errors import GovlintError

# verb → where it is, and what the overview says of it (so that --help imports none)
_VERBS = {
    "baseline": ("govlint.cli.baseline:baseline", "Accept today's findings; later only shrink."),
    "check": ("govlint.cli.check:check", "Check code against the rules."),
    "completion": (
        "govlint.cli.completion:completion",
        "Print the completion script for a shell.",
    ),
    "explain": ("govlint.cli.explain:explain", "Say what a rule means and how to fix it."),
    "init": ("govlint.cli.init:init", "Look at a repository and propose a configuration."),
    "rules": ("govlint.cli.rules:rules", "List, write and test rule pages."),
}
_INTERRUPTED = 130
_INTERNAL = 3


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
            hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(sorted(_VERBS))}"
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


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit. No exception reaches the user as a traceback."""
    try:
        code = _run(arguments)
        _flush()
    except KeyboardInterrupt:
        _say("interrupted")
        code = _INTERRUPTED
    except BrokenPipeError:
        code = _broken_pipe()
    except Exception as error:
        if os.environ.get("GOVLINT_DEBUG"):
            raise
        text = " ".join(f"{type(error).__name__}: {error}".split())
        _say(f"internal error: {text}; please report it (GOVLINT_DEBUG=1 shows where)")
        code = _INTERNAL
    sys.exit(code)


def _run(arguments: list[str] | None) -> int:
    try:
        code = govlint.main(arguments, prog_name="govlint", standalone_mode=False)
        return code if isinstance(code, int) else 0
    except GovlintError as error:
        _say(str(error))
        return error.exit_code
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.Abort:
        raise KeyboardInterrupt from None
    except click.ClickException as error:
        _say(error.format_message())
        if isinstance(error, click.UsageError) and error.ctx is not None:
            print(f"Try '{error.ctx.command_path} --help'.", file=sys.stderr)
        return 2


def _say(sentence: str) -> None:
    try:
        encoding = getattr(sys.stderr, "encoding", None) or "utf-8"
        safe = sentence.encode(encoding, "backslashreplace").decode(encoding)
        print(f"govlint: {safe}", file=sys.stderr)
    except (OSError, ValueError, AttributeError):
        pass  # standard error is closed: the exit code has to say it


def _flush() -> None:
    if sys.stdout is not None:
        sys.stdout.flush()


def _broken_pipe() -> int:
    """The reader went away (`govlint … | head`): be quiet, but never say clean."""
    try:
        sink = os.open(os.devnull, os.O_WRONLY)
        os.dup2(sink, sys.stdout.fileno())
    except (OSError, ValueError, AttributeError):
        pass
    return 141
