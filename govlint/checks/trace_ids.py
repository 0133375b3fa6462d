"""Metrics and events emitted without the five ids (GOV601)."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from govlint.model import Finding, Rule
from govlint.python.program import Program
from govlint.python.trust.reading import importing
from govlint.python.trust.trace_ids import TraceIds
from govlint.python.vacuity.sources import Source, Sources

KIND = "trace-ids"
TRIGGERS: tuple[str, ...] = (
    "metrics.", "metric.", "statsd", "telemetry", "Metrics", "prometheus_client", "opentelemetry",
    "EventBus", "EventEmitter", "event_bus", "emit_event", "emit_metric", "record_metric",
    "publish_event", "update_execution_metrics", "events.emit", "events.publish", "emitter.",
    "EventPublisher", "record_event", "events.record", "metrics)", "_publisher.", "_sink.",
)  # fmt: skip
# files are read one by one, none is followed
starts_in: None = None
_EMISSION = re.compile(
    rb"\.(?:emit|increment|incr|decrement|timing|gauge|observe|record|histogram|distribution|"
    rb"emit_metric|emit_event|record_metric|record_event|publish_event|track|publish|count|"
    rb"update_execution_metrics)\(|"
    rb"(?:emit|record|publish|send|track)_(?:metrics?|event)\(|update_execution_metrics"
)
# methods that emit where the text has what the library makes its instruments with
_BY_LIBRARY = (
    (b"prometheus_client", re.compile(rb"\.(?:inc|dec|set|info|state|time)\(")),
    (b"create_", re.compile(rb"\.add\(")),
    (b"opentelemetry", re.compile(rb"\.add_event\(")),
)
# a file may only declare what others emit with
_DECLARES = re.compile(
    rb"^\w+[ \t]*(?::[^=\n]+)?=[ \t]*[\w.]*"
    rb"(?:Counter|Gauge|Histogram|Summary|Info|Enum|create_\w+)\(",
    re.MULTILINE,
)
_CLIENTS = (b"statsd", b"datadog")


def may_hold(data: bytes, words: Collection[str]) -> bool:
    """Whether a file with these words may hold a finding, by its folded text."""
    if _DECLARES.search(data) or any(library in data for library in _CLIENTS):
        return True
    return _EMISSION.search(data) is not None or any(
        library in data and pattern.search(data) for library, pattern in _BY_LIBRARY
    )


@dataclass(frozen=True)
class Params:
    """This check takes no parameters."""


def run(rule: Rule, params: Params, program: Program) -> Iterable[Finding]:
    """At the call that emits."""
    sources = Sources(program)
    judge = TraceIds(sources, program.bindings.trace_ids, program.bindings.metrics)
    read: set[str] = set()
    declaring: set[str] = set()
    for source in _judged(program, sources, judge, read, declaring):
        for call, lacking, what in judge.missing(source):
            yield rule.finding(
                f"This {what} is emitted without {', '.join(lacking)}; nothing it says can "
                "be traced to the task it belongs to.",
                program.location(source.module, call),
            )


def _judged(
    program: Program, sources: Sources, judge: TraceIds, read: set[str], declaring: set[str]
) -> Iterator[Source]:
    """The files that name a metrics client, and those that import instruments of others."""
    for source in sources.glanced(KIND, may_hold):
        read.add(source.module.name)
        if judge.declares(source):
            declaring.add(source.module.name)
        yield source
    yield from importing(program, sources, declaring, read)
