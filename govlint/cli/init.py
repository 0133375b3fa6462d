"""`govlint init`: look at a repository, propose its bindings, say why."""

from __future__ import annotations

import os
import re
import tempfile
import textwrap
from collections.abc import Iterable, Mapping
from typing import Any

import click

from govlint.errors import UsageError
from govlint.proposal import Proposal, propose
from govlint.python.bindings import Bindings

_HEADER = re.compile(r"\s*\[+\s*[\"']?tool[\"']?\s*\.\s*[\"']?govlint[\"']?\s*[.\]]")
_ANY_HEADER = re.compile(r"\s*\[")
_WIDTH = 100
_HOOK = """\
To refuse a commit that breaks a rule, add this to .pre-commit-config.yaml:

  - repo: local
    hooks:
      - id: govlint
        name: govlint
        entry: govlint check
        language: system
        types_or: [python, pyi]
        pass_filenames: false
"""


@click.command("init", short_help="Propose bindings for a repository.")
@click.argument("path", default=".", type=click.Path())
@click.option("--write", is_flag=True, help="Write it to pyproject.toml, else to govlint.toml.")
@click.option("--force", is_flag=True, help="Replace the configuration that is there already.")
def init(path: str, write: bool, force: bool) -> None:
    """Look at the repository in PATH and propose `[tool.govlint]` for it.

    Standard output is the configuration, as TOML, with the evidence in comments; nothing is
    written without --write. What is proposed is a guess from the names and shapes in the
    code: read it before you keep it.
    """
    root = os.path.abspath(path)
    if not os.path.isdir(root):
        what = "is not a directory" if os.path.exists(root) else "does not exist"
        raise UsageError(f"init: {path} {what}; give the root of a repository")
    target, existing = _target(root)
    shown = os.path.relpath(target) if target.startswith(os.getcwd() + os.sep) else target
    if existing and not force:
        raise UsageError(
            f"init: {shown} configures govlint already; --force proposes"
            f"{' and writes' if write else ''} a new configuration in its place"
        )
    proposal, files, unread = _survey(root)
    prefix = "tool.govlint" if target.endswith("pyproject.toml") else ""
    text = _to_toml(proposal, prefix)
    if write:
        _write(target, text, shown)
        _say(f"Wrote {shown}.")
    click.echo(text, nl=False)
    _say(_summary(proposal, files, unread))
    if not write:
        _say("Nothing was written; --write puts it into " + shown + ".")
    if not os.path.exists(os.path.join(root, ".pre-commit-config.yaml")):
        _say("\n" + _HOOK)


def _say(text: str) -> None:
    """Speak to the person; standard output stays a TOML document."""
    click.echo(text, err=True)


def _survey(root: str) -> tuple[Proposal, int, int]:
    from govlint.config import DEFAULT_EXCLUDE, MAX_FILE_SIZE
    from govlint.discover import discover
    from govlint.survey import survey

    found = discover([root], root, root, DEFAULT_EXCLUDE, MAX_FILE_SIZE)
    seen = survey((target.path, target.abspath) for target in found.targets)
    return propose(seen), seen.files, seen.unread


def _summary(proposal: Proposal, files: int, unread: int) -> str:
    if not files:
        return "No Python file was found outside tests, so the defaults are proposed."
    text = f"Looked at {files} Python file{'s' if files != 1 else ''} outside tests"
    if unread:
        text += f" ({unread} could not be read)"
    if proposal.values:
        return f"{text}; proposed {len(proposal.values)} bindings."
    if proposal.known:
        return f"{text}; every part has a name that needs no binding."
    return f"{text} and found no plugins and no gate; the defaults are proposed."


def _to_toml(proposal: Proposal, prefix: str) -> str:
    """The proposal as TOML tables below `prefix` ("tool.govlint", or "" in govlint.toml)."""
    lines = [f"[{prefix}]"] if prefix else []
    for key, names in proposal.known.items():
        verb = "needs" if len(names) == 1 else "need"
        lines += ["", *_comment(f"{key}: {', '.join(names)} {verb} no binding", 0)]
        lines += _evidence(proposal, key)
    if proposal.values:
        table = f"{prefix}.bindings" if prefix else "bindings"
        lines += ["", f"[{table}]"] if lines else [f"[{table}]"]
        for key, value in proposal.values.items():
            lines += [*_evidence(proposal, key), f"{key} = {_array(value)}"]
    elif not proposal.known:
        defaults: Mapping[str, Iterable[str]] = {
            "plugins": Bindings().plugins,
            "governed-methods": Bindings().governed_methods,
            "gates": Bindings().gates,
        }
        lines += [
            "# No class was found that others implement as plugins, and no gate that runs them.",
            "# Until you name yours, these names count:",
            *(f"# bindings.{key} = {_array(list(value))}" for key, value in defaults.items()),
        ]
    return "\n".join(lines).lstrip("\n") + "\n"


def _evidence(proposal: Proposal, key: str) -> list[str]:
    return [line for reason in proposal.reasons[key] for line in _comment(reason, 2)]


def _comment(text: str, indent: int) -> list[str]:
    lead = "#" + " " * (indent + 1)
    return textwrap.wrap(
        _plain(text),
        _WIDTH,
        initial_indent=lead,
        subsequent_indent=lead + "  ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def _plain(text: str) -> str:
    """One line without control characters, which TOML allows in no comment."""
    return "".join(char if char.isprintable() else "�" for char in text)


def _array(value: list[str] | list[list[str]]) -> str:
    return "[" + ", ".join(_array(v) if isinstance(v, list) else f'"{v}"' for v in value) + "]"


def _target(root: str) -> tuple[str, bool]:
    """The file to write, and whether it configures govlint already."""
    own = os.path.join(root, "govlint.toml")
    shared = os.path.join(root, "pyproject.toml")
    if os.path.exists(own):
        return own, True
    if not os.path.exists(shared):
        return own, False
    return shared, "govlint" in _tool(_load(_read(shared), shared))


def _tool(document: dict[str, Any]) -> dict[str, Any]:
    tool = document.get("tool", {})
    return tool if isinstance(tool, dict) else {}


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", newline="") as stream:
            return stream.read()
    except OSError as error:
        raise UsageError(f"init: {path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UsageError(f"init: {path} is not UTF-8, as TOML has to be") from None


def _load(text: str, path: str) -> dict[str, Any]:
    import tomllib

    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"init: {path} is not TOML: {error}") from None


def _write(target: str, text: str, shown: str) -> None:
    """Append to (or replace in) `target`; every byte that is not ours stays as it is."""
    if target.endswith("govlint.toml"):
        return _replace(target, text)
    before = _read(target)
    newline = "\r\n" if "\r\n" in before else "\n"
    kept = _without_ours(before)
    if kept and not kept.endswith("\n"):
        kept += newline
    after = kept + (newline if kept.strip() else "") + text.replace("\n", newline)
    # TOML can say the same in many ways (dotted keys, inline tables); where cutting our
    # tables out by their headers was not the whole of it, leave the file alone.
    try:
        changed = _load(after, shown)
    except UsageError:
        changed = {}
    expected = _load(before, shown)
    _tool(expected).pop("govlint", None)
    if "tool" in expected and not expected["tool"]:
        del expected["tool"]
    ours = _tool(changed).pop("govlint", None)
    if "tool" in changed and not changed["tool"]:
        del changed["tool"]
    if ours is None or changed != expected:
        raise UsageError(
            f"init: {shown} writes tool.govlint in a way that cannot be replaced safely; "
            "remove it by hand and run init again"
        )
    return _replace(target, after)


def _without_ours(text: str) -> str:
    """`text` without its [tool.govlint…] tables."""
    kept: list[str] = []
    ours = False
    for line in text.splitlines(keepends=True):
        if _ANY_HEADER.match(line):
            ours = _HEADER.match(line) is not None
        if not ours:
            kept.append(line)
    return "".join(kept)


def _replace(path: str, text: str) -> None:
    """Write whole or not at all, through links, keeping the file's mode."""
    real = os.path.realpath(path)
    try:
        handle, temporary = tempfile.mkstemp(dir=os.path.dirname(real), prefix=".govlint-init-")
        try:
            with open(handle, "w", encoding="utf-8", newline="") as stream:
                stream.write(text)
            mode = os.stat(real).st_mode & 0o777 if os.path.exists(real) else 0o644
            os.chmod(temporary, mode)
            os.replace(temporary, real)
        except BaseException:
            os.unlink(temporary)
            raise
    except OSError as error:
        raise UsageError(f"init: {path} cannot be written: {error.strerror}") from None
