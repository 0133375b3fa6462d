"""Graphs as pictures: DOT, Mermaid and SVG.

One value type and three writers serve every graph that is shown (calls, layers, missions,
phase reports). The SVG is laid out in layers (Sugiyama, Tagawa & Toda 1981): longest
paths give the layers, barycentres the order within them. It needs no other program.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape as _escape
from itertools import pairwise

from govlint.output._characters import inert

# fill, border of boxes; colours that stay apart for the colour-blind (Okabe & Ito 2008)
TONES: Mapping[str, tuple[str, str]] = {
    "plain": ("#f4f4f4", "#666666"),
    "good": ("#d5efe6", "#009e73"),
    "bad": ("#fbe3d3", "#d55e00"),
    "busy": ("#dcebf7", "#0072b2"),
    "waiting": ("#fdf3d0", "#b58900"),
    "absent": ("#ffffff", "#999999"),
}
_BOX_HEIGHT, _LINE, _GAP_X, _GAP_Y, _CHAR = 16.0, 16.0, 70.0, 22.0, 7.3
_SWEEPS, _LEGEND, _BEND, _MOST_BENDS = 8, 26.0, "\0bend ", 5000


@dataclass(frozen=True, slots=True)
class Node:
    """A box: `label` may have several lines, `tone` is one of TONES, `title` shows on hovering.

    `part` is how much of it is complete, from 0 to 1, drawn as a bar.
    """

    id: str
    label: str
    tone: str = "plain"
    title: str = ""
    part: float | None = None


@dataclass(frozen=True, slots=True)
class Edge:
    """An arrow from one node's id to another's."""

    source: str
    target: str
    label: str = ""
    tone: str = "plain"
    title: str = ""


@dataclass(frozen=True, slots=True)
class Picture:
    """A directed graph. Edges name nodes that are there; cycles are allowed.

    `legend` says what the tones mean, in the order in which it is to be read.
    """

    nodes: Sequence[Node]
    edges: Sequence[Edge]
    title: str = ""
    legend: Sequence[tuple[str, str]] = ()


def dot(picture: Picture) -> str:
    """Graphviz's language."""
    lines = [f"digraph {_quoted(picture.title or 'graph')} {{", "  rankdir=LR;"]
    lines.append('  node [shape=box, style="rounded,filled", fontname="sans-serif"];')
    for node in picture.nodes:
        fill, border = TONES[node.tone]
        lines.append(
            f"  {_quoted(node.id)} [label={_quoted(node.label)}, fillcolor={_quoted(fill)},"
            f" color={_quoted(border)}];"
        )
    for edge in picture.edges:
        said = f", label={_quoted(edge.label)}" if edge.label else ""
        lines.append(
            f"  {_quoted(edge.source)} -> {_quoted(edge.target)}"
            f" [color={_quoted(TONES[edge.tone][1])}{said}];"
        )
    return "\n".join([*lines, "}", ""])


def _shown(text: str) -> str:
    return _escape(inert(text))


def _quoted(text: str) -> str:
    escaped = inert(text).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def mermaid(picture: Picture) -> str:
    """Mermaid's flowchart, as Markdown viewers show it."""
    names = {node.id: f"n{number}" for number, node in enumerate(picture.nodes)}
    lines = ["flowchart LR"]
    for node in picture.nodes:
        lines.append(f"  {names[node.id]}[{_mermaid_text(node.label)}]:::{node.tone}")
    for number, edge in enumerate(picture.edges):
        said = f"|{_mermaid_text(edge.label)}|" if edge.label else ""
        arrow = "-.->" if edge.tone == "bad" else "-->"
        lines.append(f"  {names[edge.source]} {arrow}{said} {names[edge.target]}")
        if edge.tone != "plain":
            lines.append(f"  linkStyle {number} stroke:{TONES[edge.tone][1]}")
    for tone in sorted({node.tone for node in picture.nodes}):
        fill, border = TONES[tone]
        lines.append(f"  classDef {tone} fill:{fill},stroke:{border},color:#222222")
    return "\n".join([*lines, ""])


def _mermaid_text(text: str) -> str:
    # entities are Mermaid's own escape: `#` and `"` would end the label
    escaped = inert(text).replace("#", "#35;").replace('"', "#quot;").replace("<", "#lt;")
    return '"' + escaped.replace(">", "#gt;").replace("\n", "<br/>") + '"'


def svg(picture: Picture) -> str:
    """A picture that stands by itself: no script, no font, no other file."""
    layers, bends = _layers(picture)
    boxes, width, height = _placed(picture, layers)
    legend = _legend(picture, height)
    if legend:
        height += _LEGEND
        width = max(width, 40 + sum(_legend_width(words) for _, words in picture.legend))
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}"'
        f' width="{width:.0f}" height="{height:.0f}" font-family="sans-serif" font-size="12"'
        ' role="img">',
        f"<title>{_shown(picture.title or 'graph')}</title>",
        "<defs>",
    ]
    for tone, (_, border) in TONES.items():
        out.append(
            f'<marker id="arrow-{tone}" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7"'
            f' markerHeight="7" orient="auto-start-reverse"><path d="M0 0L10 5L0 10z"'
            f' fill="{border}"/></marker>'
        )
    out += ["</defs>", f'<rect width="{width:.0f}" height="{height:.0f}" fill="#ffffff"/>']
    for edge in picture.edges:
        out.append(_arrow(edge, boxes, bends.get((edge.source, edge.target), ())))
    for node in picture.nodes:
        out.append(_box(node, boxes[node.id]))
    return "\n".join([*out, *legend, "</svg>", ""])


@dataclass(frozen=True, slots=True)
class _Rect:
    x: float
    y: float
    width: float
    height: float


def _layers(picture: Picture) -> tuple[list[list[str]], dict[tuple[str, str], list[str]]]:
    """Node ids by layer: each right of what points to it, but for edges that close a cycle.

    An edge over several layers gets a bend in each of those between, so that it leads past
    the boxes there: the names of an edge's bends come second.
    """
    after: dict[str, list[str]] = {node.id: [] for node in picture.nodes}
    for edge in picture.edges:
        if edge.target != edge.source and edge.target not in after[edge.source]:
            after[edge.source].append(edge.target)
    order = _without_cycles(after)
    level = dict.fromkeys(order, 0)
    for name in order:
        for target in after[name]:
            level[target] = max(level[target], level[name] + 1)
    layers: list[list[str]] = [[] for _ in range(max(level.values(), default=-1) + 1)]
    for name in list(after):
        layers[level[name]].append(name)
    bends = _bends(after, level, layers)
    before: dict[str, list[str]] = {name: [] for name in after}
    for name, targets in after.items():
        for target in targets:
            before[target].append(name)
    for sweep in range(_SWEEPS):
        near = before if sweep % 2 == 0 else after
        place = {name: float(i) for layer in layers for i, name in enumerate(layer)}
        for layer in layers if sweep % 2 == 0 else reversed(layers):
            weight = {
                name: sum(place[x] for x in near[name]) / len(near[name])
                if near[name]
                else place[name]
                for name in layer
            }
            layer.sort(key=weight.__getitem__)
            place.update((name, float(i)) for i, name in enumerate(layer))
    return layers, bends


def _bends(
    after: dict[str, list[str]], level: Mapping[str, int], layers: list[list[str]]
) -> dict[tuple[str, str], list[str]]:
    """Put a bend into each layer that an edge passes; `after` then leads through them."""
    bends: dict[tuple[str, str], list[str]] = {}
    passed = sum(level[b] - level[a] - 1 for a, targets in after.items() for b in targets)
    if passed > _MOST_BENDS:  # nobody can follow these any more; they are drawn straight
        return bends
    for source, targets in list(after.items()):
        for position, target in enumerate(targets):
            names = []
            for between in range(level[source] + 1, level[target]):
                names.append(f"{_BEND}{len(bends)}/{between}")
                layers[between].append(names[-1])
            if names:
                bends[source, target] = names
                targets[position] = names[0]
                after.update((a, [b]) for a, b in pairwise([*names, target]))
    return bends


def _without_cycles(after: dict[str, list[str]]) -> list[str]:
    """Take out the edges that lead back to where a walk came from; the order that is left."""
    done: dict[str, None] = {}
    walking: dict[str, int] = {}
    for root in after:
        stack = [root] if root not in done else []
        while stack:
            name = stack[-1]
            position = walking.setdefault(name, 0)
            targets = after[name]
            if name in done or position >= len(targets):
                done[name] = None
                stack.pop()
                continue
            target = targets[position]
            if target in walking and target not in done:
                del targets[position]
                continue
            walking[name] = position + 1
            if target not in done:
                stack.append(target)
    return list(reversed(done))


def _placed(picture: Picture, layers: list[list[str]]) -> tuple[dict[str, _Rect], float, float]:
    labels = {node.id: node.label.split("\n") for node in picture.nodes}
    size = {
        name: (max(map(len, lines)) * _CHAR + 20, len(lines) * _LINE + _BOX_HEIGHT)
        for name, lines in labels.items()
    }
    size |= {name: (0.0, _LINE / 2) for layer in layers for name in layer if name not in size}
    tall = [sum(size[n][1] + _GAP_Y for n in layer) for layer in layers]
    height = max(tall, default=0.0) + _GAP_Y
    boxes: dict[str, _Rect] = {}
    x = 20.0
    for layer, own in zip(layers, tall, strict=True):
        wide = max((size[name][0] for name in layer), default=0.0)
        y = (height - own) / 2 + _GAP_Y / 2
        for name in layer:
            across = size[name][0] if name in labels else wide  # a bend is level all the way
            boxes[name] = _Rect(x + (wide - across) / 2, y, across, size[name][1])
            y += size[name][1] + _GAP_Y
        x += wide + _GAP_X
    return boxes, max(x - _GAP_X + 20.0, 120.0), max(height, 60.0)


def _box(node: Node, rect: _Rect) -> str:
    fill, border = TONES[node.tone]
    lines = node.label.split("\n")
    middle = rect.x + rect.width / 2
    first = rect.y + _BOX_HEIGHT / 2 + _LINE * 0.75
    text = "".join(
        f'<tspan x="{middle:.1f}" y="{first + i * _LINE:.1f}">{_shown(line)}</tspan>'
        for i, line in enumerate(lines)
    )
    said = f"<title>{_shown(node.title)}</title>" if node.title else ""
    dashed = ' stroke-dasharray="5 3"' if node.tone == "absent" else ""
    bar = ""
    if node.part is not None:
        left, low, wide = rect.x + 8, rect.y + rect.height - 7, rect.width - 16
        done = wide * min(max(node.part, 0.0), 1.0)
        bar = "".join(
            f'<rect x="{left:.1f}" y="{low:.1f}" width="{across:.1f}" height="3" rx="1.5"'
            f' fill="{colour}"/>'
            for across, colour in ((wide, "#ffffff"), (done, border))
            if across > 0
        )
    return (
        f'<g>{said}<rect x="{rect.x:.1f}" y="{rect.y:.1f}" width="{rect.width:.1f}"'
        f' height="{rect.height:.1f}" rx="6" fill="{fill}" stroke="{border}"{dashed}/>'
        f'<text text-anchor="middle" fill="#222222">{text}</text>{bar}</g>'
    )


def _legend(picture: Picture, top: float) -> list[str]:
    """What the tones mean, in a line below the graph."""
    out, x = [], 20.0
    for tone, words in picture.legend:
        fill, border = TONES[tone]
        dashed = ' stroke-dasharray="3 2"' if tone == "absent" else ""
        out.append(
            f'<rect x="{x:.1f}" y="{top + 2:.1f}" width="14" height="12" rx="3" fill="{fill}"'
            f' stroke="{border}"{dashed}/><text x="{x + 20:.1f}" y="{top + 12:.1f}"'
            f' fill="#444444">{_shown(words)}</text>'
        )
        x += _legend_width(words)
    return out


def _legend_width(words: str) -> float:
    return 44 + _CHAR * len(words)


def _arrow(edge: Edge, boxes: Mapping[str, _Rect], bends: Sequence[str] = ()) -> str:
    a, b = boxes[edge.source], boxes[edge.target]
    colour = TONES[edge.tone][1]
    y1, y2 = a.y + a.height / 2, b.y + b.height / 2
    if edge.source == edge.target:
        x, top = a.x + a.width / 2, a.y
        path = f"M{x - 12:.1f} {top:.1f}C{x - 16:.1f} {top - 20:.1f} {x + 16:.1f} {top - 20:.1f}"
        path += f" {x + 12:.1f} {top:.1f}"
        middle = (x, top - 14)
    elif b.x > a.x:
        points = [(a.x + a.width, y1)]
        for rect in (boxes[name] for name in bends):
            level = rect.y + rect.height / 2
            points += [(rect.x, level), (rect.x + rect.width, level)]
        points.append((b.x, y2))
        path = f"M{points[0][0]:.1f} {points[0][1]:.1f}"
        for (x1, level1), (x2, level2) in pairwise(points):
            bend = (x2 - x1) / 2
            path += f"C{x1 + bend:.1f} {level1:.1f} {x2 - bend:.1f} {level2:.1f}"
            path += f" {x2:.1f} {level2:.1f}"
        (x1, level1), (x2, level2) = points[0], points[1]
        middle = ((x1 + x2) / 2, (level1 + level2) / 2 - 4)
    else:
        # back or sideways: out at the bottom, in at the bottom
        x1, x2 = a.x + a.width / 2, b.x + b.width / 2
        low = max(a.y + a.height, b.y + b.height) + _GAP_Y
        path = f"M{x1:.1f} {a.y + a.height:.1f}C{x1:.1f} {low:.1f} {x2:.1f} {low:.1f}"
        path += f" {x2:.1f} {b.y + b.height:.1f}"
        middle = ((x1 + x2) / 2, low - 6)
    dashed = ' stroke-dasharray="5 3"' if edge.tone == "bad" else ""
    said = f"<title>{_shown(edge.title)}</title>" if edge.title else ""
    label = ""
    if edge.label:
        lines = "".join(
            f'<tspan x="{middle[0]:.1f}" y="{middle[1] + i * 13:.1f}">{_shown(line)}</tspan>'
            for i, line in enumerate(edge.label.split("\n"))
        )
        label = (
            f'<text text-anchor="middle" fill="{colour}" stroke="#ffffff" stroke-width="3"'
            f' paint-order="stroke" font-size="11">{lines}</text>'
        )
    return (
        f'<g>{said}<path d="{path}" fill="none" stroke="{colour}"{dashed}'
        f' marker-end="url(#arrow-{edge.tone})"/>{label}</g>'
    )
