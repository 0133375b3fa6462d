"""What a mission would do, without doing it: levels, waves, the longest way, reads and writes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from govlint.documents.missions.mission import Mission, Step


@dataclass(frozen=True, slots=True)
class Planned:
    """One step: its level (from 1), its own bound in seconds, and the paths it touches."""

    id: str
    step_type: str
    level: int
    seconds: float | None
    needs: tuple[str, ...]
    reads: tuple[str, ...]
    writes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """The order of a mission's steps.

    A level waits for the one above it; what is in one level can run together, `at_once`
    steps at a time (None: no limit is written down). `critical` is the way through the
    dependencies whose bounds add up to the most, `critical_seconds`; steps without a bound of
    their own count nothing in it and are in `unbounded`.
    """

    name: str
    at_once: int | None
    timeout: float | None
    levels: tuple[tuple[str, ...], ...]
    critical: tuple[str, ...]
    critical_seconds: float
    unbounded: tuple[str, ...]
    steps: tuple[Planned, ...]

    def waves(self) -> list[list[tuple[str, ...]]]:
        """The levels, each in groups that fit into `at_once`."""
        return [
            [level[i : i + size] for i in range(0, len(level), size)]
            for level in self.levels
            for size in [self.at_once or len(level)]
        ]


def plan(mission: Mission) -> Plan:
    """The plan of a mission that has no cycle and whose ids are unique."""
    from govlint.documents.missions.paths import accesses

    count = len(mission.steps)
    levels, longest, before = [1] * count, [0.0] * count, [-1] * count
    seconds = [_seconds(step) for step in mission.steps]
    for index in mission.order:
        for other in mission.needs[index]:
            levels[index] = max(levels[index], levels[other] + 1)
            if before[index] < 0 or longest[other] > longest[before[index]]:
                before[index] = other
        longest[index] = (seconds[index] or 0) + (
            longest[before[index]] if before[index] >= 0 else 0
        )
    reads: list[dict[str, None]] = [{} for _ in range(count)]
    writes: list[dict[str, None]] = [{} for _ in range(count)]
    for access in accesses(mission):
        touched = writes if access.writes else reads
        touched[access.step.index][access.path or "."] = None
    by_level: list[list[str]] = [[] for _ in range(max(levels, default=0))]
    for index in mission.order:
        by_level[levels[index] - 1].append(mission.steps[index].id)
    way: list[str] = []
    last = max(mission.order, key=lambda i: (longest[i], levels[i]), default=-1)
    critical = longest[last] if last >= 0 else 0.0
    while last >= 0:
        way.append(mission.steps[last].id)
        last = before[last]
    return Plan(
        str(mission.value.get("name", "")),
        _positive(mission.config.get("max_concurrent_steps")),
        _number(mission.config.get("timeout_seconds")),
        tuple(tuple(level) for level in by_level),
        tuple(reversed(way)),
        critical,
        tuple(mission.steps[i].id for i in mission.order if seconds[i] is None),
        tuple(
            Planned(
                step.id,
                step.kind,
                levels[index],
                seconds[index],
                tuple(mission.steps[other].id for other in mission.needs[index]),
                tuple(reads[index]),
                tuple(writes[index]),
            )
            for index in mission.order
            for step in [mission.steps[index]]
        ),
    )


def _seconds(step: Step) -> float | None:
    """The bound of a step itself: its `timeout_seconds`, else a parameter that is one."""
    own = _number(step.raw.get("timeout_seconds"))
    if own is not None:
        return own
    given = (
        _number(value) for name, value in step.parameters.items() if "timeout" in step.roles(name)
    )
    return min((x for x in given if x is not None), default=None)


def _number(value: Any) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return value if is_number and value > 0 else None


def _positive(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None
