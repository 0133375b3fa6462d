"""`govlint witness`: remember heads of logs, and show heads to those who remember."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING

import click

from govlint.errors import UsageError

if TYPE_CHECKING:
    from govlint.receipts.keys import SigningKey

_KEY = click.option("--key", "key_file", required=True, metavar="FILE", help="Made if missing.")
_NAME = click.option("--name", required=True, help="The witness's name, such as example.org/w1.")


@click.group("witness", short_help="Remember heads of logs, and say when they differ.")
def witness() -> None:
    """A small C2SP witness: it cosigns a log's head only where that continues what it saw.

    It belongs on another machine, or at least into other hands, than the key of the log.
    """


@witness.command("serve")
@click.option("--policy", required=True, metavar="FILE", help="The logs that are witnessed.")
@click.option("--state", required=True, metavar="FILE", help="SQLite file of what was seen.")
@_KEY
@_NAME
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="0 takes a free one.")
def serve(policy: str, state: str, key_file: str, name: str, port: int) -> int:
    """Answer POST /add-checkpoint on 127.0.0.1 until interrupted."""
    from govlint.receipts.policy import load_policy
    from govlint.receipts.witness import Witness
    from govlint.receipts.witness_server import make_server

    loaded = load_policy(policy)
    if not loaded.logs:
        raise UsageError(f"{policy} names no log, so there is nothing to witness")
    seen = Witness(state, _key(key_file, name), loaded, time.time)
    try:
        server = make_server(seen, port)
    except OSError as error:
        raise UsageError(f"port {port} on 127.0.0.1 cannot be had: {error.strerror}") from None
    with server:
        print(f"http://127.0.0.1:{server.server_address[1]}", flush=True)
        server.serve_forever()
    return 0


@witness.command("key")
@_KEY
@_NAME
def show(key_file: str, name: str) -> int:
    """Print the line that names this witness in a trust policy."""
    key = _key(key_file, name)
    click.echo(f"witness {name.rpartition('/')[2]} {key.verifier.text}")
    return 0


@witness.command("submit")
@click.argument("folder", type=click.Path(exists=True, file_okay=False))
@click.option("--url", required=True, help="The witness, as `serve` printed it.")
@click.option("--policy", metavar="FILE", help="Trust policy. Default: .govlint/trust.policy.")
def submit_head(folder: str, url: str, policy: str | None) -> int:
    """Show the head of a tenant's FOLDER to a witness and keep its cosignature there.

    Exit code 1: the witness has seen another history of this log.
    """
    from govlint.receipts.policy import DEFAULT, find_policy, load_policy
    from govlint.receipts.witness_client import submit

    found = policy or find_policy(os.getcwd())
    if found is None:
        raise UsageError(f"there is no trust policy: neither {DEFAULT}, nor --policy FILE")
    named = submit(folder, url, load_policy(found))
    print(f"govlint: cosigned by {', '.join(named)}", file=sys.stderr)
    return 0


def _key(path: str, name: str) -> SigningKey:
    from govlint.receipts.key_files import load_key
    from govlint.receipts.keys import COSIGNATURE

    return load_key(path, name, COSIGNATURE)
