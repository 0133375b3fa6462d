"""Bundles and receipts folders for tests: from the published vectors, and told in a few words."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from govlint.catalog import load_catalog
from govlint.model import RunResult
from govlint.receipts.faults import KINDS
from govlint.receipts.policy import policy_of_keys, read_policy
from govlint.receipts.request import Request
from govlint.receipts.sample import sample_key
from govlint.receipts.verify import Verifier
from govlint.verification import as_result

VECTORS = Path(__file__).parent.parent / "schemas" / "vectors"
CODES = {kind: f"RCP{number:03}" for number, kind in enumerate(KINDS, 1)}
KEY = sample_key()
POLICY = policy_of_keys((KEY.verifier.text,))


@cache
def vectors(name: str) -> dict[str, Any]:
    """One file of schemas/vectors."""
    value: dict[str, Any] = json.loads((VECTORS / f"{name}.json").read_text(encoding="utf-8"))
    return value


def lay_down(folder: Path, files: Mapping[str, str | bytes]) -> Path:
    """Write files below a folder; the folder."""
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return folder


def judged(folder: Path, request: Request | None = None, **more: Any) -> RunResult:
    """What the verifier says of a folder; by the policy of the sample key where none is given."""
    verifier = Verifier(request or Request(POLICY, **more))
    verifier.folder(str(folder))
    return as_result(verifier.finish(), load_catalog())


def vector_request(name: str, **more: Any) -> Request:
    """The request by which a file of vectors is to be verified."""
    return Request(read_policy(vectors(name)["policy"].encode(), "vector"), **more)


def told(result: RunResult) -> list[str]:
    """Findings as `RCP002 events.jsonl:5`, problems as their kind."""
    found = [f"{f.rule} {Path(f.location.path).name}:{f.location.line}" for f in result.findings]
    return found + [problem.kind for problem in result.problems]
