"""Which of two steps of a very large mission comes first, without a set of steps for each.

The sets of `Mission` take memory that grows with the square of the steps: 12 MB for ten
thousand, 60 GB for the seven hundred thousand that a file of 200 MB may hold. Here the way
back from a step is searched when it is asked for; runs of steps that have one need each are
passed in one stride.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence

from govlint.documents.limits import MAX_SEARCHED, TooLarge

MAX_SETS = 20_000  # steps up to which sets are kept: 50 MB


class Ways:
    """The ways back through the needs of steps, `order` being one that keeps them all."""

    def __init__(self, needs: Sequence[Sequence[int]], order: Sequence[int]) -> None:
        self._needs = needs
        self._place = array("q", [-1]) * len(needs)  # in the order
        self._head = array("q", range(len(needs)))  # the step that the run of a step begins with
        self._searched = 0
        goes_on = bytearray(len(needs))  # whether a run leads on from a step
        for place, index in enumerate(order):
            self._place[index] = place
            if len(needs[index]) == 1 and not goes_on[needs[index][0]]:
                (before,) = needs[index]
                goes_on[before] = 1
                self._head[index] = self._head[before]

    def lead(self, first: int, second: int) -> bool:
        """Whether a way leads back from step `second` to step `first`.

        Raises TooLarge where all the ways that were asked for are too long together.
        """
        place, head = self._place, self._head
        if first == second or place[first] < 0 or place[second] < 0:
            return False
        pending, seen = [second], set()
        while pending:
            index = pending.pop()
            start = head[index]
            if start == head[first] and place[first] <= place[index]:
                return True
            if start in seen:
                continue
            seen.add(start)
            self._searched += 1
            if self._searched > MAX_SEARCHED:
                raise TooLarge
            # whatever comes before `first` cannot lead to it
            pending.extend(x for x in self._needs[start] if place[x] >= place[first])
        return False
