"""Embeddings without a model: feature hashing of words and of the letters in them.

Deterministic and offline: the same text has the same vector on every machine, and texts that
share words or stems are near (Weinberger et al., Feature Hashing for Large Scale Multitask
Learning, ICML 2009). It knows nothing of meaning; a model does, by a provider.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from hashlib import blake2b

MODEL = "hashing-512"
DIMENSIONS = 512
_WORD = re.compile(r"\w+")
_LETTERS = 3  # of the pieces of a word, which bring its forms together
_PIECE_WEIGHT = 0.35
_CHUNK, _OVERLAP = 1000, 200  # characters, as upstream cuts documents


def embed(text: str) -> list[float]:
    """A vector of length 1 and `DIMENSIONS` numbers; all zeros for a text without a word."""
    words = Counter(_WORD.findall(unicodedata.normalize("NFKC", text).casefold()))
    vector = [0.0] * DIMENSIONS
    for word, count in words.items():
        weight = 1 + math.log(count)
        _add(vector, f"w:{word}", weight)
        padded = f"^{word}$"
        pieces = {padded[i : i + _LETTERS] for i in range(len(padded) - _LETTERS + 1)}
        for piece in sorted(pieces):
            _add(vector, f"p:{piece}", weight * _PIECE_WEIGHT)
    length = math.sqrt(sum(number * number for number in vector))
    return [round(number / length, 9) for number in vector] if length else vector


def cosine(one: Sequence[float], other: Sequence[float]) -> float:
    """The cosine of the angle between two vectors; 0 where one of them is all zeros."""
    product = sum(map(lambda a, b: a * b, one, other))
    lengths = math.sqrt(sum(a * a for a in one)) * math.sqrt(sum(b * b for b in other))
    return product / lengths if lengths else 0.0


def chunks(text: str) -> list[str]:
    """A document in pieces that overlap, cut at blanks where there are any."""
    found = []
    start = 0
    while start < len(text):
        end = min(start + _CHUNK, len(text))
        if end < len(text):
            blank = text.rfind(" ", start + _CHUNK // 2, end)
            end = blank if blank > 0 else end
        if piece := text[start:end].strip():
            found.append(piece)
        if end == len(text):
            break
        start = max(end - _OVERLAP, start + 1)
    return found


def _add(vector: list[float], feature: str, weight: float) -> None:
    digest = blake2b(feature.encode(), digest_size=8).digest()
    number = int.from_bytes(digest, "big")
    vector[number % DIMENSIONS] += weight if number >> 63 else -weight
