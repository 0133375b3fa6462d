"""Asking witnesses: a tenant's head is shown to them, their cosignatures go into its files."""

from __future__ import annotations

import os
import urllib.error
import urllib.request
from collections.abc import Callable

from govlint.errors import GovlintError, IncompleteError, UsageError
from govlint.files import write_atomic
from govlint.receipts.bundle import PROOF
from govlint.receipts.faults import Malformed
from govlint.receipts.files import Unreadable, read_file
from govlint.receipts.keys import tobase64
from govlint.receipts.merkle import consistency_proof, inclusion_proof, levels_of
from govlint.receipts.notes import (
    MAX_NOTE,
    cosigned_at,
    read_checkpoint,
    read_number,
    write_inclusion_proof,
)
from govlint.receipts.policy import Policy
from govlint.receipts.tenant_log import CHECKPOINT, TenantLog, read_tenant_log

_SECONDS = 30.0


class Refused(GovlintError):
    """A witness does not cosign: it has seen another history of this log."""

    exit_code = 1


Post = Callable[[str, bytes], tuple[int, bytes]]


def submit(folder: str, url: str, policy: Policy, post: Post | None = None) -> list[str]:
    """Show the head of a tenant's folder to a witness and keep what it signs.

    The cosignature goes into the folder's `checkpoint`, and every bundle gets a proof against
    that. Returned are the names of the witnesses. Raises Refused, UsageError, IncompleteError.
    """
    post = post or _post
    try:
        log = read_tenant_log(folder, policy)
    except Unreadable as error:
        raise IncompleteError(f"{folder}: {error}") from None
    unsound = log.faults[: len(log.faults) - bool(log.unwitnessed)]  # that is what is asked for
    if unsound:
        fault = unsound[0]
        raise IncompleteError(f"{fault.path}:{fault.line}: {fault.message}")
    path = os.path.join(folder, CHECKPOINT)
    note = read_file(path, MAX_NOTE)
    lines = _ask(log, note, url, post)
    named = _known(note, lines, policy)
    if not named:
        raise IncompleteError(f"{url}: no witness of the policy signed what came back")
    whole = (
        note
        + "".join(
            line for line in lines.splitlines(keepends=True) if line.encode() not in note
        ).encode()
    )
    _write(log, folder, _without_older(whole))
    return named


def _ask(log: TenantLog, note: bytes, url: str, post: Post) -> str:
    """The witness's signature lines; it says itself which size it has seen last."""
    assert log.checkpoint is not None
    size = 0
    for _ in range(3):  # another client may be faster in between
        hashes = consistency_proof(log.leaves, size)
        proof = "".join(f"{tobase64(value)}\n" for value in hashes)
        status, body = post(
            f"{url.rstrip('/')}/add-checkpoint", f"old {size}\n{proof}\n".encode() + note
        )
        text = body.decode("utf-8", "replace")
        if status == 200:
            return text
        if status != 409:
            break
        try:
            size = read_number(text.removesuffix("\n"), "size")
        except Malformed as error:
            raise IncompleteError(f"{url}: {error}") from None
        if size > log.checkpoint.size:
            raise Refused(
                f"{url}: has seen {size} leaves of {log.checkpoint.origin}, and there are"
                f" {log.checkpoint.size}: consistent with an end that was cut off"
            )
    said = " ".join(text.split())[:200]
    if status == 422:
        raise Refused(f"{url}: does not cosign {log.checkpoint.origin}: {said}")
    raise IncompleteError(f"{url}: answers {status}: {said}")


def _known(note: bytes, lines: str, policy: Policy) -> list[str]:
    """The policy's witnesses among those that signed; who else did is passed over."""
    text = read_checkpoint(note).note.text
    named = []
    try:
        answered = read_checkpoint(text + b"\n" + lines.encode())
        for name, key in policy.witnesses.items():
            if cosigned_at(answered.note, key) is not None:
                named.append(name)
    except Malformed as error:
        raise IncompleteError(f"the witness's answer {error}") from None
    return named


def _without_older(note: bytes) -> bytes:
    """The note with the last line of each signer: a witness that is asked again signs anew."""
    text, _, tail = note.rpartition(b"\n\n")
    lines: dict[bytes, bytes] = {}
    for line in tail.splitlines(keepends=True):
        lines[b" ".join(line.split(b" ")[:2]) + line.split(b" ")[2][:5]] = line
    return text + b"\n\n" + b"".join(lines.values())


def _write(log: TenantLog, folder: str, note: bytes) -> None:
    levels = levels_of(log.leaves)
    try:
        write_atomic(os.path.join(folder, CHECKPOINT), note)
        for run, (leaf, _) in log.receipts.items():
            bundle = os.path.join(folder, "runs", run)
            if os.path.isdir(bundle) and not os.path.islink(bundle):
                proof = inclusion_proof(levels, leaf["index"])
                data = write_inclusion_proof(leaf["index"], proof, note)
                write_atomic(os.path.join(bundle, PROOF), data)
    except OSError as error:
        raise UsageError(f"{folder}: cannot be written: {error.strerror}") from None


def _post(url: str, body: bytes) -> tuple[int, bytes]:
    """Send a request past all proxies. Raises IncompleteError where nobody answers."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    request = urllib.request.Request(url, data=body, headers={"Content-Type": "text/plain"})
    try:
        with opener.open(request, timeout=_SECONDS) as answer:
            return answer.status, answer.read(MAX_NOTE)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read(MAX_NOTE)
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        raise IncompleteError(f"{url}: no witness answers: {reason}") from None
