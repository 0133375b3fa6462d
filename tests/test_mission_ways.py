"""The order of steps of a very large mission is that of a small one."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from govlint.catalog import load_catalog
from govlint.document_analysis import analyse_documents
from govlint.documents.document import Document
from govlint.documents.limits import TooLarge
from govlint.documents.missions import mission as mission_module
from govlint.documents.missions import ways
from govlint.documents.missions.mission import Mission, mission_of


def _mission(needs: list[list[int]], path: str = "out/{}.txt") -> Document:
    steps = [
        {
            "id": f"s{number}",
            "name": "Write",
            "step_type": "create_file",
            "parameters": {"path": path.format(number), "content": "x"},
            "timeout_seconds": 5,
            "depends_on": [f"s{other}" for other in listed],
        }
        for number, listed in enumerate(needs)
    ]
    value = {"version": "1.0.0", "name": "large", "steps": steps}
    import json

    return Document("m.json", json.dumps(value), "json", "mission", value)


@st.composite
def _needs(draw: st.DrawFn) -> list[list[int]]:
    count = draw(st.integers(1, 14))
    return [draw(st.lists(st.integers(0, count - 1), max_size=3)) for _ in range(count)]


@settings(max_examples=200, deadline=None)
@given(needs=_needs())
def test_a_searched_order_is_the_same_as_that_of_sets(needs: list[list[int]]) -> None:
    document = _mission(needs)
    small, large = Mission(document), Mission(document)
    small.steps = large.steps = mission_of(document).steps
    count = len(needs)
    pairs = [(a, b) for a in range(count) for b in range(count)]
    orders = [(small.ordered(a, b), small.is_upstream(a, b)) for a, b in pairs]
    everything = (1 << count) - 1
    free = [small.free_of(a, everything) for a in range(count)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mission_module, "MAX_SETS", 0)
        assert [(large.ordered(a, b), large.is_upstream(a, b)) for a, b in pairs] == orders
        assert [large.free_of(a, everything) for a in range(count)] == [x & -x for x in free]


def test_what_would_take_too_long_is_said_to_be_undecided(monkeypatch: pytest.MonkeyPatch) -> None:
    rules = [rule for rule in load_catalog().rules.values() if rule.code == "MSN009"]
    fan = [[], *[[0] for _ in range(60)]]
    document = _mission([*fan, *[[n, n - 1] for n in range(2, 60)]], "out/same.txt")
    expected = analyse_documents([document], rules)
    assert expected.findings and not expected.problems
    monkeypatch.setattr(mission_module, "MAX_SETS", 10)
    mission_module._KNOWN.clear()
    found: Any = analyse_documents([document], rules)
    assert found.findings == expected.findings
    monkeypatch.setattr(ways, "MAX_SEARCHED", 10)
    mission_module._KNOWN.clear()
    stopped = analyse_documents([document], rules)
    assert [problem.kind for problem in stopped.problems] == ["limit"]
    assert stopped.undecided == {"MSN009"}
    with pytest.raises(TooLarge):
        search = ways.Ways([[], [0], [0], [1, 2], [1, 3], [2, 4]] * 1, range(6))
        search._searched = 10
        search.lead(0, 5)
