"""Frames and arguments: what a function is followed with."""

from __future__ import annotations

from collections.abc import Iterable

from govlint.python.flow import values as v
from govlint.python.flow.values import EMPTY, UNKNOWN, Value, Values
from govlint.python.ordered import Ordered
from govlint.python.symbols import FunctionInfo, Module


class Frame(Ordered):
    """One function (or a module's body) under one set of argument values."""

    __slots__ = ("arguments", "closure", "function", "merged", "module", "open", "runs", "wraps")

    def __init__(
        self,
        module: Module,
        function: FunctionInfo | None,
        arguments: dict[str, Values],
        closure: Frame | None,
        merged: bool = False,
        open_: bool = False,
    ) -> None:
        self.module = module
        self.function = function
        self.arguments = arguments
        self.closure = closure
        self.merged = merged
        self.open = open_
        self.runs = 0
        self.wraps = False  # a decorator's, for one function that it wraps

    def __repr__(self) -> str:
        name = self.function.qualname if self.function else self.module.name
        return f"<frame {name}>"


class Arguments:
    """The arguments of one call, evaluated."""

    __slots__ = ("keywords", "positional", "star", "star_keywords")

    def __init__(
        self,
        positional: Iterable[Values] = (),
        keywords: dict[str, Values] | None = None,
        star: Values | None = None,
        star_keywords: Values | None = None,
    ) -> None:
        self.positional = list(positional)
        self.keywords = keywords or {}
        self.star = star
        self.star_keywords = star_keywords

    def first(self, name: str = "") -> Values:
        """The first positional argument, or the keyword `name`."""
        return self.at(0, name)

    def at(self, position: int, name: str = "") -> Values:
        """The argument at `position`, or the keyword `name`; empty when absent."""
        if position < len(self.positional):
            return self.positional[position]
        if name and name in self.keywords:
            return self.keywords[name]
        return self.star or EMPTY

    def without_first(self, count: int = 1) -> Arguments:
        """The arguments after the first `count`."""
        return Arguments(self.positional[count:], self.keywords, self.star, self.star_keywords)

    def with_first(self, *leading: Values) -> Arguments:
        """These arguments after `leading`."""
        return Arguments([*leading, *self.positional], self.keywords, self.star, self.star_keywords)

    def everything(self) -> Values:
        """All values that any argument has."""
        result: set[Value] = set()
        for values in self.positional:
            result |= values
        for values in self.keywords.values():
            result |= values
        result |= self.star or EMPTY
        result |= self.star_keywords or EMPTY
        return frozenset(result)


def informative(values: Values) -> bool:
    """Say whether the values tell more than "something" or None."""
    return any(
        value is not UNKNOWN
        and not (isinstance(value, v.Const) and (value.value is None or value.value is ...))
        and not isinstance(value, v.ExternalInstance | v.Deferred)
        and not (isinstance(value, v.External) and value.dotted == "builtins.NotImplemented")
        for value in values
    )
