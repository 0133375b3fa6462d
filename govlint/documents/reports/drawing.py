"""The graph of a set of reports as a picture: what waits for what, by stage and completion."""

from __future__ import annotations

from govlint.documents.diagram import Diagram, Edge, Node, Style
from govlint.documents.reports.claims import is_number
from govlint.documents.reports.phase_graph import ReportSet, graph_breaches
from govlint.documents.reports.registry import number, phases
from govlint.documents.reports.shape import STAGES, at

_STYLES = {
    "done": Style("done", "#d8f3dc", "#2d6a4f"),
    "in_progress": Style("in progress", "#dbeafe", "#1d4ed8"),
    "planned": Style("planned", "#f1f5f9", "#64748b"),
    "blocked": Style("blocked", "#fde2e1", "#b42318"),
    "unknown": Style("stage unknown", "#fff7d6", "#a16207"),
    "absent": Style("no report", "#ffffff", "#9aa5b1", "#52606d", dashed=True),
}
_WORDS = {"in_progress": "in progress", "unknown": "stage unknown", "absent": "no report"}


def drawing(given: ReportSet, every: bool = False) -> Diagram:
    """The diagram of a set; with `every`, of all phases, also those nobody speaks of.

    Arrows lead from what has to be done first to what waits for it. What one report says of
    the graph and another denies, and what closes a cycle, is drawn in red.
    """
    wrong = {
        (index, pointer): breach.message
        for index, breach in graph_breaches(given)
        for pointer in (breach.pointer, *(p for i, p, _ in breach.related if i == index))
    }
    wrong |= {
        (i, pointer): breach.message
        for _, breach in graph_breaches(given)
        for i, pointer, _ in breach.related
        if i >= 0 and "/" in pointer[1:]
    }
    edges: dict[tuple[str, str], Edge] = {}
    for phase, index in given.current.items():
        told = [(other, phase, text) for other, text in given.depends[phase].items()]
        told += [(phase, other, text) for other, text in given.unblocks[phase].items()]
        for start, end, text in told:
            note = wrong.get((index, text.pointer), "")
            known = edges.get((start, end))
            if known is None or (note and not known.wrong):
                edges[start, end] = Edge(start, end, bool(note), note)
    named = {phase for edge in edges for phase in edge} | set(given.current)
    shown = sorted(phases() if every else named, key=number)
    ordered = sorted(edges.values(), key=lambda e: (number(e.start), number(e.end)))
    nodes = [_node(given, phase) for phase in shown]
    return Diagram("Phases: what waits for what", nodes, ordered, _STYLES)


def _node(given: ReportSet, phase: str) -> Node:
    index = given.current.get(phase)
    title = phases()[phase].title
    if index is None:
        return Node(phase, phase, "absent", (title, "no report"))
    report = given.reports[index]
    stage, completion = at(report, "status", "stage"), at(report, "status", "completion")
    style = stage if stage in STAGES else "unknown"
    part = float(completion) if is_number(completion) and 0 <= completion <= 1 else None
    said = _WORDS.get(style, style)
    if part is not None:
        said += f", {part * 100:.0f} %"
    return Node(phase, phase, style, (title, said), part)
