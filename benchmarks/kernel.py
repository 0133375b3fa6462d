"""What the kernel costs: `python benchmarks/kernel.py [--steps N]`.

Prints, for the disk below the folder given: raw SQLite appends a second (one row a commit, WAL,
FULL), durable steps a second in a chain, in a fan of one run and with many runs at once, and the
gate's overhead for an attempt (checks, record, settlement: everything but the capability itself,
commits included) as p50, p95, p99. With `dbos` installed, the same chain and fan in DBOS on SQLite,
as it comes and in WAL mode. `_cpu` is by processor time, for machines that others use as well.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sqlite3
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from runtime_min.kernel.envelope import (
    Capability,
    Invocation,
    Principal,
    Request,
    Session,
    Step,
)
from runtime_min.kernel.execution import Execution
from runtime_min.kernel.kernel import Kernel
from runtime_min.kernel.plan import side_by_side
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


def _rates(name: str, count: int, work: Callable[[], object]) -> Row:
    """Steps a second, by the clock on the wall and by the processor's."""
    began, cpu = time.perf_counter(), time.process_time()
    work()
    wall, spent = time.perf_counter() - began, time.process_time() - cpu
    return {name: count / wall, f"{name}_cpu": count / spent}


def chain(folder: Path, count: int, inline: bool) -> Row:
    """One run of `count` steps that wait for each other."""
    mode = "inline" if inline else "thread"
    under_test = kernel(folder, f"chain-{mode}", inline)

    def work() -> None:
        assert under_test.submit(request("chain", count)).status == "completed"

    rates = _rates(f"chain_steps_per_second_{mode}", count, work)
    under_test.journal.close()
    return rates


def fan_of_one_run(folder: Path, count: int, width: int) -> Row:
    """One run of `count` steps that wait for nothing, `width` at a time."""
    under_test = kernel(folder, f"fan-one-{width}", False)
    steps = tuple(Step(f"s{n}", "work", {}) for n in range(count))
    asked = replace(request("fan", 1), steps=steps)

    def work() -> None:
        assert under_test.submit(asked, side_by_side(width)).status == "completed"

    rates = _rates(f"fan_steps_per_second_{width}_wide", count, work)
    under_test.journal.close()
    return rates


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
    """Time that an attempt spends in the gate and its record, in milliseconds.

    From the opening of the envelope until what came of it is durable, one step after the other,
    without the time in the capability (which does nothing here).
    """
    under_test = kernel(folder, "gate", True)
    taken: list[float] = []

    def engine(execution: Execution) -> None:
        for step in execution.steps:
            began = time.perf_counter()
            execution.run_step(step.id)
            taken.append((time.perf_counter() - began) * 1000)

    under_test.submit(request("gate", count), engine)
    under_test.journal.close()
    return {f"gate_overhead_ms_p{round(q * 100)}": quantile(taken, q) for q in (0.5, 0.95, 0.99)}


def dbos_rates(folder: Path, count: int, wal: bool) -> Row:
    """The same chain and fan in DBOS, on a SQLite file of its own beside ours."""
    try:
        from dbos import DBOS
    except ImportError:
        return {}
    import sqlalchemy

    mode = "wal" if wal else "default"
    url = f"sqlite:///{folder / f'dbos-{mode}.db'}"
    config: dict[str, Any] = {"name": f"bench-{mode}", "system_database_url": url}
    if wal:
        engine = sqlalchemy.create_engine(url)

        @sqlalchemy.event.listens_for(engine, "connect")
        def connected(connection: Any, record: Any) -> None:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")

        config["system_database_engine"] = engine
    DBOS(config=config)

    @DBOS.step()
    def work(number: int) -> dict[str, bool]:
        return {"ok": True}

    @DBOS.step()
    async def work_async(number: int) -> dict[str, bool]:
        return {"ok": True}

    @DBOS.workflow()
    def chained(steps: int) -> int:
        for number in range(steps):
            work(number)
        return steps

    @DBOS.workflow()
    async def fanned(steps: int) -> int:
        await asyncio.gather(*(work_async(number) for number in range(steps)))
        return steps

    DBOS.launch()
    rates = _rates(f"dbos_{mode}_chain_steps_per_second", count, lambda: chained(count))
    fan = _rates(f"dbos_{mode}_fan_steps_per_second", count, lambda: asyncio.run(fanned(count)))
    DBOS.destroy()
    return rates | fan


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--folder", type=Path, help="where to write; default: a temporary folder")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=chosen.folder) as temporary:
        folder = Path(temporary)
        rows: Row = raw_appends(folder, chosen.steps)
        rows |= chain(folder, chosen.steps, inline=True) | chain(folder, chosen.steps, inline=False)
        rows |= fan_of_one_run(folder, chosen.steps, 8) | fan_of_one_run(folder, chosen.steps, 64)
        rows |= fan(folder, chosen.steps, 8) | overhead(folder, chosen.steps)
        for wal in (False, True):
            rows |= dbos_rates(folder, max(chosen.steps // 10, 10), wal)
    print(json.dumps({name: round(value, 3) for name, value in rows.items()}, indent=2))


if __name__ == "__main__":
    main()
