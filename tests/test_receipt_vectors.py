"""The verifier against the published vectors: an implementation that shares no code with the
one that made them."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st
from receipt_files import judged, lay_down, told, vector_request, vectors

from govlint.receipts.canonical import canonical, parse
from govlint.receipts.envelope import pae, read_envelope
from govlint.receipts.faults import Malformed
from govlint.receipts.keys import ED25519, SigningKey, read_vkey
from govlint.receipts.merkle import (
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    levels_of,
    proves_consistency,
    proves_inclusion,
    root_of,
)
from govlint.receipts.notes import has_signed, read_checkpoint, read_note, write_checkpoint

ROOT = Path(__file__).parent.parent


def test_the_verifier_shares_no_code_with_the_runtime() -> None:
    for path in (ROOT / "govlint").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            assert not any(name.split(".")[0] == "runtime_min" for name in names), path


@pytest.mark.parametrize("name", sorted(vectors("good")["bundles"]))
def test_a_good_bundle_passes(name: str, tmp_path: Path) -> None:
    lay_down(tmp_path, vectors("good")["bundles"][name]["files"])
    assert told(judged(tmp_path, vector_request("good"))) == []


@pytest.mark.parametrize("name", sorted(vectors("attacked")["bundles"]))
def test_an_attacked_bundle_is_refused_by_one_of_its_rules(name: str, tmp_path: Path) -> None:
    case = vectors("attacked")["bundles"][name]
    lay_down(tmp_path, vectors("good")["bundles"][case["base"]]["files"] | case["files"])
    result = judged(tmp_path, vector_request("attacked"))
    assert result.problems == []
    assert {finding.rule for finding in result.findings} <= set(case["rules"])
    assert result.findings


def test_a_receipts_folder_with_a_rotated_key_passes(tmp_path: Path) -> None:
    lay_down(tmp_path, vectors("tenant")["files"])
    assert told(judged(tmp_path, vector_request("tenant"))) == []
    for bundle in sorted((tmp_path / "acme" / "runs").iterdir()):  # each by itself, too
        assert told(judged(bundle, vector_request("tenant"))) == []


def test_canonical_form() -> None:
    given = vectors("primitives")
    for case in given["canonical"]:
        data = bytes.fromhex(case["bytes"])
        assert canonical(case["value"]) == data == rfc8785.dumps(case["value"])
        assert parse(data) == case["value"]
    for case in given["not_canonical"]:
        with pytest.raises(Malformed):
            parse(bytes.fromhex(case["line"]))


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(max_codepoint=127), max_size=6), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(_VALUES)
@settings(max_examples=300, deadline=None)
def test_canonical_form_is_that_of_two_other_implementations(value: object) -> None:
    """RFC 8785 by Trail of Bits, and the standard library's parser, know of no orjson."""
    try:
        wanted = rfc8785.dumps(value)  # type: ignore[arg-type]
    except (rfc8785.CanonicalizationError, UnicodeEncodeError):
        with pytest.raises(Malformed):
            canonical(value)
        return
    assert canonical(value) == wanted
    assert parse(wanted) == json.loads(wanted) == value


@given(st.binary(max_size=40) | _VALUES.map(lambda v: json.dumps(v).encode()))
@settings(max_examples=300, deadline=None)
def test_what_passes_as_canonical_is_so_for_rfc8785(data: bytes) -> None:
    try:
        value = parse(data)
    except Malformed:
        return
    assert rfc8785.dumps(value) == data


def test_trees() -> None:
    tree = vectors("primitives")["tree"]
    hashes = [bytes.fromhex(text) for text in tree["leaf_hashes"]]
    roots = [bytes.fromhex(text) for text in tree["roots"]]
    assert [leaf_hash(bytes.fromhex(leaf)) for leaf in tree["leaves"]] == hashes
    assert [root_of(hashes[:size]) for size in range(len(hashes) + 1)] == roots
    for case in tree["inclusion"]:
        size, index = case["size"], case["index"]
        proof = [bytes.fromhex(text) for text in case["proof"]]
        assert inclusion_proof(levels_of(hashes[:size]), index) == proof
        for other in range(len(hashes)):
            fits = proves_inclusion(hashes[other], index, size, proof, roots[size])
            assert fits is (other == index)
        assert not proves_inclusion(
            hashes[index], index, size, [*proof, proof[-1]] if proof else [b""], roots[size]
        )
    for case in tree["consistency"]:
        old, new = case["old"], case["new"]
        proof = [bytes.fromhex(text) for text in case["proof"]]
        assert consistency_proof(hashes[:new], old) == proof
        assert proves_consistency(old, new, proof, roots[old], roots[new])
        assert old == 0 or not proves_consistency(old, new, proof, roots[old], bytes(32))
        assert not proves_consistency(old, new, [*proof, bytes(32)], roots[old], roots[new])
        if proof:
            assert not proves_consistency(old, new, proof[:-1], roots[old], roots[new])


def test_notes() -> None:
    given = vectors("primitives")
    key = SigningKey.from_seed(given["key"]["name"], ED25519, bytes.fromhex(given["key"]["seed"]))
    assert key.verifier.text == given["key"]["vkey"]
    assert read_vkey(given["key"]["vkey"], ED25519) == key.verifier
    for case in given["notes"]:
        note = read_note(case["note"].encode())
        assert note.text.decode() == case["text"]
        assert has_signed(note, key.verifier) is True
    head = read_checkpoint(given["notes"][1]["note"].encode())
    made = write_checkpoint(head.origin, head.size, head.root, key)
    assert made.decode() == given["notes"][1]["note"]


def test_envelopes() -> None:
    given = vectors("primitives")
    for case in given["pae"]:
        assert pae(case["type"], bytes.fromhex(case["payload"])).hex() == case["pae"]
    key = read_vkey(given["key"]["vkey"], ED25519)
    for case in given["dsse"]:
        envelope = read_envelope(case["envelope"].encode())
        assert envelope.payload.hex() == case["payload"]
        assert envelope.signed_by([key]) == [key]


def test_the_examples_of_the_specifications() -> None:
    """The keys and signatures that C2SP's own documents print."""
    key = read_vkey(
        "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", ED25519
    )
    signature = (
        "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72"
        "IneyaQM="
    )
    text = f"This is an example message.\n\n\u2014 example.com/foo {signature}\n"
    assert has_signed(read_note(text.encode()), key) is True
