"""Payloads beside a run: what is there has to be what an event's digest stands for."""

from __future__ import annotations

import os
from hashlib import sha256

from govlint.receipts.faults import Malformed
from govlint.receipts.files import entries, open_file, read_file
from govlint.receipts.parts import PAYLOADS, Bundle

_SALT_DIGITS = 64


def check_payloads(bundle: Bundle) -> None:
    """Payloads that are there have to be what an event says; those that are not were erased."""
    base = os.path.join(bundle.path, PAYLOADS)
    known = _digests(bundle)
    for entry in entries(base):
        if entry.name != "sha256" or not entry.is_dir(follow_symlinks=False):
            name = os.path.join(PAYLOADS, entry.name)
            bundle.say("malformed", "this does not belong into a bundle", name)
            continue
        for payload in entries(entry.path):
            name = os.path.join(PAYLOADS, "sha256", payload.name)
            digest = payload.name.removesuffix(".salt")
            other = digest if payload.name.endswith(".salt") else f"{digest}.salt"
            if not payload.is_file(follow_symlinks=False):
                bundle.say("malformed", "this is no regular file", name)
            elif known is not None and digest not in known:
                bundle.say("chain", "no event speaks of this payload", name)
            elif not os.path.lexists(os.path.join(entry.path, other)):
                said = "this payload has no salt" if other.endswith(".salt") else "this salt"
                bundle.say("malformed", f"{said} stands alone", name)
            elif digest == payload.name:
                _check_payload(bundle, entry.path, digest, name)


def _digests(bundle: Bundle) -> set[str] | None:
    """What the run's events say digests of; None where they cannot be believed."""
    judge = bundle.chain.judge if bundle.chain else None
    return judge.digests if judge is not None else None


def _check_payload(bundle: Bundle, folder: str, digest: str, name: str) -> None:
    try:
        salt = read_file(os.path.join(folder, f"{digest}.salt"), _SALT_DIGITS)
        salted = sha256(bytes.fromhex(salt.decode("ascii")))
        if len(salt) != _SALT_DIGITS or salt != salt.lower():
            raise Malformed("has a salt that is not 64 hexadecimal digits")
        with open_file(os.path.join(folder, digest)) as stream:
            for part in iter(lambda: stream.read(1 << 20), b""):
                salted.update(part)
    except FileNotFoundError:
        bundle.say("malformed", "this payload went away while it was read", name)
        return
    except Malformed as error:
        bundle.say("malformed", f"this payload {error}", name)
        return
    except ValueError:
        bundle.say("malformed", "this payload has a salt that is not 64 hexadecimal digits", name)
        return
    if salted.hexdigest() != digest:
        said = "this payload is not what its digest stands for: consistent with an edit"
        bundle.say("chain", said, name)
