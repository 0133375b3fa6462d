"""A mission as the checks see it: steps, sub-steps and the order between them.

Lenient: whatever is malformed is left out here and reported by the rule about the schema,
so that one fault makes one finding. Order is kept as bit sets, because a mission may have
ten thousand steps (spec 002, Scalability).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from govlint.documents.document import Document, join_pointer
from govlint.documents.missions.ways import MAX_SETS, Ways
from govlint.documents.steps import described, roles_of, step_types

_MAX_NESTING = 50  # of chains in chains


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """One step, or one sub-step of a chain.

    `index` is the place of the step that it belongs to in the mission's list; `within` the
    chain that a sub-step stands in, `earlier` the names of the sub-steps before it.
    """

    index: int
    pointer: str
    id: str
    kind: str
    parameters: Mapping[str, Any]
    raw: Mapping[str, Any]
    within: Step | None = None
    earlier: tuple[str, ...] = ()

    @property
    def called(self) -> str:
        """How a message names the step."""
        if self.within is not None:
            if self.is_tool:
                return self.within.called
            return f"sub-step {self.id!r} of {self.within.id!r}" if self.id else "this sub-step"
        return f"step {self.id!r}" if self.id else "this step"

    @property
    def is_tool(self) -> bool:
        """Whether it is what a `tool` step runs, and no step of its own."""
        return self.within is not None and self.within.kind == "tool"

    @property
    def is_known(self) -> bool:
        """Whether its type is one of the 51."""
        return self.kind in step_types()

    @property
    def notes(self) -> Mapping[str, Any]:
        """What the schema of its type says of it; nothing for an unknown type."""
        return described(self.kind) if self.is_known else {}

    def roles(self, parameter: str) -> tuple[str, ...]:
        """The roles of a parameter of its type, or of a tool that loads files."""
        if self.is_known:
            return roles_of(self.kind, parameter)
        if self.is_tool and self.kind in _nested(self.within).get("loaders", ()):
            return ("path-read",) if parameter in _nested(self.within)["paths-of-loaders"] else ()
        return ()


@dataclass(frozen=True, slots=True)
class Text:
    """A string somewhere in a mission: its pointer, and the step and parameter it is part of.

    A key of a mapping counts where it holds a variable; its pointer is that of its value.
    """

    pointer: str
    text: str
    step: Step | None = None
    parameter: str = ""
    is_key: bool = False


@dataclass
class Mission:
    """The graph of one mission document."""

    document: Document
    steps: list[Step] = field(default_factory=list)

    @cached_property
    def value(self) -> Mapping[str, Any]:
        """The mapping; an empty one where the document is none."""
        return self.document.value if isinstance(self.document.value, dict) else {}

    @cached_property
    def config(self) -> Mapping[str, Any]:
        """The mapping under `config`; an empty one where there is none."""
        found = self.value.get("config")
        return found if isinstance(found, dict) else {}

    @cached_property
    def by_id(self) -> dict[str, Step]:
        """The first step of each id."""
        found: dict[str, Step] = {}
        for step in self.steps:
            if step.id:
                found.setdefault(step.id, step)
        return found

    @cached_property
    def every_step(self) -> list[Step]:
        """All steps with the sub-steps of chains."""
        found: list[Step] = []
        for step in self.steps:
            found.append(step)
            found.extend(_sub_steps(step, 0))
        return found

    @cached_property
    def needs(self) -> list[list[int]]:
        """For each step the steps that it depends on; unknown ones and itself are left out."""
        found: list[list[int]] = []
        for step in self.steps:
            listed = step.raw.get("depends_on")
            needed: dict[int, None] = {}
            for name in listed if isinstance(listed, list) else ():
                other = self.by_id.get(name) if isinstance(name, str) else None
                if other is not None and other is not step:
                    needed[other.index] = None
            found.append(list(needed))
        return found

    @cached_property
    def dependents(self) -> list[list[int]]:
        """For each step the steps that depend on it."""
        found: list[list[int]] = [[] for _ in self.steps]
        for index, needed in enumerate(self.needs):
            for other in needed:
                found[other].append(index)
        return found

    @cached_property
    def order(self) -> list[int]:
        """The steps in an order that keeps every dependency, file order where it is free.

        Steps of a cycle, and what comes after one, are not in it (Kahn 1962).
        """
        missing = [len(needed) for needed in self.needs]
        ready = [index for index, count in enumerate(missing) if not count]
        for index in ready:
            for other in self.dependents[index]:
                missing[other] -= 1
                if not missing[other]:
                    ready.append(other)
        return ready

    @cached_property
    def _knots(self) -> list[set[int]]:
        """The sets of steps that all wait for each other (strongly connected components)."""
        rest = set(range(len(self.steps))) - set(self.order)
        if not rest:
            return []
        import networkx

        graph: networkx.DiGraph[int] = networkx.DiGraph()
        graph.add_edges_from((index, other) for index in rest for other in self.needs[index])
        return [knot for knot in networkx.strongly_connected_components(graph) if len(knot) > 1]

    @cached_property
    def cycles(self) -> list[list[int]]:
        """The cycles: for each knot of steps that wait for each other the shortest of its first."""
        return [self._way_back(min(knot), knot) for knot in sorted(self._knots, key=min)]

    def _way_back(self, start: int, among: set[int]) -> list[int]:
        before: dict[int, int] = {}
        pending = [start]
        for current in pending:
            for other in self.needs[current]:
                if other == start:
                    way = [current]
                    while way[-1] != start:
                        way.append(before[way[-1]])
                    return way[::-1]
                if other in among and other not in before:
                    before[other] = current
                    pending.append(other)
        return []

    @cached_property
    def in_cycle(self) -> frozenset[int]:
        """The steps that wait for themselves."""
        return frozenset(index for knot in self._knots for index in knot)

    @cached_property
    def _upstream(self) -> list[int]:
        sets = [0] * len(self.steps)
        for index in self.order:
            bits = 0
            for other in self.needs[index]:
                bits |= sets[other] | (1 << other)
            sets[index] = bits
        return sets

    @cached_property
    def _downstream(self) -> list[int]:
        sets = [0] * len(self.steps)
        for index in reversed(self.order):
            bits = 0
            for other in self.dependents[index]:
                if self.runs(other):
                    bits |= sets[other] | (1 << other)
            sets[index] = bits
        return sets

    def free_of(self, index: int, among: int) -> int:
        """The steps of a bit set `among` that have no order with a step, as `ordered` says it.

        Of a mission too large for sets of all steps it is the first of them alone.
        """
        if not among or not self.runs(index):
            return 0
        if len(self.steps) > MAX_SETS:
            return self._first_free_of(index, among)
        ordered = self._upstream[index] | self._downstream[index] | (1 << index)
        return among & self._running_bits & ~ordered

    @cached_property
    def _running_bits(self) -> int:
        return int("".join("1" if self.runs(i) else "0" for i in range(len(self.steps)))[::-1], 2)

    def _first_free_of(self, index: int, among: int) -> int:
        while among:
            bit = among & -among
            if not self.ordered(bit.bit_length() - 1, index):
                return bit
            among ^= bit
        return 0

    def is_upstream(self, first: int, second: int) -> bool:
        """Whether step `first` is done before step `second` starts."""
        if len(self.steps) > MAX_SETS:
            return self._ways.lead(first, second)
        return bool(self._upstream[second] >> first & 1)

    @cached_property
    def _ways(self) -> Ways:
        return Ways(self.needs, self.order)

    def ordered(self, first: int, second: int) -> bool:
        """Whether one of two steps waits for the other. What is in a cycle counts as ordered."""
        if first == second or not self.runs(first) or not self.runs(second):
            return True
        return self.is_upstream(first, second) or self.is_upstream(second, first)

    @cached_property
    def _running(self) -> frozenset[int]:
        return frozenset(self.order)

    def runs(self, index: int) -> bool:
        """Whether a step's turn ever comes: it is in no cycle and behind none."""
        return index in self._running

    def texts(self) -> Iterator[Text]:
        """Every string in the parameters of the steps, however deep; those of sub-steps once."""
        for step in self.every_step:
            nested = _nested(step).get("list-in")
            for name, value in step.parameters.items():
                if name == nested and isinstance(value, list):
                    continue
                if name == "parameters" and step.kind == "tool" and isinstance(value, dict):
                    continue
                base = join_pointer([name])
                yield from _texts(value, f"{step.pointer}/parameters{base}", step, name)


def mission_of(document: Document) -> Mission:
    """The mission that a document holds; without steps where it holds none. Made once."""
    known = _KNOWN.get(id(document))
    if known is not None and known.document is document:
        return known
    mission = Mission(document)
    listed = mission.value.get("steps")
    for number, entry in enumerate(listed if isinstance(listed, list) else ()):
        raw = entry if isinstance(entry, dict) else {}
        mission.steps.append(
            Step(
                number,
                f"/steps/{number}",
                _text(raw.get("id")),
                _text(raw.get("step_type")),
                _mapping(raw.get("parameters")),
                raw,
            )
        )
    _KNOWN.clear()  # checks go through the documents one by one, or ask for few
    _KNOWN[id(document)] = mission
    return mission


_KNOWN: dict[int, Mission] = {}


def _sub_steps(step: Step, depth: int) -> Iterator[Step]:
    nested = _nested(step)
    key = nested.get("list-in")
    if nested and key is None:
        yield from _tool(step, nested)
    listed = step.parameters.get(key) if key else None
    if not isinstance(listed, list) or depth > _MAX_NESTING:
        return
    earlier: list[str] = []
    for number, entry in enumerate(listed):
        if not isinstance(entry, dict):
            continue
        inner = Step(
            step.index,
            f"{step.pointer}/parameters/{key}/{number}",
            _text(entry.get(nested.get("name-in", "step_name"))),
            _text(entry.get(nested.get("type-in", "step_type"))),
            _mapping(entry.get(nested.get("parameters-in", "parameters"))),
            entry,
            step,
            (*step.earlier, *earlier),
        )
        yield inner
        yield from _sub_steps(inner, depth + 1)
        earlier.append(inner.id)


def _nested(step: Step | None) -> Mapping[str, Any]:
    """How a type holds what it runs: a chain its sub-steps, a tool step its tool."""
    return (step.notes.get("nested-steps") or {}) if step is not None else {}


def _tool(step: Step, nested: Mapping[str, Any]) -> Iterator[Step]:
    key = nested["parameters-in"]
    given = step.parameters.get(key)
    if isinstance(given, dict):
        name = _text(step.parameters.get(nested["type-in"]))
        kind = name if name in nested["types"] or name not in step_types() else ""
        yield Step(
            step.index, f"{step.pointer}/{key}", step.id, kind, given, {}, step, step.earlier
        )


def _texts(value: Any, pointer: str, step: Step, parameter: str) -> Iterator[Text]:
    stack = [(pointer, value)]
    while stack:
        place, current = stack.pop()
        if isinstance(current, str):
            yield Text(place, current, step, parameter)
        elif isinstance(current, dict):
            for key in current:
                if "{{" in key:
                    yield Text(place + join_pointer([key]), key, step, parameter, is_key=True)
            stack.extend((place + join_pointer([k]), v) for k, v in reversed(current.items()))
        elif isinstance(current, list):
            stack.extend((f"{place}/{i}", v) for i, v in reversed(list(enumerate(current))))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
