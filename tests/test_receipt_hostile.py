"""Whatever is put before `govlint verify`, it says so and ends: no traceback, no hang, no way out
of the folder."""

from __future__ import annotations

import json
import os
import random
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from receipt_files import KEY, POLICY, judged, lay_down, told
from test_receipt_tampering import RUNS, tenant_folder, with_payload

from govlint.errors import ConfigError
from govlint.receipts.canonical import canonical, parse
from govlint.receipts.envelope import read_envelope
from govlint.receipts.faults import Malformed
from govlint.receipts.keys import ED25519, read_vkey, unbase64
from govlint.receipts.notes import read_checkpoint, read_inclusion_proof, read_note
from govlint.receipts.policy import policy_of_keys, read_policy
from govlint.receipts.request import Request
from govlint.receipts.ring import Ring
from govlint.receipts.sample import PLAIN, TENANT, completed, sealed
from govlint.receipts.stream import read_run
from govlint.receipts.verify import Verifier

BUNDLE = sealed(completed(PLAIN), KEY)


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return lay_down(tmp_path / "bundle", BUNDLE)


@contextmanager
def within(seconds: int) -> Iterator[None]:
    """End a test that hangs, where the platform can."""
    if sys.platform == "win32":
        yield
        return

    def stop(number: int, frame: object) -> None:
        raise AssertionError(f"still at it after {seconds} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@pytest.mark.platform
@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the platform has no pipes with names")
@pytest.mark.parametrize("name", [*BUNDLE, "payloads"])
def test_a_pipe_is_not_waited_for(bundle: Path, name: str) -> None:
    (bundle / name).unlink(missing_ok=True)
    os.mkfifo(bundle / name)
    with within(60):
        assert any(entry.startswith(f"RCP001 {name}") for entry in told(judged(bundle)))


@pytest.mark.parametrize("name", BUNDLE)
def test_a_link_is_not_followed(bundle: Path, name: str) -> None:
    real = bundle.parent / "elsewhere"
    (bundle / name).rename(real)
    (bundle / name).symlink_to(real)
    assert f"RCP001 {name}:1" in told(judged(bundle))


def test_links_between_folders_are_not_followed(tmp_path: Path) -> None:
    files = tenant_folder(RUNS)
    lay_down(tmp_path / "r", files)
    runs = tmp_path / "r" / TENANT / "runs"
    (runs / "r-2").rename(tmp_path / "moved")
    (runs / "r-2").symlink_to(tmp_path / "moved", target_is_directory=True)
    assert told(judged(tmp_path / "r")) == ["RCP002 log.jsonl:2", "RCP001 r-2:1"]
    (tmp_path / "r" / "round").symlink_to(tmp_path / "r", target_is_directory=True)
    with within(60):
        assert "RCP001 round:1" in told(judged(tmp_path / "r"))
    (tmp_path / "l").mkdir()
    lay_down(tmp_path / "l" / TENANT, {"log.jsonl": files[f"{TENANT}/log.jsonl"]})
    (tmp_path / "l" / TENANT / "runs").symlink_to(runs, target_is_directory=True)
    assert told(judged(tmp_path / "l"))


@pytest.mark.parametrize(
    "data",
    [
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"a":' * 500 + b"1" + b"}" * 500,
        b"x" * (3 << 20),
        b'{"v":' + b"9" * 100_000 + b"}",
        b"\x00" * 1000,
        b"\xff\xfe",
        b"",
        b"\n" * 5000,
        b"null\n",
        b'"\\ud800"\n',
        b"{}\n",
        b"\xef\xbb\xbf{}\n",
        b'{"trace":1}\n',
        b'{"trace":{}}\n',
        b'{"a":1e999}\n',
    ],
)
@pytest.mark.parametrize("name", BUNDLE)
def test_any_bytes_are_refused(bundle: Path, name: str, data: bytes) -> None:
    (bundle / name).write_bytes(data)
    with within(60):
        assert told(judged(bundle))


def test_lines_that_are_too_long(bundle: Path) -> None:
    lines = BUNDLE["events.jsonl"].splitlines(keepends=True)
    event = json.loads(lines[2])
    event["note"] = "x" * (1 << 20)
    (bundle / "events.jsonl").write_bytes(
        b"".join([*lines[:2], canonical(event) + b"\n", *lines[3:]])
    )
    result = judged(bundle)
    assert told(result) == ["RCP001 events.jsonl:3"]
    assert "more than 1,048,576 bytes" in result.findings[0].message


@pytest.mark.parametrize(
    "name", ["../../../etc/passwd", "/etc/passwd", "a/../../b", "C:\\x", "..\\x", "a\nb"]
)
def test_names_do_not_lead_out(bundle: Path, name: str) -> None:
    from govlint.receipts.envelope import write_envelope

    statement = json.loads(read_envelope(BUNDLE["receipt.dsse.json"]).payload)
    artifact = {"name": name, "sha256": "98" * 32, "size": 2, "media": "text/plain"}
    statement["predicate"]["artifacts"] = [artifact]
    statement["subject"].append({"name": name, "digest": {"sha256": "98" * 32}})
    (bundle / "receipt.dsse.json").write_bytes(write_envelope(canonical(statement), KEY))
    result = judged(bundle)
    assert told(result)[0] == "RCP001 receipt.dsse.json:1"
    assert "leaves the folder" in result.findings[0].message


def test_payloads_that_are_not_what_they_should_be(tmp_path: Path) -> None:
    events, payloads = with_payload(b"data", b"\x05" * 32)
    files = sealed(completed(events), KEY)
    data, salt = sorted(payloads)
    folder = "payloads/sha256/"

    def check(change: dict[str, bytes], *wanted: str) -> None:
        place = tmp_path / str(len(list(tmp_path.iterdir())))
        lay_down(place, files | change)
        assert told(judged(place)) == list(wanted)

    name = data.rpartition("/")[2]
    check(payloads)
    check({}, *())
    check({**payloads, data: b"date"}, f"RCP002 {name}:1")
    check({data: b"data"}, f"RCP001 {name}:1")
    check({salt: payloads[salt]}, f"RCP001 {name}.salt:1")
    check({**payloads, salt: b"05" * 31}, f"RCP001 {name}:1")
    check({**payloads, salt: b"05" * 32 + b"\n"}, f"RCP001 {name}:1")
    check({**payloads, salt: b"0G" * 32}, f"RCP001 {name}:1")
    check({**payloads, salt: b"\xff" * 64}, f"RCP001 {name}:1")
    check({f"{folder}{'1' * 64}": b""}, f"RCP002 {'1' * 64}:1")
    check({"payloads/md5/x": b""}, "RCP001 md5:1")
    check({f"{folder}{'1' * 64}/x": b""}, f"RCP001 {'1' * 64}:1")
    upper = [dict(event) for event in events]
    digest = "AB" * 32
    upper[8]["output"] = {"sha256": digest, "size": 4, "media": "text/plain"}
    place = lay_down(tmp_path / "upper", sealed(completed(upper), KEY))
    assert told(judged(place)) == ["RCP001 events.jsonl:9"]


def test_folders_that_are_no_receipts(tmp_path: Path) -> None:
    deep = tmp_path / "d"
    path = deep
    for _ in range(40):
        path = path / "d"
    path.mkdir(parents=True)
    assert told(judged(deep)) == ["limit"]
    files = tenant_folder(RUNS)
    odd = lay_down(tmp_path / "odd", files | {f"{TENANT}/notes": b"", f"{TENANT}/runs/file": b""})
    assert told(judged(odd)) == ["RCP001 notes:1", "RCP001 file:1"]
    lay_down(tmp_path / "git", {".git/events.jsonl": b"x"})
    assert told(judged(tmp_path / "git")) == ["nothing-to-check"]


@pytest.mark.platform
@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything"
)
def test_what_may_not_be_read_is_undecided(bundle: Path) -> None:
    (bundle / "checkpoint").chmod(0)
    assert told(judged(bundle)) == ["unreadable"]


def test_what_the_system_does_not_give_is_undecided(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lay_down(tmp_path, tenant_folder(RUNS))
    real_open, real_scan = os.open, os.scandir

    def refusing(part: str) -> Callable[..., int]:
        def opened(path: str, *more: int, **named: int) -> int:
            if str(path).endswith(part):
                raise PermissionError(13, "Permission denied")
            return real_open(path, *more, **named)

        return opened

    for part in ("r-1/checkpoint", "r-1/events.jsonl", "log.jsonl", f"{TENANT}/checkpoint"):
        monkeypatch.setattr(os, "open", refusing(part))
        assert "unreadable" in told(judged(tmp_path)), part
    monkeypatch.setattr(os, "open", real_open)

    def blind(path: str) -> object:
        if str(path).endswith("r-2"):
            raise PermissionError(13, "Permission denied")
        return real_scan(path)

    monkeypatch.setattr(os, "scandir", blind)
    assert "unreadable" in told(judged(tmp_path))


class Broken:
    """A stream that ends in an error of the disk."""

    def readline(self, most: int) -> bytes:
        raise OSError(5, "Input/output error")

    def read(self, most: int) -> bytes:
        raise OSError(5, "Input/output error")

    def __enter__(self) -> Broken:
        return self

    def __exit__(self, *error: object) -> None: ...


def test_a_disk_that_fails_is_undecided(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from govlint.receipts import bundle as bundles
    from govlint.receipts import files

    real = files.open_file
    for name in ("events.jsonl", "checkpoint"):

        def opened(path: str, name: str = name) -> object:
            return Broken() if path.endswith(name) else real(path)

        monkeypatch.setattr(files, "open_file", opened)
        monkeypatch.setattr(bundles, "open_file", opened)
        assert told(judged(bundle)) == ["unreadable"]


# -- anything at all ----------------------------------------------------------------------


_PARTS = st.one_of(
    st.binary(max_size=200),
    st.sampled_from(list(BUNDLE.values())),
    st.sampled_from([b"{}\n", b"\n", b"\n\n", b"\xe2\x80\x94 ", b"old 0\n", b'{"payload":"',
                     b"c2sp.org/tlog-proof@v1\nindex 0\n", BUNDLE["events.jsonl"][:600]]),
)  # fmt: skip


@given(st.lists(_PARTS, max_size=6))
@settings(max_examples=150, deadline=None)
def test_any_stream_is_answered(parts: list[bytes]) -> None:
    import io

    verifier = Verifier(Request(POLICY))
    verifier.stream(read_run(io.BytesIO(b"".join(parts)), "-", Ring(POLICY)))
    report = verifier.finish()
    whole = BUNDLE["events.jsonl"]
    if not b"".join(parts).startswith(whole):
        assert not report.clean


@given(st.binary(max_size=300))
@settings(max_examples=200, deadline=None)
def test_any_bytes_are_read_or_said_to_be_malformed(data: bytes) -> None:
    for read in (parse, read_note, read_checkpoint, read_inclusion_proof, read_envelope):
        with pytest.raises(Malformed):
            read(data)
            raise Malformed("this one was well-formed")
    with pytest.raises(ConfigError):
        read_policy(data, "p")
        raise ConfigError("this one was well-formed")


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.integers(0, 11), st.dictionaries(st.sampled_from(
    ["type", "step", "attempt", "decision", "transition", "budget", "plan", "trace", "seq", "ts",
     "evidence", "quality_gate", "replay", "capability", "epoch", "run", "totals", "output"]),
    _JSON, min_size=1, max_size=3))  # fmt: skip
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_event_signed_by_the_true_key_is_judged(line: int, change: dict[str, object]) -> None:
    """Whoever holds the key may sign nonsense: it is said to be that, without a traceback."""
    from govlint.receipts.bundle import read_stream
    from govlint.receipts.sample import chained

    events = completed(PLAIN)
    events[line] |= change
    try:
        lines = chained(events)
    except (Malformed, TypeError, KeyError):
        return
    bundle = read_stream("-", [entry + b"\n" for entry in lines], {}, Ring(POLICY))
    assert bundle.faults or events == completed(PLAIN) or bundle.chain is not None


_KINDS = (
    "run.submitted policy.decided run.accepted run.refused run.completed run.failed run.cancelled"
    " step.planned capability.resolved gate.decided budget.reserved step.started step.completed"
    " step.failed step.cancelled step.skipped step.refused step.retried budget.settled"
    " metrics.recorded saga.compensating saga.compensated saga.failed"
).split()


@pytest.mark.parametrize("seed", range(40))
def test_any_order_of_events_is_judged(seed: int) -> None:
    """Events in any order, well-formed and signed: refused, whatever they are, in one piece."""
    from govlint.receipts.bundle import read_stream
    from govlint.receipts.sample import chained

    chance = random.Random(seed)
    for _ in range(20):
        some: list[dict[str, object]] = []
        for _ in range(chance.randrange(1, 25)):
            event: dict[str, object] = {"type": chance.choice(_KINDS)}
            if (
                event["type"] != "run"
                and chance.random() < 0.9
                and not str(event["type"]).startswith(("run", "policy"))
            ):
                event["step"] = chance.choice("ab")
                if not str(event["type"]).startswith(("saga", "step.planned", "step.skipped")):
                    event["attempt"] = chance.choice([1, 1, 2])
            some.append(event)
        lines = chained(completed(some))
        bundle = read_stream("-", [entry + b"\n" for entry in lines], {}, Ring(POLICY))
        assert bundle.faults


def test_malformed_keys_and_policies() -> None:
    good = KEY.verifier.text
    for text in (
        "",
        "a",
        "a+b",
        "a+b+c",
        good + "A",
        good.replace("+", "+0", 1),
        " +x+y",
        good[:-4] + "AAA=",
        "x+12345678+" + "AA==",
    ):
        with pytest.raises(Malformed):
            read_vkey(text, ED25519)
    for text in ("A", "AA=", "A===", "AB==", "A A=", "é", "AA==\n", "-_=="):
        with pytest.raises(Malformed):
            unbase64(text)
    witness = KEY.verifier.__class__("w.org/1", 4, b"\x01" * 32).text
    other = KEY.verifier.__class__("w.org/2", 4, b"\x02" * 32).text
    start = f"log {good}\nwitness w1 {witness}\nwitness w2 {other}\n"
    for rest, said in (
        ("", "quorum line is missing"),
        ("quorum none\nquorum none\n", "second quorum"),
        ("quorum w3\n", "defined on no line"),
        (f"log {good}\nquorum none\n", "listed already"),
        (f"witness w3 {witness}\nquorum none\n", "listed already"),
        (f"witness w1 {other}\nquorum none\n", "is taken"),
        ("group none any w1\nquorum none\n", "is taken"),
        ("group g 3 w1 w2\nquorum g\n", "no number from 1 to 2"),
        ("group g x w1\nquorum g\n", "no number"),
        ("group g any w9\nquorum g\n", "defined on no line"),
        ("group g any w1\ngroup h any w1\nquorum g\n", "counts once"),
        ("witness w4 nonsense\nquorum none\n", "is no verifier key"),
        ("trust everybody\nquorum none\n", "is none of 'log VKEY'"),
        ("quorum none\x07\n", "control characters"),
    ):
        with pytest.raises(ConfigError, match=said):
            read_policy((start + rest).encode(), "p")
    policy = read_policy((start + "# both\n\ngroup g 2 w1 w2\n\tquorum  g \n").encode(), "p")
    assert not policy.is_met({"w1": 1}) and policy.is_met({"w1": 1, "w2": 2})
    either = read_policy((start + "group g any w1 w2\nquorum g\n").encode(), "p")
    assert either.is_met({"w2": 1}) and not either.is_met({})
    every = read_policy((start + "group g all w1 w2\nquorum g\n").encode(), "p")
    assert not every.is_met({"w2": 1})
    assert policy_of_keys((good,)).logs == (KEY.verifier,)
