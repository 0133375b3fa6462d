"""Call graphs and layer graphs: of small programs of each kind, and through the command."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from govlint import graphs
from govlint.cli import main
from govlint.config import load_config
from govlint.picture import TONES, Edge, Node, Picture, dot, mermaid, svg

DATA = Path(__file__).parent / "data" / "call_graphs.txt"
EXAMPLE = Path(__file__).parent.parent / "examples" / "vision-server"
SVG = "{http://www.w3.org/2000/svg}"


def _cases() -> Iterator[tuple[str, dict[str, str], dict[str, set[str]]]]:
    for case in re.split(r"^===== ", DATA.read_text(encoding="utf-8"), flags=re.M)[1:]:
        name, _, body = case.partition("\n")
        parts = re.split(r"^#### (\S+)\n", body, flags=re.M)
        files = dict(zip(parts[1::2], parts[2::2], strict=True))
        edges = {}
        for line in files.pop("edges").splitlines():
            source, _, targets = line.partition(" -> ")
            edges[source] = set(targets.split())
        yield name.strip(), files, edges


CASES = list(_cases())


@pytest.mark.parametrize(("name", "files", "edges"), CASES, ids=[case[0] for case in CASES])
def test_a_program_has_exactly_the_calls_that_it_makes(
    name: str,
    files: dict[str, str],
    edges: dict[str, set[str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    found, problems = graphs.call_graph(["."], load_config(["."]))
    assert not problems
    assert {source: set(targets) for source, targets in found.items() if targets} == edges


Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """The command, run in this process: its exit code, output and errors."""

    def invoke(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as stop:
            main(["graph", *arguments])
        out, err = capsys.readouterr()
        return int(stop.value.code or 0), out, err

    return invoke


def test_calls_as_json_are_adjacency_lists(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Run
) -> None:
    (tmp_path / "main.py").write_text("def f(): ...\nf()\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    code, out, err = run("--calls", "--format", "json")
    assert (code, err) == (0, "")
    assert json.loads(out) == {"main": ["main.f"], "main.f": []}


def test_layers_of_the_example_show_the_steps_round_the_gate(
    monkeypatch: pytest.MonkeyPatch, run: Run
) -> None:
    monkeypatch.chdir(EXAMPLE)
    code, out, err = run("--layers")
    assert (code, err) == (0, "")
    document = json.loads(out)
    assert document["layers"][:6] == [
        "API",
        "AnalysisExecutionService",
        "JobExecutionService",
        "PluginExecutionService",
        "ToolRunner",
        "Plugin",
    ]
    legal = {(e["source"], e["target"]) for e in document["edges"] if e["legal"]}
    assert ("ToolRunner", "Plugin") in legal
    round_it = [e for e in document["edges"] if not e["legal"]]
    assert {e["target"] for e in round_it} == {"Plugin"}
    places = {(p["path"], p["line"]) for e in round_it for p in e["places"]}
    assert ("server/app/services/redaction.py", 15) in places


def test_a_layer_left_out_is_an_edge_with_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Run
) -> None:
    (tmp_path / "app.py").write_text(
        "class BasePlugin:\n    def run(self, x): ...\n\n\n"
        "class ToolRunner:\n    def run(self, plugin: BasePlugin, x):\n"
        "        try:\n            return plugin.run(x)\n"
        "        finally:\n            self.update_execution_metrics(plugin)\n\n"
        "    def update_execution_metrics(self, plugin): ...\n\n\n"
        "class PluginExecutionService:\n    def __init__(self, runner: ToolRunner):\n"
        "        self.runner = runner\n\n"
        "    def execute(self, plugin: BasePlugin, x):\n"
        "        return self.runner.run(plugin, x)\n\n\n"
        "class JobExecutionService:\n    def __init__(self, runner: ToolRunner):\n"
        "        self.runner = runner\n\n"
        "    def start(self, plugin: BasePlugin, x):\n"
        "        return self.runner.run(plugin, x)\n",
        encoding="utf-8",
    )
    monkeypatch.chdir(tmp_path)
    code, out, _ = run()
    edges = {(e["source"], e["target"]): e for e in json.loads(out)["edges"]}
    assert code == 0
    assert edges["PluginExecutionService", "ToolRunner"]["legal"]
    skipped = edges["JobExecutionService", "ToolRunner"]
    assert not skipped["legal"]
    assert [(p["path"], p["line"]) for p in skipped["places"]] == [("app.py", 28)]
    _, picture, _ = run("--format", "svg")
    assert "app.py:28" in picture and "stroke-dasharray" in picture


@pytest.mark.parametrize("form", ["dot", "mermaid", "svg"])
def test_every_format_names_every_layer(
    form: str, monkeypatch: pytest.MonkeyPatch, run: Run
) -> None:
    monkeypatch.chdir(EXAMPLE)
    code, out, _ = run("--format", form)
    assert code == 0
    for layer in ("API", "JobExecutionService", "ToolRunner", "Plugin"):
        assert layer in out


def test_what_cannot_be_read_makes_the_graph_incomplete(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Run
) -> None:
    (tmp_path / "good.py").write_text("def f(): ...\nf()\n", encoding="utf-8")
    (tmp_path / "bad.py").write_text("def f(:\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    code, out, err = run("--calls")
    assert code == 3
    assert json.loads(out)["good"] == ["good.f"]
    assert "bad.py:2" in err


def test_wrong_uses_are_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Run) -> None:
    monkeypatch.chdir(tmp_path)
    code, _, err = run("--calls", "--layers")
    assert code == 2 and "different graphs" in err
    code, _, err = run("--calls")
    assert code == 3 and "no Python file" in err
    (tmp_path / "main.py").write_text("x = 1\n", encoding="utf-8")
    code, _, err = run()
    assert code == 3 and "there is no layer" in err
    code, _, err = run("--calls", "-o", str(tmp_path / "none" / "g.json"))
    assert code == 2 and "cannot be written" in err
    assert run("--calls", "-o", str(tmp_path / "g.json"))[0] == 0
    assert json.loads((tmp_path / "g.json").read_text(encoding="utf-8")) == {"main": []}


_TEXT = st.text(max_size=12)


@st.composite
def _pictures(draw: st.DrawFn) -> Picture:
    ids = draw(st.lists(_TEXT, min_size=1, max_size=8, unique=True))
    tones = st.sampled_from(sorted(TONES))
    nodes = [Node(i, draw(_TEXT), draw(tones), draw(_TEXT)) for i in ids]
    name = st.sampled_from(ids)
    edges = draw(st.lists(st.builds(Edge, name, name, _TEXT, tones, _TEXT), max_size=14))
    return Picture(nodes, edges, draw(_TEXT))


@given(_pictures())
def test_any_graph_can_be_drawn(picture: Picture) -> None:
    # what XML has no way to say at all may not reach the file either
    tree = ElementTree.fromstring(svg(picture))
    boxes = [r for r in tree.iter(f"{SVG}rect") if r.get("rx")]
    assert len(boxes) == len(picture.nodes)
    assert len([p for p in tree.iter(f"{SVG}path") if p.get("marker-end")]) == len(picture.edges)
    areas = [[float(r.attrib[k]) for k in ("x", "y", "width", "height")] for r in boxes]
    for number, (x, y, width, height) in enumerate(areas):
        assert x >= 0 and y >= 0
        for other_x, other_y, other_width, other_height in areas[:number]:
            apart_x = x + width <= other_x or other_x + other_width <= x
            assert apart_x or y + height <= other_y or other_y + other_height <= y
    assert mermaid(picture).count("]:::") == len(picture.nodes)
    assert dot(picture).startswith("digraph ")


def test_a_chain_runs_from_left_to_right() -> None:
    nodes = [Node(name, name) for name in "dbca"]
    edges = [Edge("a", "b"), Edge("b", "c"), Edge("c", "d"), Edge("a", "d")]
    tree = ElementTree.fromstring(svg(Picture(nodes, edges)))
    at = {}
    for group in tree.iter(f"{SVG}g"):
        box, text = group.find(f"{SVG}rect"), "".join(group.itertext())
        if box is not None:
            at[text] = float(box.attrib["x"])
    assert at["a"] < at["b"] < at["c"] < at["d"]


def test_every_way_round_the_gate_is_told_from_its_entry_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Run
) -> None:
    (tmp_path / "base.py").write_text(
        "class BasePlugin:\n    def run(self, x): ...\n\n\n"
        "class Crop(BasePlugin):\n    def run(self, x): ...\n",
        encoding="utf-8",
    )
    (tmp_path / "deep.py").write_text(
        "from base import Crop\n\n\ndef run_it(x):\n    return Crop().run(x)\n",
        encoding="utf-8",
    )
    (tmp_path / "app.py").write_text(
        "from base import Crop\nfrom deep import run_it\n\n\n"
        "def entry(x):\n    return middle(x)\n\n\n"
        "def middle(x):\n    return run_it(x)\n\n\nCrop().run(1)\n",
        encoding="utf-8",
    )
    monkeypatch.chdir(tmp_path)
    code, out, err = run("--gate", "--format", "text")
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        "app (app.py:1) → Crop().run (app.py:13)",
        "app.entry (app.py:5) → app.middle (app.py:6) → deep.run_it (app.py:10)"
        " → Crop().run (deep.py:5)",
    ]
    _, document, _ = run("--gate")
    assert [len(way) for way in json.loads(document)["ways"]] == [2, 4]
    _, picture, _ = run("--gate", "--format", "mermaid")
    assert picture.count("-.->") == 4
    (tmp_path / "deep.py").write_text("def run_it(x): ...\n", encoding="utf-8")
    (tmp_path / "app.py").write_text("from deep import run_it\n", encoding="utf-8")
    assert run("--gate", "--format", "text")[1] == "no way leads round the gate\n"
    assert run("--calls", "--format", "text")[0] == 2
