"""Data models that have to be append-only and are not (RPT014)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from govlint.documents.reports.shape import KINDS, Breach, at, says_something, words

_LEDGER = frozenset(("ledger", "ledgers", "journal", "journals", "log", "logs", "wal", "auditlog"))
_TRAIL = frozenset(("trail", "trails", "history", "stream", "streams", "store", "table", "chain"))
_RECORD = frozenset(
    "entry entries record records row rows line lines item items event events posting postings"
    " transaction transactions booking bookings".split()
)
_EVENT = frozenset(("event", "events"))
_RECORDED = frozenset(("audit", "event", "events", "ledger", "journal", "log", "trace", "witness"))
# words after which the name is about the log no longer but about something beside it
_WRAPPERS = frozenset(("table", "tbl", "model", "db", "partition", "v1", "v2", "v3", "v4", "v5"))
_JOINED = {
    "auditlog": ("audit", "log"),
    "eventlog": ("event", "log"),
    "changelog": ("change", "log"),
    "audittrail": ("audit", "trail"),
    "eventstream": ("event", "stream"),
    "eventstore": ("event", "store"),
}


def mutable_records(report: Any) -> Iterator[Breach]:
    """Every event or ledger model whose `append_only` is false."""
    models = at(report, "data_models")
    if not isinstance(models, list):
        return
    for index, model in enumerate(models):
        if not isinstance(model, dict) or model.get("append_only") is not False:
            continue
        kind, name = model.get("kind"), model.get("name")
        if kind not in KINDS or not isinstance(name, str) or not says_something(name):
            continue
        what = what_it_is(str(kind), name)
        if what is not None:
            yield Breach(
                f"/data_models/{index}/append_only",
                f"{name} is {what} and not append-only; what was recorded is never changed, so"
                " append_only is true",
            )


def what_it_is(kind: str, name: str) -> str | None:
    """`an event` or `a ledger` where a model is one, judged by its kind and by its name's head.

    The last word of a name says what a thing is: a LedgerEntry is recorded, LedgerSettings
    are not. A `dto` carries data and is itself recorded nowhere, unless it is named a ledger.
    """
    if kind == "event":
        return "an event"
    parts = [each for word in words(name) for each in _JOINED.get(word, (word,))]
    while len(parts) > 1 and (parts[-1] in _WRAPPERS or parts[-1].isdigit()):
        parts.pop()
    if not parts:
        return None
    return _by_head(kind, parts)


def _by_head(kind: str, parts: list[str]) -> str | None:
    head, before = parts[-1], frozenset(parts[:-1])
    if head in _LEDGER:
        return "a ledger" if head.startswith("ledger") else "an append-only log"
    if kind == "dto":
        return None
    if parts == ["audit"]:
        return "an append-only log"
    if head in _EVENT:
        return "an event" if not before & _LEDGER else "a ledger"
    if head in _TRAIL and before & _RECORDED:
        return "an append-only log"
    if head in _RECORD and before & (_RECORDED | _LEDGER):
        return "a ledger" if "ledger" in before else "an append-only log"
    return None
