"""`govlint verify` as its users meet it: options, streams, ledgers, verdicts, exit codes."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from receipt_files import KEY, lay_down, vectors
from test_receipt_tampering import RUNS, tenant_folder

from govlint.cli import main
from govlint.receipts.sample import PLAIN, completed, sample_key, sealed

ROOT = Path(__file__).parent.parent
BUNDLE = sealed(completed(PLAIN), KEY)
VKEY = KEY.verifier.text


class Standard:
    """Standard input of bytes."""

    def __init__(self, data: bytes) -> None:
        self.buffer = io.BytesIO(data)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with a trust policy and a bundle, and nothing of the user's."""
    (tmp_path / ".git").mkdir()
    lay_down(tmp_path, {".govlint/trust.policy": f"log {VKEY}\nquorum none\n"})
    lay_down(tmp_path / "bundle", BUNDLE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    """Run the command; exit code and both outputs."""
    with pytest.raises(SystemExit) as stop:
        main(["verify", *words])
    said = capsys.readouterr()
    code = stop.value.code
    assert isinstance(code, int)
    assert "Traceback" not in said.err
    return code, said.out, said.err


def test_a_good_bundle_is_said_to_be_good(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "bundle")
    assert code == 0
    assert "5 files checked" not in out and "4 files checked, 13 rules: no findings" in out
    assert "verified: 1 run, 12 events" in out
    assert "limit: Whoever holds the signing key" in out
    assert "limit: Nothing says whose run was expected" in out
    assert run(capsys, "-q", "bundle") == (0, "", "")


def test_an_edited_byte_is_refused_in_words(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    events = place / "bundle" / "events.jsonl"
    events.write_bytes(events.read_bytes().replace(b"user:jane", b"user:jade", 1))
    code, out, _ = run(capsys, "bundle")
    assert code == 1
    assert "bundle/events.jsonl:1:1: RCP002 [chain-broken] error: this line is not the one" in out
    assert "consistent with an edit of this line" in out


@pytest.mark.parametrize("name", ["json", "sarif", "github", "gitlab", "junit", "markdown"])
def test_every_output_format(place: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    (place / "bundle" / "checkpoint").unlink()
    code, out, err = run(capsys, "--format", name, "bundle")
    assert code == 1
    assert "RCP003" in out and "limit: " in err and "limit: " not in out
    if name == "json":
        document = json.loads(out)
        (finding,) = document["findings"]
        assert finding["path"] == "bundle/checkpoint" and len(finding["fingerprint"]) == 64
    code, out, _ = run(capsys, "--format", f"{name}=out", "bundle")
    assert "RCP003" in Path("out").read_text()


def test_what_is_expected(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    origin = KEY.name
    for word in ("tenant=acme", "run=r-1", f"origin={origin}", f"origin={origin}/runs/r-1"):
        assert run(capsys, "--expect", word, "bundle")[0] == 0
    for word in ("tenant=other", "run=r-2", "origin=example.org/other"):
        code, out, _ = run(capsys, "--expect", word, "bundle")
        assert code == 1 and "was expected: consistent with another receipt put in its place" in out
    for words, said in (
        (["--expect", "colour=red"], "it is one of tenant=…, run=…, origin=…"),
        (["--expect", "run="], "it is one of"),
        (["--expect", "run=a", "--expect", "run=b"], "cannot both be"),
    ):
        code, _, err = run(capsys, *words, "bundle")
        assert code == 2 and said in err


def test_anchors(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = json.loads(_payload())["predicate"]["log"]
    for digest in (log["head"], log["rootSha256"], f"sha256:{log['head']}"):
        assert run(capsys, "--anchor", digest, "bundle")[0] == 0
    code, out, _ = run(capsys, "--anchor", "ab" * 32, "bundle")
    assert code == 1 and "nothing here has the head abababababababab…" in out
    code, _, err = run(capsys, "--anchor", "yesterday", "bundle")
    assert code == 2 and "is no digest" in err


def _payload() -> bytes:
    from govlint.receipts.envelope import read_envelope

    return read_envelope(BUNDLE["receipt.dsse.json"]).payload


def test_whom_to_trust(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.rmtree(place / ".govlint")
    code, _, err = run(capsys, "bundle")
    assert code == 2 and "there is no trust policy" in err
    assert run(capsys, "--key", VKEY, "bundle")[0] == 0
    stranger = sample_key(seed=9).verifier.text
    code, out, _ = run(capsys, "--key", stranger, "bundle")
    assert code == 1 and "rewrite with another key" in out
    other = sample_key("example.org/other").verifier.text
    code, out, _ = run(capsys, "--key", other, "bundle")
    assert code == 1 and "which the trust policy does not name (it names example.org/other)" in out
    (place / "mine").write_text("quorum none\n")
    code, out, _ = run(capsys, "--policy", "mine", "bundle")
    assert code == 1 and "(it names none)" in out
    for words, said in (
        (["--key", "nonsense"], "is no verifier key"),
        (["--key", VKEY, "--policy", "mine"], "cannot both say"),
        (["--policy", "nowhere"], "cannot be read"),
    ):
        code, _, err = run(capsys, *words, "bundle")
        assert code == 2 and said in err


def test_a_policy_in_what_it_judges_is_not_believed(
    place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An attacker's bundle brings an attacker's policy; the user stands in the bundle."""
    thief = sample_key(seed=5)
    lay_down(place / "loot", sealed(completed(PLAIN), thief))
    lay_down(place / "loot", {".govlint/trust.policy": f"log {thief.verifier.text}\nquorum none\n"})
    monkeypatch.chdir(place / "loot")
    code, _, err = run(capsys, ".")
    assert code == 2 and "lies in what it is to judge" in err
    monkeypatch.chdir(place)
    assert run(capsys, "loot")[0] == 1


def test_pins_are_kept_and_only_after_a_pass(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lay_down(place / "receipts", tenant_folder(RUNS))
    code, _, err = run(capsys, "--pins", "pins.json", "receipts")
    assert code == 0 and "was not there, so nothing was compared with it; it has 3 pins now" in err
    kept = Path("pins.json").read_bytes()
    code, _, err = run(capsys, "--pins", "pins.json", "receipts")
    assert code == 0 and "was compared; it has 3 pins now" in err
    assert Path("pins.json").read_bytes() == kept
    again = [dict(event) for event in PLAIN]
    again[0]["actor"] = "user:else"
    lay_down(place / "receipts", tenant_folder({**RUNS, "r-1": again}))
    code, out, _ = run(capsys, "--pins", "pins.json", "receipts")
    assert code == 1 and "consistent with a rewrite" in out
    assert Path("pins.json").read_bytes() == kept
    for text in (
        "",
        "{}",
        '{"format":"x"}',
        '{"format":"govlint.pins/1","pins":{"a":{"size":"1"}}}',
        '{"format":"govlint.pins/1","pins":{"a":{"size":1,"root":"x","time":0}}}',
        '{"format":"govlint.pins/1","pins":{"a":{"size":1,"root":"","time":true}}}',
        "[" * 9999,
    ):
        Path("pins.json").write_text(text)
        code, _, err = run(capsys, "--pins", "pins.json", "receipts")
        assert code == 2 and "holds no pins" in err
    code, _, err = run(capsys, "--pins", str(place), "receipts")
    assert code == 2 and "cannot be read" in err
    code, _, err = run(capsys, "--pins", "no/such/pins.json", "receipts")
    assert code in (1, 2)


def test_a_mission_is_demanded(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("mission.yaml").write_text("steps: []\n")
    code, out, _ = run(capsys, "--against", "mission.yaml", "bundle")
    assert code == 1 and "not of the mission mission.yaml: it names none" in out
    code, _, err = run(capsys, "--against", "nowhere.yaml", "bundle")
    assert code == 2 and "cannot be read" in err


def test_streams(
    place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [BUNDLE[name] for name in ("events.jsonl", "checkpoint", "receipt.dsse.json",
                                       "tenant.tlog-proof")]  # fmt: skip

    def of(data: bytes, *words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "stdin", Standard(data))
        return run(capsys, *words, "-")

    for count in (2, 3, 4):
        assert of(b"".join(files[:count]))[0] == 0
    code, out, _ = of(files[0])
    assert code == 3 and "carries no signature" in out
    head = json.loads(_payload())["predicate"]["log"]["head"]
    assert of(files[0], "--anchor", head)[0] == 0
    code, out, _ = of(b"".join(files).replace(b"user:jane", b"user:jade", 1))
    assert code == 1 and "-/events.jsonl:1:1: RCP002" in out
    code, out, _ = of(files[0] + files[1] + files[1])
    assert code == 1 and "has a second checkpoint" in out
    code, out, _ = of(files[0] + b"x\n" * 9000)
    assert code == 1 and "it has too many lines" in out
    code, out, _ = of(b"")
    assert code == 1 and "there are no events" in out
    monkeypatch.setattr(sys, "stdin", None)
    code, out, _ = run(capsys, "-")
    assert code == 3 and "standard input is closed" in out
    Path("run.jsonl").write_bytes(files[0] + files[1])
    assert run(capsys, "run.jsonl")[0] == 0


def test_nothing_to_verify_is_no_pass(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (place / "empty").mkdir()
    code, out, _ = run(capsys, "empty")
    assert code == 3 and "nothing-to-check" in out
    code, out, _ = run(capsys, "nowhere")
    assert code == 3 and "there is no such file or folder" in out
    assert run(capsys)[0] == 2


def test_a_signed_verdict(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from govlint.receipts.envelope import read_envelope
    from govlint.receipts.keys import ED25519, read_vkey

    code, _, err = run(capsys, "--attest", "verdict.json", "--expect", "run=r-1", "bundle")
    assert code == 0
    match = re.search(r"signed by (\S+)", err)
    assert match is not None
    envelope = read_envelope(Path("verdict.json").read_bytes())
    key = read_vkey(match[1], ED25519)
    assert envelope.signed_by([key]) == [key]
    statement = json.loads(envelope.payload)
    assert statement["predicateType"] == "https://in-toto.io/attestation/svr/v0.2"
    assert statement["subject"][0]["name"] == "acme/runs/r-1/receipt.dsse.json"
    predicate = statement["predicate"]
    assert predicate["properties"][0] == "GOVLINT_VERIFIED"
    assert "GOVLINT_RCP013" in predicate["properties"]
    assert predicate["properties"][-1] == "GOVLINT_EXPECTED_IDENTITY"
    assert predicate["verifier"]["policies"][0]["digest"]["sha256"]
    made = place / "state" / "govlint" / "keys" / "verifier.key"
    assert made.stat().st_mode & 0o777 == 0o600
    assert match[1] in run(capsys, "--attest", "again.json", "bundle")[2]  # the same key


def test_a_verdict_on_what_is_refused_does_not_say_verified(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = [dict(event) for event in PLAIN if event["type"] != "metrics.recorded"]
    lay_down(place / "bundle", sealed(completed(bad), KEY))
    code, _, _ = run(capsys, "--attest", "v.json", "--attest-key", "my.key", "bundle")
    assert code == 1
    from govlint.receipts.envelope import read_envelope

    said = json.loads(read_envelope(Path("v.json").read_bytes()).payload)
    properties = said["predicate"]["properties"]
    assert "GOVLINT_VERIFIED" not in properties and "GOVLINT_RCP011" not in properties
    assert "GOVLINT_RCP004" in properties


def test_verdicts_that_cannot_be(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capsys, "--attest-key", "my.key", "bundle")
    assert code == 2 and "needs --attest" in err
    (place / "bundle" / "receipt.dsse.json").unlink()
    code, _, err = run(capsys, "--attest", "v.json", "bundle")
    assert code == 2 and "there is no subject" in err
    lay_down(place / "bundle", BUNDLE)
    for text, mode, said in (
        ("zz", 0o600, "hexadecimal"),
        ("ab", 0o600, "1 bytes, not 32"),
        ("ab" * 32, 0o644, "others may read it"),
    ):
        Path("bad.key").unlink(missing_ok=True)
        Path("bad.key").write_text(text)
        Path("bad.key").chmod(mode)
        code, _, err = run(capsys, "--attest", "v.json", "--attest-key", "bad.key", "bundle")
        assert code == 2 and said in err
    code, _, err = run(capsys, "--attest", "v.json", "--attest-key", str(place), "bundle")
    assert code == 2 and "cannot be used" in err


def test_securesystemslib_verifies_what_is_signed(place: Path) -> None:
    """A DSSE verifier that is not ours reads our envelopes, and refuses an edited one."""
    from securesystemslib.dsse import Envelope
    from securesystemslib.exceptions import VerificationError
    from securesystemslib.signer._key import SSlibKey

    public = KEY.verifier.public
    from govlint.receipts.envelope import key_id

    key = SSlibKey(key_id(KEY.verifier), "ed25519", "ed25519", {"public": public.hex()})
    for data in (BUNDLE["receipt.dsse.json"],):
        value = json.loads(data)
        envelope = Envelope.from_dict(json.loads(data))
        assert envelope.verify([key], 1)
        value["payload"] = value["payload"][:-8] + "AAAAAAA="
        with pytest.raises(VerificationError):
            Envelope.from_dict(value).verify([key], 1)
    runtime: dict[str, Any] = vectors("good")["bundles"]["completed"]["files"]
    from govlint.receipts.keys import ED25519, read_vkey

    named = vectors("good")["policy"].split()[1]
    theirs = read_vkey(named, ED25519)
    key = SSlibKey(key_id(theirs), "ed25519", "ed25519", {"public": theirs.public.hex()})
    assert Envelope.from_dict(json.loads(runtime["receipt.dsse.json"])).verify([key], 1)


def test_report_ledgers(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from govlint.documents.reports.ledger import open_ledger

    with open_ledger("ledger.jsonl") as ledger:
        ledger.append([{"phase": 1}, {"phase": 2}], "sha256:" + "0" * 64, "2026-01-01T00:00:00Z")
        head = ledger.head
    shutil.rmtree(place / ".govlint")  # a ledger carries no signature to trust
    code, out, _ = run(capsys, "ledger.jsonl")
    assert (
        code == 0 and "verified: 1 ledger" in out and "limit: A report ledger is not signed" in out
    )
    code, out, _ = run(capsys, "--anchor", head, "ledger.jsonl")
    assert code == 0 and "limit" not in out
    data = Path("ledger.jsonl").read_bytes()
    first = data.splitlines(keepends=True)[0]
    for changed, line in (
        (data.replace(b'"phase":2', b'"phase":3'), 2),
        (data.splitlines(keepends=True)[1], 1),
        (first + first, 2),
        (data + b'{"half', 3),
        (first.replace(b'":', b'": ', 1) + data[len(first) :], 1),
    ):
        Path("ledger.jsonl").write_bytes(changed)
        code, out, _ = run(capsys, "ledger.jsonl")
        assert code == 1 and f"ledger.jsonl:{line}:1: RCP002" in out
    Path("ledger.jsonl").write_bytes(first)
    code, out, _ = run(capsys, "--anchor", head, "ledger.jsonl")
    assert code == 1 and "consistent with an end cut off" in out


def test_readmes_commands_do_what_it_says(tmp_path: Path) -> None:
    """A newcomer gets a receipt, verifies it, edits one byte, and sees it refused."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    section = text[text.index("## Receipts") : text.index("### What shows")]
    first, second = re.findall(r"^```sh\n(.*?)^```$", section, re.M | re.S)
    tools = tmp_path / "bin"
    for name, module in (("govlint", "govlint"), ("runtime-min", "runtime_min.cli")):
        lay_down(tools, {name: f'#!/bin/sh\nexec "{sys.executable}" -m {module} "$@"\n'})
        (tools / name).chmod(0o755)
    lay_down(tools, {"python3": f'#!/bin/sh\nexec "{sys.executable}" "$@"\n'})
    (tools / "python3").chmod(0o755)
    work = tmp_path / "work"
    work.mkdir()
    environment = os.environ | {
        "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "HOME": str(tmp_path),
        "XDG_STATE_HOME": str(tmp_path / "state"),
        "NO_COLOR": "1",
    }

    def shell(script: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["sh", "-e", "-c", script],
            cwd=work,
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    done = shell(first)
    assert done.returncode == 0, done.stderr
    assert "verified: 1 run" in done.stdout
    done = shell(second)
    assert done.returncode == 1, done.stderr
    assert (
        "RCP002 [chain-broken] error: this line is not the one that the line below" in done.stdout
    )
    assert "consistent with an edit of this line" in done.stdout
