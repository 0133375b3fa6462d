"""Where linking starts: the files that mention something governed."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import fields

from govlint.python.api.serving import serves
from govlint.python.bindings import Bindings, has_wildcard, literal_parts
from govlint.python.syntax.source import MARK, ScannedFile, UnparsableError

# words that matter only in code that answers requests
_WEAK = frozenset({"traceback", "envelope", '"_internal"', "'_internal'"})


class Entry:
    """Decides which files linking starts from: those that hold one of `words` for their own.

    Without `words`, every word that a file was found to hold counts.
    """

    def __init__(self, words: Iterable[str] | None, bindings: Bindings) -> None:
        self._words = None if words is None else frozenset(words)
        self._bindings = bindings
        self._names = _whole_words(self._words or (), bindings)

    def __call__(self, file: ScannedFile) -> bool:
        """Say whether linking starts from `file`. Test files are exempt."""
        hit = file.words if self._words is None else file.words & self._words
        if not hit or file.is_test:
            return False
        if file.nonascii or "" in hit:
            return True
        strong = hit - _WEAK
        if strong:
            try:
                data = file.load()
            except UnparsableError:
                return False
            names = self._names
            if any(word not in names or names[word].search(data) for word in strong):
                return True
        return bool(hit & _WEAK) and serves(file, self._bindings)


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
        if word and word not in inside and not word.startswith(MARK)
    }
