"""Which files may hold a vacuous gate, judged by the text of each gate alone.

Most gates raise, or answer by something they compute. They are told from the rest without
parsing the file they stand in, while the files are searched.
"""

from __future__ import annotations

import re
import textwrap
from bisect import bisect_left
from collections.abc import Collection
from functools import cached_property, lru_cache

from govlint.python.syntax.parse import build_tree
from govlint.python.vacuity import names
from govlint.python.vacuity.judge import may_be_vacuous
from govlint.python.vacuity.sources import AnyDef

_DEF = re.compile(rb"def[ \t]+(\w+)[ \t]*\(")
_CLASS = re.compile(rb"^[ \t]*class[ \t]+(\w+)", re.MULTILINE)
_BEFORE = re.compile(rb"([ \t]*)(?:async[ \t]+)?")
# where a gate may be a lambda, or a function of any name
_INLINE = re.compile(
    rb"(?:validator|gate|guard|check|checker|scorer|verifier|validate|verify)s?[\"']?\]?"
    rb"[ \t]*[=:(,][^\n]*\blambda\b",
    re.IGNORECASE,
)
_TABLE = re.compile(
    rb"(?:VALIDATORS?|GATES?|GUARDS?|CHECKS?|SCORERS?|validators|gates|guards|checks|scorers)"
    rb"(?::[^\n=]+)?[ \t]*=[ \t]*[\[({]|"
    rb"(?:register|add|use|install|attach)_(?:\w+_)?(?:validator|gate|guard|check|scorer|"
    rb"verifier)\("
)
_TABLE_WORDS = frozenset(
    "_gate( _check( _guard( _validator( _verifier( _scorer( validators VALIDATORS GATES gates "
    "CHECKS GUARDS SCORERS".split()
)
# these begin with a word, which is searched for twenty times as fast as a place in a line
_IMPORTED = re.compile(rb"from[ \t]+[\w.]+[ \t]+import[ \t]+([\w, \t]+)$", re.MULTILINE)
_LOCAL = (re.compile(rb"def[ \t]+(\w+)"), re.compile(rb"class[ \t]+(\w+)"))
_WORD = re.compile(rb"\w+")
_REGISTERED = re.compile(rb"@[\w.]*(?:valid|gate|guard|check|scor|verif|register)")
_HEADER_END = re.compile(r".*\)\s*(?:->.*)?:")
# `except A, B:` (PEP 758) is read by the file's own parser; here it only has to be skipped
_UNBRACKETED = re.compile(r"(?m)^(\s*except\*?[ \t]+)([\w.]+(?:[ \t]*,[ \t]*[\w.]+)+)[ \t]*:")


def may_hold(data: bytes, words: Collection[str]) -> bool:
    """Whether a file may hold a vacuous gate. `data` is its folded text, `words` found in it."""
    if not _TABLE_WORDS.isdisjoint(words) and _TABLE.search(data):
        return True
    return _has_inline(data) or _Outline(data).may_hold()


def _has_inline(data: bytes) -> bool:
    """Whether a line hands a lambda to what keeps gates."""
    at = data.find(b"lambda")
    while at >= 0:
        end = data.find(b"\n", at)
        end = len(data) if end < 0 else end
        if _INLINE.search(data, data.rfind(b"\n", 0, at) + 1, end):
            return True
        at = data.find(b"lambda", end)
    return False


class _Outline:
    """The definitions of a file, found by their first lines."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def may_hold(self) -> bool:
        data = self.data
        for match in _DEF.finditer(data):
            at = match.start()
            start = data.rfind(b"\n", 0, at) + 1
            before = _BEFORE.fullmatch(data, start, at)
            if before is None:
                continue
            name = match[1].decode("ascii")
            if not (
                _is_gate(name)
                or (names.may_be_gate_method(name) and self._is_method(name, start))
                or _is_decorated(data, start)
            ):
                continue
            if self._may_be_vacuous(_block(data, start, len(before[1]))):
                return True
        return False

    @cached_property
    def _classes(self) -> list[tuple[int, str]]:
        return [(m.start(), m[1].decode("ascii")) for m in _CLASS.finditer(self.data)]

    def _is_method(self, name: str, start: int) -> bool:
        """Whether a function of this name is what decides, in the class that stands above it."""
        above = bisect_left(self._classes, (start, ""))
        return above > 0 and names.is_gate_method(self._classes[above - 1][1], name)

    @cached_property
    def _local(self) -> frozenset[str]:
        found = (word for pattern in _LOCAL for word in pattern.findall(self.data))
        return frozenset(word.decode("ascii") for word in found)

    @cached_property
    def _imported(self) -> frozenset[str]:
        """What the file defines, or imports by a name of its own."""
        return self._local.union(
            word.decode("ascii")
            for listed in _IMPORTED.findall(self.data)
            for word in _WORD.findall(listed)
        )

    def _may_be_vacuous(self, text: str) -> bool:
        try:
            tree = build_tree(_UNBRACKETED.sub(r"\1(\2):", textwrap.dedent(text)))
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return True  # the file's own parse says more
        node = tree.body[0] if tree.body else None
        if not isinstance(node, AnyDef):
            return True
        return may_be_vacuous(node, self._imported if len(node.body) <= 3 else self._local)


@lru_cache(maxsize=4096)
def _is_gate(name: str) -> bool:
    return names.is_gate_name(name)


def _is_decorated(data: bytes, start: int) -> bool:
    """Whether what stands in the line above a definition registers it as a gate."""
    before = data[max(0, start - 200) : start].rstrip().rpartition(b"\n")[2].strip()
    return (
        before.startswith(b"@")
        and names.is_gate_slot(re.split(rb"[.(]", before[1:])[-1].decode("ascii") or "x")
    ) or _REGISTERED.match(before) is not None


def _block(data: bytes, start: int, indent: int) -> str:
    """The text of the definition that begins at `start`."""
    lines = data[start : start + 40_000].decode("ascii").split("\n")
    kept = [lines[0]]
    header = ":" not in lines[0].rpartition(")")[2]
    for line in lines[1:]:
        bare = line.lstrip()
        deep = len(line) - len(bare)
        if header:
            kept.append(line)
            header = not _HEADER_END.match(line)
            continue
        if bare and deep <= indent and not bare.startswith((")", "#", '"""', "'''")):
            break
        kept.append(line)
    return "\n".join(kept)
