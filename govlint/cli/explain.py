"""`govlint explain`: what a rule means, why it is there, how to fix what it finds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from govlint.pages import Example, Page


def _complete_rules(
    ctx: click.Context, param: click.Parameter, incomplete: str
) -> list[click.shell_completion.CompletionItem]:
    from govlint.cli.completion import complete_rules

    return complete_rules(ctx, param, incomplete)


@click.command("explain", short_help="Say what a rule means and how to fix it.")
@click.argument("rule", shell_complete=_complete_rules)
@click.option("--format", "form", type=click.Choice(["text", "markdown", "json"]), default="text")
@click.option("--config", "config_file", metavar="FILE", help="Use this configuration file.")
def explain(rule: str, form: str, config_file: str | None) -> None:
    """Say what RULE (a code such as GOV101, or a name) means and how to fix what it finds."""
    from govlint.catalog import read_page
    from govlint.cli.rules import project_catalog

    catalog, _ = project_catalog(config_file)
    page = read_page(Path(catalog.get(rule).path))
    write = {"json": _as_json, "markdown": _as_markdown, "text": _as_text}[form]
    click.echo(write(page))


def _as_json(page: Page) -> str:
    rule = page.rule
    document = {
        "code": rule.code,
        "name": rule.name,
        "severity": rule.severity.label,
        "pack": rule.pack,
        "since": rule.since,
        "check": rule.check,
        "params": dict(rule.params),
        "spec": rule.spec,
        "summary": rule.summary,
        "why": rule.why,
        "fix": rule.fix,
        "examples": [
            {
                "valid": example.valid,
                "files": example.files,
                "expected": [
                    {
                        "path": e.path,
                        "line": e.line,
                        "rule": e.code or rule.code,
                        "pointer": e.pointer,
                    }
                    for e in example.expected
                ],
            }
            for example in page.examples
        ],
    }
    return json.dumps(document, indent=2, ensure_ascii=False, default=str)


def _as_markdown(page: Page) -> str:
    rule = page.rule
    parts = [
        f"# {rule.code} {rule.name}: {rule.summary}",
        f"{rule.severity.label}, since {rule.since}, spec {rule.spec}",
        rule.why,
        "## How to fix",
        rule.fix,
    ]
    for heading, example in _shown(page):
        parts += [f"## {heading}", *_blocks(example)]
    return "\n\n".join(parts)


def _blocks(example: Example) -> list[str]:
    blocks = []
    for name, text in example.files.items():
        fence = "```"
        while fence in text:
            fence += "`"
        blocks.append(f'{fence}{name.rpartition(".")[2]} title="{name}"\n{text}{fence}')
    return blocks


def _as_text(page: Page) -> str:
    rule = page.rule
    parts = [
        f"{rule.code} {rule.name} ({rule.severity.label}, since {rule.since}, spec {rule.spec})",
        rule.summary,
        rule.why,
        "How to fix",
        _indented(rule.fix),
    ]
    for heading, example in _shown(page):
        parts.append(heading)
        for name, text in example.files.items():
            named = f"{name}:\n" if len(example.files) > 1 else ""
            parts.append(_indented(named + text.rstrip("\n")))
    return "\n\n".join(parts)


def _shown(page: Page) -> list[tuple[str, Example]]:
    """The first example of each kind; the page has them all."""
    firsts = [next(e for e in page.examples if e.valid is valid) for valid in (False, True)]
    return list(zip(("Invalid", "Valid"), firsts, strict=True))


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" if line else line for line in text.split("\n"))
