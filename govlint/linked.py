"""What an analysis depended on, so that a later run can tell whether it still holds."""

from __future__ import annotations

from typing import Any, NamedTuple


class Linked(NamedTuple):
    """A linked program from outside: its files, by absolute path, and what it exports.

    `files` are all that linking took in or asked for; `exporters` all modules whose
    importers were looked for; `names` those that any file might have spoken of, and what was
    found would be another.
    """

    files: frozenset[str]
    exporters: frozenset[str]
    names: frozenset[str] = frozenset()

    def row(self) -> list[Any]:
        """Write it as plain values."""
        return [sorted(part) for part in self]

    @classmethod
    def load(cls, row: Any) -> Linked:
        """Read what `row` wrote. Raises TypeError or ValueError for what is none."""
        files, exporters, names = row
        if not all(isinstance(text, str) for text in (*files, *exporters, *names)):
            raise TypeError("not what was linked")
        return cls(frozenset(files), frozenset(exporters), frozenset(names))
