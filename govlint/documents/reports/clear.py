"""Clearing whole reports whose texts no rule about texts can find anything in."""

from __future__ import annotations

from typing import Any

from govlint.documents.screen import Doubt, Screen

_MOST = 1024  # reports whose verdict is remembered, for the next rule that asks
_known: dict[int, tuple[Any, bool]] = {}


def texts_clear(report: Any) -> bool:
    """Whether a report surely holds neither template text nor a word of the law book's list."""
    known = _known.get(id(report))
    if known is not None and known[0] is report:
        return known[1]
    clear = _SCREEN.clears(report)
    if len(_known) >= _MOST:
        _known.clear()
    _known[id(report)] = report, clear
    return clear


def _doubts() -> list[Doubt]:
    from govlint.documents.reports.language import word_list
    from govlint.documents.reports.unfilled import doubts

    return [*doubts(), *word_list().doubts()]


_SCREEN = Screen(_doubts)
