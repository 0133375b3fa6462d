"""What the kernel costs: `python benchmarks/kernel.py [--steps N]`.

Prints, for the disk below the folder given: raw SQLite appends a second (one row a commit, WAL,
FULL), durable steps a second in a chain and with many runs at once, and the gate's overhead for
each attempt (everything but the capability itself; two durable commits included) as p50, p95, p99.
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from runtime_min.kernel.envelope import (
    Capability,
    Envelope,
    Invocation,
    Principal,
    Request,
    Session,
    Step,
)
from runtime_min.kernel.gate import Gate
from runtime_min.kernel.kernel import Kernel
from runtime_min.kernel.policy import RolePolicy
from runtime_min.kernel.ports import SystemClock, SystemRandomness
from runtime_min.record.export import quantile
from runtime_min.record.journal import Journal

Row = dict[str, float]


def raw_appends(folder: Path, count: int) -> Row:
    """Rows of 512 bytes, a commit each: what the disk and SQLite allow."""
    connection = sqlite3.connect(folder / "raw.db", isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("CREATE TABLE row (id INTEGER PRIMARY KEY, data TEXT)")
    data = "x" * 512
    began = time.perf_counter()
    for _ in range(count):
        connection.execute("INSERT INTO row (data) VALUES (?)", (data,))
    seconds = time.perf_counter() - began
    connection.close()
    return {"raw_appends_per_second": count / seconds}


def kernel(folder: Path, name: str, inline: bool) -> Kernel:
    def work(call: Invocation) -> dict[str, bool]:
        return {"ok": True}

    clock = SystemClock()
    catalog = {"work": Capability("work", "1", "0" * 64, work)}
    journal = Journal(folder / f"{name}.db", clock=clock)
    policy = RolePolicy({"bench": ["*"]})
    return Kernel(
        journal, catalog, policy, clock=clock, randomness=SystemRandomness(), inline=inline
    )


def request(key: str, count: int) -> Request:
    steps = [Step("s0", "work", {})]
    steps += [Step(f"s{n}", "work", {}, (f"s{n - 1}",)) for n in range(1, count)]
    principal = Principal("user:bench", "bench", ("bench",))
    session = Session("bench", "bench", time.time_ns() + 10**13)
    return Request("bench", principal, session, "mission", "bench.work", key, tuple(steps))


def chain(folder: Path, count: int, inline: bool) -> Row:
    """One run of `count` steps that wait for each other."""
    under_test = kernel(folder, f"chain-{inline}", inline)
    began = time.perf_counter()
    result = under_test.submit(request("chain", count))
    seconds = time.perf_counter() - began
    assert result.status == "completed", result
    under_test.journal.close()
    mode = "inline" if inline else "thread"
    return {f"chain_steps_per_second_{mode}": count / seconds}


def fan(folder: Path, count: int, width: int) -> Row:
    """`width` runs at a time, which share commits."""
    under_test = kernel(folder, "fan", True)

    def one(number: int) -> None:
        assert under_test.submit(request(f"fan-{number}", count // width)).status == "completed"

    threads = [threading.Thread(target=one, args=(n,)) for n in range(width)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - began
    under_test.journal.close()
    return {f"steps_per_second_{width}_runs": count / seconds}


def overhead(folder: Path, count: int) -> Row:
    """Time that an attempt spends in the gate and not in its capability, in milliseconds."""
    under_test = kernel(folder, "gate", False)
    taken: list[float] = []
    execute = Gate.execute

    def timed(self: Gate, envelope: Envelope, *more: Any) -> Any:
        began = time.perf_counter()
        outcome = execute(self, envelope, *more)
        taken.append((time.perf_counter() - began) * 1000)
        return outcome

    Gate.execute = timed  # type: ignore[assignment, method-assign]
    try:
        under_test.submit(request("gate", count))
    finally:
        Gate.execute = execute  # type: ignore[method-assign]
        under_test.journal.close()
    return {f"gate_overhead_ms_p{round(q * 100)}": quantile(taken, q) for q in (0.5, 0.95, 0.99)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--folder", type=Path, help="where to write; default: a temporary folder")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=chosen.folder) as temporary:
        folder = Path(temporary)
        rows: Row = raw_appends(folder, chosen.steps)
        rows |= chain(folder, chosen.steps, inline=True) | chain(folder, chosen.steps, inline=False)
        rows |= fan(folder, chosen.steps, 8) | overhead(folder, chosen.steps)
    print(json.dumps({name: round(value, 3) for name, value in rows.items()}, indent=2))


if __name__ == "__main__":
    main()
