"""`govlint describe`: which rules and layers hold for a path, before it is written."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from govlint.describe import Description


@click.command("describe", short_help="Say which rules and layers hold for a path.")
@click.argument("path", type=click.Path())
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
@click.option("--config", "config_file", metavar="FILE", help="Use this configuration file.")
def describe(path: str, form: str, config_file: str | None) -> None:
    """Say which rules and layers hold for PATH, which need not be there yet."""
    import os
    from pathlib import Path

    from govlint.catalog import load_catalog
    from govlint.config import load_config
    from govlint.describe import describe as look
    from govlint.engine import Options, selected_rules
    from govlint.errors import UsageError

    if os.path.isdir(path):
        raise UsageError(f"{path} is a folder; describe takes the path of one file")
    config = load_config([path], config_file)
    catalog = load_catalog([Path(folder) for folder in config.rules])
    ignored = [
        frozenset(rule.code for rule in catalog.select(list(entry.ignore), []))
        for entry in config.per_path
    ]
    found = look(path, config, selected_rules(config, catalog, Options()), ignored)
    click.echo(_as_json(found) if form == "json" else _as_text(found))


def _as_json(found: Description) -> str:
    document = {
        "version": 1,
        "path": found.path,
        "exists": found.exists,
        "kind": found.kind,
        "module": found.module,
        "roles": [
            {"part": role.part, "evidence": role.evidence, "calls": role.calls or None}
            for role in found.roles
        ],
        "rules": [
            {
                "rule": rule.code,
                "name": rule.name,
                "severity": rule.severity.label,
                "summary": rule.summary,
            }
            for rule in found.rules
        ],
        "exempt": [
            {"rule": entry.rule.code, "name": entry.rule.name, "reason": entry.reason}
            for entry in found.exempt
        ],
    }
    return json.dumps(document, indent=2, ensure_ascii=False)


_KINDS = {
    "python": "Python code",
    "test": "a test",
    "excluded": "excluded from checking",
    "other": "no file that a rule reads",
}


def _as_text(found: Description) -> str:
    there = "" if found.exists else ", not written yet"
    lines = [f"{found.path}: {_KINDS[found.kind]}{there}"]
    for role in found.roles:
        calls = f"; it calls {role.calls} and no other layer" if role.calls else ""
        lines.append(f"  {role.part}: {role.evidence}{calls}")
    if found.rules:
        lines.append("")
        lines.append(f"{len(found.rules)} rules hold:")
        lines += [f"  {rule.code} {rule.name}: {rule.summary}" for rule in found.rules]
    reasons: dict[str, list[str]] = {}
    for entry in found.exempt:
        reasons.setdefault(entry.reason, []).append(entry.rule.code)
    for reason, codes in reasons.items():
        lines += ["", f"{len(codes)} do not, because {reason}:", f"  {', '.join(codes)}"]
    return "\n".join(lines)
