"""The values that a gate's answer can have, as far as its text decides them.

An interval domain (Cousot & Cousot 1976) with constants and known truth: enough to say
that a clamped score is never below zero, and small enough to judge a function in no time.
"""

from __future__ import annotations

import ast
import math
from dataclasses import dataclass
from typing import Any

_NOTHING: Any = object()
_INF = math.inf


@dataclass(frozen=True)
class Val:
    """An abstract value: a constant, a number between bounds, or something of known truth.

    `word` stands for a constant whose value is not Python's to know: an enum member, an
    object built from constants alone. `refuses` says that such a word speaks of refusal.
    """

    const: Any = _NOTHING
    low: float = -_INF
    high: float = _INF
    truth: bool | None = None
    word: str = ""
    refuses: bool = False
    every: bool | None = None  # what each element of a collection is as a condition

    @property
    def is_const(self) -> bool:
        """Whether it is one value and no other."""
        return self.const is not _NOTHING or bool(self.word)

    @property
    def is_literal(self) -> bool:
        """Whether Python's own value is known."""
        return self.const is not _NOTHING

    @property
    def is_bounded(self) -> bool:
        """Whether it is a number with a bound on some side."""
        return self.low > -_INF or self.high < _INF


UNKNOWN = Val()
NONE = Val(const=None, truth=False)


def const(value: Any) -> Val:
    """The constant `value`."""
    if isinstance(value, bool | int | float) and value == value:
        return Val(value, float(value), float(value), bool(value))
    return Val(value, truth=bool(value))


def between(low: float, high: float) -> Val:
    """A number from `low` to `high`."""
    if low == high and abs(low) < _INF:
        return const(int(low) if low == int(low) else low)
    truth = True if low > 0 or high < 0 else None
    return Val(low=low, high=high, truth=truth)


def of_truth(truth: bool | None) -> Val:
    """A boolean of which the truth is known, or not."""
    return UNKNOWN if truth is None else const(truth)


def truthy(truth: bool) -> Val:
    """Something of known truth whose value is not known."""
    return Val(truth=truth)


def word(text: str, refuses: bool = False) -> Val:
    """A constant that has a spelling and no value."""
    return Val(word=text, truth=True, refuses=refuses)


def join(a: Val, b: Val) -> Val:
    """What is known of a value that is one of two."""
    if a == b:
        return a
    low, high = min(a.low, b.low), max(a.high, b.high)
    return Val(low=low, high=high, truth=a.truth if a.truth == b.truth else None)


def widen(old: Val, new: Val) -> Val:
    """`join`, with a bound that moved given up, so that loops come to an end."""
    joined = join(old, new)
    low = joined.low if joined.low >= old.low else -_INF
    high = joined.high if joined.high <= old.high else _INF
    return Val(joined.const, low, high, joined.truth, joined.word, joined.refuses)


def arithmetic(operator: ast.operator, a: Val, b: Val) -> Val:
    """The bounds of `a operator b`."""
    if a.is_literal and b.is_literal:
        folded = _fold(operator, a.const, b.const)
        if folded is not None:
            return const(folded)
    if not (a.is_bounded or b.is_bounded):
        return UNKNOWN
    if isinstance(operator, ast.Add):
        return between(a.low + b.low, a.high + b.high) if _finite(a, b) else UNKNOWN
    if isinstance(operator, ast.Sub):
        low = a.low - b.high if not math.isnan(a.low - b.high) else -_INF
        high = a.high - b.low if not math.isnan(a.high - b.low) else _INF
        return between(low, high)
    if isinstance(operator, ast.Mult):
        ends = [_times(x, y) for x in (a.low, a.high) for y in (b.low, b.high)]
        return between(min(ends), max(ends))
    if isinstance(operator, ast.Div) and b.low > 0 and a.low >= 0:
        return between(0, a.high / b.low if a.high < _INF else _INF)
    if isinstance(operator, ast.Mod) and b.low > 0:
        return between(0, b.high)
    if isinstance(operator, ast.Div) and a.low >= 0 and b.low >= 0:
        return between(0, _INF)
    if isinstance(operator, ast.Pow) and b.is_literal and b.const in (2, 4):
        return between(0, _INF)
    return UNKNOWN


def _finite(a: Val, b: Val) -> bool:
    return not (math.isnan(a.low + b.low) or math.isnan(a.high + b.high))


def _times(x: float, y: float) -> float:
    return 0.0 if x == 0 or y == 0 else x * y


def _fold(operator: ast.operator, a: Any, b: Any) -> Any:
    if not isinstance(a, bool | int | float) or not isinstance(b, bool | int | float):
        return None
    try:
        if isinstance(operator, ast.Add):
            return a + b
        if isinstance(operator, ast.Sub):
            return a - b
        if isinstance(operator, ast.BitAnd | ast.BitOr) and type(a) is type(b) is bool:
            return a & b if isinstance(operator, ast.BitAnd) else a | b
        if isinstance(operator, ast.Mult):
            return a * b
        if isinstance(operator, ast.Div):
            return a / b
    except (ArithmeticError, ValueError):
        return None
    return None


def compare(operator: ast.cmpop, a: Val, b: Val) -> bool | None:
    """What a comparison answers, where the bounds decide it."""
    if a.is_literal and b.is_literal:
        return _decided(operator, a.const, b.const)
    if isinstance(operator, ast.GtE):
        return True if a.low >= b.high else False if a.high < b.low else None
    if isinstance(operator, ast.Gt):
        return True if a.low > b.high else False if a.high <= b.low else None
    if isinstance(operator, ast.LtE):
        return True if a.high <= b.low else False if a.low > b.high else None
    if isinstance(operator, ast.Lt):
        return True if a.high < b.low else False if a.low >= b.high else None
    if isinstance(operator, ast.Eq | ast.NotEq):
        apart = a.low > b.high or a.high < b.low
        if apart:
            return isinstance(operator, ast.NotEq)
        if a.word and a.word == b.word:
            return isinstance(operator, ast.Eq)
    if isinstance(operator, ast.Is | ast.IsNot):
        one, other = (a, b) if b.is_literal and b.const is None else (b, a)
        if other.is_literal and other.const is None:
            if one.is_literal:
                return (one.const is None) is isinstance(operator, ast.Is)
            if one.truth is True or one.is_bounded or one.word:
                return isinstance(operator, ast.IsNot)
    return None


def _decided(operator: ast.cmpop, a: Any, b: Any) -> bool | None:
    try:
        if isinstance(operator, ast.Eq):
            return bool(a == b)
        if isinstance(operator, ast.NotEq):
            return bool(a != b)
        if isinstance(operator, ast.Is):
            return a is b or (a == b and type(a) is type(b))
        if isinstance(operator, ast.IsNot):
            return not (a is b or (a == b and type(a) is type(b)))
        if isinstance(operator, ast.GtE):
            return bool(a >= b)
        if isinstance(operator, ast.Gt):
            return bool(a > b)
        if isinstance(operator, ast.LtE):
            return bool(a <= b)
        if isinstance(operator, ast.Lt):
            return bool(a < b)
    except TypeError:
        return None
    return None
