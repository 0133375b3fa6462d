"""`govlint rules`: list the rules, begin a page of your own, run the examples of pages."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from govlint.errors import ConfigError, RuleError, UsageError

if TYPE_CHECKING:
    from govlint.catalog import Catalog
    from govlint.model import Rule
    from govlint.pages import Page

OPEN = "TODO(rule)"  # what `rules new` leaves to be written, and `rules test` refuses
_RESERVED = ("GOV", "RPT", "MSN", "ROL", "RCP")
_CONFIG = click.option(
    "--config", "config_file", metavar="FILE", help="Use this configuration file."
)


@click.group("rules", short_help="List, write and test rule pages.")
def rules() -> None:
    """List the rules, begin a page of your own, run the examples of pages."""


def project_catalog(config_file: str | None, *, make: bool = False) -> tuple[Catalog, list[Path]]:
    """The rules that hold in the working directory, and the project's own rule folders.

    With `make` a folder may be missing that is configured, as its first page will make it.
    """
    from govlint.catalog import load_catalog
    from govlint.config import load_config

    folders = [Path(folder) for folder in load_config((), config_file).rules]
    there = [folder for folder in folders if not make or os.path.lexists(folder)]
    return load_catalog(there), folders


def shown(path: str | Path) -> str:
    """A path as the user would type it from here."""
    relative = os.path.relpath(path)
    return str(path) if relative.startswith("..") else relative


# -- list ------------------------------------------------------------------------------------


@rules.command("list", short_help="List all rules.")
@click.option("--format", "form", type=click.Choice(["text", "json", "markdown"]), default="text")
@click.option(
    "--select",
    multiple=True,
    metavar="RULES",
    help="Only these rules (codes, names or packs, comma-separated).",
)
@_CONFIG
def list_rules(form: str, select: tuple[str, ...], config_file: str | None) -> None:
    """List all rules: the built-in ones and those of the project's own folders."""
    from govlint.cli.checking import split_list

    catalog, _ = project_catalog(config_file)
    every = catalog.select(split_list(select))
    if form == "json":
        entries = [
            {
                "code": rule.code,
                "name": rule.name,
                "severity": rule.severity.label,
                "pack": rule.pack,
                "since": rule.since,
                "check": rule.check,
                "spec": rule.spec,
                "summary": rule.summary,
                "path": shown(rule.path),
            }
            for rule in every
        ]
        click.echo(json.dumps(entries, indent=2, ensure_ascii=False))
    elif form == "markdown":
        click.echo(_as_index(every), nl=False)
    else:
        widest = max((len(rule.name) for rule in every), default=0)
        for rule in every:
            label = rule.severity.label
            click.echo(f"{rule.code}  {rule.name:{widest}}  {label:7}  {rule.summary}")


def _as_index(every: Sequence[Rule]) -> str:
    """The index of the rules, as `rules/README.md` holds it."""
    lines = [
        "# Rules",
        "",
        "One page a rule: why it matters, how to fix it, and examples that are run as tests.",
        "This index is what `govlint rules list --format markdown` prints.",
    ]
    for pack in dict.fromkeys(rule.pack for rule in every):
        lines += ["", f"## {pack}", "", "| code | name | severity | what must hold |"]
        lines += ["| --- | --- | --- | --- |"]
        for rule in every:
            if rule.pack == pack:
                link = f"[{rule.code}]({_link(rule)})"
                summary = rule.summary.replace("|", "\\|")
                lines.append(f"| {link} | {rule.name} | {rule.severity.label} | {summary} |")
    return "\n".join(lines) + "\n"


def _link(rule: Rule) -> str:
    from govlint.data import data_dir

    builtin = data_dir("rules")
    path = Path(rule.path)
    if path.is_relative_to(builtin):
        return path.relative_to(builtin).as_posix()
    return shown(path).replace(os.sep, "/")


# -- new -------------------------------------------------------------------------------------


@rules.command("new", short_help="Begin a rule page.")
@click.argument("code")
@click.argument("name")
@click.option("--dir", "folder", metavar="DIR", help="Where to. Default: governance.")
@click.option("--pack", metavar="PACK", help="Into a pack of govlint's own rules, in its checkout.")
@click.option("--check", "kind", default="plugin-run", help="The check that the rule uses.")
@_CONFIG
def new(
    code: str,
    name: str,
    folder: str | None,
    pack: str | None,
    kind: str,
    config_file: str | None,
) -> None:
    """Write the skeleton of a rule page: CODE as ACM001, NAME as no-print-in-gate.

    What is left to write says TODO(rule); `govlint rules test` refuses the page until it is
    written.
    """
    from govlint.catalog import check_kinds
    from govlint.files import write_atomic
    from govlint.pages import CODE, NAME, nearest

    if not CODE.fullmatch(code):
        raise UsageError(f"a code is three capitals and three digits, as ACM001, found {code!r}")
    if not NAME.fullmatch(name):
        raise UsageError(f"a name is lower-case words joined by `-`, found {name!r}")
    kinds = check_kinds()
    if kind not in kinds:
        hint = nearest(kind, kinds) or f"; there are {', '.join(kinds)}"
        raise UsageError(f"there is no check {kind!r}{hint}")
    folder = _folder_for(folder, pack)
    catalog, folders = project_catalog(config_file, make=True)
    for rule in catalog.rules.values():
        if code == rule.code or name == rule.name:
            what = code if code == rule.code else name
            raise UsageError(f"{what} is already the rule of {shown(rule.path)}")
    target = Path(folder) / f"{code}-{name}.md"
    if code[:3] in _RESERVED and not _is_builtin(target):
        listed = ", ".join(_RESERVED)
        raise UsageError(f"codes with {listed} are govlint's own; take three other letters")
    if os.path.lexists(target):
        raise UsageError(f"{target} is there already; it is left as it is")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(str(target), _skeleton(code, name, kind).encode())
    except OSError as error:
        raise UsageError(f"{target} cannot be written: {error.strerror}") from None
    click.echo(f"Wrote {target}; write what it leaves open, then run: govlint rules test {target}")
    here = target.parent.resolve()
    if not _is_builtin(target) and not any(here.is_relative_to(f.resolve()) for f in folders):
        click.echo(f"To enforce it, add to [tool.govlint]: rules = [{json.dumps(folder)}]")


def _folder_for(folder: str | None, pack: str | None) -> str:
    from govlint.data import data_dir
    from govlint.pages import NAME

    if pack is None:
        return folder or "governance"
    if folder is not None:
        raise UsageError("--dir and --pack both say where the page goes; give one of them")
    if not NAME.fullmatch(pack):
        raise UsageError(f"a pack is lower-case words joined by `-`, found {pack!r}")
    builtin = data_dir("rules")
    if builtin.parent.name == "_data":
        raise UsageError(
            "--pack is for a checkout of govlint, and this is an installed one; use --dir"
        )
    return shown(builtin / pack)


def _is_builtin(path: Path) -> bool:
    from govlint.data import data_dir

    return path.absolute().resolve().is_relative_to(data_dir("rules"))


def _skeleton(code: str, name: str, kind: str) -> str:
    return f"""---
id: {code}
name: {name}
severity: error
since: 0.1.0
check: {kind}
params: {{}}{_known_params(kind)}
spec: "{OPEN}: the document and section that demand this"
---

# {OPEN}: one line that says what must hold

{OPEN}: why it matters, and what happens where it is broken.

## How to fix

{OPEN}: what to write instead.

## Invalid

```python
# {OPEN}: code that breaks the rule, with a mark on every line that must be found
plugin.run(payload)  # expect: {code}
```

## Valid

```python
# {OPEN}: code that is close to it and right
```
"""


def _known_params(kind: str) -> str:
    from govlint.catalog import params_of

    listed = [f"{entry.replace('_', '-')}: {value!r}" for entry, value in params_of(kind).items()]
    return f"  # it takes {', '.join(listed)}" if listed else ""


# -- test ------------------------------------------------------------------------------------


@rules.command("test", short_help="Run the examples of rule pages.")
@click.argument("what", nargs=-1, metavar="[PAGE|DIR|CODE]...")
@_CONFIG
def test(what: tuple[str, ...], config_file: str | None) -> int:
    """Run every example of the pages: as it stands, from the cache, with CRLF, with a byte
    order mark, suppressed with a reason, and after its own fix.

    Without arguments: the pages of the project's own folders, or the built-in ones where
    there are none. Exit codes: 0 all as the pages say, 1 something differs, 2 a page is
    faulty or not finished, 3 an example could not be decided.
    """
    from govlint.catalog import read_page
    from govlint.examples import run_page

    catalog, folders = project_catalog(config_file)
    wrong = undecided = total = 0
    pages = []
    for path in _pages(what, catalog, folders):
        page = read_page(path)
        _refuse_open(page)
        catalog = catalog.including(page.rule)
        pages.append(page)
    for page in pages:
        ran = 0
        differ = 0
        for example, variant, mismatches in run_page(page, catalog):
            ran += 1
            form = "" if variant == "plain" else f" ({variant})"
            differ += bool(mismatches)
            for mismatch in mismatches:
                line = mismatch.line or example.line
                click.echo(f"{shown(page.rule.path)}:{line}: {mismatch.message}{form}")
                undecided += mismatch.undecided
        total += ran
        wrong += differ
        said = f"{differ} of {ran} runs differ" if differ else f"{ran} runs, all as the page says"
        click.echo(f"{page.rule.code} {page.rule.name}: {len(page.examples)} examples, {said}")
    if undecided:
        print("govlint: not all examples could be decided", file=sys.stderr)
        return 3
    return 1 if wrong else 0


def _pages(what: Sequence[str], catalog: Catalog, folders: Sequence[Path]) -> list[Path]:
    from govlint.catalog import page_paths
    from govlint.data import data_dir

    if not what:
        wanted = [page for folder in folders or [data_dir("rules")] for page in page_paths(folder)]
        if not wanted:
            listed = ", ".join(shown(folder) for folder in folders)
            raise ConfigError(f"there is no rule page in {listed}")
        return list(dict.fromkeys(wanted))
    found: list[Path] = []
    for word in what:
        path = Path(word).absolute()
        if path.is_dir():
            inside = page_paths(path)
            if not inside:
                raise UsageError(f"there is no rule page in {word}")
            found += inside
        elif path.exists():
            found.append(path)
        elif re.search(r"[/\\]|\.md$", word):
            raise UsageError(f"there is no page {word}")
        else:
            found += [Path(rule.path) for rule in catalog.select([word])]
    return list(dict.fromkeys(found))


def _refuse_open(page: Page) -> None:
    path = page.rule.path
    for number, line in enumerate(Path(path).read_text("utf-8").split("\n"), 1):
        if OPEN in line:
            raise RuleError(f"the page is not finished: write what says {OPEN}", path, number)
