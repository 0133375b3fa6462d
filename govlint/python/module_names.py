"""What the modules of a project are called, and which one an import statement means."""

from __future__ import annotations

import ast
import sys
from collections.abc import Collection, Iterable


class ModuleNames:
    """The dotted names of a project's modules and packages, and how imports find them.

    `packages` are the names that are an `__init__` file's.
    """

    def __init__(self, modules: Iterable[str], packages: Collection[str]) -> None:
        self._files = packages
        self._known: set[str] = set()
        self._by_last: dict[str, list[str]] = {}
        self._resolved: dict[tuple[str, str], str | None] = {}
        for name in modules:
            parts = name.split(".")
            for end in range(len(parts), 0, -1):
                prefix = ".".join(parts[:end])
                if prefix in self._known:
                    break  # and with it all that stand above it
                self._known.add(prefix)
                self._by_last.setdefault(parts[end - 1], []).append(prefix)

    def __contains__(self, name: str) -> bool:
        return name in self._known

    def resolve(self, dotted: str, importer: str, is_package: bool) -> str | None:
        """The project's own name for an imported module; None when it is not the project's.

        A file's place tells its name only up to the root it is imported from, so an
        absolute import also matches the end of a longer name (`app.x` for
        `server.app.x`), nearest to the importing module first.
        """
        key = (dotted, importer)
        if key not in self._resolved:
            self._resolved[key] = self._resolve(dotted, importer, is_package)
        return self._resolved[key]

    def _resolve(self, dotted: str, importer: str, is_package: bool) -> str | None:
        if dotted in self._known:
            return dotted
        top, _, rest = dotted.partition(".")
        candidates = [
            name
            for name in self._by_last.get(dotted.rpartition(".")[2], ())
            if name.endswith(f".{dotted}")
        ]
        if not candidates:
            return None
        if not rest:
            package = importer if is_package else importer.rpartition(".")[0]
            sibling = f"{package}.{dotted}"
            if sibling in candidates and top not in sys.stdlib_module_names:
                return sibling
            candidates = [name for name in candidates if name.rpartition(".")[0] not in self._files]
        if top in sys.stdlib_module_names or not candidates:
            return None

        def nearness(name: str) -> tuple[int, int]:
            shared = 0
            for a, b in zip(name.split("."), importer.split("."), strict=False):
                if a != b:
                    break
                shared += 1
            return (-shared, len(name))

        return min(candidates, key=nearness)


def source_of(node: ast.ImportFrom, importer: str, is_package: bool) -> str:
    """The absolute dotted name that `from … import` names in the module `importer`."""
    if not node.level:
        return node.module or ""
    above = package_above(importer, is_package, node.level)
    return ".".join(part for part in (above, node.module) if part)


def package_above(importer: str, is_package: bool, level: int) -> str:
    """The package that `level` dots mean in a module."""
    parts = importer.split(".")
    up = level - 1 if is_package else level
    return ".".join(parts[: len(parts) - up] if up else parts)
