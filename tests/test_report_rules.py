"""The checks of phase reports on whole reports: every fault is found, once, where it stands."""

from __future__ import annotations

import copy
import importlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import schema_documents
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from report_examples import CRITERIA, changed, done, report, text

from govlint.catalog import load_catalog
from govlint.documents.document import Documents
from govlint.documents.reader import read
from govlint.documents.schema import load_schema
from govlint.model import Finding, Rule

_RULES = {rule.check: rule for rule in load_catalog().rules.values() if rule.code.startswith("RPT")}


def _judge(*reports: Any, **params: Any) -> list[Finding]:
    """All findings of all rules on these reports together, each in a file of its own."""
    documents = Documents(
        read(f"r{number}.json", text(value), "json", "report")
        for number, value in enumerate(reports)
    )
    found: list[Finding] = []
    for kind, rule in _RULES.items():
        found += _run(rule, documents, params if kind in ("report-modules", "report-tests") else {})
    return found


def _run(rule: Rule, documents: Documents, params: dict[str, Any]) -> Iterator[Finding]:
    module = importlib.import_module(f"govlint.checks.{rule.check.replace('-', '_')}")
    yield from module.run(rule, module.Params(**params), documents)


def _told(findings: list[Finding]) -> list[tuple[str, str, str | None]]:
    return [(f.rule, f.location.path, f.location.pointer) for f in findings]


def test_there_is_a_rule_page_for_each_of_the_sixteen() -> None:
    assert sorted(r.code for r in _RULES.values()) == [f"RPT{n:03}" for n in range(1, 17)]


def test_good_reports_are_clean_alone_and_together() -> None:
    for phase in CRITERIA:
        assert _told(_judge(report(phase))) == []
    assert _told(_judge(*(report(phase) for phase in CRITERIA))) == []
    assert _told(_judge(*(done(phase) for phase in CRITERIA))) == []


# -- mutations -----------------------------------------------------------------------------------

# what may be empty, as the pages of RPT004 and RPT015 say
_MAY_BE_EMPTY = {
    "/module_scope/read_modules",
    "/module_scope/external_surfaces",
    "/data_models",
    "/dependency_graph/depends_on",
    "/dependency_graph/unblocks",
}
_WRONG: tuple[Any, ...] = (
    None,
    7,
    "x",
    True,
    {},
    [],
    ["a", 3],
    {"a": 1},
    "",
    " ",
    "\u200b",
    "TODO",
)


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    yield path, value
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield from _places(value[key], (*path, key))


def _with(
    base: dict[str, Any], path: tuple[Any, ...], change: Callable[[Any, Any], Any]
) -> dict[str, Any]:
    made = copy.deepcopy(base)
    holder: Any = made
    for key in path[:-1]:
        holder = holder[key]
    change(holder, path[-1])
    return made


def _put(value: Any, holder: Any, key: Any) -> None:
    holder[key] = value


def _fits(value: Any, wrong: Any) -> bool:
    """Whether a replacement is no fault of type here."""
    if isinstance(value, bool) or isinstance(wrong, bool):
        return isinstance(value, bool) and isinstance(wrong, bool)
    if isinstance(value, str):
        return isinstance(wrong, str) and wrong in ("x",)
    if isinstance(value, list):
        return bool(wrong == [])  # a test of its own
    return isinstance(value, dict) and isinstance(wrong, dict)


@pytest.mark.parametrize("base", [report(), done()], ids=["in-progress", "done"])
def test_every_key_that_is_deleted_is_one_finding(base: dict[str, Any]) -> None:
    for path, _ in _places(base):
        if path and isinstance(path[-1], str):
            found = _judge(_with(base, path, lambda holder, key: holder.pop(key)))
            assert [f.rule for f in found] == ["RPT002"], path
            assert path[-1] in found[0].message


@pytest.mark.parametrize("base", [report(), done()], ids=["in-progress", "done"])
def test_every_value_of_the_wrong_type_is_one_finding(base: dict[str, Any]) -> None:
    count = 0
    for path, value in _places(base):
        for wrong in _WRONG if path else ():
            if _fits(value, wrong) or (path == ("data_models",) and wrong == ["a", 3]):
                continue
            found = _judge(_with(base, path, partial(_put, wrong)))
            assert len(found) == 1, (path, wrong, _told(found))
            pointer = "/" + "/".join(map(str, path))
            assert str(found[0].location.pointer).startswith(pointer), (path, wrong)
            count += 1
    assert count > 600


@pytest.mark.parametrize("base", [report(), done()], ids=["in-progress", "done"])
def test_every_list_that_is_emptied_is_one_finding_or_may_be_empty(base: dict[str, Any]) -> None:
    is_done = base["status"]["stage"] == "done"
    for path, value in _places(base):
        if not isinstance(value, list) or not value:
            continue
        pointer = "/" + "/".join(map(str, path))
        found = _judge(_with(base, path, lambda holder, key: holder.__setitem__(key, [])))
        allowed = pointer in _MAY_BE_EMPTY or (path[0] == "tests" and not is_done)
        assert len(found) == (0 if allowed else 1), (pointer, _told(found))


def test_an_unknown_key_anywhere_is_one_finding() -> None:
    base = report()
    for path, value in _places(base):
        if isinstance(value, dict):
            made = copy.deepcopy(base)
            holder: Any = made
            for key in path:
                holder = holder[key]
            holder["more"] = "a value that says something"
            found = _judge(made)
            assert [f.rule for f in found] == ["RPT003"], path


@pytest.mark.parametrize("stage", ["", "Done", "finished", "in progress", "in-progress", "todo"])
def test_a_stage_outside_its_set_is_one_finding(stage: str) -> None:
    found = _judge(changed(lambda r: r["status"].update(stage=stage)))
    assert len(found) == 1 and found[0].location.pointer == "/status/stage"
    assert found[0].rule == ("RPT005" if stage == "todo" else "RPT004")


@pytest.mark.parametrize("value", [-0.01, 1.01, 40, 1e300, True, "0.4", None, "40 %"])
def test_a_completion_outside_its_range_is_one_finding(value: Any) -> None:
    found = _judge(changed(lambda r: r["status"].update(completion=value)))
    assert _told(found) == [("RPT004", "r0.json", "/status/completion")]


def test_a_misspelt_key_is_one_finding() -> None:
    found = _judge(changed(lambda r: r.update(guardrail=r.pop("guardrails"))))
    assert _told(found) == [("RPT003", "r0.json", "/guardrail")]
    assert "guardrails" in found[0].message


def test_a_key_that_is_missing_and_one_that_is_unknown_are_two() -> None:
    found = _judge(changed(lambda r: r.update(colour=r.pop("guardrails"))))
    assert {f.rule for f in found} == {"RPT002", "RPT003"}


def test_one_phase_that_is_none_is_one_finding() -> None:
    assert _told(_judge(changed(lambda r: r["phase_meta"].update(phase_id="P14")))) == [
        ("RPT004", "r0.json", "/phase_meta/phase_id")
    ]


# -- sets ------------------------------------------------------------------------------------------


def _graph(phase: str, depends: list[str], unblocks: list[str], version: str = "v1") -> Any:
    made = report(phase)
    made["dependency_graph"] = {"depends_on": depends, "unblocks": unblocks}
    made["phase_meta"]["version"] = version
    return made


@pytest.mark.parametrize("length", range(2, 14))
def test_a_cycle_is_told_once_and_whole(length: int) -> None:
    names = [f"P{n}" for n in range(1, length + 1)]
    reports = [_graph(name, [names[index - 1]], []) for index, name in enumerate(names)]
    (found,) = _judge(*reports)
    assert found.rule == "RPT012" and found.location.path == "r0.json"
    assert all(name in found.message for name in names)
    assert len(found.related) == length - 1


def test_a_cycle_through_a_phase_without_a_report_is_found() -> None:
    found = _judge(_graph("P1", ["P2"], []), _graph("P3", ["P1"], ["P2"]))
    assert [f.rule for f in found] == ["RPT012"]
    assert "P1 → P2 → P3 → P1" in found[0].message


def test_two_knots_are_two_findings() -> None:
    found = _judge(
        _graph("P1", ["P2"], []),
        _graph("P2", ["P1"], []),
        _graph("P3", ["P4"], []),
        _graph("P4", ["P3", "P1"], []),
    )
    assert [(f.rule, f.location.path) for f in found] == [
        ("RPT012", "r0.json"),
        ("RPT012", "r2.json"),
    ]


@pytest.mark.parametrize(
    ("older", "newer"),
    [("v1", "v2"), ("v9", "v10"), ("v1.9", "v1.10"), ("1", "v1.1"), ("v2-rc1", "v2"), ("a", "v1")],
)
def test_of_two_versions_the_higher_counts(older: str, newer: str) -> None:
    first, second = _graph("P7", ["P8"], [], older), _graph("P7", [], [], newer)
    other = _graph("P8", ["P7"], [])
    for given_order in ((first, second, other), (second, first, other)):
        assert _told(_judge(*given_order)) == []
    first["phase_meta"]["version"], second["phase_meta"]["version"] = newer, older
    assert [f.rule for f in _judge(first, second, other)] == ["RPT012"]


def test_versions_that_are_written_differently_may_be_one() -> None:
    found = _judge(_graph("P7", [], [], "v1"), _graph("P7", [], [], "1.0"))
    assert _told(found) == [("RPT012", "r1.json", "/phase_meta/version")]


def test_what_contradicts_an_unknown_phase_is_told_once() -> None:
    found = _judge(_graph("P7", [], ["P8"]), _graph("P8", ["p7"], []))
    assert _told(found) == [("RPT012", "r1.json", "/dependency_graph/depends_on/0")]
    assert "write P7" in found[0].message


def test_a_done_phase_names_each_unfinished_dependency() -> None:
    last = done("P9")
    last["dependency_graph"]["depends_on"] = ["P8", "P7", "P6"]
    middle = done("P8")
    middle["dependency_graph"]["depends_on"] = []
    first = report("P7")
    first["dependency_graph"]["unblocks"] = []
    found = _judge(first, middle, last)
    unready = [f for f in found if f.rule == "RPT008"]
    assert [(f.location.path, f.location.pointer) for f in unready] == [
        ("r2.json", "/dependency_graph/depends_on/1")
    ]
    assert unready[0].related[0].location.path == "r0.json"


# -- against a repository -------------------------------------------------------------------------


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    for folder in ("src/security", "src/session", "src/runtime", "src/contracts", "tests/e2e"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "src/lib.rs").write_text("mod session;\n")
    (tmp_path / "src/clock.rs").write_text("fn now() {}\n")
    (tmp_path / "tests/test_lease.py").write_text("def test_expiry():\n    assert 1\n")
    (tmp_path / "tests/e2e/tenants.rs").write_text("#[test]\nfn test_two_tenants() {}\n")
    return tmp_path


def test_what_the_repository_has_passes(repository: Path) -> None:
    made = report()
    made["module_scope"]["read_modules"] = [
        "src/contracts/",
        "src/lib.rs::Session",
        "src/lib.rs#L1",
        "src/clock",
        "crate::clock",
        "state_store adapter",
    ]
    made["tests"] = {
        "unit": ["tests/test_lease.py::test_expiry", "lease expiry in words"],
        "integration": ["test_two_tenants", "test_lease.py"],
        "e2e": ["tests/e2e/tenants.rs"],
    }
    assert _told(_judge(made, against=str(repository))) == []


def test_what_the_repository_lacks_is_found(repository: Path) -> None:
    made = report()
    made["module_scope"]["read_modules"] = ["src/sesion", "../elsewhere", "/opt/x", "src/lib.rs"]
    made["tests"] = {
        "unit": ["tests/test_lease.py::test_renewal"],
        "integration": ["test_three_tenants fails closed"],
        "e2e": ["tests/e2e/tenant.rs", "../secret.py"],
    }
    found = _judge(made, against=str(repository))
    assert [(f.rule, f.location.pointer) for f in found] == [
        ("RPT007", "/module_scope/read_modules/0"),
        ("RPT007", "/module_scope/read_modules/1"),
        ("RPT007", "/module_scope/read_modules/2"),
        ("RPT015", "/tests/unit/0"),
        ("RPT015", "/tests/integration/0"),
        ("RPT015", "/tests/e2e/0"),
        ("RPT015", "/tests/e2e/1"),
    ]
    assert "did you mean src/session" in found[0].message


def test_planned_tests_need_not_be_there_yet(repository: Path) -> None:
    made = report(stage="planned", completion=0.0)
    made["tests"]["unit"] = ["tests/test_nothing.py"]
    assert _told(_judge(made, against=str(repository))) == []


# -- whatever it is given -------------------------------------------------------------------------

_json = st.recursive(
    st.none()
    | st.booleans()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
_paths = [path for path, _ in _places(report()) if path]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(_paths), _json), max_size=4))
def test_no_value_makes_a_check_fail(changes: list[tuple[tuple[Any, ...], Any]]) -> None:
    made: Any = report()
    for path, value in changes:
        holder = made
        for key in path[:-1]:
            inside = isinstance(holder, dict) and key in holder
            if not inside and not (
                isinstance(holder, list) and isinstance(key, int) and key < len(holder)
            ):
                holder = None
                break
            holder = holder[key]
        if isinstance(holder, dict) or (
            isinstance(holder, list) and isinstance(path[-1], int) and path[-1] < len(holder)
        ):
            holder[path[-1]] = value
    for finding in _judge(made, report("P6")):
        assert finding.message and finding.location.line >= 1


@settings(max_examples=60, deadline=None)
@given(_json)
def test_any_json_is_judged(value: Any) -> None:
    assert _judge(value) != []


# -- the published schema -------------------------------------------------------------------------

_SHAPE_RULES = {"RPT002", "RPT003", "RPT004"}


@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
@given(schema_documents.documents(load_schema("phase-report")))
def test_whatever_keeps_to_the_schema_has_no_fault_of_shape(value: Any) -> None:
    found = _judge(value)
    assert not [f for f in found if f.rule in _SHAPE_RULES]


def test_the_schema_is_one_and_describes_every_key() -> None:
    from jsonschema import Draft202012Validator

    schema = load_schema("phase-report")
    Draft202012Validator.check_schema(schema)
    assert schema["$id"].startswith("urn:govlint:schema:phase-report")
    open_ = [schema]
    while open_:
        part = open_.pop()
        for name, below in part.get("properties", {}).items():
            assert below.get("description"), name
            assert below.get("additionalProperties") is False or "properties" not in below, name
            open_.append(below)
        open_ += [part["items"]] if "items" in part else []
