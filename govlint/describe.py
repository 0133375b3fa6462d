"""Which rules and layers hold for one path, before anything is written to it.

Judged by the configuration, the path and, where the file is there, the classes it declares:
what a person or an agent has to know before writing, at the cost of no analysis.
"""

from __future__ import annotations

import ast
import datetime
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from govlint.config import Config
from govlint.discover import shown_path
from govlint.model import Rule
from govlint.patterns import PathPatterns
from govlint.python.bindings import Bindings, matches_any
from govlint.python.syntax.layout import is_test, place_files
from govlint.python.syntax.parse import build_tree

# rules that hold for tests, too (rules.md, "Names that need no configuration")
_FOR_TESTS = re.compile(r"GOV702|GOV8\d\d|GOV901")
_PARTS = (
    ("plugin", "plugins"),
    ("plugin registry", "registries"),
    ("lifecycle manager", "lifecycle_managers"),
    ("domain service", "participants"),
    ("execution context", "contexts"),
    ("state surface", "state_surfaces"),
    ("policy", "policies"),
    ("runtime", "runtimes"),
    ("event log", "event_logs"),
)


@dataclass(frozen=True, slots=True)
class Role:
    """A part that the file plays: its layer or another bound part, and what says so.

    `calls` is the next layer, the only one it may call; empty where it is no layer.
    """

    part: str
    evidence: str
    calls: str = ""


@dataclass(frozen=True, slots=True)
class Exempt:
    """A rule that does not hold for the path, and why."""

    rule: Rule
    reason: str


@dataclass(slots=True)
class Description:
    """What holds for one path."""

    path: str
    exists: bool
    kind: str  # python, test, excluded or other
    module: str = ""
    roles: list[Role] = field(default_factory=list)
    rules: list[Rule] = field(default_factory=list)
    exempt: list[Exempt] = field(default_factory=list)


def describe(
    path: str, config: Config, rules: Sequence[Rule], ignored: Sequence[frozenset[str]]
) -> Description:
    """Say what holds for `path`; `ignored` are the codes of each per-path entry."""
    abspath = os.path.abspath(path)
    relative = shown_path(abspath, config.root)
    found = Description(shown_path(abspath, os.getcwd()), os.path.isfile(abspath), "other")
    if PathPatterns(config.exclude).match(relative):
        found.kind = "excluded"
        found.exempt = [Exempt(rule, "the path is excluded") for rule in rules]
        return found
    if not relative.endswith((".py", ".pyi")):
        found.exempt = [Exempt(rule, "the rule reads Python files") for rule in rules]
        return found
    found.kind = "test" if is_test(relative) else "python"
    found.module = place_files([abspath], config.root)[abspath].module
    if found.kind == "python":
        found.roles = roles(abspath, found.module, config.bindings)
    accepted = _accepted(config, relative, ignored)
    for rule in rules:
        if rule.code in accepted:
            found.exempt.append(Exempt(rule, accepted[rule.code]))
        elif found.kind == "test" and not _FOR_TESTS.fullmatch(rule.code):
            found.exempt.append(Exempt(rule, "tests are exempt"))
        elif found.kind == "python" and rule.code == "GOV702":
            found.exempt.append(Exempt(rule, "the file is no test"))
        else:
            found.rules.append(rule)
    return found


def _accepted(config: Config, relative: str, ignored: Sequence[frozenset[str]]) -> dict[str, str]:
    """The codes that the configuration does not apply to a path, with the reason."""
    today = datetime.date.today().isoformat()
    found: dict[str, str] = {}
    for entry, codes in zip(config.per_path, ignored, strict=True):
        if entry.until is not None and entry.until < today:
            continue
        if PathPatterns(entry.paths).match(relative):
            for code in codes:
                found.setdefault(code, entry.reason)
    return found


def roles(abspath: str, module: str, bindings: Bindings) -> list[Role]:
    """The parts that a file plays by its place, its name and the classes in it."""
    names = {_camel(module.rpartition(".")[2]): f"the file is named {os.path.basename(abspath)}"}
    for name, bases in _classes(abspath):
        names[name] = f"it declares {name}"
        for base in bases:
            names.setdefault(base, f"{name} derives from {base}")
    found: list[Role] = []
    gates = tuple(entry.rpartition(".")[0] or entry for entry in bindings.gates)
    chain: list[tuple[str, tuple[str, ...]]] = [
        (layer.rpartition(".")[2], (layer,)) for layer in bindings.layers
    ]
    chain.append((gates[0].rpartition(".")[2] if gates else "the gate", gates))
    below = [name for name, _ in chain]
    packages = [part for part in module.split(".") if matches_any(bindings.api, part)]
    if packages:
        found.append(Role("API", f"it is in {packages[0]}", below[0]))
    for position, (layer, patterns) in enumerate(chain):
        for name, why in names.items():
            if matches_any(patterns, name):
                following = below[position + 1] if position + 1 < len(below) else "the plugin"
                part = "gate" if position + 1 == len(below) else f"layer {layer}"
                found.append(Role(part, why, following))
                break
    for part, key in _PARTS:
        for name, why in names.items():
            if matches_any(getattr(bindings, key), name):
                found.append(Role(part, why))
                break
    return found


def _camel(stem: str) -> str:
    return "".join(word[:1].upper() + word[1:] for word in stem.split("_"))


def _classes(abspath: str) -> list[tuple[str, list[str]]]:
    """The classes that a file declares, with their bases; none where it cannot be read."""
    try:
        with open(abspath, "rb") as stream:
            tree = build_tree(stream.read())
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    return [
        (node.name, [ast.unparse(base).rpartition(".")[2] for base in node.bases])
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
    ]
