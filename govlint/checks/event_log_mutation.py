"""An append-only log that is updated, deleted from or rewritten (GOV603)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from govlint.model import Finding, Rule
from govlint.python.bindings import words_beside_defaults
from govlint.python.program import Program
from govlint.python.trust.event_logs import EventLogs
from govlint.python.trust.reading import importing, sources_with
from govlint.python.vacuity.sources import Source, Sources

KIND = "event-log-mutation"
TRIGGERS: tuple[str, ...] = (
    "event_log", "EventLog", "event_store", "EventStore", "event_stream", "EventStream",
    "audit_log", "AuditLog", "audit_trail", "AuditTrail", "ledger", "Ledger", "LEDGER", "journal",
    "Journal", "JOURNAL", "write_ahead_log", "WriteAheadLog", "append_only", "AUDIT_LOG",
    "EVENT_LOG", "AUDIT_TRAIL", "audit_events", "AuditEvent", "AuditEntry", "AuditRecord",
    ".wal.", "WAL_", "audit.jsonl", "events.jsonl", "all_validations", "evidence_validations",
)  # fmt: skip
# files are read one by one, none is followed
starts_in: None = None
_CHANGE = re.compile(
    rb"(?i)(?<![a-z])(?:event_?log|event_?store|event_?stream|audit_|audit(?:log|trail|event|entry|"
    rb"record)|ledger|journal|write_?ahead_?log|append_only|wal\b|wal_|all_validations|"
    rb"evidence_validations|audit\.jsonl|events\.jsonl)"
    rb"|(?:Event|Audit|Ahead)(?:Log|Store|Stream|Trail|Event|Entry|Record)|Ledger|Journal"
)


@dataclass(frozen=True)
class Params:
    """This check takes no parameters."""


def run(rule: Rule, params: Params, program: Program) -> Iterable[Finding]:
    """At the call or statement that changes what was recorded."""
    sources = Sources(program)
    beside = words_beside_defaults(program.bindings, "event_logs")
    words = frozenset(TRIGGERS) | beside
    pattern = _CHANGE
    if beside:
        named = b"|".join(sorted(re.escape(word.encode()) for word in beside))
        pattern = re.compile(_CHANGE.pattern + b"|" + named)
    read: set[str] = set()
    for source in _judged(program, sources, words, pattern, read):
        seen: set[int] = set()
        for node, what in EventLogs(sources, source, program.bindings.event_logs).changes():
            line = getattr(node, "lineno", 0)
            if line in seen:
                continue
            seen.add(line)
            yield Finding(
                rule=rule.code,
                name=rule.name,
                severity=rule.severity,
                message=f"{what}: the log is append-only; record what is new as another entry.",
                location=program.location(source.module, node),
                help=rule.fix,
            )


def _judged(
    program: Program,
    sources: Sources,
    words: frozenset[str],
    pattern: re.Pattern[bytes],
    read: set[str],
) -> Iterator[Source]:
    """The files that name a log, and those that import a model whose table is one."""
    declaring: set[str] = set()
    for source in sources_with(program, sources, words, pattern):
        read.add(source.module.name)
        judge = EventLogs(sources, source, program.bindings.event_logs)
        if any(judge.declares_table(name) for name in source.classes):
            declaring.add(source.module.name)
        yield source
    yield from importing(program, sources, declaring, read)
