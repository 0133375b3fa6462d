"""The `govlint` command: one module a verb, imported when that verb is asked for."""

from __future__ import annotations

import os
import sys

from govlint.errors import GovlintError

_INTERRUPTED = 130
_INTERNAL = 3


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
    given = sys.argv[1:] if arguments is None else arguments
    try:
        if given[:1] == ["check"] and "_GOVLINT_COMPLETE" not in os.environ:
            from govlint.cli.options import CHECK_OPTIONS, read_arguments

            values = read_arguments(CHECK_OPTIONS, given[1:])
            if values is not None:
                from govlint.cli.checking import run_check

                return run_check(**values)
        return _run_click(given)
    except GovlintError as error:
        _say(str(error))
        return error.exit_code


def _run_click(arguments: list[str]) -> int:
    import click

    from govlint.cli.group import govlint

    try:
        code = govlint.main(arguments, prog_name="govlint", standalone_mode=False)
        return code if isinstance(code, int) else 0
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
