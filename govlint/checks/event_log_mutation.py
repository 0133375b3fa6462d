"""An append-only log that is updated, deleted from or rewritten (GOV603)."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from govlint.model import Finding, Rule
from govlint.python.program import Program
from govlint.python.trust.event_logs import EventLogs
from govlint.python.trust.reading import importing
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
# a log's name or its class's, also as a part of a longer one; `EVENT_LOGGING` is none
_CHANGE = re.compile(
    rb"(?i)(?<![a-z])(?:event_?(?:log|store|stream)s?|audit_?(?:log|trail)s?|audit_?events?|"
    rb"audit_?(?:entries|entry|records?)|(?:ledger|journal)(?:s|_entries)?|write_?ahead_?logs?|"
    rb"append_only\w*|wal|all_validations|evidence_validations)"
    rb"(?:_(?:table|path|file|entries|events|records|lines|rows|db))?(?!\w)"
    rb"|audit\.jsonl|events\.jsonl"
    rb"|(?:Event|Audit|Ahead)(?:Log|Store|Stream|Trail|Event|Entry|Record)|Ledger|Journal"
)
# any other word is one that the project's bindings name
_NAMED = frozenset(TRIGGERS)


def may_hold(data: bytes, words: Collection[str]) -> bool:
    """Whether a file with these words may hold a finding, by its folded text."""
    return not _NAMED.issuperset(words) or _CHANGE.search(data) is not None


@dataclass(frozen=True)
class Params:
    """This check takes no parameters."""


def run(rule: Rule, params: Params, program: Program) -> Iterable[Finding]:
    """At the call or statement that changes what was recorded."""
    sources = Sources(program)
    for source in _judged(program, sources):
        seen: set[int] = set()
        for node, what in EventLogs(sources, source, program.bindings.event_logs).changes():
            line = getattr(node, "lineno", 0)
            if line in seen:
                continue
            seen.add(line)
            yield rule.finding(
                f"{what}: the log is append-only; record what is new as another entry.",
                program.location(source.module, node),
            )


def _judged(program: Program, sources: Sources) -> Iterator[Source]:
    """The files that name a log, and those that import a model whose table is one."""
    read: set[str] = set()
    declaring: set[str] = set()
    for source in sources.glanced(KIND, may_hold):
        read.add(source.module.name)
        judge = EventLogs(sources, source, program.bindings.event_logs)
        if any(judge.declares_table(name) for name in source.classes):
            declaring.add(source.module.name)
        yield source
    yield from importing(program, sources, declaring, read)
