"""The matrix that closes the text output: which key of which phase has findings."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from govlint.documents.reports.phase_graph import ReportSet
from govlint.documents.reports.registry import phases
from govlint.documents.reports.shape import KEYS, at, listed

_SHORT = {
    "phase_meta": "meta",
    "objective": "objective",
    "invariants": "invariants",
    "module_scope": "scope",
    "data_models": "models",
    "flow": "flow",
    "guardrails": "guards",
    "tests": "tests",
    "acceptance": "acceptance",
    "rollback": "rollback",
    "dependency_graph": "graph",
    "status": "status",
}
_STAGE = 18


def matrix(reports: Sequence[tuple[str, Any]], findings: Iterable[tuple[str, str]]) -> str:
    """A line a report, a column a key: `.` clean, a number of findings, `-` for a missing key.

    `reports` are paths with values (None where one could not be read), `findings` paths with
    JSON pointers.
    """
    counts: dict[tuple[str, str], int] = {}
    elsewhere: dict[str, int] = {}
    for path, pointer in findings:
        key = pointer.split("/")[1] if pointer.startswith("/") else ""
        counts[path, key] = counts.get((path, key), 0) + 1
        elsewhere[path] = elsewhere.get(path, 0) + (key not in KEYS)
    heads = [_SHORT[key] for key in KEYS]
    lines = [_line("phase", "stage", heads, "")]
    given = ReportSet(tuple(value for _, value in reports))
    places = given.ids
    order = sorted(range(len(reports)), key=lambda i: (_rank(places[i]), reports[i][0]))
    for index in order:
        path, value = reports[index]
        cells = [_cell(value, key, counts.get((path, key), 0)) for key in KEYS]
        rest = elsewhere.get(path, 0)
        more = f"{path}" + (f" (+{rest} on the whole)" if rest else "")
        lines.append(_line(places[index] or "?", _status(value), cells, more))
    absent = [name for name in phases() if name not in given.current]
    if absent and len(absent) < len(phases()):
        lines.append(f"no report on {listed(absent, 'or')}")
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _rank(phase: str | None) -> int:
    return list(phases()).index(phase) if phase is not None else len(phases())


def _status(report: Any) -> str:
    stage, completion = at(report, "status", "stage"), at(report, "status", "completion")
    shown = stage if isinstance(stage, str) else "?"
    if isinstance(completion, (int, float)) and not isinstance(completion, bool):
        shown = f"{shown[:12]} {completion * 100:.0f} %"
    return shown[:_STAGE]


def _cell(report: Any, key: str, count: int) -> str:
    if not isinstance(report, dict) or key not in report:
        return "-"
    return str(count) if count else "."


def _line(phase: str, status: str, cells: Sequence[str], more: str) -> str:
    widths = [max(len(_SHORT[key]), 3) for key in KEYS]
    columns = "  ".join(cell.rjust(width) for cell, width in zip(cells, widths, strict=True))
    return f"{phase.ljust(6)}{status.ljust(_STAGE)}  {columns}  {more}"
