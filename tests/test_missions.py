"""Missions: the order of steps against networkx, files touched at once, and the plan."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import networkx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from role_documents import findings

from govlint.cli import main
from govlint.documents.missions.mission import Mission, mission_of
from govlint.documents.missions.plan import plan
from govlint.documents.reader import read


def step(name: str, *needs: str, path: str = "", **keys: Any) -> dict[str, Any]:
    parameters = {"path": path or f"{name}.txt", "content": "x"}
    return {
        "id": name, "name": name, "step_type": "create_file", "depends_on": list(needs),
        "parameters": parameters, **keys,
    }  # fmt: skip


def mission(*steps: dict[str, Any], **config: Any) -> Mission:
    value = {"version": "1.0", "name": "m", "config": config, "steps": list(steps)}
    return mission_of(read("m.json", json.dumps(value).encode(), "json", "mission"))


@st.composite
def edges(draw: st.DrawFn) -> tuple[int, list[tuple[int, int]]]:
    count = draw(st.integers(1, 9))
    ends = st.integers(0, count - 1)
    found = draw(st.lists(st.tuples(ends, ends), max_size=20))
    return count, [(a, b) for a, b in found if a != b]


@settings(max_examples=150, deadline=None)
@given(edges())
def test_order_cycles_and_upstream_agree_with_networkx(
    drawn: tuple[int, list[tuple[int, int]]],
) -> None:
    count, pairs = drawn
    graph: networkx.DiGraph[int] = networkx.DiGraph()
    graph.add_nodes_from(range(count))
    graph.add_edges_from(pairs)
    made = mission(*(step(f"s{b}", *(f"s{a}" for a, x in pairs if x == b)) for b in range(count)))
    knots = [k for k in networkx.strongly_connected_components(graph) if len(k) > 1]
    assert made.in_cycle == {index for knot in knots for index in knot}
    assert len(made.cycles) == len(knots)
    for cycle in made.cycles:
        for index, need in zip(cycle, [*cycle[1:], cycle[0]], strict=True):
            assert need in made.needs[index]
    stuck = set(made.in_cycle).union(*(networkx.descendants(graph, i) for i in made.in_cycle))
    assert set(made.order) == set(range(count)) - stuck
    place = {index: at for at, index in enumerate(made.order)}
    assert all(place[a] < place[b] for a, b in pairs if a in place and b in place)
    for one in made.order:
        before = networkx.ancestors(graph, one)
        after = networkx.descendants(graph, one) & set(made.order)
        assert all(made.is_upstream(other, one) == (other in before) for other in made.order)
        free = made.free_of(one, (1 << count) - 1)
        expected = set(made.order) - before - after - {one}
        assert {i for i in range(count) if free >> i & 1} == expected


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([step("a", path="o/x"), step("b", path="o/x")], ["/steps/1/parameters/path"]),
        ([step("a", path="o/x"), step("b", path="./o//y/../x")], ["/steps/1/parameters/path"]),
        ([step("a", path="o/x"), step("b", "a", path="o/x")], []),
        ([step("a", path="o/x"), step("b", path="o/xy")], []),
        (
            [step("a", path="o/x"), step("b", "a", path="o/x"), step("c", path="o/x")],
            ["/steps/2/parameters/path"],
        ),
    ],
)
def test_files_touched_without_an_order(steps: list[dict[str, Any]], expected: list[str]) -> None:
    document = mission(*steps).document
    found = findings("file_access", document)
    assert [f.location.pointer for f in found] == expected


def test_the_plan_has_levels_waves_and_the_critical_path() -> None:
    made = plan(
        mission(
            step("a", timeout_seconds=5),
            step("b", "a", timeout_seconds=10),
            step("c", "a", timeout_seconds=20),
            step("d", "a"),
            step("e", "b", "c"),
            max_concurrent_steps=2,
        )
    )
    assert made.levels == (("a",), ("b", "c", "d"), ("e",))
    assert made.waves()[1] == [("b", "c"), ("d",)]
    assert (made.critical, made.critical_seconds) == (("a", "c", "e"), 25)
    assert made.unbounded == ("d", "e")
    assert made.steps[0].writes == ("a.txt",)


@pytest.mark.parametrize("verb", ["plan", "graph"])
def test_a_mission_in_a_cycle_is_refused(
    verb: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    value = mission(step("a", "b"), step("b", "a")).value
    Path("m.json").write_text(json.dumps(value))
    with pytest.raises(SystemExit) as stop:
        main(["mission", verb, "--format", "json" if verb == "plan" else "dot", "m.json"])
    said = capsys.readouterr()
    assert stop.value.code == 1
    assert "MSN006" in said.err
    assert "a" not in said.out
