"""Nobody without the key changes a receipts folder unseen; the holder of the key is seen with a
pin or a witness, and `verify` says so where it has neither.

`GOVLINT_CAMPAIGN=1` makes 110,000 mutations instead of some thousand.
"""

from __future__ import annotations

import os
import secrets
from collections import Counter
from hashlib import sha256
from pathlib import Path

import pytest
from receipt_files import KEY, POLICY, judged, lay_down, told
from tampering import Change, Target, attacks, older_heads

from govlint.receipts.keys import COSIGNATURE, SigningKey
from govlint.receipts.merkle import inclusion_proof, leaf_hash, levels_of, root_of
from govlint.receipts.notes import signature_line, write_checkpoint, write_inclusion_proof
from govlint.receipts.pins import Pins
from govlint.receipts.policy import Policy
from govlint.receipts.request import Request
from govlint.receipts.sample import (
    PLAIN,
    TENANT,
    Event,
    completed,
    receipt_leaf,
    sample_key,
    sealed,
)
from govlint.receipts.verify import Verifier

SHARDS = 8
CAMPAIGN = bool(os.environ.get("GOVLINT_CAMPAIGN"))
MUTATIONS = 14_000 if CAMPAIGN else 500  # a shard
Files = dict[str, bytes]
FAILED: tuple[Event, ...] = (
    *PLAIN[:8],
    {"type": "step.failed"},
    PLAIN[9],
    {"type": "metrics.recorded", "metrics": {"outcome": "ERROR"}},
    {"type": "run.failed"},
)


def with_payload(data: bytes, salt: bytes) -> tuple[list[Event], Files]:
    """A plain run whose output is there, and the payload's files."""
    digest = sha256(salt + data).hexdigest()
    events = [dict(event) for event in PLAIN]
    events[8]["output"] = {"sha256": digest, "size": len(data), "media": "text/plain"}
    base = f"payloads/sha256/{digest}"
    return events, {base: data, f"{base}.salt": salt.hex().encode()}


def tenant_folder(
    runs: dict[str, list[Event]], key: SigningKey = KEY, tenant: str = TENANT
) -> Files:
    """A receipts folder of these runs, in this order, each sealed as it ended."""
    files: Files = {}
    log: list[bytes] = []
    for run, events in runs.items():
        full = completed(events, run, tenant)
        made = sealed(full, key, log)
        files |= {f"{tenant}/runs/{run}/{name}": data for name, data in made.items()}
        log.append(receipt_leaf(_payload(made), tenant, run, len(log)))
    files[f"{tenant}/log.jsonl"] = b"".join(line + b"\n" for line in log)
    root = root_of([leaf_hash(line) for line in log])
    files[f"{tenant}/checkpoint"] = write_checkpoint(key.name, len(log), root, key)
    return files


def _payload(files: Files) -> bytes:
    from govlint.receipts.envelope import read_envelope

    return read_envelope(files["receipt.dsse.json"]).payload


def _target() -> Target:
    """Two runs of one tenant with a payload, and what an attacker has from elsewhere."""
    events, payloads = with_payload(b"what came out\n", b"\x07" * 32)
    files = tenant_folder({"r-1": events, "r-2": list(FAILED)})
    files |= {f"{TENANT}/runs/r-1/{name}": data for name, data in payloads.items()}
    other = sample_key("example.org/other", seed=99)
    foreign = [
        sealed(completed(PLAIN, "r-1", "other"), other),
        sealed(completed(FAILED, "r-1"), sample_key(seed=77)),
    ]
    folders = [f"{TENANT}/runs/r-1", f"{TENANT}/runs/r-2"]
    target = Target(files, folders, foreign)
    target.older = older_heads(target, dict.fromkeys([*folders, TENANT], KEY))
    return target


TARGET = _target()


class Attacked:
    """A folder that is attacked again and again, and put back each time."""

    def __init__(self, folder: Path) -> None:
        self.folder = lay_down(folder, TARGET.files)
        self.request = Request(POLICY)

    def is_refused(self, change: Change) -> bool:
        """Whether the folder with this change is refused; the folder is as before then."""
        for name, data in change.items():
            path = self.folder / name
            if data is None:
                path.unlink()
                _remove_empty(path.parent, self.folder)
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)
        verifier = Verifier(self.request)
        verifier.folder(str(self.folder))
        clean = verifier.finish().clean
        for name in change:
            path = self.folder / name
            if name in TARGET.files:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(TARGET.files[name])
            else:
                path.unlink()
                _remove_empty(path.parent, self.folder)
        return not clean


def _remove_empty(folder: Path, upto: Path) -> None:
    while folder != upto and not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent


@pytest.mark.parametrize("shard", range(SHARDS))
def test_what_somebody_without_the_key_changes_is_seen(shard: int, tmp_path: Path) -> None:
    attacked = Attacked(tmp_path)
    unseen: list[str] = []
    kinds: Counter[str] = Counter()
    stream = attacks(TARGET, seed=shard)
    for number, (kind, change) in zip(range(MUTATIONS), stream, strict=False):
        kinds[kind] += 1
        if not attacked.is_refused(change):
            unseen.append(f"shard {shard}, mutation {number}: {kind} of {sorted(change)}")
        if number % 500 == 0:
            assert not attacked.is_refused({}), "what nobody touched is refused"
    assert unseen == []
    assert len(kinds) == 26  # every way was gone
    assert not attacked.is_refused({})


# -- by the holder of the key ----------------------------------------------------------------------

RUNS = {"r-1": list(PLAIN), "r-2": list(FAILED)}
LIMIT = "Whoever holds the signing key"


def rewritten() -> Files:
    """The first run told otherwise, all of it signed again."""
    events = [dict(event) for event in PLAIN]
    events[2]["actor"] = "user:somebody-else"
    return tenant_folder({**RUNS, "r-1": events})


def shortened() -> Files:
    """The second run gone, as if it had never been."""
    return tenant_folder({"r-1": list(PLAIN)})


def cut() -> Files:
    """A run that failed told as one that is over sooner, signed again."""
    refused: list[Event] = [
        {"type": "run.submitted"},
        {"type": "policy.decided", "decision": {"outcome": "deny"}},
        {"type": "run.refused"},
    ]
    return tenant_folder({**RUNS, "r-2": refused})


def forked() -> Files:
    """Another second run for somebody else's eyes: two logs that begin alike."""
    return tenant_folder({"r-1": list(PLAIN), "r-3": list(PLAIN)})


HISTORIES = [rewritten, shortened, cut, forked]


def _limits(folder: Path, request: Request) -> list[str]:
    verifier = Verifier(request)
    verifier.folder(str(folder))
    return list(verifier.finish().limits)


@pytest.mark.parametrize("history", HISTORIES)
def test_the_holder_of_the_key_is_not_seen_without_a_pin_and_that_is_said(
    tmp_path: Path, history: object
) -> None:
    lay_down(tmp_path, history())  # type: ignore[operator]
    assert told(judged(tmp_path)) == []
    assert any(LIMIT in sentence for sentence in _limits(tmp_path, Request(POLICY)))


@pytest.mark.parametrize("history", HISTORIES)
def test_the_holder_of_the_key_is_seen_with_a_pin(tmp_path: Path, history: object) -> None:
    pins = tmp_path / "pins.json"
    first = lay_down(tmp_path / "then", tenant_folder(RUNS))
    seen = Pins.load(str(pins))
    assert told(judged(first, pins=seen)) == []
    seen.save()
    assert told(judged(first, pins=Pins.load(str(pins)))) == []  # and again, as it was
    second = lay_down(tmp_path / "now", history())  # type: ignore[operator]
    result = judged(second, pins=Pins.load(str(pins)))
    assert result.findings
    assert {finding.rule for finding in result.findings} == {"RCP002"}
    assert not any(LIMIT in s for s in _limits(first, Request(POLICY, pins=seen)))


@pytest.mark.parametrize("history", HISTORIES)
def test_a_bundle_by_itself_is_seen_with_a_pin(tmp_path: Path, history: object) -> None:
    seen = Pins(str(tmp_path / "pins.json"), {}, True)
    first = lay_down(tmp_path / "then", tenant_folder(RUNS)) / TENANT / "runs" / "r-2"
    assert told(judged(first, pins=seen)) == []
    seen.save()
    alone = tmp_path / "alone"
    files = history()  # type: ignore[operator]
    name = "r-2" if f"{TENANT}/runs/r-2/checkpoint" in files else "r-1"
    lay_down(alone, {k.rpartition("/")[2]: v for k, v in files.items() if f"/{name}/" in k})
    result = judged(alone, pins=Pins.load(str(tmp_path / "pins.json")))
    assert told(result)  # refused, or not decidable without the log: never a pass


def test_an_anchor_shows_what_a_pin_shows(tmp_path: Path) -> None:
    first = tenant_folder(RUNS)
    head = sha256(first[f"{TENANT}/runs/r-2/events.jsonl"].splitlines()[-1]).hexdigest()
    lay_down(tmp_path / "then", first)
    assert told(judged(tmp_path / "then", anchors=(head,))) == []
    lay_down(tmp_path / "now", cut())
    assert told(judged(tmp_path / "now", anchors=(head,))) == ["RCP002 r-1:1"]


# -- witnesses -------------------------------------------------------------------------------------

WITNESS = SigningKey.from_seed("example.org/w1", COSIGNATURE, b"\x11" * 32)
WITNESSED = Policy(POLICY.logs, {"w1": WITNESS.verifier}, {}, "w1")
DAY = 86_400
NEW_YEAR = 1_767_225_600  # 2026-01-01T00:00:00Z, when sample runs are


def cosigned(files: Files, times: dict[str, int]) -> Files:
    """Proofs and head as a witness saw them at these times: by run, and "" for the head."""
    made = dict(files)
    leaves = [leaf_hash(line) for line in files[f"{TENANT}/log.jsonl"].splitlines()]
    for index, run in enumerate(sorted(times.keys() - {""})):
        shown = leaves[: index + 1]
        note = write_checkpoint(KEY.name, len(shown), root_of(shown), KEY)
        note += signature_line(WITNESS, note.partition(b"\n\n")[0] + b"\n", times[run]).encode()
        proof = inclusion_proof(levels_of(shown), index)
        made[f"{TENANT}/runs/{run}/tenant.tlog-proof"] = write_inclusion_proof(index, proof, note)
    note = files[f"{TENANT}/checkpoint"]
    line = signature_line(WITNESS, note.partition(b"\n\n")[0] + b"\n", times[""])
    made[f"{TENANT}/checkpoint"] = note + line.encode()
    return made


def test_a_quorum_of_witnesses_is_demanded(tmp_path: Path) -> None:
    files = tenant_folder(RUNS)
    lay_down(tmp_path / "unseen", files)
    assert told(judged(tmp_path / "unseen", Request(WITNESSED))) == [
        "RCP003 checkpoint:1",
        "RCP003 tenant.tlog-proof:1",
        "RCP003 tenant.tlog-proof:1",
    ]
    seen = cosigned(files, {"r-1": NEW_YEAR + 5, "r-2": NEW_YEAR + 9, "": NEW_YEAR + 9})
    lay_down(tmp_path / "seen", seen)
    assert told(judged(tmp_path / "seen", Request(WITNESSED))) == []
    assert _limits(tmp_path / "seen", Request(WITNESSED)) == []
    false = secrets.token_bytes(64)  # a cosignature of nobody
    note = seen[f"{TENANT}/checkpoint"]
    head = note.rpartition(b" ")[0]
    import base64

    blob = base64.b64decode(note.rpartition(b" ")[2])
    forged = head + b" " + base64.b64encode(blob[:12] + false) + b"\n"
    lay_down(tmp_path / "seen", {f"{TENANT}/checkpoint": forged})
    assert told(judged(tmp_path / "seen", Request(WITNESSED))) == ["RCP003 checkpoint:1"]


def test_a_run_that_is_dated_back_is_seen_between_the_times_of_witnesses(tmp_path: Path) -> None:
    files = tenant_folder(RUNS)
    late = cosigned(
        files, {"r-1": NEW_YEAR + 3 * DAY, "r-2": NEW_YEAR + 4 * DAY, "": NEW_YEAR + 4 * DAY}
    )
    lay_down(tmp_path / "late", late)  # r-2 says it ended three days before the log had r-1 alone
    result = judged(tmp_path / "late", Request(WITNESSED))
    assert told(result) == ["RCP002 events.jsonl:12"]
    assert "dated back" in result.findings[0].message
    assert told(judged(tmp_path / "late", Request(WITNESSED, max_delay=4 * DAY))) == []
    assert told(judged(tmp_path / "late")) == []  # without a witness nothing shows


def test_a_run_that_ends_after_a_witness_saw_it_is_refused(tmp_path: Path) -> None:
    files = tenant_folder(RUNS)
    early = cosigned(files, {"r-1": NEW_YEAR - DAY, "r-2": NEW_YEAR, "": NEW_YEAR})
    lay_down(tmp_path, early)
    result = judged(tmp_path, Request(WITNESSED))
    assert told(result) == ["RCP002 events.jsonl:12"]
    assert "r-1" in result.findings[0].location.path


def test_a_pin_dates_what_it_has_not_seen(tmp_path: Path) -> None:
    """CI saw the log with one run; a second that ended long before was put in afterwards."""
    seen = Pins(str(tmp_path / "pins.json"), {}, True)
    lay_down(tmp_path / "then", shortened())
    request = Request(POLICY, pins=seen, now=NEW_YEAR + 10 * DAY)
    assert told(judged(tmp_path / "then", request)) == []
    seen.save()
    lay_down(tmp_path / "now", tenant_folder(RUNS))
    later = Request(POLICY, pins=Pins.load(seen.path), now=NEW_YEAR + 11 * DAY)
    assert told(judged(tmp_path / "now", later)) == ["RCP002 events.jsonl:12"]
