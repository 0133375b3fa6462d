"""Which files of the project import given modules, found without parsing most of them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from govlint.python.symbols import Module
from govlint.python.syntax.source import UnparsableError

if TYPE_CHECKING:
    from govlint.python.program import Program

_DYNAMIC = re.compile(rb"import_module|__import__|sys\.modules|exec\b|eval\b")
_CONTINUED = re.compile(rb"\b(?:import|from)[^\n]*\\\r?\n")


def importers_of(program: Program, targets: Iterable[str]) -> set[str]:
    """Modules not read yet that import one of `targets`.

    A search over bytes for the targets' last names near an import statement decides
    which files are parsed at all; their import statements then decide exactly. Test
    files are left out, they are exempt.
    """
    wanted = set(targets)
    stems = {name.rpartition(".")[2] for name in wanted}
    parents = {name.rpartition(".")[0].rpartition(".")[2] for name in wanted} - {""}
    if not stems:
        return set()
    stem_pattern = _alternatives(stems)
    anywhere = re.compile(rb"\b(?:" + stem_pattern + rb")\b")
    nearby = re.compile(rb"\b(?:import|from)\b[^\n]*\b(?:" + stem_pattern + rb")\b")
    through = (
        re.compile(rb"\b(?:import|from)\b[^\n]*(?:\b(?:" + _alternatives(parents) + rb")\b|\.)")
        if parents
        else re.compile(rb"\bfrom[ \t]+\.")
    )
    found: set[str] = set()
    for name, file in program.files.items():
        known = program.modules.get(name)
        if known is not None and not known.on_demand:
            continue
        if file.is_test or file.failure is not None:
            continue
        try:
            data = file.load()
        except UnparsableError:
            continue
        if file.nonascii:
            candidate = True
        else:
            candidate = anywhere.search(data) is not None and (
                nearby.search(data) is not None
                or through.search(data) is not None
                or _CONTINUED.search(data) is not None
                or _DYNAMIC.search(data) is not None
            )
        if candidate and _imports(program, name, wanted, data):
            found.add(name)
    return found


def _alternatives(words: Iterable[str]) -> bytes:
    return b"|".join(sorted(re.escape(word.encode()) for word in words))


def _imports(program: Program, name: str, wanted: set[str], data: bytes) -> bool:
    import ast

    file = program.files[name]
    try:
        tree = file.tree()
    except UnparsableError:
        return False
    if _DYNAMIC.search(data):
        return True
    module = Module(name, file.path, "", tree, file.is_test, file.is_package)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if _reaches(program.resolve_module(alias.name, module), wanted):
                    return True
        elif isinstance(node, ast.ImportFrom):
            source = program.resolve_from(node, module)
            owner = program.resolve_module(source, module)
            if owner is None:
                continue
            if owner in wanted:
                return True
            for alias in node.names:
                if alias.name == "*" and _reaches(owner, wanted):
                    return True
                if _reaches(f"{owner}.{alias.name}", wanted):
                    return True
    return False


def _reaches(name: str | None, wanted: set[str]) -> bool:
    """Whether importing `name` gives one of the modules, itself or below it."""
    if name is None:
        return False
    return name in wanted or any(target.startswith(f"{name}.") for target in wanted)
