"""The corners of the verifier that attacks reach only by chance: each of them, every time."""

from __future__ import annotations

import base64
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from receipt_files import KEY, POLICY, judged, lay_down, told
from test_receipt_semantics import ATTEMPT, BEGIN, END, change, evidence, gate, plan, relogged, said
from test_receipt_tampering import RUNS, rewritten, shortened, tenant_folder

from govlint.cli import main
from govlint.errors import IncompleteError, UsageError
from govlint.receipts import files as receipt_files_module
from govlint.receipts import payloads as payloads_module
from govlint.receipts.canonical import canonical
from govlint.receipts.envelope import read_envelope, write_envelope
from govlint.receipts.faults import Malformed, Report
from govlint.receipts.merkle import (
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    levels_of,
    proves_consistency,
    proves_inclusion,
    root_of,
)
from govlint.receipts.notes import read_checkpoint, read_note, write_checkpoint
from govlint.receipts.pins import Pins
from govlint.receipts.policy import find_policy, load_policy
from govlint.receipts.request import Request
from govlint.receipts.sample import PLAIN, TENANT, Event, completed, sample_key, sealed
from govlint.receipts.semantics.history import History, Watcher
from govlint.receipts.witness_client import submit

BUNDLE = sealed(completed(PLAIN), KEY)
LINES = BUNDLE["events.jsonl"].splitlines(keepends=True)


def bundle(tmp_path: Path, **changed: bytes) -> list[str]:
    """What is found in the plain bundle with these files (by the word before their dot)."""
    names = {name.partition(".")[0]: name for name in BUNDLE}
    lay_down(tmp_path, BUNDLE | {names[word]: data for word, data in changed.items()})
    return told(judged(tmp_path))


def test_proofs_of_what_is_not_there() -> None:
    leaves = [leaf_hash(bytes([n])) for n in range(7)]
    with pytest.raises(IndexError):
        inclusion_proof(levels_of(leaves), 7)
    with pytest.raises(IndexError):
        consistency_proof(leaves, 8)
    root = root_of(leaves)
    assert not proves_inclusion(leaves[0], 7, 7, [], root)
    assert not proves_inclusion(leaves[0], 0, 7, [b"short"], root)
    assert not proves_inclusion(leaves[0], 0, 1, [root], root)
    assert not proves_consistency(7, 6, [], root, root)
    assert not proves_consistency(3, 7, [], root_of(leaves[:3]), root)
    for old in range(8):
        for new in range(old, 8):
            proof = consistency_proof(leaves[:new], old)
            assert proves_consistency(old, new, proof, root_of(leaves[:old]), root_of(leaves[:new]))
    for size in range(1, 8):
        for index in range(size):
            proof = inclusion_proof(levels_of(leaves[:size]), index)
            assert proves_inclusion(leaves[index], index, size, proof, root_of(leaves[:size]))


def test_notes_that_are_none() -> None:
    good = BUNDLE["checkpoint"]
    text, _, line = good.partition(b"\n\n")
    short = "\u2014 example.org/acme ".encode() + base64.b64encode(b"abcd") + b"\n"
    other = "\u2014 x{} ".encode()
    many = b"".join(other.replace(b"{}", b"%d" % n) + line.split(b" ")[2] for n in range(65))
    for data, why in (
        (good + b"x" * (1 << 18), "at most"),
        (text + b"\n\n" + line + line, "two signatures of one key"),
        (text + b"\n\n" + short, "no bytes"),
        (text + b"\n\n" + many, "65 signatures"),
    ):
        with pytest.raises(Malformed, match=why):
            read_note(data)
    with pytest.raises(Malformed, match="no SHA-256"):
        read_checkpoint(b"o\n1\nAAAA\n\n" + line)
    with pytest.raises(Malformed, match="not below"):
        root = base64.b64encode(bytes(32))
        read_checkpoint(b"o\n9999999999999999\n" + root + b"\n\n" + line)
    with pytest.raises(Malformed, match="is no checkpoint"):
        read_checkpoint(b"o\n1\n\n" + line)
    with pytest.raises(Malformed, match="is no signature line"):
        read_note(text + b"\n\nx " + line)
    with pytest.raises(Malformed, match="no canonical form"):
        canonical("\ud800")
    report = Report()
    report.add("chain", "once", "x")
    report.add("chain", "once", "x")
    assert len(report.faults) == 1


def test_chains_that_are_edited(tmp_path: Path) -> None:
    def with_line(number: int, old: bytes, new: bytes, *more: int) -> bytes:
        lines = list(LINES)
        for at in (number, *more):
            lines[at - 1] = lines[at - 1].replace(old, new, 1)
        return b"".join(lines)

    actor = (b"user:jane", b"user:jade")
    assert bundle(tmp_path, events=with_line(12, *actor)) == ["RCP002 events.jsonl:12"]
    prev = LINES[4].split(b'"prev":"')[1][:4]
    assert bundle(tmp_path, events=with_line(5, prev, b"0000")) == ["RCP002 events.jsonl:5"]
    assert bundle(tmp_path, events=with_line(5, b'"seq":4', b'"seq":9')) == [
        "RCP002 events.jsonl:5"
    ]
    again = [*LINES[:5], LINES[2], *LINES[5:]]
    assert bundle(tmp_path, events=b"".join(again)) == ["RCP002 events.jsonl:6"]


def test_runs_without_a_beginning_or_an_end(tmp_path: Path) -> None:
    assert said(tmp_path / "1", [*BEGIN[1:], END]) == ["RCP005 1"]
    assert said(tmp_path / "2", [*PLAIN[:11]]) == ["RCP005 11"]
    lines = [*LINES[:2], b"x\n", b"y" * (1 << 21)]
    assert bundle(tmp_path / "3", events=b"".join(lines)) == ["RCP001 events.jsonl:3"]


def test_an_old_head_of_the_same_run(tmp_path: Path) -> None:
    origin = BUNDLE["checkpoint"].split(b"\n")[0].decode()
    root = root_of([leaf_hash(line[:-1]) for line in LINES[:9]])
    old = write_checkpoint(origin, 9, root, KEY)
    assert bundle(tmp_path, checkpoint=old) == ["RCP002 checkpoint:1"]


def test_receipts_that_the_true_key_signed_and_that_are_none(tmp_path: Path) -> None:
    payload = read_envelope(BUNDLE["receipt.dsse.json"]).payload
    for data in (b"[]", payload + b" ", payload.replace(b'"final":true', b'"final":false')):
        made = write_envelope(data, KEY)
        assert bundle(tmp_path, receipt=made) == ["RCP001 receipt.dsse.json:1"]
    stranger = write_envelope(b"[]", sample_key(seed=3))
    assert bundle(tmp_path, receipt=stranger) == ["RCP003 receipt.dsse.json:1"]
    value = json.loads(BUNDLE["receipt.dsse.json"])
    value["signatures"] *= 2
    twice = canonical(value) + b"\n"
    assert bundle(tmp_path, receipt=twice) == ["RCP001 receipt.dsse.json:1"]


def test_a_checkpoint_that_somebody_else_signed_alone(tmp_path: Path) -> None:
    text = BUNDLE["checkpoint"].partition(b"\n\n")[0] + b"\n"
    from govlint.receipts.notes import signature_line

    by_other = text + b"\n" + signature_line(sample_key("example.org/else"), text).encode()
    assert bundle(tmp_path, checkpoint=by_other) == ["RCP003 checkpoint:1"]
    broken = bytearray(base64.b64decode(BUNDLE["checkpoint"].rpartition(b" ")[2]))
    broken[-1] ^= 1
    line = BUNDLE["checkpoint"].rpartition(b" ")[0] + b" " + base64.b64encode(broken) + b"\n"
    assert bundle(tmp_path, checkpoint=line) == ["RCP003 checkpoint:1"]


def test_gates_and_sandboxes(tmp_path: Path) -> None:
    checks = [{"check": c, "passed": True} for c in ("identity", "tenant")]
    assert said(tmp_path / "1", change(6, decision={"checks": checks})) == ["RCP004 6"]
    sandboxed = change(2, decision={"sandbox": "rlimits"})
    assert said(tmp_path / "2", sandboxed) == ["RCP004 8"]
    for level in ("rlimits", "bubblewrap"):
        sandboxed[7] = {"type": "step.started", "sandbox": level}
        assert said(tmp_path / level, sandboxed) == []
    unnumbered = [*PLAIN[:4], {"type": "capability.resolved", "attempt": None}, *PLAIN[5:]]
    assert said(tmp_path / "3", unnumbered) == ["RCP009 8"]
    assert said(tmp_path / "4", change(9, trace={"task_id": "elsewhere"})) == ["RCP006 9"]
    many = [*BEGIN, plan(max_attempts=2), *ATTEMPT[:3]]
    failed = [*ATTEMPT[3:4], {"type": "step.failed"}, ATTEMPT[5],
              {"type": "metrics.recorded", "metrics": {"outcome": "ERROR"}}]  # fmt: skip
    second: list[dict[str, Any]] = [{**event, "attempt": 2} for event in ATTEMPT]
    assert said(tmp_path / "5", [*many, *failed, *second, END]) == ["RCP005 15"]
    diamond = [*BEGIN, plan("d", depends_on=["b", "c"]), plan("b"), plan("c"),
               *({"type": "step.skipped", "step": s} for s in "dbc"), END]  # fmt: skip
    assert said(tmp_path / "6", diamond) == []


def test_evidence_and_replays(tmp_path: Path) -> None:
    begin = PLAIN[:11]
    cases: list[tuple[list[Event], list[str]]] = [
        ([evidence(10, 8, 9500)], ["RCP010 12"]),
        ([evidence(10, 10, 10000, ("event:3", "ab" * 32))], ["RCP010 12"]),
        ([evidence(10, 10, 10000), gate(True, 10000, 5000)], ["RCP010 13"]),
    ]
    for number, (events, wanted) in enumerate(cases):
        assert said(tmp_path / f"e{number}", [*begin, *events, END]) == wanted
    low = [*begin, evidence(10, 8, 8000), gate(False, 8000), {"type": "run.failed"}]
    assert said(tmp_path / "low", low) == []
    begun: Event = {"type": "run.submitted", "request": {"kind": "replay"}}
    replay: list[Event] = [begun, *BEGIN[1:]]

    noted: Event = {"type": "note.recorded", "note": "event 3 differs"}

    def compared(observed: str | None, match: bool) -> dict[str, Any]:
        row = {"step": "a", "recorded": "98" * 32, "observed": observed, "match": match}
        return {"type": "replay.compared", "replay": {**row, "explanation": ""}}

    for number, (event, wanted) in enumerate(
        (
            (compared("98" * 32, True), []),
            (compared(None, True), ["RCP012 4"]),
            (compared("98" * 32, False), ["RCP012 4"]),
            (compared("97" * 32, False), ["RCP012 4"]),
            (noted, ["RCP012 4"]),
        )
    ):
        assert said(tmp_path / f"r{number}", [*replay, event, END]) == wanted


def test_logs_that_are_broken(tmp_path: Path) -> None:
    files = tenant_folder(RUNS)
    log, head = f"{TENANT}/log.jsonl", f"{TENANT}/checkpoint"
    data = files[log]
    first, second = data.splitlines(keepends=True)
    for number, (changed, wanted) in enumerate(
        (
            ({log: data[:-1]}, "RCP002 log.jsonl:2"),
            ({log: b"{ }\n" + second}, "RCP001 log.jsonl:1"),
            ({log: second + first}, "RCP002 log.jsonl:1"),
            ({log: first + first}, "RCP002 log.jsonl:2"),
            ({log: first}, "RCP002 log.jsonl:1"),
            ({log: data + second.replace(b'"index":1', b'"index":2').replace(b"r-2", b"r-3")},
             "RCP002 log.jsonl:3"),
            ({log: data.replace(b"r-2", b"r-3")}, "RCP002 log.jsonl:1"),
            ({head: b"x"}, "RCP001 checkpoint:1"),
        )
    ):  # fmt: skip
        place = lay_down(tmp_path / str(number), files | changed)
        assert wanted in told(judged(place))
        lone = told(judged(place / TENANT / "runs" / "r-1"))
        assert wanted in lone  # a log that is beside a bundle counts
    place = lay_down(tmp_path / "headless", files)
    (place / head).unlink()
    assert "RCP003 checkpoint:1" in told(judged(place))
    place = lay_down(tmp_path / "whole", files)
    assert told(judged(place / TENANT / "runs" / "r-1")) == []
    place = lay_down(tmp_path / "swapped", files)
    (place / TENANT / "runs" / "r-1").rename(place / TENANT / "runs" / "x")
    assert told(judged(place)) == ["RCP002 log.jsonl:1", "RCP002 x:1"]
    long = relogged(files, [*data.splitlines(), b"x"])
    assert "RCP001 log.jsonl:3" in told(judged(lay_down(tmp_path / "long", long)))


def test_a_log_that_became_shorter_or_another_than_its_pin(tmp_path: Path) -> None:
    pins = Pins(str(tmp_path / "pins"), {}, True)
    place = lay_down(tmp_path / "then", tenant_folder(RUNS))
    assert told(judged(place, pins=pins)) == []
    pins.save()
    grown = {"r-2": RUNS["r-2"], "r-8": list(PLAIN), "r-9": list(PLAIN)}
    histories = {"shorter": shortened(), "longer": tenant_folder(grown), "other": rewritten()}
    for name, files in histories.items():
        later = lay_down(tmp_path / name, files)
        found = told(judged(later, pins=Pins.load(pins.path)))
        assert any(entry.startswith("RCP002 log.jsonl") for entry in found)
    some = {n: d for n, d in tenant_folder(RUNS).items() if "r-2" in n or "/runs/" not in n}
    place = lay_down(tmp_path / "sealed", some)
    (place / TENANT / "runs" / "r-2" / "events.jsonl").unlink()
    found = told(judged(place, partial=True, pins=Pins.load(pins.path)))
    assert found == ["RCP002 events.jsonl:1"]


def test_a_stream_is_not_believed_where_witnesses_are_demanded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from test_receipt_tampering import WITNESS

    policy = f"log {KEY.verifier.text}\nwitness w1 {WITNESS.verifier.text}\nquorum w1\n"
    lay_down(tmp_path, {"p": policy, "s": BUNDLE["events.jsonl"] + BUNDLE["checkpoint"]})
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stop:
        main(["verify", "--policy", "p", "s"])
    assert stop.value.code == 3
    assert "no pin and no witness can be asked about it" in capsys.readouterr().out


def test_without_a_library_for_signatures_nothing_passes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lay_down(tmp_path, BUNDLE)
    for name in [n for n in sys.modules if n.split(".")[0] == "cryptography"]:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(SystemExit) as stop:
        main(["verify", "--key", KEY.verifier.text, str(tmp_path)])
    assert stop.value.code == 3
    assert "without the package cryptography" in capsys.readouterr().err
    with pytest.raises(IncompleteError, match="cryptography"):
        sample_key()


def test_where_a_policy_is_found(tmp_path: Path) -> None:
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    assert find_policy(str(inner)) is None or not find_policy(str(inner)).startswith(str(tmp_path))  # type: ignore[union-attr]
    (tmp_path / ".git").mkdir()
    assert find_policy(str(inner)) is None
    lay_down(tmp_path, {".govlint/trust.policy": b"quorum none\n"})
    assert find_policy(str(inner)) == os.path.realpath(tmp_path / ".govlint" / "trust.policy")
    assert find_policy(os.path.abspath(os.sep)) is None or os.path.exists("/.govlint")
    big = tmp_path / "big"
    big.write_bytes(b"#" * ((1 << 20) + 1))
    with pytest.raises(UsageError, match="more than"):
        load_policy(str(big))


def test_a_watcher_says_what_it_watches() -> None:
    with pytest.raises(NotImplementedError):
        Watcher(History(), lambda *more: None).handlers()


def test_a_payload_that_goes_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from test_receipt_tampering import with_payload

    events, payloads = with_payload(b"data", b"\x05" * 32)
    lay_down(tmp_path, sealed(completed(events), KEY) | payloads)

    def gone(path: str, most: int) -> bytes:
        raise FileNotFoundError(path)

    monkeypatch.setattr(payloads_module, "read_file", gone)
    (entry,) = told(judged(tmp_path))
    assert entry.startswith("RCP001")
    assert receipt_files_module.read_file is not gone


def test_a_client_whose_folder_cannot_be_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from test_receipt_tampering import WITNESS, WITNESSED

    from govlint.receipts import tenant_log, witness_client
    from govlint.receipts.files import Unreadable
    from govlint.receipts.notes import signature_line

    folder = lay_down(tmp_path, tenant_folder(RUNS)) / TENANT
    (folder / "runs" / "r-2").rename(tmp_path / "away")

    def post(url: str, body: bytes) -> tuple[int, bytes]:
        note = body.partition(b"\n\n")[2]
        text = note.rpartition(b"\n\n")[0] + b"\n"
        return 200, signature_line(WITNESS, text, 5).encode()

    assert submit(str(folder), "http://w", WITNESSED, post) == ["w1"]

    def refused(path: str, data: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(witness_client, "write_atomic", refused)
    with pytest.raises(UsageError, match="No space left"):
        submit(str(folder), "http://w", WITNESSED, post)

    def blind(path: str) -> object:
        raise Unreadable("cannot be read: Permission denied")

    monkeypatch.setattr(tenant_log, "open_file", blind)
    with pytest.raises(IncompleteError, match="Permission denied"):
        submit(str(folder), "http://w", WITNESSED, post)
    assert Request(POLICY).anchors == ()
