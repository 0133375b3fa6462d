"""A run's events as a chain: which line is the first that is wrong, and what was done to it.

The chain is read once, forwards. From the first line that does not fit on, only what tells an
edit from a deletion, an insertion or a move is kept of the lines that follow.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any, NamedTuple

from govlint.receipts.canonical import canonical, parse
from govlint.receipts.faults import Fault, Malformed
from govlint.receipts.format import schema_fault, validator
from govlint.receipts.merkle import Tree
from govlint.receipts.semantics.identity import TRACE_KEYS
from govlint.receipts.semantics.judge import Judge

GENESIS = "urn:govlint:receipt:1"
_STAND_IN = {
    "trace_id": "0" * 32,
    "span_id": "0" * 16,
    "session_id": "unknown",
    "task_id": "unknown",
    "capability_id": "unknown",
    "version": "unknown",
}


def genesis(origin: str, tenant: str, run: str) -> str:
    """What event 0 has for `prev`: the run's place in its tenant's log."""
    value = {"genesis": GENESIS, "origin": origin, "run": run, "tenant": tenant}
    return sha256(canonical(value)).hexdigest()


def run_origin(tenant_origin: str, run: str) -> str:
    """The name of a run's own log."""
    return f"{tenant_origin}/runs/{run}"


class _Link(NamedTuple):
    """What a later line says of its place, and its own hash."""

    seq: int
    prev: str
    hash: str
    same_run: bool


@dataclass
class Chain:
    """What the lines of `events.jsonl` came to; `broken` where a line does not fit."""

    path: str
    faults: list[Fault] = field(default_factory=list)
    tree: Tree = field(default_factory=Tree)
    hashes: list[bytes] = field(default_factory=list)
    digest: str = ""
    size_bytes: int = 0
    first: dict[str, Any] = field(default_factory=dict)
    last: dict[str, Any] = field(default_factory=dict)
    broken: bool = False
    origin: str = ""  # that of the run's own log, where the first line fits to one
    judge: Judge | None = None

    @property
    def size(self) -> int:
        return self.tree.size

    @property
    def head(self) -> str:
        """The SHA-256 of the last line."""
        return self.hashes[-1].hex() if self.hashes else ""


class _Reader:
    def __init__(self, path: str, origins: Sequence[str]) -> None:
        self.chain = Chain(path)
        self.judge = Judge(path, self.chain.hashes)
        self.origins = origins
        self.prev = ""
        self.ts = ""
        self.rest: list[_Link | None] = []  # from the first wrong line on
        self.wrong: tuple[int, bytes] | None = None  # its index and bytes
        self.seen: set[bytes] = set()

    def say(self, kind: str, message: str, line: int) -> None:
        self.chain.faults.append(Fault(kind, message, self.chain.path, line))

    def stop(self, kind: str, message: str, line: int) -> None:
        if not self.chain.broken:
            self.chain.broken = True
            self.say(kind, message, line)

    def line(self, raw: bytes, index: int) -> None:
        """Take one line without its end."""
        chain = self.chain
        hashed = sha256(raw).digest()
        if chain.broken:
            if self.wrong is not None and len(self.rest) < 1_000_000:
                self.rest.append(self._link(raw, hashed))
            chain.tree.add(sha256(b"\x00" + raw).digest())
            chain.hashes.append(hashed)
            return
        try:
            event = parse(raw)
        except Malformed as error:
            self.stop("malformed", f"this line {error}", index + 1)
            return
        traced = validator("event").is_valid(event)
        if not traced and not self._lacks_trace(event, index):
            return
        if not self._fits(event, index):
            chain.broken = True
            self.wrong = index, raw
            self.rest = [_link_of(event, hashed, chain.first)]
            chain.tree.add(sha256(b"\x00" + raw).digest())
            chain.hashes.append(hashed)
            return
        if not self._is_date(event["ts"], index) or (index and not self._in_time(event, index)):
            return
        self.judge.see(event, index + 1, traced)
        chain.last = event
        chain.tree.add(sha256(b"\x00" + raw).digest())
        chain.hashes.append(hashed)
        self.prev = hashed.hex()

    def _lacks_trace(self, event: Any, index: int) -> bool:
        """Say what the schema has against an event; whether that is its trace alone."""
        trace = event.get("trace") if isinstance(event, dict) else None
        if isinstance(event, dict) and (trace is None or isinstance(trace, dict)):
            known = {key: value for key, value in (trace or {}).items() if value not in (None, "")}
            missing = [key for key in TRACE_KEYS if key not in known]
            patched = {**event, "trace": {**_STAND_IN, **known}}
            if missing and not schema_fault("event", patched):
                self.say("trace", f"this event lacks {', '.join(missing)}", index + 1)
                return True
        fault = schema_fault("event", event)
        self.stop("malformed", f"this line is no event of the published schema: {fault}", index + 1)
        return False

    def _fits(self, event: dict[str, Any], index: int) -> bool:
        chain = self.chain
        if index == 0:
            chain.first = event
            self.prev = event["prev"] if not self.origins else ""
            for origin in self.origins:
                if genesis(origin, event["tenant"], event["run"]) == event["prev"]:
                    self.prev, chain.origin = event["prev"], origin
        first = chain.first
        return bool(
            event["seq"] == index
            and event["prev"] == self.prev
            and event["run"] == first["run"]
            and event["tenant"] == first["tenant"]
        )

    def _is_date(self, ts: str, index: int) -> bool:
        if ts != self.ts:
            try:
                datetime.fromisoformat(ts)
            except ValueError:
                self.stop("malformed", f"the time {ts} is none that there is", index + 1)
                return False
            self.ts = ts
        return True

    def _in_time(self, event: dict[str, Any], index: int) -> bool:
        last = self.chain.last
        if event["ts"] == last["ts"] and event["epoch"] == last["epoch"]:
            return True
        if event["ts"] < last["ts"]:
            said = f"its time {event['ts']} is before that of the line above, {last['ts']}"
            self.stop("chain", f"{said}: consistent with a line dated back", index + 1)
            return False
        if event["epoch"] < last["epoch"]:
            said = f"its epoch {event['epoch']} is below {last['epoch']} of the line above"
            self.stop("chain", f"{said}: consistent with a writer that was replaced", index + 1)
            return False
        return True

    def _link(self, raw: bytes, hashed: bytes) -> _Link | None:
        try:
            event = parse(raw)
        except Malformed:
            return None
        return _link_of(event, hashed, self.chain.first)

    def diagnose(self) -> None:
        """Say what the first wrong line is consistent with, now that the rest is known."""
        assert self.wrong is not None
        index, raw = self.wrong
        link, following = self.rest[0], self.rest[1] if len(self.rest) > 1 else None
        assert link is not None
        line = index + 1
        if not link.same_run:
            said = "this line is of another run or tenant: consistent with a splice"
        elif link.seq == index:
            if index == 0:
                said = (
                    "this line does not begin this run of this origin: consistent with a first"
                    " line that was edited, or a run that was moved to another log"
                )
            elif following is not None and following.prev != link.hash:
                said = (
                    "this line does not continue the one above, and the one below does not"
                    " continue it: consistent with an edit of this line"
                )
            else:
                line = index
                said = (
                    "this line is not the one that the line below continues: consistent with an"
                    " edit of this line"
                )
        elif sha256(raw).digest() in self.chain.hashes[:index]:
            first = self.chain.hashes.index(sha256(raw).digest()) + 1
            said = f"this line is line {first} again: consistent with an insertion"
        elif following is not None and following.seq == index + 1:
            said = f"this line says it is event {link.seq}, and is event {index}: "
            said += "consistent with an edit of this line"
            if following.prev == link.hash:
                said = f"event {link.seq} stands here where event {index} was: "
                said += "consistent with lines that were reordered"
        elif link.seq > index:
            later = {entry.seq for entry in self.rest[1:] if entry is not None}
            missing = set(range(index, min(link.seq, index + 100_000)))
            if missing <= later:
                said = f"event {link.seq} stands where event {index} belongs, which comes later: "
                said += "consistent with lines that were reordered"
            else:
                gone = link.seq - index
                said = f"event {link.seq} comes where event {index} is due: consistent with the "
                said += f"deletion of {gone} line{'s' if gone > 1 else ''} here"
        else:
            said = f"event {link.seq} comes a second time, where event {index} is due: "
            said += "consistent with an insertion"
        self.say("chain", said, line)


def _link_of(event: Any, hashed: bytes, first: dict[str, Any]) -> _Link | None:
    if not isinstance(event, dict):
        return None
    seq, prev = event.get("seq"), event.get("prev")
    if not isinstance(seq, int) or not isinstance(prev, str):
        return None
    same = (event.get("run"), event.get("tenant")) == (first["run"], first["tenant"])
    return _Link(seq, prev, hashed.hex(), same)


def read_chain(lines: Iterable[bytes], path: str, origins: Sequence[str]) -> Chain:
    """Read the lines of a run (with their ends). It has to begin as a log of one of `origins`;
    where there are none, nothing says how it has to begin.

    What is wrong stands in `faults`; the run's own statements are judged only where every line
    is what it was. Raises Unreadable.
    """
    reader = _Reader(path, origins)
    chain = reader.chain
    whole = sha256()
    index = -1
    try:
        for index, line in enumerate(lines):
            whole.update(line)
            chain.size_bytes += len(line)
            if not line.endswith(b"\n"):
                said = "this last line has no end: consistent with a file that was cut off"
                reader.stop("chain", said, index + 1)
            reader.line(line[:-1] if line.endswith(b"\n") else line, index)
    except Malformed as error:
        reader.stop("malformed", f"this line {error}", index + 2)
    if index < 0 and not chain.broken:
        reader.stop("chain", "there are no events: consistent with a file that was emptied", 1)
    if reader.wrong is not None:
        reader.diagnose()
    chain.digest = whole.hexdigest()
    if not chain.broken:
        reader.judge.end(chain.size)
        chain.judge = reader.judge
    return chain
