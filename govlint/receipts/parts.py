"""A bundle's files by name, and what a bundle came to."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from govlint.receipts.chain import Chain
from govlint.receipts.faults import Fault
from govlint.receipts.notes import Checkpoint, InclusionProof

EVENTS, CHECKPOINT = "events.jsonl", "checkpoint"
RECEIPT, PROOF = "receipt.dsse.json", "tenant.tlog-proof"
PAYLOADS = "payloads"


@dataclass
class Bundle:
    """What a bundle came to. `statement` is the receipt, where it could be believed."""

    path: str
    faults: list[Fault] = field(default_factory=list)
    chain: Chain | None = None
    statement: dict[str, Any] | None = None
    payload_digest: str = ""
    files: int = 0
    receipt_digest: str = ""  # of the file, which a verdict names
    checkpoint: Checkpoint | None = None
    proof: InclusionProof | None = None
    times: dict[str, int] = field(default_factory=dict)

    def say(self, kind: str, message: str, name: str = "", line: int = 1) -> None:
        path = os.path.join(self.path, name) if name else self.path
        self.faults.append(Fault(kind, message, path, line))

    @property
    def predicate(self) -> Mapping[str, Any]:
        """What the receipt says; empty where there is none to be believed."""
        found: Mapping[str, Any] = self.statement["predicate"] if self.statement else {}
        return found

    @property
    def run(self) -> str:
        return str(
            self.predicate.get("run") or (self.chain.first.get("run", "") if self.chain else "")
        )

    @property
    def tenant(self) -> str:
        first = self.chain.first if self.chain else {}
        return str(self.predicate.get("tenant") or first.get("tenant", ""))
