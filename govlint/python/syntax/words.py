"""Searching bytes for many words at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable

_MANY_BYTES = 1_000_000  # from which on the places of all words could take much memory


def finder(words: Iterable[str]) -> Callable[[bytes], tuple[str, ...]]:
    """A search for all `words` in one go (Aho and Corasick 1975): those that stand in a text.

    They come in a fixed order. Without the library they are looked for one after the other.
    """
    ordered = tuple(sorted({word for word in words if word}))
    raw = [(word, word.encode("utf-8", "surrogatepass")) for word in ordered]

    def one_by_one(data: bytes) -> tuple[str, ...]:
        return tuple(word for word, found in raw if found in data)

    try:
        from ahocorasick_rs import BytesAhoCorasick, Implementation
    except ImportError:
        return one_by_one
    if not raw:
        return one_by_one
    search = BytesAhoCorasick(
        [found for _, found in raw], implementation=Implementation.DFA
    ).find_matches_as_indexes

    def all_at_once(data: bytes) -> tuple[str, ...]:
        if len(data) > _MANY_BYTES:
            return one_by_one(data)
        found = search(data, True)
        return tuple(ordered[i] for i in sorted({i for i, _, _ in found})) if found else ()

    return all_at_once
