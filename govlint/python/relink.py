"""Whether a change of some files concerns what was linked before it.

Linking takes files into the program that it builds, and of all others asks only whether
they belong there. So an analysis holds on after an edit if nothing that was taken changed,
and each file that did still answers that question with no.

That is all that is trusted of a cache: a list of files that is too short makes no finding
disappear, because where linking starts is asked of every changed file again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from unicodedata import normalize

from govlint.linked import Linked
from govlint.python.importers import Search
from govlint.python.module_names import ModuleNames
from govlint.python.syntax.source import ScannedFile, UnparsableError


def concerns(
    linked: Linked,
    changed: Iterable[ScannedFile],
    starts: Callable[[ScannedFile], bool],
    names: Callable[[], ModuleNames],
) -> bool:
    """Say whether new contents of the files `changed` could change what was linked.

    The project's files have to be the same as then, by name. `starts` tells the files that
    linking starts from; `names` is asked only if the project's names are needed.
    """
    search: Search | None = None
    for file in changed:
        if file.abspath in linked.files:
            return True
        if file.failure is not None:  # it is no Python now: nothing can be linked with it
            continue
        if starts(file) or _speaks(file, linked.names):
            return True
        if linked.exporters:
            search = search or Search(linked.exporters, names())
            if search.finds(file) or file.failure is not None:
                return True
    return False


def _speaks(file: ScannedFile, names: frozenset[str]) -> bool:
    """Whether one of `names` stands in a file; as a part of a longer one it counts too."""
    if not names:
        return False
    try:
        if not file.nonascii:
            data = file.load()
            return any(name.encode() in data for name in names)
        text = file.text() + normalize("NFKC", file.text())
    except UnparsableError:
        return False
    return any(name in text for name in names)
