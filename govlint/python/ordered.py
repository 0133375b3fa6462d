"""Objects that sets keep in the same order in every run."""

from __future__ import annotations

from itertools import count
from typing import Any, Self


class Ordered:
    """Hashes by the order in which objects were made, equal only to itself.

    The hash that Python gives by itself is made of the object's address, so that sets
    would be walked in another order in each run, and an analysis that has bounds would
    give up at another place.
    """

    __slots__ = ("_number",)
    _number: int
    _numbers = count()

    def __new__(cls, *_arguments: Any, **_named: Any) -> Self:
        """Give the object its number."""
        made = super().__new__(cls)
        made._number = next(Ordered._numbers)
        return made

    def __hash__(self) -> int:
        return self._number

    @staticmethod
    def restart() -> None:
        """Count from the start again: what was made before is not used any more."""
        Ordered._numbers = count(1)
