"""Which files of a project are parsed and followed, and in what order.

Linking starts from the files that mention something governed, follows imports to those
that can see it, and asks for further files when something governed is handed to them.
Cost follows the governed part of the project, not its size.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields
from pathlib import Path

from govlint.python import governed, importers
from govlint.python.api.serving import serves
from govlint.python.bindings import Bindings, has_wildcard, literal_parts
from govlint.python.flow import values as v
from govlint.python.program import Program
from govlint.python.syntax.source import ScannedFile, UnparsableError

# Rounds of reading further files before the rest is left out and said so.
_MAX_ROUNDS = 400
# Modules that are followed whole, for the domain services that reach them.
_MAX_WHOLE = 400
# words that matter only in code that answers requests
_WEAK = frozenset({"traceback", "envelope", '"_internal"', "'_internal'"})


def _whole_words(words: Iterable[str], bindings: Bindings) -> dict[str, re.Pattern[bytes]]:
    """For each word that is a whole name, the pattern it has to stand in a file as.

    Parts of a wildcard entry may stand inside a longer name.
    """
    inside = {
        part
        for field in fields(bindings)
        for entry in getattr(bindings, field.name)
        if isinstance(entry, str) and has_wildcard(entry)
        for part in literal_parts(entry)
    }
    return {
        word: re.compile(rb"(?<!\w)" + re.escape(word.encode()) + rb"(?!\w)")
        for word in words
        if word and word not in inside
    }


Deciders = Mapping[str, Sequence[Callable[[bytes], bool]]]


def _followed_whole(file: ScannedFile, hit: frozenset[str], deciders: Deciders) -> bool:
    """Whether a check that asked about a file's bytes wants it followed whole."""
    asked = {decide for word in hit for decide in deciders.get(word, ())}
    if not asked:
        return False
    try:
        data = file.load()
    except UnparsableError:
        return False
    return any(decide(data) for decide in asked)


def _starts_here(
    file: ScannedFile,
    hit: frozenset[str],
    names: Mapping[str, re.Pattern[bytes]],
    bindings: Bindings,
) -> bool:
    """Whether linking starts from a file that holds the words `hit`."""
    if file.nonascii or "" in hit:
        return True
    strong = hit - _WEAK
    if strong:
        try:
            data = file.load()
        except UnparsableError:
            return False
        if any(word not in names or names[word].search(data) for word in strong):
            return True
    return bool(hit & _WEAK) and serves(file, bindings)


def _load_imported(program: Program) -> None:
    """Read what the modules that are followed whole import, and what that imports.

    What a domain service does is what it makes others do. They are read before anything
    is followed, so that nothing has to be followed twice.
    """
    pending = sorted(program.whole & set(program.modules))
    while pending and len(program.whole) < _MAX_WHOLE:
        module = program.modules[pending.pop(0)]
        for statement in module.imports:
            if isinstance(statement, ast.ImportFrom):
                source = program.resolve_from(statement, module)
                names = [source, *(f"{source}.{alias.name}" for alias in statement.names)]
            else:
                names = [alias.name for alias in statement.names]
            for dotted in names:
                found = program.resolve_module(dotted, module)
                file = program.files.get(found) if found is not None else None
                if found is None or file is None or file.is_test or found in program.whole:
                    continue
                program.whole.add(found)
                if program.load(found) is not None:
                    pending.append(found)


def link(
    files: Sequence[ScannedFile],
    bindings: Bindings,
    root: Path,
    seed_words: Iterable[str] | None = None,
    deciders: Deciders | None = None,
) -> Program:
    """Link the project: parse what governed things can reach and follow their values.

    `files` are all Python files of the project; those whose `words` hold one of
    `seed_words` (any word by default) are where linking starts. A word that has
    `deciders` starts nothing by itself: they look at the bytes of the file.
    """
    v.forget()
    program = Program(files, bindings, root)
    wanted = None if seed_words is None else frozenset(seed_words)
    names = _whole_words(wanted or (), bindings)
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(max(limit, 20_000))
    try:
        for file in files:
            hit = file.words if wanted is None else file.words & wanted
            if not hit or file.is_test:
                continue
            if deciders and _followed_whole(file, hit, deciders):
                program.whole.add(file.module)
                program.load(file.module)
                continue
            plain = hit - deciders.keys() if deciders else hit
            if plain and _starts_here(file, plain, names, bindings):
                program.load(file.module)
        _load_imported(program)
        program.flow.solve()
        expanded: set[str] = set()
        for _ in range(_MAX_ROUNDS):
            unread = governed.unread_callees(program)
            program.whole |= unread
            asked = program.flow.wanted | governed.unread_bases(program)
            program.flow.wanted.clear()
            exporters = governed.exporters(program) - expanded
            expanded |= exporters
            found = importers.importers_of(program, exporters) if exporters else set()
            found |= unread
            before = set(program.modules)
            upgraded = {name for name in found & before if program.modules[name].on_demand}
            for name in sorted(found):
                program.load(name)
            for name in sorted(asked - before - found):
                program.load(name, on_demand=True)
            fresh = (set(program.modules) - before) | upgraded
            if not fresh and not exporters:
                break
            program.flow.reconsider(fresh)
            program.flow.solve()
        else:
            program.problems.append(("limit", "imports could not be followed to their end", ""))
        if program.flow.exhausted:
            program.problems.append(
                ("limit", "value flow was given up: too many combinations of calls", "")
            )
        for module, message in program.flow.failed.items():
            program.problems.append(("limit", message, module.path))
    finally:
        sys.setrecursionlimit(limit)
    return program
