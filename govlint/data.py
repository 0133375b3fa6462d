"""Where the law book's data lies: beside the package in a checkout, inside it in a wheel."""

from __future__ import annotations

from pathlib import Path

from govlint.errors import ConfigError


def data_dir(kind: str) -> Path:
    """The folder `rules` or `schemas`. Raises ConfigError where the installation has none."""
    package = Path(__file__).resolve().parent
    for candidate in (package / "_data" / kind, package.parent / kind):
        if candidate.is_dir():
            return candidate
    raise ConfigError(f"this installation of govlint has no `{kind}` folder; install it again")
