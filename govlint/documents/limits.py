"""The bounds on documents: what no honest one comes near, and what stops a hostile one."""

from __future__ import annotations

MAX_DEPTH = 100  # mappings and sequences within each other
MAX_EXPANDED = 100_000  # values, with every alias counted as what it stands for …
MAX_RATIO = 10  # … and that many times the values that are written down
MAX_FAULTS = 100  # told of one document
MAX_SEARCHED = 20_000_000  # steps that are passed to learn what comes before what in a mission
MAX_DIGITS = 4_300  # of a whole number: CPython's own bound, which a process may have lifted


class TooLarge(MemoryError):
    """A document is too large for one of the rules; the run says so and is incomplete."""
