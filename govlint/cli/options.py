"""The options of `govlint check`, as data: one table, read in two ways.

click builds the command from it: help, completion, messages about mistakes. A run whose
arguments are plainly right is read here instead, because importing click takes longer
than a whole run with nothing changed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple


class Option(NamedTuple):
    """One option. `read` turns its text into a value and raises ValueError with the reason."""

    flags: tuple[str, ...]
    help: str
    metavar: str | None = None
    is_flag: bool = False
    multiple: bool = False
    choices: tuple[str, ...] = ()
    read: Callable[[str], Any] | None = None
    default: Any = None
    name: str = ""
    completes_rules: bool = False

    @property
    def parameter(self) -> str:
        """The name of the parameter that takes its value."""
        return self.name or self.flags[0].lstrip("-").replace("-", "_")


def read_jobs(text: str) -> int:
    """Read `--jobs`: a whole number from 1 to 256."""
    if text.isascii() and text.isdigit() and 1 <= int(text) <= 256:
        return int(text)
    raise ValueError(f"{text!r} is not a whole number from 1 to 256")


def read_shard(text: str) -> tuple[int, int]:
    """Read `--shard I/N`."""
    index, slash, count = text.partition("/")
    if slash and index.isascii() and count.isascii() and index.isdigit() and count.isdigit():
        shard = int(index), int(count)
        if 1 <= shard[0] <= shard[1]:
            return shard
    raise ValueError(f"{text!r} is not I/N with I from 1 to N, such as 2/4")


CHECK_OPTIONS = (
    Option(
        ("--format",),
        "Output format, repeatable; with =FILE written there. Default: text.",
        "NAME[=FILE]",
        multiple=True,
        name="formats",
    ),
    Option(("--output",), "Write what would go to standard output to FILE.", "FILE"),
    Option(
        ("--select",),
        "Run only these rules (codes, names or packs, comma-separated).",
        "RULES",
        multiple=True,
        completes_rules=True,
    ),
    Option(("--ignore",), "Leave these rules out.", "RULES", multiple=True, completes_rules=True),
    Option(("--diff",), "Report only what changed since REV parted.", "REV"),
    Option(("--baseline",), "Silence the findings that FILE accepts.", "FILE"),
    Option(("--no-baseline",), "Use no baseline, not even the configured.", is_flag=True),
    Option(("--fix",), "Apply safe fixes.", is_flag=True),
    Option(
        ("--show-fixes",),
        "Print as a diff what --fix changes; without --fix, what it would change.",
        is_flag=True,
    ),
    Option(
        ("--unsafe-fixes",),
        "With --fix or --show-fixes: also the fixes that are to be looked at.",
        is_flag=True,
    ),
    Option(
        ("--fail-on",),
        "Lowest severity that makes the exit code 1. Default: note.",
        choices=("note", "warning", "error"),
    ),
    Option(("--jobs", "-j"), "Processes to scan with.", "N", read=read_jobs),
    Option(("--no-cache",), "Neither read nor write the cache.", is_flag=True),
    Option(("--shard",), "Report on part I of N of the files.", "I/N", read=read_shard),
    Option(("--statistics",), "Add counts and seconds.", is_flag=True),
    Option(("--config",), "Use this configuration file.", "FILE", name="config_file"),
    Option(("--stdin-filename",), "What '-' (standard input) stands for.", "PATH"),
    Option(("--quiet", "-q"), "Print findings and problems only.", is_flag=True),
    Option(("--verbose", "-v"), "Say on standard error what is being done.", is_flag=True),
    Option(
        ("--color",),
        "Colours in text output. Default: auto (NO_COLOR is honoured).",
        choices=("auto", "always", "never"),
        default="auto",
    ),
)


def read_arguments(options: Sequence[Option], arguments: Sequence[str]) -> dict[str, Any] | None:
    """Read a command line as click would; None where there is anything to say about it."""
    by_flag = {flag: option for option in options for flag in option.flags}
    values: dict[str, Any] = {option.parameter: _start(option) for option in options}
    paths: list[str] = []
    rest = iter(arguments)
    for argument in rest:
        if argument == "--":
            paths.extend(rest)
            break
        if argument == "-" or not argument.startswith("-"):
            paths.append(argument)
            continue
        flag, equals, text = argument.partition("=")
        option = by_flag.get(flag)
        if option is None or (equals and (option.is_flag or not flag.startswith("--"))):
            return None
        if option.is_flag:
            values[option.parameter] = True
            continue
        if not equals:
            following = next(rest, None)
            if following is None:
                return None
            text = following
        value: Any = text
        if option.choices and text not in option.choices:
            return None
        if option.read is not None:
            try:
                value = option.read(text)
            except ValueError:
                return None
        if option.multiple:
            values[option.parameter] += (value,)
        else:
            values[option.parameter] = value
    values["paths"] = tuple(paths)
    return values


def _start(option: Option) -> Any:
    if option.multiple:
        return ()
    return False if option.is_flag else option.default
