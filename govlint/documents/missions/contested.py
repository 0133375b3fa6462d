"""The accesses of a large mission that may meet another one.

Which steps touch one file is worked out with sets of steps for every path. In a mission of
a hundred thousand steps nearly every path is touched once, and needs none.
"""

from __future__ import annotations

from collections import Counter

from govlint.documents.limits import TooLarge
from govlint.documents.missions.paths import Access

_MANY = 5_000  # accesses up to which all are looked at
_MOST = 30_000  # accesses that sets are kept for: 500 MB where each is to a path of its own


def contested(found: list[Access]) -> list[Access]:
    """The accesses to a path that another one is to, or that lies in or over another's.

    Raises TooLarge where there are too many.
    """
    if len(found) <= _MANY:
        return found
    certain = [access for access in found if _is_certain(access)]
    kept = found
    if len(certain) == len(found):
        times = Counter(access.path for access in found)
        over: set[str] = set()
        for path in times:
            while path:
                path = path.rpartition("/")[0]
                over.add(path)
        kept = [a for a in found if times[a.path] > 1 or a.path in over or _is_below(a, times)]
    if len(kept) > _MOST:
        raise TooLarge
    return kept


def _is_certain(access: Access) -> bool:
    """Whether it is known which path is touched, and all of it."""
    return "{{" not in access.path and access.only is None


def _is_below(access: Access, times: Counter[str]) -> bool:
    path = access.path
    while path:
        path = path.rpartition("/")[0]
        if path in times:
            return True
    return False
