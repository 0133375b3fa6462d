"""`govlint role`: roles without the rest of a project."""

from __future__ import annotations

import click

from govlint.cli.check import checking_command

KINDS = ("role", "role-registry", "text")


@click.group(short_help="Check role definitions, registries and @role lines.")
def role() -> None:
    """Role definitions, role registries and `@role` lines."""


role.add_command(
    checking_command(
        """Check role definitions, registries and `@role` lines in PATHS.

        A file that is named is taken for a definition or a registry, whatever stands in it;
        in texts (shell, Markdown, Python, workflow YAML) the `@role` lines are judged. The
        roles there are come from the whole project that the paths lie in.
        """,
        "Check definitions, registries and @role lines.",
        KINDS,
    )
)
