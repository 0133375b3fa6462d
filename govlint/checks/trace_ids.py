"""Metrics and events emitted without the five ids (GOV601)."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from govlint.model import Finding, Rule
from govlint.python.program import Program
from govlint.python.trust.trace_ids import TraceIds
from govlint.python.vacuity.sources import Sources

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


def may_hold(data: bytes, words: Collection[str]) -> bool:
    """Whether a file with these words may hold a finding, by its folded text."""
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
    for source in sources.glanced(KIND, may_hold):
        for call, lacking, what in judge.missing(source):
            yield Finding(
                rule=rule.code,
                name=rule.name,
                severity=rule.severity,
                message=f"This {what} is emitted without {', '.join(lacking)}; nothing it says can "
                "be traced to the task it belongs to.",
                location=program.location(source.module, call),
                help=rule.fix,
            )
