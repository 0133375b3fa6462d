"""Drawing a directed graph in layers: SVG of our own, and Mermaid.

The graphs here are small and mostly acyclic, and their pictures have to be the same for the
same input everywhere; a layout in layers (Sugiyama, Tagawa and Toda 1981) in plain Python
gives that without a program or a package to install. Edges that close a cycle are drawn against
the order of the layers.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape

_WIDTH, _HEIGHT = 244, 74  # of a box, in pixels
_ACROSS, _DOWN = 84, 30  # between boxes
_MARGIN = 32
_FONT = "ui-sans-serif, system-ui, 'Segoe UI', Helvetica, Arial, sans-serif"


@dataclass(frozen=True)
class Style:
    """How a class of nodes looks: the colours of its box, its border and its text."""

    label: str
    fill: str
    stroke: str
    text: str = "#1f2933"
    dashed: bool = False


@dataclass(frozen=True)
class Node:
    """A box: a name, lines of text below it, and how much of it is complete (0 to 1)."""

    id: str
    title: str
    style: str
    lines: tuple[str, ...] = ()
    part: float | None = None


@dataclass(frozen=True)
class Edge:
    """An arrow; `wrong` ones are drawn as what they are, with `note` as the reason."""

    start: str
    end: str
    wrong: bool = False
    note: str = ""


@dataclass
class Diagram:
    """Nodes, edges and the styles that the nodes name."""

    title: str
    nodes: Sequence[Node]
    edges: Sequence[Edge]
    styles: Mapping[str, Style]

    # -- Mermaid -------------------------------------------------------------------------------

    def mermaid(self) -> str:
        """The graph as a Mermaid flowchart, for Markdown that renders it."""
        lines = ["flowchart LR"]
        for node in self.nodes:
            shown = "<br>".join(_plain(line) for line in (node.title, *node.lines))
            lines.append(f'    {node.id}["{shown}"]:::{node.style}')
        wrong = []
        for index, edge in enumerate(self.edges):
            arrow = f'-. "{_plain(edge.note)}" .->' if edge.wrong and edge.note else "-->"
            lines.append(f"    {edge.start} {arrow} {edge.end}")
            if edge.wrong:
                wrong.append(str(index))
        for name in dict.fromkeys(node.style for node in self.nodes):
            style = self.styles[name]
            dashed = ",stroke-dasharray:5 4" if style.dashed else ""
            lines.append(
                f"    classDef {name} fill:{style.fill},stroke:{style.stroke},"
                f"color:{style.text}{dashed}"
            )
        if wrong:
            lines.append(f"    linkStyle {','.join(wrong)} stroke:#c62828,stroke-width:2px")
        return "\n".join(lines) + "\n"

    # -- SVG -----------------------------------------------------------------------------------

    def svg(self) -> str:
        """The graph as an SVG document that needs nothing else to be shown."""
        layout = _Layout([node.id for node in self.nodes], self.edges)
        width = max(layout.width + 2 * _MARGIN, 640)
        used = [name for name in self.styles if any(n.style == name for n in self.nodes)]
        top, bottom = 64, 52
        height = layout.height + top + bottom
        parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}"'
            f' width="{width:.0f}" height="{height:.0f}" role="img"'
            f' aria-label="{_escaped(self.title)}" font-family="{_FONT}">',
            '<defs><marker id="arrow" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7"'
            ' markerHeight="7" orient="auto-start-reverse"><path d="M0 0L10 5L0 10z"'
            ' fill="#7b8794"/></marker><marker id="wrong" viewBox="0 0 10 10" refX="9" refY="5"'
            ' markerWidth="7" markerHeight="7" orient="auto-start-reverse">'
            '<path d="M0 0L10 5L0 10z" fill="#c62828"/></marker></defs>',
            f'<rect width="{width:.0f}" height="{height:.0f}" fill="#ffffff"/>',
            f'<text x="{_MARGIN}" y="38" font-size="18" font-weight="600" fill="#1f2933">'
            f"{_escaped(self.title)}</text>",
            f'<g transform="translate({_MARGIN} {top})">',
        ]
        for edge in self.edges:
            parts.append(_arrow(edge, layout.route(edge.start, edge.end)))
        parts += [
            _box(node, self.styles[node.style], layout.places[node.id]) for node in self.nodes
        ]
        parts.append("</g>")
        parts += _legend([self.styles[name] for name in used], height - 26)
        parts.append("</svg>")
        return "\n".join(parts) + "\n"


def _plain(text: str) -> str:
    """Text as Mermaid takes it within quotes."""
    return escape(text, quote=False).replace('"', "#quot;").replace("\n", " ")


def _escaped(text: str) -> str:
    seen = "".join(char if char.isprintable() else " " for char in text)
    return escape(seen)


def _fitted(text: str, size: float) -> str:
    """The text, cut to what a box is wide; letters are about half as wide as high."""
    most = int((_WIDTH - 24) / (size * 0.54))
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def _box(node: Node, style: Style, place: tuple[float, float]) -> str:
    x, y = place
    dash = ' stroke-dasharray="5 4"' if style.dashed else ""
    told = _escaped("\n".join((node.title, *node.lines)))
    parts = [
        f'<g transform="translate({x:.0f} {y:.0f})"><title>{told}</title>',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" rx="8" fill="{style.fill}"'
        f' stroke="{style.stroke}" stroke-width="1.5"{dash}/>',
        f'<text x="12" y="23" font-size="14" font-weight="600" fill="{style.text}">'
        f"{_escaped(_fitted(node.title, 14))}</text>",
    ]
    for index, line in enumerate(node.lines[:2]):
        parts.append(
            f'<text x="12" y="{41 + 16 * index}" font-size="12" fill="{style.text}">'
            f"{_escaped(_fitted(line, 12))}</text>"
        )
    if node.part is not None:
        wide = _WIDTH - 24
        parts.append(
            f'<rect x="12" y="{_HEIGHT - 10}" width="{wide}" height="4" rx="2" fill="#fff"/>'
        )
        if node.part > 0:
            done = max(4.0, wide * min(node.part, 1.0))
            parts.append(
                f'<rect x="12" y="{_HEIGHT - 10}" width="{done:.1f}" height="4" rx="2"'
                f' fill="{style.stroke}"/>'
            )
    return "".join(parts) + "</g>"


def _arrow(edge: Edge, points: Sequence[tuple[float, float]]) -> str:
    """A smooth line through the points, level where it leaves and where it arrives."""
    drawn = f"M{points[0][0]:.1f} {points[0][1]:.1f}"
    for (x0, y0), (x1, y1) in itertools.pairwise(points):
        half = (x0 + x1) / 2
        drawn += f"C{half:.1f} {y0:.1f} {half:.1f} {y1:.1f} {x1:.1f} {y1:.1f}"
    color, marker = ("#c62828", "wrong") if edge.wrong else ("#7b8794", "arrow")
    dash = ' stroke-dasharray="6 4"' if edge.wrong else ""
    told = f"<title>{_escaped(edge.note)}</title>" if edge.note else ""
    return (
        f'<path d="{drawn}" fill="none" stroke="{color}" stroke-width="1.6"{dash}'
        f' marker-end="url(#{marker})">{told}</path>'
    )


def _legend(styles: Sequence[Style], y: float) -> list[str]:
    parts, x = [], float(_MARGIN)
    for style in styles:
        dash = ' stroke-dasharray="3 2"' if style.dashed else ""
        parts.append(
            f'<rect x="{x:.0f}" y="{y - 10:.0f}" width="14" height="12" rx="3" fill="{style.fill}"'
            f' stroke="{style.stroke}"{dash}/><text x="{x + 20:.0f}" y="{y:.0f}" font-size="12"'
            f' fill="#52606d">{_escaped(style.label)}</text>'
        )
        x += 44 + 7 * len(style.label)
    return parts


class _Layout:
    """Places for nodes in layers from left to right, and routes for edges between them."""

    def __init__(self, nodes: Sequence[str], edges: Sequence[Edge]) -> None:
        self._forward = _acyclic(nodes, [(edge.start, edge.end) for edge in edges])
        self._layer = _layers(nodes, self._forward)
        rows, self._bends = self._with_bends(nodes)
        _untangle(rows, self._neighbours())
        tallest = max((len(row) for row in rows), default=1)
        self.width = len(rows) * _WIDTH + max(len(rows) - 1, 0) * _ACROSS
        self.height = tallest * (_HEIGHT + _DOWN) - _DOWN
        self.places: dict[str, tuple[float, float]] = {}
        self._place(rows)

    def _with_bends(
        self, nodes: Sequence[str]
    ) -> tuple[list[list[str]], dict[tuple[str, str], list[str]]]:
        """Rows of names; an edge over several layers gets a bend in each of those between."""
        rows: list[list[str]] = [[] for _ in range(max(self._layer.values(), default=0) + 1)]
        for node in nodes:
            rows[self._layer[node]].append(node)
        bends: dict[tuple[str, str], list[str]] = {}
        for start, end in self._forward:
            names = []
            for layer in range(self._layer[start] + 1, self._layer[end]):
                name = f"\0{start}\0{end}\0{layer}"
                rows[layer].append(name)
                names.append(name)
            bends[start, end] = names
        return rows, bends

    def _neighbours(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for (start, end), names in self._bends.items():
            chain = [start, *names, end]
            for a, b in itertools.pairwise(chain):
                found.setdefault(a, []).append(b)
                found.setdefault(b, []).append(a)
        return found

    def _place(self, rows: Sequence[Sequence[str]]) -> None:
        for layer, row in enumerate(rows):
            left = self.height - (len(row) * (_HEIGHT + _DOWN) - _DOWN)
            for index, name in enumerate(row):
                y = left / 2 + index * (_HEIGHT + _DOWN)
                self.places[name] = (layer * (_WIDTH + _ACROSS), y)

    def route(self, start: str, end: str) -> list[tuple[float, float]]:
        """The points an arrow goes through, from the edge of one box to that of the other."""
        backwards = (start, end) not in self._bends
        names = self._bends.get((start, end)) or self._bends.get((end, start)) or []
        points: list[tuple[float, float]] = []
        for name in reversed(names) if backwards else names:
            x, y = self.places[name]
            ends = [(x, y + _HEIGHT / 2), (x + _WIDTH, y + _HEIGHT / 2)]
            points += reversed(ends) if backwards else ends
        (x0, y0), (x1, y1) = self.places[start], self.places[end]
        if backwards:  # leave to the left, a little below the arrow that comes in
            return [(x0, y0 + _HEIGHT * 0.7), *points, (x1 + _WIDTH, y1 + _HEIGHT * 0.7)]
        return [(x0 + _WIDTH, y0 + _HEIGHT / 2), *points, (x1, y1 + _HEIGHT / 2)]


def _acyclic(nodes: Sequence[str], edges: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """The edges, each once, with those that close a cycle turned round; loops are left out."""
    targets: dict[str, list[str]] = {node: [] for node in nodes}
    for start, end in edges:
        if start != end and start in targets and end in targets and end not in targets[start]:
            targets[start].append(end)
    kept: dict[tuple[str, str], None] = {}
    state: dict[str, int] = {}  # 1: open, 2: closed
    for root in nodes:
        if root in state:
            continue
        state[root] = 1
        stack = [(root, iter(targets[root]))]
        while stack:
            node, rest = stack[-1]
            for other in rest:
                if state.get(other) == 1:
                    kept[other, node] = None
                    continue
                kept[node, other] = None
                if other not in state:
                    state[other] = 1
                    stack.append((other, iter(targets[other])))
                    break
            else:
                state[node] = 2
                stack.pop()
    return list(kept)


def _layers(nodes: Sequence[str], edges: Sequence[tuple[str, str]]) -> dict[str, int]:
    """For each node the length of the longest path to it."""
    layer = dict.fromkeys(nodes, 0)
    waiting = dict.fromkeys(nodes, 0)
    after: dict[str, list[str]] = {node: [] for node in nodes}
    for start, end in edges:
        after[start].append(end)
        waiting[end] += 1
    ready = [node for node in nodes if not waiting[node]]
    while ready:
        node = ready.pop()
        for other in after[node]:
            layer[other] = max(layer[other], layer[node] + 1)
            waiting[other] -= 1
            if not waiting[other]:
                ready.append(other)
    return layer


def _untangle(rows: list[list[str]], neighbours: Mapping[str, Sequence[str]]) -> None:
    """Order each row by the mean place of its neighbours, to and fro, so that few edges cross."""
    for sweep in range(8):
        order = rows if sweep % 2 == 0 else rows[::-1]
        for before, row in itertools.pairwise(order):
            at = {name: index - (len(before) - 1) / 2 for index, name in enumerate(before)}
            now = {name: index - (len(row) - 1) / 2 for index, name in enumerate(row)}

            def mean(name: str, at: dict[str, float] = at, now: dict[str, float] = now) -> float:
                near = [at[other] for other in neighbours.get(name, ()) if other in at]
                return sum(near) / len(near) if near else now[name]

            row.sort(key=mean)
