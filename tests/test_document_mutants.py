"""Every mutation of a good document that breaks its specification is found where it is.

The good documents are the specification's own complete missions, one report of each phase and
the five roles. Each is changed in one place at a time: a key taken away or misspelt, a value
of another type or outside its set, an id twice, a dependency on nothing.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from document_corpus import PACKS, bases, mission_cases

from govlint.catalog import Catalog, load_catalog
from govlint.config import Config
from govlint.documents.document import join_pointer
from govlint.documents.steps import roles_of
from govlint.engine import Options, run

_MISSIONS = 7  # the first cases of the corpus are the specification's complete missions
# values that may be anything, and mappings whose keys are the author's own
_ANYTHING = ("metadata", "body", "schema", "default", "enum", "properties")


class Mutant(NamedTuple):
    """A changed document, what was done to it, and where one of which rules has to say so."""

    what: str
    document: Any
    rules: tuple[str, ...]
    places: tuple[str, ...]


@cache
def _catalog() -> Catalog:
    return load_catalog()


def _walk(value: Any, parts: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every value with the way to it, the whole first."""
    yield parts, value
    entries: list[tuple[str, Any]] = list(value.items()) if isinstance(value, dict) else []
    if isinstance(value, list):
        entries = [(str(number), entry) for number, entry in enumerate(value)]
    for name, entry in entries:
        yield from _walk(entry, (*parts, name))


def _with(document: Any, parts: tuple[str, ...], change: Callable[[Any, Any], None]) -> Any:
    """A copy in which `change` was given what holds the last part, and that part."""
    copied = copy.deepcopy(document)
    holder = copied
    for part in parts[:-1]:
        holder = holder[int(part)] if isinstance(holder, list) else holder[part]
    change(holder, int(parts[-1]) if isinstance(holder, list) else parts[-1])
    return copied


def _set(value: Any) -> Callable[[Any, Any], None]:
    def change(holder: Any, last: Any) -> None:
        holder[last] = value

    return change


def _drop(holder: Any, last: Any) -> None:
    del holder[last]


def _misspell(holder: Any, last: Any) -> None:
    pairs = [(_slip(key) if key == last else key, value) for key, value in holder.items()]
    holder.clear()
    holder.update(pairs)


def _slip(word: str) -> str:
    """The word with two letters of its middle exchanged, or one left out where they are equal."""
    for at in range(len(word) // 2, 0, -1):
        if word[at] != word[at - 1]:
            return word[: at - 1] + word[at] + word[at - 1] + word[at + 1 :]
    return word[:-1] + "q"


def _others(value: Any) -> list[Any]:
    """Values of other types than this one, and than what it might be given as."""
    if isinstance(value, bool):
        return ["yes", 1, []]
    if isinstance(value, int | float):
        return ["many", [], {}, True]
    if isinstance(value, str):
        return [[value], {"a": value}, 5]
    return ["finance", 5, {"a": 1} if isinstance(value, list) else [1]]


def _has_own_keys(parts: tuple[str, ...]) -> bool:
    """Whether this mapping of a role has the keys of the schema, and no others."""
    return not parts or parts in _ROLE_REQUIRED


# -- what breaks a mission ---------------------------------------------------------------------


def _missions() -> list[dict[str, Any]]:
    found = []
    for case in list(mission_cases())[:_MISSIONS]:
        [text] = case.files.values()
        found.append(yaml.safe_load(text))
    return found


def _mission_mutants(mission: dict[str, Any]) -> Iterator[Mutant]:
    first = mission["steps"][0]["id"]
    for parts, value in _walk(mission):
        if not parts or any(part in _ANYTHING for part in parts[:-1]):
            continue
        pointer, holder = join_pointer(parts), join_pointer(parts[:-1])
        in_parameters = len(parts) > 3 and parts[2] == "parameters"
        rule = ("MSN013",) if in_parameters else ("MSN002", "MSN003")
        if parts[-1] not in _ANYTHING and not (in_parameters and len(parts) > 4):
            for other in _others(value):
                if parts[-1] == "description" and other is None:
                    continue
                changed = _with(mission, parts, _set(other))
                yield Mutant(f"{pointer} is {other!r}", changed, rule, (pointer, holder))
        if not parts[-1].isdigit() and len(parts) < 5 and "headers" not in parts:
            changed = _with(mission, parts, _misspell)
            place = join_pointer((*parts[:-1], _slip(parts[-1])))
            rules = (*rule, "MSN001")
            yield Mutant(f"{pointer} is misspelt", changed, rules, (place, holder, ""))
        if parts[-1] in ("version", "name", "steps", "id", "step_type") and not in_parameters:
            changed = _with(mission, parts, _drop)
            yield Mutant(f"{pointer} is gone", changed, ("MSN002",), (holder,))
    for number, step in enumerate(mission["steps"]):
        place = f"/steps/{number}"
        yield from _step_mutants(mission, number, step, place)
        if number:
            changed = _with(mission, ("steps", str(number), "id"), _set(first))
            yield Mutant(f"{place} has the first id", changed, ("MSN004",), (f"{place}/id",))
            ring = _with(mission, ("steps", "0", "depends_on"), _set([step["id"]]))
            ring["steps"][number]["depends_on"] = [first]
            yield Mutant(
                f"{place} and the first wait", ring, ("MSN006",), ("/steps/0/depends_on/0",)
            )


def _step_mutants(mission: Any, number: int, step: Any, place: str) -> Iterator[Mutant]:
    way = ("steps", str(number))
    for name, what in (("nowhere", "unknown"), (step["id"], "itself")):
        changed = _with(mission, (*way, "depends_on"), _set([name]))
        yield Mutant(f"{place} needs {what}", changed, ("MSN005",), (f"{place}/depends_on/0",))
    changed = _with(mission, (*way, "step_type"), _set(_slip(step["step_type"])))
    yield Mutant(f"{place} has a type of its own", changed, ("MSN003",), (f"{place}/step_type",))
    for bound in (0, -1, 10**6):
        changed = _with(mission, (*way, "timeout_seconds"), _set(bound))
        changed.setdefault("config", {})["timeout_seconds"] = 600
        yield Mutant(
            f"{place} ends in {bound} s", changed, ("MSN014",), (f"{place}/timeout_seconds",)
        )
    for name, value in step.get("parameters", {}).items():
        pointer = f"{place}/parameters/{name}"
        if not isinstance(value, str):
            continue
        changed = _with(mission, (*way, "parameters", name), _set(value + "{{nobody}}"))
        yield Mutant(f"{pointer} has a variable", changed, ("MSN007",), (pointer,))
        if {"path-read", "path-write"} & {*roles_of(step["step_type"], name)}:
            for lead in ("../", "/", "~/", "%2e%2e/", "C:\\"):
                changed = _with(mission, (*way, "parameters", name), _set(lead + value))
                yield Mutant(f"{pointer} begins with {lead}", changed, ("MSN010",), (pointer,))


# -- what breaks a report ----------------------------------------------------------------------


def _report_mutants(report: dict[str, Any]) -> Iterator[Mutant]:
    for parts, value in _walk(report):
        if not parts:
            continue
        pointer, holder = join_pointer(parts), join_pointer(parts[:-1])
        for other in [*_others(value), None]:
            changed = _with(report, parts, _set(other))
            yield Mutant(f"{pointer} is {other!r}", changed, ("RPT004",), (pointer, holder))
        if not parts[-1].isdigit():
            changed = _with(report, parts, _drop)
            yield Mutant(f"{pointer} is gone", changed, ("RPT002",), (holder,))
            changed = _with(report, parts, _misspell)
            place = join_pointer((*parts[:-1], _slip(parts[-1])))
            yield Mutant(f"{pointer} is misspelt", changed, ("RPT003",), (place,))
        if isinstance(value, str):
            changed = _with(report, parts, _set(""))
            yield Mutant(f"{pointer} is empty", changed, ("RPT004",), (pointer,))
            if parts[-1] in ("stage", "kind", "phase_id"):
                changed = _with(report, parts, _set(_slip(value)))
                yield Mutant(f"{pointer} is out of its set", changed, ("RPT004",), (pointer,))
            else:
                changed = _with(report, parts, _set("TODO"))
                rules = ("RPT005", "RPT007", "RPT009", "RPT010", "RPT011", "RPT012")
                yield Mutant(f"{pointer} is TODO", changed, rules, (pointer, holder))
    for bad in (-0.01, 1.01, 50):
        changed = _with(report, ("status", "completion"), _set(bad))
        yield Mutant(f"completion {bad}", changed, ("RPT004",), ("/status/completion",))
    for gate, rule in (
        ("runtime_gate", "RPT010"),
        ("policy_gate", "RPT011"),
        ("audit_trace", "RPT009"),
    ):
        for number in range(len(report["guardrails"][gate])):
            changed = _with(report, ("guardrails", gate, str(number)), _drop)
            yield Mutant(f"{gate} lacks {number}", changed, (rule,), (f"/guardrails/{gate}",))


# -- what breaks a role ------------------------------------------------------------------------

_ROLE_REQUIRED = {
    (): "id name version description capabilities inputs outputs runtime_behavior semantic_tags"
    " governance_rules",
    ("inputs",): "parameters",
    ("outputs",): "format",
    ("runtime_behavior",): "execution_mode",
    ("governance_rules",): "audit_required evidence_required",
}


def _role_mutants(role: dict[str, Any]) -> Iterator[Mutant]:
    for parts, value in _walk(role):
        if not parts or "schema" in parts[:-1] or any(part in _ANYTHING for part in parts):
            continue
        pointer, holder = join_pointer(parts), join_pointer(parts[:-1])
        size = parts[-1] in ("minimum", "maximum")
        for other in _others(value):
            if parts[-1] == "type" and isinstance(other, list):
                continue  # a list of types is what JSON Schema takes
            if parts[-1] in ("memory_limit", "cpu_limit", "items") or (size and other is True):
                continue
            changed = _with(role, parts, _set(other))
            yield Mutant(
                f"{pointer} is {other!r}", changed, ("ROL001", "ROL003"), (pointer, holder)
            )
        if not parts[-1].isdigit() and _has_own_keys(parts[:-1]):
            changed = _with(role, parts, _misspell)
            place = join_pointer((*parts[:-1], _slip(parts[-1])))
            yield Mutant(f"{pointer} is misspelt", changed, ("ROL001",), (place,))
    for way, names in _ROLE_REQUIRED.items():
        for name in names.split():
            changed = _with(role, (*way, name), _drop)
            yield Mutant(f"{name} is gone", changed, ("ROL001",), (join_pointer(way),))
    for way in (
        ("outputs", "format"),
        ("runtime_behavior", "execution_mode"),
        ("id",),
        ("version",),
    ):
        changed = _with(role, way, _set("None at all"))
        yield Mutant(f"{way} is out of its set", changed, ("ROL001",), (join_pointer(way),))


# -- the property ------------------------------------------------------------------------------


def _all(kind: str) -> list[Mutant]:
    if kind == "mission":
        return [mutant for good in _missions() for mutant in _mission_mutants(good)]
    make = _report_mutants if kind == "report" else _role_mutants
    good = bases(f"{kind}_bases.yaml")
    chosen = list(good.values())[::4] if kind == "report" else good.values()
    return [mutant for each in chosen for mutant in make(each)]


@pytest.mark.parametrize("kind", ["mission", "report", "role"])
def test_every_mutation_that_breaks_the_specification_is_found(kind: str, tmp_path: Path) -> None:
    mutants = _all(kind)
    assert len(mutants) > 250
    names = {f"{number:05}.json": mutant for number, mutant in enumerate(mutants)}
    for name, mutant in names.items():
        (tmp_path / name).write_text(json.dumps(mutant.document), "utf-8")
    select = tuple(r.code for r in _catalog().rules.values() if r.pack in PACKS)
    config = Config(root=str(tmp_path), documents={kind: tuple(names)})
    result = run([str(tmp_path)], config, _catalog(), Options(select=select, jobs=1, cache=False))
    found: dict[str, set[tuple[str, str]]] = {name: set() for name in names}
    for finding in result.findings:
        found[Path(finding.location.path).name].add((finding.rule, finding.location.pointer or ""))
    assert not result.problems
    missed = [
        f"{mutant.what}: {sorted(found[name])}"
        for name, mutant in names.items()
        if not any(r in mutant.rules and _is_at(p, mutant.places) for r, p in found[name])
    ]
    assert missed == [], len(mutants)


def _is_at(pointer: str, places: tuple[str, ...]) -> bool:
    """Whether a finding stands at one of these places, or within the first of them."""
    return pointer in places or bool(places[0] and pointer.startswith(f"{places[0]}/"))
