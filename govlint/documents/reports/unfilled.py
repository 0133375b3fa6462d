"""Template text that was left in a report (RPT005).

The protocol's canonical shape is written with example texts; a report that still holds one
says nothing about its phase. So does a TODO. A sentence that speaks about such marks
(`CI rejects TODO comments`) is content, and so is a numbered step that goes on after its
number (`step 1: authenticate`).
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from typing import Any

from govlint.documents.reports.clear import texts_clear
from govlint.documents.reports.shape import (
    KINDS,
    STAGES,
    Breach,
    all_texts,
    plain,
    says_something,
    strings,
    windows,
)
from govlint.documents.screen import Doubt, Suspect, wider

# section 3 of the protocol, word for word; the number or letter at its end may be any
_EXAMPLE = re.compile(
    r"[\"'`<\[({]*(?:the\s+)?(?:"
    r"what gap is closed|observable engineering outcome|entry trigger"
    r"|when to roll ?back|how to roll ?back"
    r"|(?:hard rule|step|condition|unit case|integration case|e2e case|measurable criterion|risk"
    r"|next action|acceptance criterion|criterion)\s*[-#:]?\s*(?:\d+|[a-z]|one|two|three)"
    r"|hard rule|unit case|integration case|e2e case|measurable criterion|next action"
    r")[\"'`>\])}]*[.:;!?]*"
)
_BLANK = re.compile(
    r"""
      to\ be\s+(?:defined|determined|decided|done|written|filled(?:\ in|\ out)?
        |confirmed|announced|added|completed|described|discussed|specified|agreed|clarified|supplied
        |provided)\b.*
    | t\.?b\.?[dcas]
    | fill\s(?:this\s|me\s|it\s)?(?:in|out)\b.*
    | (?:fill|write|type|enter|insert|add|put|describe|replace|specify|paste)\s
        (?:(?:this|me|your)\b.*|text|content|something|value|description|name|(?:\w+\ ){0,5}here)
    | (?:your|some|sample|example|dummy|placeholder|template|default)\s
        (?:(?:\w+\s){0,2}(?:text|content|value|here|goes\ here|string|description|title|name))
    | placeholder(?:\s\d+)? | change\s?me | replace\s?me | foo | bar | baz | foobar | asdf+
    | x{2,} | example | sample | string | text | content | description
    | coming\ soon | wip | work\ in\ progress | same\ as\ above | see\ above | ditto
    """,
    re.X,
)
_WRAPPED = re.compile(
    r"<[^<>=]*[a-z][^<>=]*>|\{\s*\w+\s*\}|%\w+%|\{\{.*\}\}|\$\{.*\}|\[[^\[\]]*\s[^\[\]]*\]|_{3,}"
)
_INSIDE = re.compile(
    r"<(?:insert|your|todo|tbd|fill|describe|add|enter|placeholder|name|value|text)\b[^<>]*>"
    r"|\[(?:insert|your|todo|tbd|fill|describe|add|enter|placeholder)\b[^\[\]]*\]"
    r"|\{\{\s*[\w. -]*\s*\}\}"
    r"|\b(?:your|insert|put)\s(?:\w+\s){0,3}here\b|\bgoes here\b|\blorem ipsum dolor\b"
    r"|\bto be (?:defined|determined|decided|filled in|announced|written|specified|confirmed)"
    r"(?:\s+(?:later|soon))?\W*$"
)
_LOREM = re.compile(r"\W*lorem\s+ipsum\b")
_MARK = re.compile(
    r"(?<![\w/.\"'`-])(?P<mark>TODO|TBD|TBC|TBA|FIXME|XXX|T\.B\.D\.?|tbd|TO\sDO|TO-DO"
    r"|To\s?do(?=\s*:)|to-?do(?=\s*:))(?![\w/\"'`-]|\.\w)"
)
_LABEL = re.compile(r"\W*(?:to-?\s?do|tbd|tbc|tba|fixme|xxx|t\.b\.d)(?:\W*$|\W*[:(—–]|\s+-)", re.I)
# a mark that is spoken of: TODO comments, no TODO is left, every TODO has a ticket
_SPOKEN_AFTER = re.compile(
    r"\s*(?:[/,]\s*(?:or\s|and\s)?(?:TODO|TBD|FIXME|XXX)\s*)*(?:(?:or|and)\s(?:TODO|TBD|FIXME|XXX)\s*)?"
    r"(?:\w+-?\w*\s)?(?:comments?|markers?|marks?|items?|lists?|entr(?:y|ies)|tags?|notes?|lines?"
    r"|strings?|texts?|placeholders?|counts?|remain\w*|left\b|annotations?|labels?|scan\w*|checks?"
    r"|values?|tokens?|words?|titles?|fields?|apps?|in\b)",
)
_COMMENTS = ("TODO", "FIXME", "XXX")  # marks in code, which people count and remove
_SPOKEN_MARK = re.compile(r"\s*(?:markers?|marks?|placeholders?|entr(?:y|ies)|strings?|texts?)\b")
_SPOKEN_BEFORE = re.compile(
    r"\b(?:no|zero|0|any|every|all|each|without|word|contain\w*|reject\w*|refus\w*|find\w*|detect\w*"
    r"|flag\w*|called|named|literal|remaining|unresolved|removes?|removed|the|such\sas)"
    r"\s+(?:\w+\s+){0,2}(?:(?:TODO|TBD|FIXME|XXX)\s*(?:,|/|or|and)\s*)*$"
)
_ROUND_IT = " .:;!?…\"'`()[]<>-"  # may stand round template text
_LONGEST = 300  # characters of a text that is template text as a whole
_NEAR = 80  # characters round a mark that say whether it is spoken of
# keys whose value is one word or name: `low|medium|high` is three
_ONE_WORD = frozenset({"priority", "phase_id", "version", "target_version", "owner"})
_ALTERNATIVES = re.compile(r"[\w.-]+(?:\s*\|\s*[\w.-]+)+")
_CHOICES = {"stage": STAGES, "kind": KINDS}


def is_unfilled(text: str, place: str = "") -> bool:
    """Whether a text, or a part of it, still stands for what ought to be written there."""
    if not says_something(text) or (is_module(place) and not _has_letter(text)):
        return False  # the schema says so, or another rule
    return _what_is_left(text) is not None


def unfilled(report: Any) -> Iterator[Breach]:
    """Every text of a report that was never filled in."""
    if texts_clear(report) or not any(map(_is_suspect, strings(report))):
        return
    for place, text in all_texts(report):
        if not says_something(text):
            continue
        choice = _choice(place, text)
        if choice:
            yield Breach(place, f"“{text}” is the template's list of choices; write one of them")
            continue
        if _is_field_name(place, text) or (is_module(place) and not _has_letter(text)):
            continue
        found = _what_is_left(text)
        if found is not None:
            span = found if found != (0, len(text)) else None
            shown = text[slice(*found)] if len(text) <= 80 else text[slice(*found)][:60]
            yield Breach(place, f"“{shown}” is template text that was never filled in", span=span)


@functools.lru_cache(maxsize=1 << 16)
def _is_suspect(text: str) -> bool:
    """Whether a text might be unfilled, wherever it stands."""
    return "|" in text or (says_something(text) and _what_is_left(text) is not None)


def is_module(place: str) -> bool:
    """Whether a path stands here: `.` and `…` there are RPT007's to judge."""
    return place.startswith(("/module_scope/write_modules/", "/module_scope/read_modules/"))


def _has_letter(text: str) -> bool:
    return any(char.isalnum() for char in text)


def _is_field_name(place: str, text: str) -> bool:
    """Whether it names a model or a field: `value` and `text` are good names of fields."""
    return (
        place.startswith("/data_models/") and plain(text).isidentifier() and not _LABEL.match(text)
    )


def _choice(place: str, text: str) -> bool:
    """Whether a `stage` or `kind` still is the template's `planned|in_progress|…`."""
    key = place.rpartition("/")[2]
    parts = [part.strip() for part in plain(text).split("|")]
    known = _CHOICES.get(key)
    if known is not None:
        return len(parts) > 1 and all(part in known for part in parts)
    if key in _ONE_WORD and _ALTERNATIVES.fullmatch(text.strip()):
        return True
    return len(parts) > 1 and any(set(parts) <= set(choice) for choice in _CHOICES.values())


@functools.lru_cache(maxsize=1 << 16)
def _what_is_left(text: str) -> tuple[int, int] | None:
    whole = (0, len(text))
    folded = " ".join(plain(text).split())
    if not _has_letter(folded):
        return whole
    start = folded[:_LONGEST]
    if len(folded) < _LONGEST and (
        _EXAMPLE.fullmatch(folded)
        or _BLANK.fullmatch(folded.strip(_ROUND_IT))
        or _WRAPPED.fullmatch(folded)
    ):
        return whole
    if _LOREM.match(start) or _LABEL.match(start):
        return whole
    if any(_INSIDE.search(window) for window in windows(folded)):
        return whole
    for found in _MARK.finditer(text):
        before = text[max(found.start() - _NEAR, 0) : found.start()]
        after = text[found.end() : found.end() + _NEAR]
        spoken = _SPOKEN_AFTER if found["mark"] in _COMMENTS else _SPOKEN_MARK
        if not (spoken.match(after) or _SPOKEN_BEFORE.search(before)):
            return found.span("mark")
    return None


def doubts() -> list[Doubt]:
    """What has to match a text for `_is_suspect` to say so."""
    whole = [
        wider(Suspect(_EXAMPLE, "fullmatch")),
        wider(Suspect(_BLANK, "fullmatch", strip=_ROUND_IT)),
        wider(Suspect(_WRAPPED, "fullmatch")),
    ]
    part = [wider(Suspect(_LOREM, "match")), wider(Suspect(_LABEL, "match"))]
    part += [wider(Suspect(_INSIDE)), wider(Suspect(_MARK, folded=False))]
    return [(pattern,) for pattern in (*whole, *part, r"\|", r"^[^A-Za-z0-9]*$")]
