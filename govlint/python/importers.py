"""Which files of the project import given modules, found without parsing most of them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from govlint.python.flow.applications import SHARED, uses
from govlint.python.module_names import ModuleNames, package_above, source_of
from govlint.python.syntax.source import ScannedFile, UnparsableError
from govlint.python.syntax.walk import walk
from govlint.python.syntax.words import finder

if TYPE_CHECKING:
    from govlint.python.program import Program

_IMPORT = re.compile(rb"import\b[^\r\n]*")  # with the rest of its line
_NAME = re.compile(rb"[\w.]+")
_DYNAMIC = (b"import_module", b"__import__", b"sys.modules", b"exec", b"eval")
_DYNAMIC_WORD = re.compile(rb"import_module|__import__|sys\.modules|exec\b|eval\b")
_WORDS = bytes(i if chr(i).isalnum() or i == 95 else 32 for i in range(128)) + b" " * 128


class Imports(NamedTuple):
    """What the import statements of a file may name, read from its bytes.

    `tails` are the last parts of every dotted name in them, `levels` how many dots stand
    alone (`from .. import x`). `anything` is true where only the tree or a run can tell: a
    statement continued with a backslash, an import by a computed name.
    """

    tails: frozenset[bytes]
    levels: frozenset[int]
    anything: bool


def read_imports(data: bytes) -> Imports:
    """Read what a file imports: everything it does, and perhaps more (text that looks so)."""
    tails: set[bytes] = set()
    levels: set[int] = set()
    continued = False
    for found in _IMPORT.finditer(data):
        at, end = found.span()
        start = max(data.rfind(b"\n", 0, at), data.rfind(b"\r", 0, at)) + 1
        opened = data.find(b"(", at, end)
        names = data[start : end if opened < 0 else _closing(data, opened)]
        continued = continued or b"\\" in names or b"\\" in data[max(start - 3, 0) : start]
        for name in _NAME.findall(names):
            tail = name.rpartition(b".")[2]
            if tail:
                tails.add(tail)
            else:
                levels.add(len(name))
    dynamic = any(word in data for word in _DYNAMIC) and _DYNAMIC_WORD.search(data) is not None
    return Imports(frozenset(tails), frozenset(levels), continued or dynamic)


def _closing(data: bytes, opened: int) -> int:
    """Where the parenthesis at `opened` is closed; one in a comment does not close it."""
    end = opened
    while (end := data.find(b")", end + 1)) >= 0:
        line = max(data.rfind(b"\n", 0, end), data.rfind(b"\r", 0, end), opened)
        if data.find(b"#", line, end) < 0:
            return end
    return len(data)


class Search:
    """Looks for the files that import one of some modules.

    What it finds for more modules holds all that it finds for fewer: a file that imports
    none of them all was none of any earlier search's.
    """

    def __init__(self, targets: Iterable[str], names: ModuleNames) -> None:
        self._names = names
        given = frozenset(targets)
        self._shared = frozenset(name for name in given if name.startswith(SHARED))
        self._targets = given - self._shared
        self._above = {
            ".".join(parts[:end])
            for parts in (name.split(".") for name in self._targets)
            for end in range(1, len(parts) + 1)
        }
        self._stems = {name.rpartition(".")[2].encode() for name in self._targets}
        self._find = finder(stem.decode() for stem in self._stems)
        self._tails = {name.rpartition(".")[2].encode() for name in self._above}

    def finds(self, file: ScannedFile, known: dict[str, Imports] | None = None) -> bool:
        """Whether `file` imports one of the modules. Test files do not count, they are exempt.

        What files import is looked up in `known`, or put there.
        """
        if file.is_test or file.failure is not None:
            return False
        try:
            data = file.load()
        except UnparsableError:
            return False
        if self._shared and uses(data, self._shared):
            return True
        if not file.nonascii:
            if not self._find(data):
                return False
            imports = known.get(file.module) if known is not None else None
            if imports is None:
                imports = read_imports(data)
                if known is not None:
                    known[file.module] = imports
            if not self._may_find(file, imports) or self._stems.isdisjoint(
                data.translate(_WORDS).split()
            ):
                return False
        return self._decide(file, data)

    def _may_find(self, file: ScannedFile, imports: Imports) -> bool:
        return (
            imports.anything
            or not self._tails.isdisjoint(imports.tails)
            or any(
                package_above(file.module, file.is_package, level) in self._above
                for level in imports.levels
            )
        )

    def _decide(self, file: ScannedFile, data: bytes) -> bool:
        try:
            tree = file.tree()
        except UnparsableError:
            return False
        if _DYNAMIC_WORD.search(data):
            return True
        importer = (file.module, file.is_package)
        for node in walk(tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    if self._reaches(self._names.resolve(alias.name, *importer)):
                        return True
            elif isinstance(node, ast.ImportFrom):
                owner = self._names.resolve(source_of(node, *importer), *importer)
                if owner is None:
                    continue
                if owner in self._targets:
                    return True
                for alias in node.names:
                    if self._reaches(owner if alias.name == "*" else f"{owner}.{alias.name}"):
                        return True
        return False

    def _reaches(self, name: str | None) -> bool:
        """Whether importing `name` gives one of the modules, itself or below it."""
        return name is not None and name in self._above


def importers_of(program: Program, targets: Iterable[str]) -> set[str]:
    """Modules not read yet that import one of `targets`."""
    search = Search(targets, program.names)
    found: set[str] = set()
    for name, file in program.files.items():
        known = program.modules.get(name)
        if known is not None and not known.on_demand:
            continue
        if search.finds(file, program.imports):
            found.add(name)
    return found
