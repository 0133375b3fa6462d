"""Which files of a project are parsed and followed, and in what order.

Linking starts from the files that mention something governed, follows imports to those
that can see it, and asks for further files when something governed is handed to them.
Cost follows the governed part of the project, not its size.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from govlint.python import governed, importers
from govlint.python.bindings import Bindings
from govlint.python.entry import Entry
from govlint.python.flow import values as v
from govlint.python.program import Program
from govlint.python.syntax.source import ScannedFile

# Rounds of reading further files before the rest is left out and said so.
_MAX_ROUNDS = 400


def link(
    files: Sequence[ScannedFile],
    bindings: Bindings,
    root: Path,
    seed_words: Iterable[str] | None = None,
) -> Program:
    """Link the project: parse what governed things can reach and follow their values.

    `files` are all Python files of the project; those whose `words` hold one of
    `seed_words` (any word by default) are where linking starts.
    """
    v.forget()
    program = Program(files, bindings, root)
    starts = Entry(seed_words, bindings)
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(max(limit, 20_000))
    try:
        for file in files:
            if starts(file):
                program.load(file.module)
        program.flow.solve()
        for _ in range(_MAX_ROUNDS):
            asked = program.flow.wanted | governed.unread_bases(program)
            program.flow.wanted.clear()
            exporters = governed.exporters(program) - program.exporters
            program.exporters |= exporters
            found = importers.importers_of(program, exporters) if exporters else set()
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
    for module, message in program.flow.failed.items():
        program.problems.append(("limit", message, module.path))
