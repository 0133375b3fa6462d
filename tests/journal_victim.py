"""A process for crash tests: runs a chain of steps and is killed at a named point.

`python journal_victim.py FOLDER POINT COUNT`: kills itself (SIGKILL) when POINT is reached for
the COUNTth time. Every effect and every acknowledgement is written to a file of its own.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from runtime_world import World, step

from runtime_min.kernel.envelope import Invocation


def note(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(descriptor, text.encode() + b"\n")
    os.close(descriptor)


def main() -> None:
    folder, point, count = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    seen = 0

    def reached(name: str) -> None:
        nonlocal seen
        if name == point:
            seen += 1
            if seen == count:
                os.kill(os.getpid(), signal.SIGKILL)

    def work(call: Invocation) -> dict[str, str]:
        note(folder / "effects", call.idempotency_key)
        reached("effect")
        return {"key": call.idempotency_key}

    world = World(folder, seed=int.from_bytes(os.urandom(4), "big"), crash_point=reached)
    world.provide("work", work)
    for result in world.kernel.recover():
        note(folder / "acknowledged", f"{result.run} {result.status}")
    steps = [step("s0", attempts=9)]
    steps += [step(f"s{n}", depends_on=(f"s{n - 1}",), attempts=9) for n in range(1, 4)]
    for key in ("one", "two"):
        result = world.kernel.submit(world.request(*steps, key=key))
        note(folder / "acknowledged", f"{result.run} {result.status}")
    for _, run in world.journal.unsealed():
        world.archive.seal("acme", run)


if __name__ == "__main__":
    main()
