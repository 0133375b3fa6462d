"""What `govlint check` does, apart from its command line."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from govlint.errors import UsageError
from govlint.files import write_atomic
from govlint.model import RunResult, Severity, exit_code

if TYPE_CHECKING:
    from govlint.catalog import Catalog
    from govlint.config import Config
    from govlint.engine import Options

_FIX_ROUNDS = 10


def split_list(values: Sequence[str]) -> tuple[str, ...]:
    """Read a repeatable, comma-separated option: `--select GOV101,GOV102 --select GOV201`."""
    return tuple(part.strip() for value in values for part in value.split(",") if part.strip())


def run_check(
    paths: tuple[str, ...],
    formats: tuple[str, ...],
    output: str | None,
    select: tuple[str, ...],
    ignore: tuple[str, ...],
    diff: str | None,
    baseline: str | None,
    no_baseline: bool,
    fix: bool,
    show_fixes: bool,
    unsafe_fixes: bool,
    fail_on: str | None,
    jobs: int | None,
    no_cache: bool,
    shard: tuple[int, int] | None,
    statistics: bool,
    config_file: str | None,
    stdin_filename: str | None,
    quiet: bool,
    verbose: bool,
    color: str,
    kinds: tuple[str, ...] = (),
    params: Mapping[str, Mapping[str, Any]] | None = None,
    closing: Callable[[RunResult], str] | None = None,
) -> int:
    """Check `paths`, write the outputs and return the exit code. Raises GovlintError.

    With `kinds` only documents of these kinds are looked at, with the rules about them; a
    file that is named is taken for one of them whatever stands in it. `params` are parameters
    of checks, by rule, over those of the configuration; `closing` makes what ends the text.
    """
    gc.disable()  # a short-lived process; collections cost more than they give back
    from govlint import engine
    from govlint.catalog import load_catalog
    from govlint.config import load_config

    if unsafe_fixes and not (fix or show_fixes):
        raise UsageError("--unsafe-fixes needs --fix or --show-fixes")
    outputs = read_outputs(formats, output)
    named, given = _read_stdin(paths, stdin_filename, kinds)
    if given and fix:
        raise UsageError("--fix cannot rewrite standard input")
    config = load_config(named or [*given], config_file)
    for rule, values in (params or {}).items():
        merged = {**config.params.get(rule, {}), **values}
        config = replace(config, params={**config.params, rule: merged})
    catalog = load_catalog([Path(folder) for folder in config.rules])
    options = engine.Options(
        select=split_list(select) or _about(kinds, catalog),
        ignore=split_list(ignore),
        jobs=jobs or 0,
        cache=not no_cache,
        diff=diff,
        shard=shard,
        given=given,
        kinds=kinds,
    )
    accepted = None if no_baseline else (baseline or config.baseline)
    if accepted is not None:
        from govlint.baseline import read

        options = replace(options, baseline=read(accepted))
    if verbose:
        source = config.source or "no configuration file"
        print(f"govlint: root {config.root}, {source}", file=sys.stderr)
    diff_of_fixes = ""
    with _Progress(quiet):
        if not fix:
            result = engine.run(named, config, catalog, options)
        if fix or show_fixes:
            fixed, changes = fix_until_stable(
                named, config, catalog, options, unsafe_fixes, write=fix
            )
            if fix:
                result = fixed
            if show_fixes:
                from govlint.fix import describe_changes

                diff_of_fixes = describe_changes(changes)
    if result.stale and not quiet:
        entries = "1 entry" if result.stale == 1 else f"{result.stale} entries"
        print(
            f"govlint: {entries} of the baseline meet no finding any more;"
            " `govlint baseline` takes them out",
            file=sys.stderr,
        )
    if not result.files and not result.problems and not quiet:
        print("govlint: all that was named is excluded by the configuration", file=sys.stderr)
    is_told = any(name == "text" for name, _ in outputs)
    end = closing(result) if closing is not None and is_told else ""
    if diff_of_fixes and ("text", None) in outputs:
        end = f"\n{diff_of_fixes}{end}"
    elif diff_of_fixes:
        print(diff_of_fixes, end="", file=sys.stderr)
    write_outputs(result, outputs, color, statistics, quiet, end)
    threshold = Severity.parse(fail_on) if fail_on else config.fail_on
    return exit_code(result, threshold)


def _about(kinds: tuple[str, ...], catalog: Catalog) -> tuple[str, ...]:
    """The codes of the rules about documents of these kinds; none where none are asked for."""
    if not kinds:
        return ()
    return tuple(
        rule.code
        for rule in catalog.rules.values()
        if not set(kinds).isdisjoint(rule.documents) or rule.check.startswith("suppression-")
    )


def _read_stdin(
    paths: tuple[str, ...], filename: str | None, kinds: tuple[str, ...]
) -> tuple[tuple[str, ...], dict[str, bytes]]:
    """Take `-` for standard input's content, which stands for the file `filename`."""
    if "-" not in paths:
        if filename is not None:
            raise UsageError("--stdin-filename needs '-' among the paths")
        return paths, {}
    name = filename or (
        "stdin.py" if not kinds else "stdin.json" if "report" in kinds else "stdin.yaml"
    )
    data = sys.stdin.buffer.read() if sys.stdin is not None else b""
    rest = tuple(path for path in paths if path != "-")
    abspath = os.path.abspath(name)
    named = (*rest, name) if os.path.exists(abspath) else rest
    return named, {abspath: data}


def fix_until_stable(
    paths: Sequence[str],
    config: Config,
    catalog: Catalog,
    options: Options,
    unsafe: bool,
    write: bool = True,
) -> tuple[RunResult, dict[str, tuple[bytes, bytes]]]:
    """Fix, look again, and go on while there is something left that can be fixed.

    Returned are what is left, and each changed file's bytes before and after by reported
    path. Without `write` the files stay as they are.
    """
    from govlint import engine
    from govlint.fix import apply_fixes

    fixed = 0
    failed = []
    changes: dict[str, tuple[bytes, bytes]] = {}
    contents = None if write else dict(options.given)
    for _ in range(_FIX_ROUNDS):
        result = engine.run(paths, config, catalog, options)
        cwd = os.getcwd()
        abspaths = {path: os.path.join(cwd, path) for path in result.sources}
        applied = apply_fixes(result.findings, abspaths, unsafe, contents)
        fixed += applied.fixed
        failed = applied.problems
        for path, (before, after) in applied.changes.items():
            changes[path] = changes.get(path, (before, after))[0], after
        if contents is not None:
            options = replace(options, given=contents)
        if not applied.fixed:
            break
    else:
        result = engine.run(paths, config, catalog, options)
    result.fixed = fixed
    result.problems.extend(failed)
    return result, changes


def read_outputs(formats: Sequence[str], output: str | None) -> list[tuple[str, str | None]]:
    """Read `--format` and `--output`: pairs of format and file (None: standard output)."""
    from govlint.output import load

    pairs: list[tuple[str, str | None]] = []
    for text in formats or ("text",):
        name, equals, path = text.partition("=")
        if equals and not path:
            raise UsageError(f"--format {text}: names no file after '='")
        load(name)
        pairs.append((name, path or None))
    standard = [index for index, (_, path) in enumerate(pairs) if path is None]
    if len(standard) > 1:
        names = " and ".join(pairs[index][0] for index in standard)
        raise UsageError(f"{names} cannot both go to standard output; write --format NAME=FILE")
    if output is not None:
        if not standard:
            raise UsageError("--output has nothing to write: every --format names a file")
        pairs[standard[0]] = (pairs[standard[0]][0], output)
    return pairs


def write_outputs(
    result: RunResult,
    outputs: Sequence[tuple[str, str | None]],
    color: str,
    statistics: bool,
    quiet: bool,
    closing: str = "",
) -> None:
    """Render every format, then write: files whole or not at all, standard output last.

    Raises UsageError for a file that cannot be written.
    """
    from govlint.output import load

    rendered = []
    for name, path in outputs:
        render = load(name)
        if name == "text":
            text = render(result, color=path is None and _colored(color), statistics=statistics)
            text += closing
        elif name == "json":
            text = render(result, statistics=statistics)
        else:
            text = render(result)
        rendered.append((name, path, text))
    for _, path, text in rendered:
        if path is not None:
            write_text(text, path)
    for name, path, text in rendered:
        if path is None and not (
            quiet and name == "text" and not result.findings and not result.problems
        ):
            _print(text)


def write_text(text: str, path: str | None) -> None:
    """Write text to a file, whole or not at all, or to standard output. Raises UsageError."""
    if path is None:
        _print(text)
        return
    try:
        write_atomic(path, text.encode("utf-8", "backslashreplace"))
    except OSError as error:
        reason = error.strerror or str(error)
        raise UsageError(f"{path}: cannot be written: {reason}") from None


def _colored(color: str) -> bool:
    if color != "auto":
        return color == "always"
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return sys.stdout is not None and sys.stdout.isatty()


def _print(text: str) -> None:
    if sys.stdout is None:
        raise UsageError("standard output is closed; write to a file with --output FILE")
    encoding = sys.stdout.encoding or "utf-8"
    data = text.encode(encoding, "backslashreplace")
    sys.stdout.flush()
    try:
        raw = getattr(sys.stdout, "buffer", None)
        if raw is None:
            sys.stdout.write(data.decode(encoding))
        else:
            raw.write(data)
            raw.flush()
    except BrokenPipeError:
        raise
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(f"standard output cannot be written: {reason}") from None


class _Progress:
    """A line on the terminal while a run takes more than a second; nothing anywhere else."""

    def __init__(self, quiet: bool) -> None:
        stream = sys.stderr
        self._active = not quiet and stream is not None and stream.isatty()

    def __enter__(self) -> None:
        if self._active:
            import threading

            from govlint.workers import PROGRESS

            self._done = threading.Event()
            self._thread = threading.Thread(target=self._show, name=PROGRESS, daemon=True)
            self._thread.start()

    def _show(self) -> None:
        if self._done.wait(1.0):
            return
        seconds = 1
        while True:
            print(f"\rgovlint: checking … {seconds} s", end="", file=sys.stderr, flush=True)
            if self._done.wait(1.0):
                print("\r\x1b[K", end="", file=sys.stderr, flush=True)
                return
            seconds += 1

    def __exit__(self, *_exception: object) -> None:
        if self._active:
            self._done.set()
            self._thread.join()
