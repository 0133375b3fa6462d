"""The journal in other people's formats: Prometheus text and CloudEvents JSON lines."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from typing import Any

from runtime_min.record.journal import Journal

_QUANTILES = (0.5, 0.95, 0.99)


def quantile(values: Sequence[float], q: float) -> float:
    """Nearest-rank quantile: the smallest value that at least a share `q` does not exceed."""
    if not values:
        raise ValueError("no values have no quantile")
    ordered = sorted(values)
    return ordered[max(math.ceil(q * len(ordered)), 1) - 1]


def prometheus(journal: Journal, tenant: str) -> str:
    """Executions and their durations by capability, in the Prometheus text format 0.0.4.

    The identifiers of spec 004 that are one per run would make a series per run; they are on
    the journal's metrics.recorded events, which these figures are a view of.
    """
    counts: dict[tuple[str, str, str], int] = {}
    durations: dict[tuple[str, str], list[float]] = {}
    for event in journal.query(tenant, type="metrics.recorded", limit=-1):
        trace, metrics = event["trace"], event["metrics"]
        key = (trace["capability_id"], trace["version"])
        counts[*key, metrics["outcome"]] = counts.get((*key, metrics["outcome"]), 0) + 1
        durations.setdefault(key, []).append(metrics["duration_us"] / 1e6)
    lines = [
        "# HELP runtime_min_executions_total Attempts that ended, by outcome.",
        "# TYPE runtime_min_executions_total counter",
    ]
    for (capability, version, outcome), count in sorted(counts.items()):
        labels = _labels(tenant=tenant, capability_id=capability, version=version, outcome=outcome)
        lines.append(f"runtime_min_executions_total{labels} {count}")
    lines += [
        "# HELP runtime_min_execution_duration_seconds Duration of attempts, gate included.",
        "# TYPE runtime_min_execution_duration_seconds summary",
    ]
    name = "runtime_min_execution_duration_seconds"
    for (capability, version), values in sorted(durations.items()):
        base = {"tenant": tenant, "capability_id": capability, "version": version}
        for q in _QUANTILES:
            lines.append(f"{name}{_labels(**base, quantile=f'{q:g}')} {quantile(values, q):g}")
        lines.append(f"{name}_sum{_labels(**base)} {sum(values):g}")
        lines.append(f"{name}_count{_labels(**base)} {len(values)}")
    return "\n".join(lines) + "\n"


def cloudevents(journal: Journal, tenant: str, **conditions: Any) -> Iterator[str]:
    """Events as CloudEvents 1.0 in JSON, a line each; the conditions are those of `query`."""
    for event in journal.query(tenant, **conditions):
        envelope = {
            "specversion": "1.0",
            "id": f"{event['run']}/{event['seq']}",
            "source": f"//{journal.origin(tenant)}/runs/{event['run']}",
            "type": f"runtime_min.{event['type']}",
            "time": event["ts"],
            "subject": event["trace"]["task_id"],
            "datacontenttype": "application/json",
            "traceparent": f"00-{event['trace']['trace_id']}-{event['trace']['span_id']}-01",
            "data": event,
        }
        yield json.dumps(envelope, ensure_ascii=False, sort_keys=True)


def _labels(**labels: str) -> str:
    def escaped(value: str) -> str:
        return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")

    return "{" + ",".join(f'{key}="{escaped(value)}"' for key, value in labels.items()) + "}"
