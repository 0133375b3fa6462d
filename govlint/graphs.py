"""The graphs of a project: its calls, and its layers with the steps that go round one."""

from __future__ import annotations

import ast
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from govlint.config import Config
from govlint.model import Location, Problem
from govlint.picture import Edge, Node, Picture

if TYPE_CHECKING:
    from govlint.python.call_graph import CallGraph
    from govlint.python.program import Program
    from govlint.python.symbols import FunctionInfo

_STACK = 512 << 20
_SHOWN_PLACES = 3


@dataclass(frozen=True, slots=True)
class LayerEdge:
    """Calls from one layer to another, in the order of their places."""

    source: str
    target: str
    legal: bool
    places: tuple[tuple[Location, str], ...]  # where, and what is called


@dataclass(slots=True)
class LayerGraph:
    """The declared chain, as far as the project has it, and the calls between its layers."""

    layers: list[str] = field(default_factory=list)
    edges: list[LayerEdge] = field(default_factory=list)


@dataclass(frozen=True, slots=True, order=True)
class Step:
    """One step of a way: what is reached, and the place that reaches it."""

    name: str
    place: Location


Way = tuple[Step, ...]


def ways_round_gate(paths: Sequence[str], config: Config) -> tuple[list[Way], list[Problem]]:
    """For each place that runs a plugin past the gate, the shortest way there from an entry.

    An entry is what nobody in the project calls: a route, a command, a module's own code.
    The first step is the entry, the last the plugin's method; the shortest way is first.
    """
    from govlint.python.linking import link_everything

    return _linked(paths, config, link_everything, _ways)


def call_graph(paths: Sequence[str], config: Config) -> tuple[CallGraph, list[Problem]]:
    """The call graph of all files below `paths`; see `govlint.python.call_graph`."""
    from govlint.python.call_graph import call_graph as of_program
    from govlint.python.linking import link_everything

    return _linked(paths, config, link_everything, of_program)


def layer_graph(paths: Sequence[str], config: Config) -> tuple[LayerGraph, list[Problem]]:
    """The layers of the files below `paths` and the calls between them."""
    from govlint.python.linking import link

    graph, problems = _linked(paths, config, link, _layers)
    if not graph.layers:
        names = ", ".join(config.bindings.layers)
        problems.append(Problem("nothing-to-check", f"there is no layer here: none of {names}"))
    return graph, problems


def _linked(
    paths: Sequence[str],
    config: Config,
    link: Callable[..., Program],
    make: Callable[[Program], Any],
) -> tuple[Any, list[Problem]]:
    from govlint.discover import discover
    from govlint.python.syntax.layout import place_files
    from govlint.python.syntax.source import ScannedFile
    from govlint.threads import run_on_stack

    found = discover(paths or ["."], config.root, os.getcwd(), config.exclude, config.max_file_size)
    problems = list(found.problems)
    if not found.targets and not problems:
        where = ", ".join(paths) or "."
        problems.append(Problem("nothing-to-check", f"there is no Python file in {where}"))
    places = place_files([target.abspath for target in found.targets], config.root)
    files = [
        ScannedFile(
            path=target.path,
            abspath=target.abspath,
            module=places[target.abspath].module,
            words=frozenset(("",)),
            is_test=places[target.abspath].is_test,
            is_package=places[target.abspath].is_package,
        )
        for target in found.targets
    ]
    made: list[Any] = []

    def work() -> None:
        program = link(files, config.bindings, Path(config.root))
        made.append(make(program))
        problems.extend(Problem(kind, text, path) for kind, text, path in program.problems)

    run_on_stack(work, _STACK)
    for file in files:
        if file.failure is not None:
            kind = "undecodable" if file.failure.kind == "syntax" else file.failure.kind
            problems.append(Problem(kind, file.failure.message, file.path, file.failure.line))
    return made[0], problems


def _layers(program: Program) -> LayerGraph:
    from govlint.checks.plugin_run import references
    from govlint.python.crossings import crossings
    from govlint.python.layers import Chain

    chain = Chain(program)
    if len(chain.names) < 2:
        return LayerGraph()
    found: dict[tuple[str, str], list[tuple[Location, str]]] = {}

    def add(source: str, target: str, node: ast.AST, called: str) -> None:
        place = program.location(program.module_of(node), node)
        entry = (place, called)
        if entry not in found.setdefault((source, target), []):
            found[source, target].append(entry)

    names = chain.names
    for crossing in crossings(program, chain, legal=True):
        add(names[crossing.source], names[crossing.target], crossing.node, crossing.callee)
    plugin = names[-1]
    for gate in program.gates:
        for call in gate.plugin_calls:
            add(names[-2], plugin, call.func, ast.unparse(call.func))
    for node, reference in references(program):
        function = program.function_of(node)
        level = chain.level_of(function) if function is not None else None
        source = names[level] if level is not None else program.module_of(node).name
        add(source, plugin, node, ast.unparse(reference))
    steps = set(pairwise(names))
    graph = LayerGraph([*names, *sorted({source for source, _ in found} - set(names))])
    layers = graph.layers
    for step, places in found.items():
        graph.edges.append(LayerEdge(*step, step in steps, tuple(sorted(places))))
    graph.edges.sort(key=lambda edge: (layers.index(edge.source), layers.index(edge.target)))
    return graph


def _ways(program: Program) -> list[Way]:
    from govlint.checks.plugin_run import references

    ways = []
    for node, reference in references(program):
        end = Step(ast.unparse(reference), program.location(program.module_of(node), node))
        ways.append((*_way_to(program, node), end))
    return sorted(ways, key=lambda way: (len(way), way))


def _way_to(program: Program, node: ast.AST) -> Way:
    """The shortest chain of calls from an entry to the function that `node` stands in."""
    first = program.function_of(node)
    if first is None:
        return (_module_step(program, node),)
    before: dict[FunctionInfo, tuple[ast.AST, FunctionInfo] | None] = {first: None}
    pending = [first]
    for function in pending:
        sites = [x for x in program.callers(function) if not program.module_of(x).is_test]
        callers = [(site, program.function_of(site)) for site in sites]
        if any(caller is None for _, caller in callers) or not callers:
            outside = next((site for site, caller in callers if caller is None), None)
            start = _module_step(program, outside) if outside is not None else None
            return (*([start] if start else []), *_downwards(program, function, outside, before))
        for site, caller in callers:
            if caller is not None and caller not in before:
                before[caller] = (site, function)
                pending.append(caller)
    return _downwards(program, first, None, before)


def _downwards(
    program: Program,
    function: FunctionInfo,
    site: ast.AST | None,
    before: dict[FunctionInfo, tuple[ast.AST, FunctionInfo] | None],
) -> Way:
    steps = []
    place = program.headline(function.node)
    if site is not None:
        place = program.location(program.module_of(site), site)
    steps.append(Step(function.qualname, place))
    following = before[function]
    while following is not None:
        call, callee = following
        steps.append(Step(callee.qualname, program.location(program.module_of(call), call)))
        following = before[callee]
    return tuple(steps)


def _module_step(program: Program, node: ast.AST) -> Step:
    module = program.module_of(node)
    return Step(module.name, Location(module.path))


def way_picture(ways: Sequence[Way]) -> Picture:
    """All ways in one picture; steps that several ways share are drawn once."""
    nodes: dict[str, Node] = {}
    edges: dict[tuple[str, str], Edge] = {}
    for way in ways:
        last = way[-1]
        for step in way:
            end = step is last
            name = f"{step.name}@{step.place.path}:{step.place.line}" if end else step.name
            label = f"{step.name}\n{step.place.path}:{step.place.line}" if end else step.name
            nodes.setdefault(name, Node(name, label, "bad" if end else "plain"))
        names = [*(step.name for step in way[:-1])]
        names.append(f"{last.name}@{last.place.path}:{last.place.line}")
        for (source, target), step in zip(pairwise(names), way[1:], strict=True):
            where = f"{step.place.path}:{step.place.line}"
            edges.setdefault((source, target), Edge(source, target, where, "bad"))
    return Picture(list(nodes.values()), list(edges.values()), "ways round the gate")


def way_document(ways: Sequence[Way]) -> dict[str, Any]:
    """The ways as JSON has them."""
    return {
        "version": 1,
        "ways": [
            [{"name": s.name, "path": s.place.path, "line": s.place.line} for s in way]
            for way in ways
        ],
    }


def way_text(ways: Sequence[Way]) -> str:
    """One way a line: `entry → … → plugin.run`, each step with its file and line."""
    lines = [
        " → ".join(f"{step.name} ({step.place.path}:{step.place.line})" for step in way)
        for way in ways
    ]
    return "".join(f"{line}\n" for line in lines) or "no way leads round the gate\n"


def call_picture(graph: CallGraph) -> Picture:
    """The call graph to be drawn: what is outside the project stands apart in colour."""
    inside = {name for name, targets in graph.items() if targets}
    return Picture(
        [Node(name, name, "plain" if name in inside else "busy") for name in graph],
        [Edge(name, target) for name, targets in graph.items() for target in targets],
        "calls",
    )


def layer_picture(graph: LayerGraph) -> Picture:
    """The chain to be drawn; an edge that the chain does not have says where it is."""
    bad = {edge.source for edge in graph.edges if not edge.legal}
    edges = []
    for edge in graph.edges:
        lines = [f"{place.path}:{place.line} {called}" for place, called in edge.places]
        label = ""
        if not edge.legal:
            label = "\n".join(f"{p.path}:{p.line}" for p, _ in edge.places[:_SHOWN_PLACES])
            if len(lines) > _SHOWN_PLACES:
                label += f"\n… {len(lines) - _SHOWN_PLACES} more"
        tone = "good" if edge.legal else "bad"
        edges.append(Edge(edge.source, edge.target, label, tone, "\n".join(lines)))
    nodes = [Node(name, name, "bad" if name in bad else "plain") for name in graph.layers]
    return Picture(nodes, edges, "layers")


def layer_document(graph: LayerGraph) -> dict[str, Any]:
    """The layer graph as JSON has it."""
    return {
        "version": 1,
        "layers": graph.layers,
        "edges": [
            {
                "source": edge.source,
                "target": edge.target,
                "legal": edge.legal,
                "places": [
                    {"path": p.path, "line": p.line, "column": p.column, "calls": called}
                    for p, called in edge.places
                ],
            }
            for edge in graph.edges
        ],
    }
