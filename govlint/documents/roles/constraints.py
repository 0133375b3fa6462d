"""What a role's constraint says, where it says it so that a machine can tell.

Comparisons, membership and bounds are read, also with "must be" between; what is prose is
None, which is neither held nor broken. A rule is alternatives (`or`) of things that hold
together (`and`); `qualified` marks one that holds only in some case ("for production").
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

_WORD_NUMBERS = {"no": 0, "a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5}
_UNITS = {
    "ms": ("time", 0.001), "milliseconds": ("time", 0.001), "s": ("time", 1.0),
    "sec": ("time", 1.0), "second": ("time", 1.0), "seconds": ("time", 1.0),
    "min": ("time", 60.0), "minute": ("time", 60.0), "minutes": ("time", 60.0),
    "h": ("time", 3600.0), "hour": ("time", 3600.0), "hours": ("time", 3600.0),
    "b": ("memory", 1.0), "kb": ("memory", 1e3), "mb": ("memory", 1e6), "gb": ("memory", 1e9),
    "%": ("share", 0.01), "percent": ("share", 0.01),
}  # fmt: skip
_SYMBOLS = {"≤": "<=", "≥": ">=", "≠": "!=", "=": "==", "===": "==", "<>": "!="}
_OPERATOR_WORDS = (
    (
        r"(?:at most|no more than|not more than|no greater than|not exceed|up to|maximum(?: of)?)",
        "<=",
    ),
    (r"(?:at least|no less than|not less than|no fewer than|minimum(?: of)?)", ">="),
    (r"(?:less than|fewer than|lower than|below|under)", "<"),
    (r"(?:more than|greater than|higher than|above|over|exceed)", ">"),
    (r"(?:not equal to|not equal|not be|is not|be not)", "!="),
    (r"(?:exactly|equal to|equals|equal|be|is)", "=="),
)
_OPERATOR = re.compile(
    r"\s*(?:(?:must|should|shall|has to|have to|needs to|need to|is|are|may)\s+)?(?:be\s+)?(?:"
    r"(?P<symbol><=|>=|===|==|!=|<>|<|>|=|≤|≥|≠)"
    + "".join(f"|(?P<w{n}>{words})(?![a-z])" for n, (words, _) in enumerate(_OPERATOR_WORDS))
    + r")\s*",
    re.IGNORECASE,
)
_MEMBERSHIP = re.compile(
    r"\s+(?:(?:must|should|shall|may|has to|needs to)\s+)?(?P<not>not\s+)?"
    r"(?:include|contain|have)s?\s+",
    re.IGNORECASE,
)
_CHOICE = re.compile(
    r"\s+(?:(?:must|should|shall)\s+)?(?:be\s+|is\s+)?(?P<not>not\s+)?(?:in|one of|either)\s+",
    re.IGNORECASE,
)
_BETWEEN = re.compile(
    r"\s+(?:(?:must|should|shall)\s+)?(?:be\s+|is\s+)?between\s+(?P<low>-?[0-9.]+)\s+and\s+(?P<high>-?[0-9.]+)",
    re.IGNORECASE,
)
_NUMBER = re.compile(
    r"(?P<number>[+-]?[0-9][0-9_]*(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)\s*(?P<unit>%|[A-Za-z]+)?"
)
_NAME = re.compile(
    r"(?P<size>(?:len|length|size|count)\s*\(\s*)?(?P<name>[A-Za-z_][A-Za-z0-9_.]*)(?(size)\s*\))"
)
_PHRASE = re.compile(
    r"[A-Za-z_]+(?: (?!must|should|shall|be\b|is\b|are\b|has\b|not\b)[A-Za-z_]+){1,2}"
    r"(?=\s+(?:must|should|shall|has|needs|is)\b|\s*[<>=!≤≥≠])"
)
_TEXT = re.compile(r"\"(?P<double>[^\"]*)\"|'(?P<single>[^']*)'|(?P<bare>[^\s,;()\[\]\"']+)")
_JOIN = re.compile(r"\s*(?:(?P<and>and\b|&&|;)|(?P<or>or\b|\|\|))\s*", re.IGNORECASE)
_QUALIFIER = re.compile(
    r"\s*,?\s*(?:for|in|on|when|whenever|if|unless|during|from|per|under|within|while|where|before|after|at|across|of|by|except)\b",
    re.IGNORECASE,
)
_COUNTED = re.compile(
    r"\b(?P<how>at least|at most|no more than|exactly) "
    r"(?P<number>[0-9]+|an?|one|two|three|four|five) (?P<noun>[a-z]+(?: [a-z]+)?)",
    re.IGNORECASE,
)
_MAX_LENGTH = 2000
_NO_NAMES = frozenset("must should shall all any no not only the every each".split())


@dataclass(frozen=True, slots=True)
class Atom:
    """One thing that has to hold of one name.

    `operator` is one of `<= >= < > == != in not-in has has-not`; `values` are what it
    compares with. `of_size` means the number of entries; `unit` is the kind of number.
    `loose` is a word after "must be", which may be a value or prose ("must be relative").
    """

    name: str
    operator: str
    values: tuple[object, ...]
    of_size: bool = False
    unit: str = ""
    loose: bool = False


@dataclass(frozen=True, slots=True)
class Rule:
    """Alternatives, each a list of what holds together; none at all can never hold."""

    alternatives: tuple[tuple[Atom, ...], ...]
    qualified: bool = False


def read_rule(text: str, parameters: Collection[str] = ()) -> Rule | None:
    """Read a constraint's rule; None where it is prose. `parameters` are the role's names."""
    text = " ".join(text[:_MAX_LENGTH].split()).rstrip(".")
    return _Reader(text).read() or _counted(text, parameters)


class _Reader:
    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0

    def read(self) -> Rule | None:
        alternatives: list[tuple[Atom, ...]] = []
        together: list[Atom] = []
        constant = self._constant()
        if constant is not None:
            return constant
        while True:
            atoms = self._atoms()
            if atoms is None:
                return None
            together += atoms
            if self.at >= len(self.text):
                break
            joined = _JOIN.match(self.text, self.at)
            if joined is None:
                if _QUALIFIER.match(self.text, self.at):
                    return Rule((*alternatives, tuple(together)), True)
                return None
            self.at = joined.end()
            if joined["or"]:
                alternatives.append(tuple(together))
                together = []
        return Rule((*alternatives, tuple(together)))

    def _constant(self) -> Rule | None:
        """A rule that names nothing: `false`, `1 > 2`."""
        if self.text.lower() in ("true", "false", "always", "never"):
            return Rule(((),) if self.text.lower() in ("true", "always") else ())
        found = re.fullmatch(r"(-?[0-9.]+)\s*(<=|>=|==|!=|<|>)\s*(-?[0-9.]+)", self.text)
        if found is None:
            return None
        try:
            left, right = float(found[1]), float(found[3])
        except ValueError:
            return None
        return Rule(((),) if compare(left, found[2], right) else ())

    def _atoms(self) -> list[Atom] | None:
        flipped = self._flipped()
        if flipped is not None:
            return flipped
        name, of_size = self._name()
        if not name:
            return None
        found = _BETWEEN.match(self.text, self.at)
        if found:
            self.at = found.end()
            low, high = float(found["low"]), float(found["high"])
            return [Atom(name, ">=", (low,), of_size), Atom(name, "<=", (high,), of_size)]
        found = _MEMBERSHIP.match(self.text, self.at)
        if found:
            return self._members(name, found)
        found = _CHOICE.match(self.text, self.at)
        if found:
            self.at = found.end()
            values = self._values()
            operator = "not-in" if found["not"] else "in"
            return [Atom(name, operator, values, of_size)] if values else None
        return self._comparison(name, of_size)

    def _flipped(self) -> list[Atom] | None:
        """`5 <= x`, and `1 <= x <= 50`."""
        found = re.compile(r"(-?[0-9.]+)\s*(<=|>=|==|!=|<|>)\s*(?=[A-Za-z_])").match(
            self.text, self.at
        )
        if found is None:
            return None
        start = self.at
        self.at = found.end()
        name, of_size = self._name()
        if not name:
            self.at = start
            return None
        turned = {"<=": ">=", ">=": "<=", "<": ">", ">": "<"}.get(found[2], found[2])
        try:
            atoms = [Atom(name, turned, (float(found[1]),), of_size)]
        except ValueError:
            return None
        more = re.compile(r"\s*(?=<|>)").match(self.text, self.at)
        if more:
            rest = self._comparison(name, of_size)
            if rest is None:
                return None
            atoms += rest
        return atoms

    def _name(self) -> tuple[str, bool]:
        phrase = _PHRASE.match(self.text, self.at)
        if phrase:
            self.at = phrase.end()
            return phrase.group().lower().replace(" ", "_"), False
        found = _NAME.match(self.text, self.at)
        if found is None or found["name"].lower() in _NO_NAMES:
            return "", False
        self.at = found.end()
        return found["name"].rpartition(".")[2], found["size"] is not None

    def _comparison(self, name: str, of_size: bool) -> list[Atom] | None:
        found = _OPERATOR.match(self.text, self.at)
        if found is None:
            return None
        self.at = found.end()
        symbol = found["symbol"]
        if symbol:
            operator = _SYMBOLS.get(symbol, symbol)
        else:
            taken = next(n for n in range(len(_OPERATOR_WORDS)) if found[f"w{n}"])
            operator = _OPERATOR_WORDS[taken][1]
        number = _NUMBER.match(self.text, self.at)
        if number:
            return self._number(name, operator, of_size, number)
        if operator not in ("==", "!="):
            return None
        text = _TEXT.match(self.text, self.at)
        if text is None:
            return None
        value = _scalar(text)
        loose = isinstance(value, str) and bool(text["bare"]) and not symbol
        self.at = text.end()
        return [Atom(name, operator, (value,), of_size, "", loose)]

    def _number(
        self, name: str, operator: str, of_size: bool, found: re.Match[str]
    ) -> list[Atom] | None:
        value = float(found["number"].replace("_", ""))
        word = found["unit"] or ""
        self.at = found.end()
        if word.lower() in ("and", "or") or _QUALIFIER.match(f" {word}"):
            self.at = found.start("unit") if word else self.at
            word = ""
        unit, factor = _UNITS.get(word.lower(), ("", 1.0))
        return [Atom(name, operator, (value * factor,), of_size, unit)]

    def _members(self, name: str, found: re.Match[str]) -> list[Atom] | None:
        self.at = found.end()
        counted = re.compile(r"(at least|at most|exactly) ([0-9]+|an?|one|two|three)\b.*").match(
            self.text, self.at
        )
        if counted:
            self.at = len(self.text)
            number = _WORD_NUMBERS.get(counted[2].lower())
            size = float(counted[2]) if number is None else float(number)
            operator = {"at least": ">=", "at most": "<=", "exactly": "=="}[counted[1].lower()]
            return [Atom(name, operator, (size,), True)]
        values = self._values()
        return [Atom(name, "has-not" if found["not"] else "has", values)] if values else None

    def _values(self) -> tuple[object, ...]:
        """A list of values: in brackets or not, with commas or `and` between."""
        opened = self.text[self.at : self.at + 1] in tuple("[({")
        self.at += opened
        values: list[object] = []
        while True:
            found = _TEXT.match(self.text, self.at)
            if found is None:
                break
            values.append(_scalar(found))
            self.at = found.end()
            more = re.compile(
                r"\s*(?:,\s*(?:and\s+|or\s+)?|and\s+|\|\s*)" if opened or values else ""
            ).match(self.text, self.at)
            if more is None or self._begins_another(more.end()):
                break
            self.at = more.end()
        if opened:
            self.at += self.text[self.at : self.at + 1] in tuple("])}")
        return tuple(values)

    def _begins_another(self, at: int) -> bool:
        """Whether what follows `and` is another comparison and not another value."""
        rest = _NAME.match(self.text, at)
        return rest is not None and bool(
            _OPERATOR.match(self.text, rest.end())
            or _MEMBERSHIP.match(self.text, rest.end())
            or _CHOICE.match(self.text, rest.end())
        )


def _scalar(found: re.Match[str]) -> object:
    bare = found["bare"]
    if bare is None:
        return found["double"] if found["double"] is not None else found["single"]
    if bare.lower() in ("true", "false"):
        return bare.lower() == "true"
    if re.fullmatch(r"-?[0-9]+(?:\.[0-9]+)?", bare):
        return float(bare)
    return bare


def _counted(text: str, parameters: Collection[str]) -> Rule | None:
    """`must validate against at least one context anchor`, where there are `context_anchors`."""
    found = _COUNTED.search(text)
    if found is None:
        return None
    words = found["noun"].lower().split()
    for length in (2, 1):
        stem = "_".join(words[:length])
        for name in (stem, stem + "s", stem + "es"):
            if len(words) >= length and name in parameters:
                number = _WORD_NUMBERS.get(found["number"].lower())
                size = float(found["number"]) if number is None else float(number)
                how = found["how"].lower()
                operator = ">=" if how == "at least" else "==" if how == "exactly" else "<="
                return Rule(((Atom(name, operator, (size,), True),),))
    return None


def compare(left: float, operator: str, right: float) -> bool:
    """Whether a comparison of two numbers holds."""
    return {
        "<=": left <= right,
        ">=": left >= right,
        "<": left < right,
        ">": left > right,
        "==": left == right,
        "!=": left != right,
    }[operator]
