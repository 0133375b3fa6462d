"""Tests of governed components that assert nothing (GOV702)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from govlint.model import Finding, Location, Rule
from govlint.python.bindings import Bindings, has_wildcard
from govlint.python.program import Program
from govlint.python.trust.asserting import Asserting
from govlint.python.vacuity.sources import AnyDef, Source, Sources

KIND = "vacuous-test"
TRIGGERS: tuple[str, ...] = ("def test", "def runTest")
# files are read one by one, none is followed
starts_in: None = None
_PARTS = (
    "plugins", "registries", "gates", "layers", "participants", "contexts", "state_surfaces",
    "policies", "runtimes", "validate_input", "validate_output",
)  # fmt: skip


@dataclass(frozen=True)
class Params:
    """This check takes no parameters."""


def run(rule: Rule, params: Params, program: Program) -> Iterable[Finding]:
    """At the test's definition."""
    governed = frozenset(_governed(program, program.bindings))
    sources = Sources(program)
    for name in program.tests_that_name(governed):
        source = sources.get(name)
        if source is None:
            continue
        for test, what in Asserting(sources, source, governed).vacuous():
            yield rule.finding(
                f"{test.name} tests {what} and asserts nothing; it passes whatever the code does.",
                _headline(program, source, test),
            )


def _headline(program: Program, source: Source, test: AnyDef) -> Location:
    place = program.location(source.module, test)
    text = source.module.lines[place.line - 1]
    return Location(place.path, place.line, place.column, place.line, len(text.rstrip()) + 1)


def _governed(program: Program, bindings: Bindings) -> Iterator[str]:
    """The names of governed classes and functions: bound ones, and what derives from them."""
    for part in _PARTS:
        for entry in getattr(bindings, part):
            pieces = entry.split(".")
            name = pieces[-2] if part == "gates" and len(pieces) > 1 else pieces[-1]
            if not has_wildcard(name):
                yield name
    for cls in program.plugin_classes:
        yield cls.name
    for module in program.modules.values():
        for cls in module.classes:
            if program.is_bound(cls):
                yield cls.name
