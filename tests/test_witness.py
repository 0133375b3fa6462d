"""The witness and its client: what C2SP's tlog-witness demands, over real HTTP on the loopback."""

from __future__ import annotations

import base64
import json
import socket
import sqlite3
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from receipt_files import KEY, POLICY, judged, lay_down, told
from test_receipt_tampering import (
    RUNS,
    WITNESS,
    WITNESSED,
    forked,
    rewritten,
    shortened,
    tenant_folder,
)

from govlint.cli import main
from govlint.errors import IncompleteError, UsageError
from govlint.receipts.keys import COSIGNATURE, SigningKey
from govlint.receipts.merkle import EMPTY_ROOT, consistency_proof, leaf_hash, root_of
from govlint.receipts.notes import cosigned_at, read_checkpoint, write_checkpoint
from govlint.receipts.request import Request
from govlint.receipts.sample import TENANT, sample_key
from govlint.receipts.witness import Witness
from govlint.receipts.witness_client import Refused, submit
from govlint.receipts.witness_server import make_server

NOW = 1_800_000_000
LEAVES = [leaf_hash(bytes([n])) for n in range(9)]


@pytest.fixture
def witness(tmp_path: Path) -> Witness:
    return Witness(str(tmp_path / "w.db"), WITNESS, POLICY, lambda: NOW)


@pytest.fixture
def url(witness: Witness) -> Iterator[str]:
    server = make_server(witness, 0)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def note(size: int, leaves: list[bytes] = LEAVES, key: SigningKey = KEY) -> bytes:
    return write_checkpoint(key.name, size, root_of(leaves[:size]), key)


def asked(
    old: int, size: int, leaves: list[bytes] = LEAVES, proof: list[bytes] | None = None
) -> bytes:
    hashes = consistency_proof(leaves[:size], old) if proof is None else proof
    lines = "".join(base64.b64encode(value).decode() + "\n" for value in hashes)
    return f"old {old}\n{lines}\n".encode() + note(size, leaves)


def test_it_cosigns_what_continues_what_it_saw(witness: Witness) -> None:
    for old, size in ((0, 3), (3, 3), (3, 8), (8, 9)):
        answer = witness.add_checkpoint(asked(old, size))
        assert answer.status == 200, answer.body
        signed = read_checkpoint(note(size).partition(b"\n\n")[0] + b"\n\n" + answer.body.encode())
        assert cosigned_at(signed.note, WITNESS.verifier) == NOW


def test_it_says_what_it_saw_last_where_that_is_another(witness: Witness) -> None:
    assert witness.add_checkpoint(asked(0, 5)).status == 200
    assert witness.add_checkpoint(asked(0, 9))[:] == (409, "text/x.tlog.size", "5\n")
    assert witness.add_checkpoint(asked(3, 9)).status == 409


def test_it_does_not_cosign_another_history(witness: Witness) -> None:
    assert witness.add_checkpoint(asked(0, 5)).status == 200
    fork = [*LEAVES[:4], bytes(32), *LEAVES[5:]]
    assert witness.add_checkpoint(asked(5, 5, fork, [])).status == 422
    assert witness.add_checkpoint(asked(5, 8, fork)).status == 422
    assert witness.add_checkpoint(asked(5, 8, proof=[])).status == 422
    assert witness.add_checkpoint(asked(5, 8)).status == 200  # what it saw is what it was


def test_it_knows_whose_log_it_is(witness: Witness) -> None:
    body = b"old 0\n\n"
    assert witness.add_checkpoint(body + note(3, key=sample_key("example.org/other"))).status == 404
    assert witness.add_checkpoint(body + note(3, key=sample_key(seed=3))).status == 403
    text, _, line = note(3).rpartition(b" ")
    data = bytearray(base64.b64decode(line))
    data[-1] ^= 1
    assert witness.add_checkpoint(body + text + b" " + base64.b64encode(data) + b"\n").status == 403


def test_the_empty_tree(witness: Witness) -> None:
    wrong = write_checkpoint(KEY.name, 0, bytes(32), KEY)
    assert witness.add_checkpoint(b"old 0\n\n" + wrong).status == 422
    right = write_checkpoint(KEY.name, 0, EMPTY_ROOT, KEY)
    assert witness.add_checkpoint(b"old 0\n\n" + right).status == 200
    assert witness.add_checkpoint(asked(0, 2)).status == 200


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"x",
        b"old\n\n",
        b"old 01\n\n" + note(1),
        b"old -1\n\n" + note(1),
        b"old 99999999999999999999\n\n" + note(1),
        b"old 9007199254740992\n\n" + note(1),
        b"old 4\n\n" + note(3),
        b"old 0\nAAAA\n\n" + note(1),
        b"old 0\n" + (base64.b64encode(bytes(32)) + b"\n") * 64 + b"\n" + note(1),
        b"old 0\n\xff\n\n" + note(1),
        b"old 0\n\n" + note(1)[:-3],
        b"old 0\n\n" + b"a" * (1 << 19),
    ],
)
def test_what_is_no_request_is_said_to_be_none(witness: Witness, body: bytes) -> None:
    assert witness.add_checkpoint(body).status == 400


def test_time_does_not_go_back(tmp_path: Path) -> None:
    clock = iter([NOW, NOW - 500])
    witness = Witness(str(tmp_path / "w.db"), WITNESS, POLICY, lambda: next(clock))
    for old in (0, 3):
        body = witness.add_checkpoint(asked(old, 3)).body.encode()
        signed = read_checkpoint(note(3).partition(b"\n\n")[0] + b"\n\n" + body)
        assert cosigned_at(signed.note, WITNESS.verifier) == NOW


def test_two_at_once_do_not_both_go_on(witness: Witness) -> None:
    """Two continuations of one head, told at the same time by one key: one is cosigned."""
    assert witness.add_checkpoint(asked(0, 4)).status == 200
    other = [*LEAVES[:4], *(bytes([n]) * 32 for n in range(5))]
    answers: list[int] = []

    def ask(leaves: list[bytes]) -> None:
        answers.append(witness.add_checkpoint(asked(4, 9, leaves)).status)

    threads = [threading.Thread(target=ask, args=(leaves,)) for leaves in (LEAVES, other) * 4]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers.count(200) == 1 and set(answers) == {200, 409}


def test_a_memory_that_cannot_be_written_gives_no_cosignature(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(IncompleteError, match="memory"):
        Witness(str(tmp_path), WITNESS, POLICY, lambda: NOW)
    witness = Witness(str(tmp_path / "w.db"), WITNESS, POLICY, lambda: NOW)

    def full(self: Witness) -> sqlite3.Connection:
        raise sqlite3.OperationalError("disk full")

    monkeypatch.setattr(Witness, "_connect", full)
    assert witness.add_checkpoint(asked(0, 3)).status == 503


# -- over HTTP -------------------------------------------------------------------------------------


def status_of(url: str, data: bytes | None, headers: dict[str, str] | None = None) -> int:
    request = urllib.request.Request(url, data=data, headers=headers or {})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=30) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def test_the_call_and_no_other(url: str) -> None:
    assert status_of(f"{url}/add-checkpoint", asked(0, 2)) == 200
    assert status_of(f"{url}/", asked(2, 2)) == 404
    assert status_of(f"{url}/add-checkpoint", None) == 404
    assert status_of(f"{url}/add-checkpoint", b"x" * (1 << 19)) == 413
    assert status_of(f"{url}/add-checkpoint", b"x", {"Content-Length": "-1"}) == 411


def test_a_client_that_says_nothing_holds_nobody_up(url: str) -> None:
    port = int(url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port)) as silent:
        silent.sendall(b"POST /add-checkpoint HTTP/1.1\r\nContent-Length: 50\r\n\r\n")
        assert status_of(f"{url}/add-checkpoint", asked(0, 2)) == 200


def test_the_client_makes_a_folder_that_a_policy_with_a_witness_takes(
    tmp_path: Path, url: str
) -> None:
    folder = lay_down(tmp_path / "r", tenant_folder(RUNS)) / TENANT
    assert told(judged(tmp_path / "r", Request(WITNESSED))) != []
    assert submit(str(folder), url, WITNESSED) == ["w1"]
    late = Request(WITNESSED, max_delay=10**9)  # sample runs ended long before the witness's now
    assert told(judged(tmp_path / "r", late)) == []
    assert submit(str(folder), url, WITNESSED) == ["w1"]  # once more, as it was
    assert told(judged(tmp_path / "r", late)) == []
    for history in (rewritten, forked, shortened):
        other = lay_down(tmp_path / history.__name__, history())
        with pytest.raises(Refused):
            submit(str(other / TENANT), url, WITNESSED)


def test_a_witness_goes_on_with_a_log_that_grew(tmp_path: Path, url: str) -> None:
    before = lay_down(tmp_path / "then", shortened()) / TENANT
    assert submit(str(before), url, WITNESSED) == ["w1"]
    after = lay_down(tmp_path / "now", tenant_folder(RUNS)) / TENANT
    assert submit(str(after), url, WITNESSED) == ["w1"]


def test_what_the_client_cannot_use(tmp_path: Path) -> None:
    folder = lay_down(tmp_path / "r", tenant_folder(RUNS)) / TENANT
    answers: list[tuple[int, bytes]] = []

    def post(url: str, body: bytes) -> tuple[int, bytes]:
        return answers[0]

    for answer, said in (
        ((500, b"no"), "answers 500"),
        ((409, b"many\n"), "is no size"),
        ((409, b"1\n"), "answers 409"),
        ((200, b"nonsense"), "answer is no signed note"),
        ((200, "\u2014 example.org/w9 AAAAAAAA\n".encode()), "no witness of the policy"),
        ((200, "\u2014 example.org/w1 AAAAAAAA\n".encode()), "no witness of the policy"),
    ):
        answers[:] = [answer]
        with pytest.raises(IncompleteError, match=said):
            submit(str(folder), "http://w", WITNESSED, post)
    line = "\u2014 example.org/w1 " + base64.b64encode(WITNESS.verifier.key_id + bytes(72)).decode()
    answers[:] = [(200, f"{line}\n".encode())]
    with pytest.raises(IncompleteError, match="does not fit"):
        submit(str(folder), "http://w", WITNESSED, post)
    with pytest.raises(IncompleteError, match="no witness answers"):
        submit(str(folder), "http://127.0.0.1:1", WITNESSED)
    (folder / "log.jsonl").write_bytes(b"")
    with pytest.raises(IncompleteError, match="cut off"):
        submit(str(folder), "http://w", WITNESSED, post)


# -- the command -----------------------------------------------------------------------------------


def command(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as stop:
        main(["witness", *words])
    said = capsys.readouterr()
    assert isinstance(stop.value.code, int)
    return stop.value.code, said.out, said.err


def test_the_commands(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".git").mkdir()
    key = ("--key", "w1.key", "--name", "example.org/w1")
    code, line, _ = command(capsys, "key", *key)
    assert code == 0 and line.startswith("witness w1 example.org/w1+")
    assert command(capsys, "key", *key)[1] == line
    assert (tmp_path / "w1.key").stat().st_mode & 0o777 == 0o600
    assert command(capsys, "key", "--key", "w1.key", "--name", "two words")[0] == 2
    logs = f"log {KEY.verifier.text}\n"
    lay_down(tmp_path, {"logs.policy": logs + "quorum none\n", "none.policy": "quorum none\n"})
    folder = lay_down(tmp_path / "r", tenant_folder(RUNS)) / TENANT
    code, _, err = command(capsys, "submit", str(folder), "--url", "http://127.0.0.1:1")
    assert code == 2 and "there is no trust policy" in err
    serve = ("serve", *key, "--state", "w1.db")
    code, _, err = command(capsys, *serve, "--policy", "none.policy")
    assert code == 2 and "names no log" in err
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        code, _, err = command(capsys, *serve, "--policy", "logs.policy", "--port", port)
        assert code == 2 and "cannot be had" in err

    import http.server

    shown: list[str] = []

    def once(self: http.server.ThreadingHTTPServer) -> None:
        """Serve while a client in another thread submits, then be interrupted."""
        shown.append(f"http://127.0.0.1:{self.server_address[1]}")
        policy = lay_down(tmp_path, {".govlint/trust.policy": f"{logs}{line}quorum w1\n"})
        assert policy
        done: list[int] = []

        def client() -> None:
            with pytest.raises(SystemExit) as stop:
                main(["witness", "submit", str(folder), "--url", shown[0]])
            done.append(int(str(stop.value.code)))

        thread = threading.Thread(target=client)
        thread.start()
        while thread.is_alive():
            self.timeout = 0.05
            self.handle_request()
        assert done == [0]
        raise KeyboardInterrupt

    monkeypatch.setattr(http.server.ThreadingHTTPServer, "serve_forever", once)
    code, out, err = command(capsys, *serve, "--policy", "logs.policy")
    assert code == 130 and out.strip() == shown[0]
    assert "cosigned by w1" in err
    with pytest.raises(SystemExit) as stop:
        main(["verify", str(tmp_path / "r"), "--max-delay", "8784", "--format", "json"])
    assert stop.value.code == 0, capsys.readouterr().out
    assert json.loads(capsys.readouterr().out)["findings"] == []


def test_a_key_needs_a_name_that_a_note_can_carry(tmp_path: Path) -> None:
    from govlint.receipts.key_files import load_key

    with pytest.raises(UsageError, match="cannot name a key"):
        load_key(str(tmp_path / "k"), "a+b", COSIGNATURE)
