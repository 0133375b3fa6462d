"""Whether a role's constraints can hold at all, and whether a value breaks one.

A name's domain is what its declaration leaves open: a parameter's descriptor, a field of
the declared output, or a fixed value of the role such as its timeout.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from govlint.documents.roles.constraints import Atom, Rule, compare, read_rule

_NEVER_NEGATIVE = re.compile(
    r"(?:^|_)(?:counts?|total|numbers?|sizes?|depth|duration|ms|seconds|bytes|files|issues|errors"
    r"|warnings|coverage|length|retries|timeout|violations)(?:_|$)"
)
_SHARE = re.compile(r"(?:^|_)(?:coverage|ratio|share|rate|completeness|accuracy|confidence)(?:_|$)")
_MAX_DEPTH = 20
_MAX_RULES = 200  # of one role; they are compared with each other


@dataclass(slots=True)
class Domain:
    """What a name may still be: numbers in bounds, one of some values, or entries of a list."""

    kind: str = ""  # a JSON type; empty where it is not declared
    allowed: list[Any] | None = None
    low: float = -math.inf
    high: float = math.inf
    low_open: bool = False
    high_open: bool = False
    least: float = 0  # entries
    most: float = math.inf
    entries: list[Any] | None = None  # what an entry may be
    needed: set[Any] = field(default_factory=set)
    barred: set[Any] = field(default_factory=set)
    unit: str = ""

    def copy(self) -> Domain:
        """The same domain, which can be narrowed on its own."""
        return Domain(
            self.kind, None if self.allowed is None else list(self.allowed), self.low, self.high,
            self.low_open, self.high_open, self.least, self.most, self.entries,
            set(self.needed), set(self.barred), self.unit,
        )  # fmt: skip

    @property
    def is_empty(self) -> bool:
        """Whether nothing is left."""
        if self.least > self.most or len(self.needed) > self.most or self.needed & self.barred:
            return True
        if self.entries is not None and not self.needed <= set(map(_key, self.entries)):
            return True
        if self.allowed is not None:
            return not any(self._in_bounds(value) for value in self.allowed)
        low, high = self.low, self.high
        if self.kind == "integer":
            low = math.floor(low) + 1 if self.low_open and low == math.floor(low) else low
            high = math.ceil(high) - 1 if self.high_open and high == math.ceil(high) else high
            low, high = _ceil(low), _floor(high)
            return low > high
        return low > high or (low == high and (self.low_open or self.high_open))

    def _in_bounds(self, value: Any) -> bool:
        if _key(value) in self.barred:
            return False
        if isinstance(value, bool) or not isinstance(value, int | float):
            return self.low == -math.inf and self.high == math.inf
        above = value > self.low or (value == self.low and not self.low_open)
        return above and (value < self.high or (value == self.high and not self.high_open))

    def narrow(self, atom: Atom) -> None:
        """Take away what an atom does not allow; one that does not fit the domain says nothing."""
        values = atom.values
        if atom.of_size or (self.kind == "array" and atom.operator not in ("has", "has-not")):
            self._narrow_size(atom)
        elif atom.operator == "has":
            self.needed |= {_key(value) for value in values}
        elif atom.operator == "has-not":
            self.barred |= {_key(value) for value in values}
        elif atom.operator in ("in", "=="):
            self._keep(values, atom.loose)
        elif atom.operator in ("not-in", "!="):
            if self.allowed is not None:
                self.allowed = [v for v in self.allowed if not any(_same(v, o) for o in values)]
        elif isinstance(values[0], float):
            self._bound(atom.operator, values[0])

    def _keep(self, values: tuple[object, ...], loose: bool) -> None:
        if self.allowed is not None:
            kept = [v for v in self.allowed if any(_same(v, other) for other in values)]
            if kept or not loose:
                self.allowed = kept
        elif not loose:
            numbers = [v for v in values if isinstance(v, float)]
            if self.kind in ("integer", "number") or len(numbers) == len(values):
                self.allowed = list(values)

    def _bound(self, operator: str, value: float) -> None:
        if self.kind in ("string", "object"):
            return
        if operator in ("<", "<=") and (value, operator == "<=") < (self.high, not self.high_open):
            self.high, self.high_open = value, operator == "<"
        if operator in (">", ">=") and (-value, operator == ">=") < (-self.low, not self.low_open):
            self.low, self.low_open = value, operator == ">"

    def _narrow_size(self, atom: Atom) -> None:
        value = atom.values[0]
        if not isinstance(value, float):
            return
        if atom.operator in ("<", "<=", "=="):
            self.most = min(self.most, math.ceil(value) - 1 if atom.operator == "<" else value)
        if atom.operator in (">", ">=", "=="):
            self.least = max(self.least, math.floor(value) + 1 if atom.operator == ">" else value)


def _ceil(value: float) -> float:
    return value if math.isinf(value) else math.ceil(value)


def _floor(value: float) -> float:
    return value if math.isinf(value) else math.floor(value)


def _key(value: Any) -> Any:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _same(left: Any, right: Any) -> bool:
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, int | float) and isinstance(right, int | float):
        return left == right
    return isinstance(left, str) and isinstance(right, str) and left == right


def of_descriptor(descriptor: Mapping[str, Any]) -> Domain:
    """What a descriptor leaves open."""
    domain = Domain(kind=str(descriptor.get("type", "")))
    if domain.kind == "boolean":
        domain.allowed = [True, False]
    if isinstance(descriptor.get("enum"), list):
        domain.allowed = list(descriptor["enum"])
    for word, operator in (
        ("minimum", ">="), ("maximum", "<="), ("exclusiveMinimum", ">"), ("exclusiveMaximum", "<"),
    ):  # fmt: skip
        value = descriptor.get(word)
        if isinstance(value, int | float) and not isinstance(value, bool):
            domain._bound(operator, float(value))
    if domain.kind == "array":
        least, most = descriptor.get("minItems"), descriptor.get("maxItems")
        domain.least = least if isinstance(least, int) else 0
        domain.most = most if isinstance(most, int) else math.inf
        items = descriptor.get("items")
        if isinstance(items, Mapping) and isinstance(items.get("enum"), list):
            domain.entries = list(items["enum"])
    return domain


def domains(role: Mapping[str, Any]) -> dict[str, Domain]:
    """The domains of all names that a role declares; parameters win over the rest."""
    found: dict[str, Domain] = {}
    outputs = _mapping(role.get("outputs"))
    for name, descriptor in _fields(_mapping(outputs.get("schema"))):
        domain = of_descriptor(descriptor)
        if domain.low == -math.inf and _NEVER_NEGATIVE.search(name):
            domain.low = 0
        found[name] = domain
    behavior = _mapping(role.get("runtime_behavior"))
    fixed = {name: outputs.get("format") for name in ("format", "output_format")}
    fixed["mnga_layer"] = role.get("mnga_layer")
    fixed |= {name: behavior.get(name) for name in ("timeout", "execution_mode")}
    fixed["max_retries"] = _mapping(behavior.get("retry_policy")).get("max_retries")
    for name, value in fixed.items():
        if isinstance(value, str | int):
            found[name] = Domain(allowed=[value], unit="time" if name == "timeout" else "")
    parameters = _mapping(_mapping(role.get("inputs")).get("parameters"))
    for name, descriptor in parameters.items():
        if isinstance(descriptor, Mapping):
            found[name] = of_descriptor(descriptor)
    return found


def _fields(schema: Mapping[str, Any], depth: int = 0) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, descriptor in schema.items():
        if isinstance(descriptor, Mapping) and depth < _MAX_DEPTH:
            yield str(name), descriptor
            yield from _fields(_mapping(descriptor.get("properties")), depth + 1)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def never_holds(rule: Rule, known: Mapping[str, Domain]) -> bool:
    """Whether no values can make a rule hold."""
    return all(_together(atoms, known) is None for atoms in rule.alternatives)


def _together(atoms: Iterable[Atom], known: Mapping[str, Domain]) -> dict[str, Domain] | None:
    """The domains that are left where all atoms hold; None where there are none."""
    left: dict[str, Domain] = {}
    for atom in atoms:
        narrowed = left.get(atom.name)
        if narrowed is None:
            narrowed = known[atom.name].copy() if atom.name in known else _free(atom)
            if narrowed.is_empty:
                continue  # its own declaration is at fault, which another rule says
        if not _comparable(narrowed, atom):
            continue
        narrowed.narrow(atom)
        if narrowed.is_empty:
            return None
        left[atom.name] = narrowed
    return left


def _free(atom: Atom) -> Domain:
    """The domain of a name that nothing declares: of some kinds of thing a little is known."""
    domain = Domain(unit=atom.unit)
    if _NEVER_NEGATIVE.search(atom.name):
        domain.low = 0
    if atom.unit == "share" and _SHARE.search(atom.name):
        domain.low, domain.high = 0, 1
    return domain


def _comparable(domain: Domain, atom: Atom) -> bool:
    """Whether the numbers of both are of one kind; a bare number takes the kind there is."""
    return not atom.unit or not domain.unit or atom.unit == domain.unit


def first_contradiction(
    rules: Iterable[tuple[int, Rule]], known: Mapping[str, Domain]
) -> tuple[int, int] | None:
    """The numbers of two rules that cannot hold together, each of which can on its own.

    Only rules that hold in every case and have one alternative are compared.
    """
    taken: list[tuple[int, tuple[Atom, ...]]] = []
    for number, rule in rules:
        if rule.qualified or len(rule.alternatives) != 1 or never_holds(rule, known):
            continue
        atoms = rule.alternatives[0]
        for earlier, others in taken:
            if _together((*others, *atoms), known) is None:
                return earlier, number
        taken.append((number, atoms))
    return None


def breaks(rule: Rule, values: Mapping[str, Any]) -> str | None:
    """The name whose value breaks a rule for certain; None where it holds or cannot be told."""
    if rule.qualified or not rule.alternatives:
        return None
    culprit = None
    for atoms in rule.alternatives:
        broken = [atom.name for atom in atoms if _holds(atom, values) is False]
        if not broken:
            return None
        culprit = culprit or broken[0]
    return culprit


def _holds(atom: Atom, values: Mapping[str, Any]) -> bool | None:
    if atom.name not in values or atom.loose:
        return None
    value = values[atom.name]
    if isinstance(value, list):
        return _list_holds(atom, value)
    if atom.operator in ("in", "=="):
        return any(_same(value, other) for other in atom.values)
    if atom.operator in ("not-in", "!="):
        return not any(_same(value, other) for other in atom.values)
    bound = atom.values[0]
    if atom.unit or isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return compare(value, atom.operator, bound) if isinstance(bound, float) else None


def _list_holds(atom: Atom, entries: list[Any]) -> bool | None:
    if atom.operator == "has":
        return all(any(_matches(entry, wanted) for entry in entries) for wanted in atom.values)
    if atom.operator == "has-not":
        return not any(_same(entry, barred) for entry in entries for barred in atom.values)
    bound = atom.values[0]
    if isinstance(bound, float) and atom.operator in ("<=", ">=", "<", ">", "=="):
        return compare(len(entries), atom.operator, bound)
    return None


def _matches(entry: Any, wanted: object) -> bool:
    """Whether an entry of a list is what is wanted, or a pattern that covers it."""
    if isinstance(entry, str) and isinstance(wanted, str):
        name = entry.rstrip("/").rpartition("/")[2]
        return entry == wanted or name == wanted or fnmatchcase(wanted, name)
    return _same(entry, wanted)


def satisfiable_rules(role: Mapping[str, Any]) -> list[tuple[str, str, Rule]]:
    """The constraints that can hold, each alone and all together, as `stated_rules` has them."""
    known = domains(role)
    able = [entry for entry in stated_rules(role) if not never_holds(entry[2], known)]
    clash = first_contradiction([(n, rule) for n, (_, _, rule) in enumerate(able)], known)
    return [entry for number, entry in enumerate(able) if clash is None or number not in clash]


def stated_rules(role: Mapping[str, Any]) -> Iterator[tuple[str, str, Rule]]:
    """The constraints of a role that a machine can read: pointer, text, rule."""
    listed = _mapping(role.get("governance_rules")).get("constraints")
    names = _mapping(_mapping(role.get("inputs")).get("parameters"))
    for number, entry in enumerate(listed[:_MAX_RULES] if isinstance(listed, list) else ()):
        text = entry.get("rule") if isinstance(entry, Mapping) else None
        rule = read_rule(text, names) if isinstance(text, str) else None
        if isinstance(text, str) and rule is not None:
            yield f"/governance_rules/constraints/{number}/rule", " ".join(text.split())[:80], rule
