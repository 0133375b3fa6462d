"""The graph of a set of reports as a picture: what waits for what, by stage and completion."""

from __future__ import annotations

from govlint.documents.reports.claims import is_number
from govlint.documents.reports.phase_graph import ReportSet, graph_breaches
from govlint.documents.reports.registry import number, phases
from govlint.documents.reports.shape import at
from govlint.picture import Edge, Node, Picture

# stage → tone and words, in the order of the legend
_STAGES = {
    "done": ("good", "done"),
    "in_progress": ("busy", "in progress"),
    "planned": ("plain", "planned"),
    "blocked": ("bad", "blocked"),
    "unknown": ("waiting", "stage unknown"),
    "absent": ("absent", "no report"),
}


def drawing(given: ReportSet, every: bool = False) -> Picture:
    """The picture of a set; with `every`, of all phases, also those nobody speaks of.

    Arrows lead from what has to be done first to what waits for it. What one report says of
    the graph and another denies, and what closes a cycle, stands out.
    """
    wrong: dict[tuple[int, str], str] = {}
    for index, breach in graph_breaches(given):
        wrong[index, breach.pointer] = breach.message
        for other, pointer, _ in breach.related:
            if pointer.rpartition("/")[2].isdigit():
                wrong[index if other < 0 else other, pointer] = breach.message
    edges: dict[tuple[str, str], Edge] = {}
    for phase, index in given.current.items():
        told = [(other, phase, text) for other, text in given.depends[phase].items()]
        told += [(phase, other, text) for other, text in given.unblocks[phase].items()]
        for start, end, text in told:
            note = wrong.get((index, text.pointer), "")
            known = edges.get((start, end))
            if known is None or (note and not known.title):
                edges[start, end] = Edge(start, end, "", "bad" if note else "plain", note)
    named = {phase for edge in edges for phase in edge} | set(given.current)
    shown = sorted(phases() if every else named, key=number)
    ordered = sorted(edges.values(), key=lambda e: (number(e.source), number(e.target)))
    stages = {phase: _stage(given, phase) for phase in shown}
    return Picture(
        [_node(given, phase, stages[phase]) for phase in shown],
        ordered,
        "Phases: what waits for what",
        [said for stage, said in _STAGES.items() if stage in stages.values()],
    )


def _stage(given: ReportSet, phase: str) -> str:
    index = given.current.get(phase)
    if index is None:
        return "absent"
    stage = at(given.reports[index], "status", "stage")
    known = isinstance(stage, str) and stage in _STAGES and stage != "absent"
    return stage if known else "unknown"


def _node(given: ReportSet, phase: str, stage: str) -> Node:
    tone, said = _STAGES[stage]
    part = None
    if phase in given.current:
        completion = at(given.reports[given.current[phase]], "status", "completion")
        if is_number(completion) and 0 <= completion <= 1:
            part = float(completion)
            said += f", {part * 100:.0f} %"
    row = phases()[phase]
    title = f"{phase} {row.title}: {said}; {row.acceptance}"
    return Node(phase, f"{phase}\n{row.title}\n{said}", tone, title, part)
