"""The record's byte formats: canonical form, trees, notes, envelopes, vectors, receipts."""

from __future__ import annotations

import base64
import json
import math
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import receipt_vectors
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st
from runtime_world import World, step

from runtime_min.kernel.errors import RecordError
from runtime_min.kernel.states import MACHINES, TERMINAL_EVENTS
from runtime_min.record.canonical import (
    NotCanonical,
    _check,
    canonical,
    canonical_user_value,
    parse_line,
    sha256_hex,
)
from runtime_min.record.merkle import (
    EMPTY_ROOT,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    node_hash,
    root,
)
from runtime_min.record.payloads import salted
from runtime_min.record.signing import SigningKey

SCHEMAS = Path(__file__).parent.parent / "schemas"
VECTORS = SCHEMAS / "vectors"


def schema(name: str) -> Any:
    text = (SCHEMAS / "receipts" / f"{name}.schema.json").read_text(encoding="utf-8")
    return jsonschema_rs.validator_for(json.loads(text))


PROFILE = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(max_codepoint=127)), inner, max_size=4)
    ),
    max_leaves=20,
)


@settings(max_examples=300, deadline=None)
@given(PROFILE)
def test_inside_the_profile_the_canonical_form_is_rfc_8785(value: Any) -> None:
    assert canonical(value) == rfc8785.dumps(value)
    assert parse_line(canonical(value)) == value


@settings(max_examples=500, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
        max_leaves=15,
    )
)
def test_the_bytes_alone_never_hide_what_the_profile_leaves_out(value: Any) -> None:
    try:
        _check(value, 0)
        inside = "\\ud" not in json.dumps(value)  # lone surrogates are found by the encoder
    except NotCanonical:
        inside = False
    if inside:
        assert canonical(value) == rfc8785.dumps(value)
    elif "\\ud" not in json.dumps(value):
        with pytest.raises(NotCanonical):
            canonical(value)


@pytest.mark.parametrize(
    "value",
    [1.0, {"é": 1}, {1: 2}, 2**53, -(2**53), "\ud800", b"x", {"a": {"b": math.nan}}, {1, 2}],
)
def test_what_the_profile_leaves_out_is_refused(value: Any) -> None:
    with pytest.raises(NotCanonical):
        canonical(value)


@pytest.mark.parametrize("value", [math.nan, math.inf, object(), "\ud800"])
def test_a_user_value_without_a_json_form_is_refused(value: Any) -> None:
    with pytest.raises(NotCanonical):
        canonical_user_value(value)


def test_user_values_have_the_numbers_of_rfc_8785() -> None:
    value = {"\u20ac": 1e21, "a": 1e-7, "z": -0.0, "n": 333333333.33333329}
    expected = '{"a":1e-7,"n":333333333.3333333,"z":0,"\u20ac":1e+21}'
    assert canonical_user_value(value) == expected.encode()


def test_the_vectors_are_what_the_runtime_makes() -> None:
    made = receipt_vectors.make()
    stored = {path.name for path in VECTORS.glob("*.json")}
    assert stored >= set(made)
    for name, content in made.items():
        assert (VECTORS / name).read_text(encoding="utf-8") == receipt_vectors.text_of(content)


def test_lines_that_are_not_canonical_are_refused() -> None:
    cases = json.loads((VECTORS / "primitives.json").read_text())["not_canonical"]
    assert len(cases) > 15
    for case in cases:
        with pytest.raises(NotCanonical):
            parse_line(bytes.fromhex(case["line"]))


def _check_inclusion(size: int, index: int, leaf: bytes, proof: list[bytes]) -> bytes:
    """RFC 9162 section 2.1.3.2, written from its text."""
    fn, sn, result = index, size - 1, leaf
    for node in proof:
        assert sn != 0
        if fn & 1 or fn == sn:
            result = node_hash(node, result)
            while not fn & 1 and fn != 0:
                fn, sn = fn >> 1, sn >> 1
        else:
            result = node_hash(result, node)
        fn, sn = fn >> 1, sn >> 1
    assert sn == 0
    return result


def _check_consistency(old: int, new: int, first: bytes, proof: list[bytes]) -> tuple[bytes, bytes]:
    """RFC 9162 section 2.1.4.2: both roots that the proof leads to."""
    nodes = [first, *proof] if old & (old - 1) == 0 else list(proof)
    fn, sn = old - 1, new - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    fr = sr = nodes[0]
    for node in nodes[1:]:
        assert sn != 0
        if fn & 1 or fn == sn:
            fr, sr = node_hash(node, fr), node_hash(node, sr)
            while not fn & 1 and fn != 0:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = node_hash(sr, node)
        fn, sn = fn >> 1, sn >> 1
    assert sn == 0
    return fr, sr


def test_proofs_of_every_tree_up_to_40_leaves_lead_to_the_root() -> None:
    hashes = [leaf_hash(bytes([n])) for n in range(40)]
    assert root([]) == EMPTY_ROOT
    for size in range(1, 41):
        whole = root(hashes[:size])
        for index in range(size):
            proof = inclusion_proof(hashes[:size], index)
            assert _check_inclusion(size, index, hashes[index], proof) == whole
        for old in range(1, size):
            proof = consistency_proof(hashes[:size], old)
            before = root(hashes[:old])
            assert _check_consistency(old, size, before, proof) == (before, whole)
        assert consistency_proof(hashes[:size], size) == consistency_proof(hashes[:size], 0) == []


def test_a_proof_of_what_is_not_there_is_refused() -> None:
    hashes = [leaf_hash(b"a")]
    for index in (-1, 1):
        with pytest.raises(ValueError, match="not in a tree"):
            inclusion_proof(hashes, index)
    with pytest.raises(ValueError, match="never one"):
        consistency_proof(hashes, 2)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\n"])
def test_a_name_that_a_note_cannot_carry_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="cannot name a key"):
        SigningKey.from_seed(name, bytes(32))


def test_every_published_state_machine_is_the_one_that_runs() -> None:
    published = json.loads((SCHEMAS / "receipts" / "state-machines.json").read_text())
    running = {m: {k or "": list(v) for k, v in table.items()} for m, table in MACHINES.items()}
    assert published["machines"] == running
    assert published["terminal_events"] == list(TERMINAL_EVENTS)


def test_every_good_vector_is_valid_by_the_schemas() -> None:
    event, receipt, dsse = schema("event"), schema("receipt"), schema("dsse")
    bundles = json.loads((VECTORS / "good.json").read_text())["bundles"]
    assert len(bundles) == 7
    for case in bundles.values():
        for line in case["files"]["events.jsonl"].splitlines():
            event.validate(json.loads(line))
        envelope = json.loads(case["files"]["receipt.dsse.json"])
        dsse.validate(envelope)
        receipt.validate(json.loads(base64.b64decode(envelope["payload"])))
    leaf = schema("tenant-leaf")
    log = json.loads((VECTORS / "tenant.json").read_text())["files"]["acme/log.jsonl"]
    kinds = []
    for line in log.splitlines():
        leaf.validate(json.loads(line))
        kinds.append(json.loads(line)["type"])
    assert kinds == ["receipt", "payload.erased", "key.rotated", "receipt"]


def test_a_known_dsse_verifier_accepts_the_envelope_and_no_edit_of_it() -> None:
    from securesystemslib import dsse
    from securesystemslib.exceptions import VerificationError
    from securesystemslib.signer._key import SSlibKey

    key = SigningKey.from_seed("example.org/acme", bytes(range(32)))
    public = SSlibKey(key.key_id, "ed25519", "ed25519", {"public": key.public_bytes.hex()})
    bundles = json.loads((VECTORS / "good.json").read_text())["bundles"]
    for case in bundles.values():
        stored = json.loads(case["files"]["receipt.dsse.json"])
        assert dsse.Envelope.from_dict(json.loads(json.dumps(stored))).verify([public], 1)
        payload = base64.b64decode(stored["payload"]).replace(b"acme", b"acne", 1)
        stored["payload"] = base64.b64encode(payload).decode()
        with pytest.raises(VerificationError):
            dsse.Envelope.from_dict(stored).verify([public], 1)


def test_an_erased_payload_leaves_chain_and_receipt_as_they_were(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.provide("work", lambda call: {"ok": True})
    secret = "the-secret-of-jane"
    run = world.kernel.submit(world.request(step("a", payload={"name": secret}))).run
    before = world.archive.export("acme", run, tmp_path / "out", payloads=True)
    events = (before / "events.jsonl").read_bytes()
    digests = [p.sha256 for p in world.journal.payloads_of("acme", run) if secret in str(p.data)]
    assert len(digests) == 2  # the request and the step's input
    for digest in digests:
        assert (before / "payloads" / "sha256" / digest).exists()
        world.archive.erase("acme", run, digest, "user:dpo", "asked for")
        assert world.journal.payload("acme", digest) is None
    after = world.archive.export("acme", run, tmp_path / "again", payloads=True)
    assert (after / "events.jsonl").read_bytes() == events
    assert (after / "receipt.dsse.json").read_bytes() == (before / "receipt.dsse.json").read_bytes()
    world.journal.close()
    for path in tmp_path.glob("journal.db*"):
        assert secret.encode() not in path.read_bytes()


def test_what_cannot_be_erased_or_sealed_is_refused(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.provide("work", lambda call: {})
    run = world.kernel.accept(world.request(step("a"))).run
    with pytest.raises(RecordError, match="not finished"):
        world.archive.seal("acme", run)
    with pytest.raises(RecordError, match="has no payload"):
        world.archive.erase("acme", run, "0" * 64, "user:dpo", "why")
    world.kernel.execute("acme", run)
    assert world.archive.seal("acme", run) == world.archive.seal("acme", run) == 0


def test_payload_digests_are_salted(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.provide("work", lambda call: {"same": 1})
    digests = set()
    for key in ("1", "2"):
        run = world.kernel.submit(world.request(step("a"), key=key)).run
        done = world.journal.query("acme", run=run, type="step.completed")[0]["output"]["sha256"]
        kept = world.journal.payload("acme", done)
        assert kept is not None and salted(kept.salt, kept.data) == done
        assert done != sha256_hex(kept.data)
        digests.add(done)
    assert len(digests) == 2


def test_key_files_are_private_and_checked(tmp_path: Path) -> None:
    world = World(tmp_path)
    first = world.archive.key("acme")
    (path,) = (tmp_path / "keys" / "acme").iterdir()
    assert path.stat().st_mode & 0o777 == 0o600
    assert world.archive.key("acme").vkey == first.vkey
    assert world.archive.rotate("acme").vkey != first.vkey
    assert world.archive.key("acme").vkey != first.vkey
    newest = max((tmp_path / "keys" / "acme").iterdir())
    newest.chmod(0o644)
    with pytest.raises(RecordError, match="can be read by others"):
        world.archive.key("acme")
    newest.chmod(0o600)
    for text, message in (("zz", "not hexadecimal"), ("00", "has 1 bytes")):
        newest.write_text(text)
        with pytest.raises(RecordError, match=message):
            world.archive.key("acme")
