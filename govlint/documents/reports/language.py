"""Loaded language: political metaphors and labels that are no technical terms (RPT013).

The words stand in `schemas/loaded-language.json`, per language and with the reason for each.
They are met whole, in any letter case, with or without accents, however they are hyphenated
or joined into a name, and with letters of another script that only look the same.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from govlint.data import data_dir
from govlint.documents.reports.clear import texts_clear
from govlint.documents.reports.shape import Breach, all_texts, strings
from govlint.documents.screen import Doubt, Screen, Suspect, wider

# who answers, and what lies where, is named as it is named
_NAMES = ("/phase_meta/owner", "/phase_meta/version", "/module_scope/write_modules/")
_PATHS = ("/module_scope/read_modules/", "/rollback/target_version", "/phase_meta/phase_id")

_LOOK_ALIKE = str.maketrans("аеорсухіјѕԁԛԝһӏɡοαενρτυικ", "aeopcyxijsdqwhlgoaevptuik")
_UNSEEN = frozenset("\u00ad\u180e\u200b\u200c\u200d\u200e\u200f\u2060\ufeff")
_TOKEN = re.compile(r"\w+")
_MOST_WORDS = 100_000  # that are remembered; documents bring ever new ones
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z]{2})")


class Loaded(NamedTuple):
    """A loaded word found in a text: where (in characters), and what is said against it."""

    start: int
    end: int
    word: str
    reason: str


class WordList:
    """Words with reasons, compiled for search; `allow` are phrases that always pass."""

    def __init__(
        self,
        entries: Sequence[Mapping[str, Any]],
        own: Sequence[str] = (),
        allow: Sequence[str] = (),
    ) -> None:
        self._reasons: dict[str, str] = {}
        self.screen = Screen(self.doubts)
        self._clean: set[str] = set()  # texts known to hold nothing loaded
        self._innocent: set[str] = set()  # words that stand in nothing that is looked for
        alternatives: list[str] = []
        unspaced: list[str] = []
        unless = [*own, *allow]
        for entry in entries:
            unless += entry.get("unless", ())
            for word in entry["words"]:
                if _is_unspaced(word):
                    unspaced.append(re.escape(word))
                else:
                    alternatives.append(_expression(_folded(word)))
                self._reasons.setdefault(_key(word), str(entry["reason"]))
        self._stems = sorted(
            (key for key in self._reasons if key.endswith("*")), key=len, reverse=True
        )
        # one word of each phrase, the longest, has to be there for the phrase to be
        needed = {
            max(re.split(r"[\s/_'-]+", _folded(w)), key=len) for e in entries for w in e["words"]
        }
        whole = "|".join(re.escape(word).replace(r"\*", r"\w*") for word in sorted(needed))
        self._needed = re.compile(whole or r"(?!)")
        longest = sorted(set(alternatives), key=len, reverse=True)
        spaced = rf"(?<!\w)(?:{'|'.join(longest)})(?!\w)" if longest else r"(?!)"
        self._search = re.compile("|".join([spaced, *unspaced]))
        phrases = sorted({_expression(_folded(p)) for p in unless}, key=len, reverse=True)
        self._unless = re.compile(rf"(?<!\w)(?:{'|'.join(phrases) or '(?!)'})(?!\w)")

    def doubts(self) -> list[Doubt]:
        """What has to match a text for `find` to find anything in it."""
        words, needed = wider(Suspect(self._search)), wider(Suspect(self._needed))
        return [
            (rf"(?:^|[^A-Za-z0-9]){words}(?:$|[^A-Za-z0-9])",),
            (r"[a-z0-9][A-Z]|[A-Z][A-Z][a-z][a-z]", needed),  # a name joined of words
        ]

    def is_clean(self, text: str) -> bool:
        """Whether a text holds no loaded word; remembered, because reports repeat themselves."""
        if text in self._clean:
            return True
        if self.find(text):
            return False
        if len(self._clean) < _MOST_WORDS:
            self._clean.add(text)
        return True

    def find(self, text: str) -> list[Loaded]:
        """The loaded words of a text, in order."""
        readable, origin = _readable(text)
        innocent = self._innocent
        if readable.isascii():
            new = [word for word in _TOKEN.findall(readable) if word not in innocent]
            guilty = [word for word in new if self._needed.fullmatch(word)]
            if len(innocent) < _MOST_WORDS:
                innocent.update(set(new).difference(guilty))
            if not guilty:
                return []
        if self._search.search(readable) is None:
            return []
        passed = [found.span() for found in self._unless.finditer(readable)]
        loaded = []
        for found in self._search.finditer(readable):
            start, end = found.span()
            if any(low <= start and end <= high for low, high in passed):
                continue
            first, last = origin[start], origin[end - 1] + 1
            loaded.append(Loaded(first, last, text[first:last], self._reason(found.group())))
        return loaded

    def _reason(self, word: str) -> str:
        key = _key(word)
        if key in self._reasons:
            return self._reasons[key]
        for stem in self._stems:
            if key.startswith(stem[:-1]):
                return self._reasons[stem]
        return "no neutral software language"


def _is_unspaced(word: str) -> bool:
    """Whether the word's script writes no spaces between words."""
    return any("\u3040" <= char <= "\u9fff" for char in word)


def _key(word: str) -> str:
    end = "*" if word.endswith("*") else ""
    return " ".join(part for part in re.split(r"[\W_]+", _folded(word)) if part) + end


def _expression(word: str) -> str:
    parts = [part for part in re.split(r"[\s/_'-]+", word) if part]
    return r"[\W_]{1,3}".join(re.escape(part).replace(r"\*", r"\w*") for part in parts)


def _folded(text: str) -> str:
    """Lower case, compatibility forms and accents folded."""
    parts = unicodedata.normalize("NFKD", text.casefold())
    return "".join(char for char in parts if not unicodedata.combining(char))


def _readable(text: str) -> tuple[str, Sequence[int]]:
    """The text as it is read, and for each of its characters the place it comes from."""
    if text.isascii():
        joints = [found.start() for found in _CAMEL.finditer(text)]
        if not joints:
            return text.lower().replace("_", " "), range(len(text))
    else:
        joints = [found.start() for found in _CAMEL.finditer(text)]
    breaks = frozenset(joints)
    chars: list[str] = []
    origin: list[int] = []
    for index, char in enumerate(text):
        if index in breaks:
            chars.append(" ")
            origin.append(index)
        if char in _UNSEEN:
            continue
        for folded in " " if char == "_" else _folded(char):
            chars.append(folded)
            origin.append(index)
    readable = "".join(chars)
    if not text.isascii():
        readable = _as_latin(readable)
    return readable, origin


_MIXED = re.compile(r"[^\W\d_]+")


def _as_latin(text: str) -> str:
    """Look-alike letters made Latin in words that are Latin otherwise, or all look-alikes."""

    def word(found: re.Match[str]) -> str:
        letters = found.group()
        latin = letters.translate(_LOOK_ALIKE)
        return latin if latin.isascii() else letters

    return _MIXED.sub(word, text)


@functools.cache
def word_list(added: tuple[tuple[str, str], ...] = (), allowed: tuple[str, ...] = ()) -> WordList:
    """The law book's list, with words a project adds (each with its reason) and allows."""
    import json

    path = data_dir("schemas") / "loaded-language.json"
    data = json.loads(path.read_text(encoding="utf-8"))
    entries = [entry for language in data["languages"].values() for entry in language]
    entries += [{"words": [word], "reason": reason} for word, reason in added]
    return WordList(entries, data["own"], allowed)


def loaded_language(report: Any, words: WordList) -> Iterator[Breach]:
    """Every text of a report that uses loaded words; names of owners and paths are not read."""
    clears = texts_clear if words is word_list() else words.screen.clears
    if clears(report) or all(map(words.is_clean, strings(report))):
        return
    for place, text in all_texts(report):
        if place.startswith(_NAMES) or place.startswith(_PATHS):
            continue
        found = words.find(text)
        if not found:
            continue
        named = list(dict.fromkeys(f"“{each.word}”" for each in found))
        yield Breach(
            place,
            f"{', '.join(named)}: {found[0].reason}",
            span=(found[0].start, found[0].end),
        )
