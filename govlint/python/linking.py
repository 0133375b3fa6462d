"""Which files of a project are parsed and followed, and in what order.

Linking starts from the files that mention something governed, follows imports to those
that can see it, and asks for further files when something governed is handed to them.
Cost follows the governed part of the project, not its size.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from govlint.python import governed, importers
from govlint.python.bindings import Bindings
from govlint.python.entry import Entry
from govlint.python.flow import values as v
from govlint.python.program import Program
from govlint.python.syntax.source import ScannedFile, UnparsableError

# Rounds of reading further files before the rest is left out and said so.
_MAX_ROUNDS = 400
# Modules that are followed whole, for the domain services that reach them.
_MAX_WHOLE = 400

Deciders = Mapping[str, Sequence[Callable[[bytes], bool]]]


def _followed_whole(file: ScannedFile, hit: frozenset[str], deciders: Deciders) -> bool:
    """Whether a check that asked about a file's bytes wants it followed whole."""
    asked = {decide for word in hit for decide in deciders.get(word, ())}
    if not asked or file.is_test:
        return False
    try:
        data = file.load()
    except UnparsableError:
        return False
    return any(decide(data) for decide in asked)


def _own_words(words: Iterable[str] | None, deciders: Deciders | None) -> frozenset[str] | None:
    """The words that start linking by themselves: those that nobody has to decide about."""
    if words is None:
        return None
    return frozenset(words) - (deciders.keys() if deciders else frozenset())


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
    starts = Entry(_own_words(seed_words, deciders), bindings)
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(max(limit, 20_000))
    try:
        for file in files:
            if deciders and _followed_whole(file, file.words, deciders):
                program.whole.add(file.module)
                program.load(file.module)
            elif starts(file):
                program.load(file.module)
        _load_imported(program)
        program.flow.solve()
        for _ in range(_MAX_ROUNDS):
            unread = governed.unread_callees(program)
            program.whole |= unread
            asked = program.flow.wanted | governed.unread_bases(program)
            program.flow.wanted.clear()
            exporters = governed.exporters(program) - program.exporters
            program.exporters |= exporters
            found = importers.importers_of(program, exporters) if exporters else set()
            found |= unread | program.flow.keepers
            program.flow.keepers.clear()
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
        _report_limits(program)
    finally:
        sys.setrecursionlimit(limit)
    return program


def link_everything(files: Sequence[ScannedFile], bindings: Bindings, root: Path) -> Program:
    """Link all files and follow every value: what a call graph needs."""
    v.forget()
    program = Program(files, bindings, root, everything=True)
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(max(limit, 20_000))
    try:
        for file in files:
            program.load(file.module)
        program.flow.solve()
        while uncalled := program.flow.uncalled():
            for function, closure in uncalled:
                program.flow.open_frame(function, closure)
            program.flow.solve()
        _report_limits(program)
    finally:
        sys.setrecursionlimit(limit)
    return program


def _report_limits(program: Program) -> None:
    if program.flow.exhausted:
        program.problems.append(
            ("limit", "value flow was given up: too many combinations of calls", "")
        )
    if program.flow.is_large():
        program.problems.append(
            (
                "limit",
                "the program is large: what holds a plugin without being one was not followed to"
                " its end, so that there may be more findings; exclude what is not yours to judge"
                " (`exclude`), or name fewer classes in the bindings",
                "",
            )
        )
    for module, message in program.flow.failed.items():
        program.problems.append(("limit", message, module.path))
