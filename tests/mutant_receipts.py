"""Makes receipts of a saga with retries, a chain and refusals: `python mutant_receipts.py FOLDER`.

With a broken runtime on the path these are the receipts of a broken runtime.
"""

from __future__ import annotations

import sys
from pathlib import Path

from runtime_world import World, step

from runtime_min.kernel.envelope import Invocation, Principal
from runtime_min.kernel.errors import CapabilityFailed
from runtime_min.kernel.plan import side_by_side


def broken(call: Invocation) -> None:
    raise CapabilityFailed("the far end is down", "down", retryable=True)


def main() -> None:
    folder = Path(sys.argv[1])
    world = World(folder, limits={"acme": {"tokens": 100}})
    world.provide("work", lambda call: {"seen": call.payload})
    world.provide("broken", broken)
    world.provide("revoked", lambda call: {}, status="revoked")
    saga = (
        step("a", budget={"tokens": 5}),
        step("b", depends_on=("a",)),
        step("c", "broken", depends_on=("b",), attempts=2),
        step("undo-a", compensates="a"),
        step("undo-b", compensates="b"),
    )
    stranger = Principal("user:eve", "other", ("analyst",))
    requests = [
        world.request(*saga, kind="saga", key="saga"),
        world.request(step("a"), step("b", depends_on=("a",)), kind="mission", key="chain"),
        world.request(step("a", "revoked"), key="revoked"),
        world.request(step("a"), principal=stranger, key="crossing"),
    ]
    for request in requests:
        run = world.kernel.submit(request, side_by_side(2)).run
        world.archive.export("acme", run, folder / "receipts")
    (folder / "trust.policy").write_text(world.archive.trust_policy("acme"), encoding="utf-8")
    world.journal.close()


if __name__ == "__main__":
    main()
