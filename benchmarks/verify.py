"""How many events a second `govlint verify` checks: `python benchmarks/verify.py [EVENTS]`.

One run of many steps is made and sealed with a test key, then verified whole: bytes, canonical
form, schema, chain, tree, signatures, and all that the run says. Processor time counts, since other
work on the machine is none of the verifier's; the best of three rounds is printed.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from govlint.receipts.policy import policy_of_keys
from govlint.receipts.request import Request
from govlint.receipts.sample import completed, sample_key, sealed
from govlint.receipts.verify import Verifier

ROUNDS = 3
_ATTEMPT = (
    "capability.resolved gate.decided budget.reserved step.started step.completed budget.settled"
    " metrics.recorded"
).split()


def long_run(steps: int) -> list[dict[str, object]]:
    """A run of so many steps, each planned and gone through its one attempt."""
    names = [f"s{number}" for number in range(steps)]
    events: list[dict[str, object]] = [{"type": "run.submitted"}, {"type": "policy.decided"}]
    events += [{"type": "run.accepted"}]
    events += [{"type": "step.planned", "step": name} for name in names]
    events += [{"type": kind, "step": name} for name in names for kind in _ATTEMPT]
    return [*events, {"type": "run.completed"}]


def main(wanted: int) -> float:
    """Make, verify, print; events a second of processor time."""
    key = sample_key()
    events = completed(long_run(wanted // 8))
    with tempfile.TemporaryDirectory() as folder:
        for name, data in sealed(events, key).items():
            Path(folder, name).write_bytes(data)
        size = Path(folder, "events.jsonl").stat().st_size
        best = float("inf")
        for _ in range(ROUNDS):
            verifier = Verifier(Request(policy_of_keys((key.verifier.text,))))
            started = time.process_time()
            verifier.folder(folder)
            best = min(best, time.process_time() - started)
            report = verifier.finish()
            if not report.clean:
                sys.exit(f"the run that was made does not verify: {report.faults[:3]}")
    rate = len(events) / best
    each = size / len(events)
    print(f"{len(events):,} events of {each:.0f} bytes, {best:.2f} s of processor time")
    print(f"{rate:,.0f} events a second")
    return rate


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
