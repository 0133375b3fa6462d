"""Every way govlint ends other than clean, as an exception with its exit code.

The command line turns these into one clear sentence on standard error; none of them
ever reaches a user as a traceback (design.md section 3, idea 3: fail closed).
"""

from __future__ import annotations

EXIT_CLEAN = 0
EXIT_FINDINGS = 1
EXIT_USAGE = 2
EXIT_INCOMPLETE = 3


class GovlintError(Exception):
    """Base of all errors that end a run; `exit_code` is what the process returns."""

    exit_code = EXIT_USAGE


class UsageError(GovlintError):
    """The command line asks for something that does not exist or contradicts itself."""


class ConfigError(GovlintError):
    """A configuration file cannot be used; the message names file, line and nearest key."""


class RuleError(GovlintError):
    """A rule page cannot be used. `path` and `line` (from 1) say where."""

    def __init__(self, message: str, path: str, line: int = 1) -> None:
        super().__init__(f"{path}:{line}: {message}")
        self.path = path
        self.line = line


class BaselineError(GovlintError):
    """A baseline file cannot be used or would have to grow."""


class IncompleteError(GovlintError):
    """The run could not decide: nothing to check, a path that cannot be read."""

    exit_code = EXIT_INCOMPLETE
