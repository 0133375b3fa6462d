"""Every schema: sound, described where an editor shows it, and kept to by good documents alone.

Documents are drawn from the schemas themselves (hypothesis-jsonschema) and then broken in
every way that the schema has a word for. jsonschema is the oracle of jsonschema-rs.
"""

from __future__ import annotations

import copy
import json
import random
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import referencing
import role_documents
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schema_documents import documents

from govlint.catalog import load_catalog
from govlint.document_analysis import analyse_documents
from govlint.documents.reader import read
from govlint.documents.schema import is_valid, load_schema, schema_names, violations

ROOT = Path(__file__).parents[1]
NAMES = schema_names()
WRITTEN = [name for name in NAMES if not name.startswith("receipts/")]  # by people, in editors
OWN = [name for name in NAMES if not name.startswith("steps/")]  # steps: test_step_schemas
KINDS = {
    "phase-report": ("report", "json"),
    "mission": ("mission", "yaml"),
    "role": ("role", "yaml"),
    "role-registry": ("role-registry", "json"),
}
QUICK = settings(
    max_examples=6,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate],
)


@cache
def _registry() -> referencing.Registry[Any]:
    resources = [(load_schema(n)["$id"], load_schema(n)) for n in NAMES]
    made: referencing.Registry[Any] = referencing.Registry()
    return made.with_resources(
        [(i, referencing.Resource.from_contents(schema)) for i, schema in resources]
    )


@cache
def _oracle(name: str) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(load_schema(name), registry=_registry())


def _resolved(schema: Any, root: Any, depth: int = 0) -> Any:
    """A schema with what it refers to in its place; what refers to itself ends as nothing."""
    if isinstance(schema, list):
        return [_resolved(part, root, depth) for part in schema]
    if not isinstance(schema, dict):
        return schema
    reference = schema.get("$ref")
    if reference is None:
        kept = {k: v for k, v in schema.items() if k not in ("$defs", "examples", "default")}
        return {key: _resolved(value, root, depth) for key, value in kept.items()}
    if depth > 6:
        return {"type": "null"}
    identifier, _, pointer = reference.partition("#")
    target = (
        next(load_schema(n) for n in NAMES if load_schema(n)["$id"] == identifier)
        if identifier
        else root
    )
    whole = target
    for part in pointer.split("/")[1:]:
        target = target[part]
    beside = {k: v for k, v in schema.items() if k not in ("$ref", "description", "title")}
    return {**_resolved(target, whole, depth + 1), **_resolved(beside, root, depth + 1)}


# -- the schemas themselves ------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_a_schema_is_sound_and_has_a_name_of_its_own(name: str) -> None:
    schema = load_schema(name)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    jsonschema.Draft202012Validator.check_schema(schema)
    raw = json.loads((ROOT / "schemas" / f"{name}.schema.json").read_bytes())
    assert re.fullmatch(r"urn:govlint:schema:[a-z0-9_:-]+:\d+", raw["$id"])
    assert schema["title"] and schema["description"].endswith(".")


def test_no_two_schemas_share_a_name() -> None:
    assert len({load_schema(name)["$id"] for name in NAMES}) == len(NAMES) >= 63


def _properties(schema: Any, root: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """Every property that an editor can show: those of conditions are only named again."""
    if isinstance(schema, list):
        for number, part in enumerate(schema):
            yield from _properties(part, root, f"{place}/{number}")
    elif isinstance(schema, dict):
        for key, value in schema.get("properties", {}).items():
            yield f"{place}/{key}", value
        for key, value in schema.items():
            if key in ("anyOf", "oneOf") and "properties" in schema:
                continue  # names some of the same again
            if key in ("properties", "$defs"):
                for name, part in value.items():
                    yield from _properties(part, root, f"{place}/{key}/{name}")
            elif key not in ("if", "then", "else", "not", "const", "enum", "default", "examples"):
                yield from _properties(value, root, f"{place}/{key}")


@pytest.mark.parametrize("name", WRITTEN)
def test_an_editor_has_a_description_to_show_of_every_key(name: str) -> None:
    root = load_schema(name)
    bare = []
    for place, found in _properties(root, root):
        target = found
        while isinstance(target, dict) and "description" not in target and "$ref" in target:
            target = root["$defs"][target["$ref"].rpartition("/")[2]]
        if not (isinstance(target, dict) and target.get("description")):
            bare.append(place)
    assert bare == []


@pytest.mark.parametrize("name", ["mission", "phase-report", "role", "role-registry", "config"])
def test_the_guide_for_editors_names_the_schema(name: str) -> None:
    guide = (ROOT / "docs" / "editors.md").read_text("utf-8")
    assert f"schemas/{name}.schema.json" in guide


def _drawn(schema: Any) -> st.SearchStrategy[Any]:
    """Values of a resolved schema: objects and lists from their parts, and only the leaves by
    hypothesis-jsonschema, which takes minutes to make a large schema canonical as a whole.
    """
    if not isinstance(schema, dict):
        return st.sampled_from([None, True, 0, "", "text", [], {}])
    for branches in ("anyOf", "oneOf"):
        if branches in schema and "type" not in schema:
            rest = {key: value for key, value in schema.items() if key != branches}
            return st.one_of([_drawn({**rest, **branch}) for branch in schema[branches]])
    if "properties" in schema:
        parts = {k: v for k, v in schema["properties"].items() if v is not False}
        required = schema.get("required", ())
        return st.fixed_dictionaries(
            {key: _drawn(parts[key]) for key in required if key in parts},
            optional={key: _drawn(part) for key, part in parts.items() if key not in required},
        )
    if schema.get("type") == "array" and "items" in schema and "uniqueItems" not in schema:
        least = schema.get("minItems", 0)
        most = min(schema.get("maxItems", 3), least + 3)
        return st.lists(_drawn(schema["items"]), min_size=least, max_size=most)
    if set(schema) & {"if", "allOf", "additionalProperties", "propertyNames"}:
        return st.just(_fill(schema))
    plain = {k: v for k, v in schema.items() if k not in ("title", "description", "format")}
    return documents(plain)


# -- documents made from them ----------------------------------------------------------------------


@pytest.mark.parametrize("name", OWN)
@QUICK
@given(data=st.data())
def test_what_keeps_to_a_schema_is_accepted_and_crashes_nothing(
    name: str, data: st.DataObject
) -> None:
    value = data.draw(_drawn(_resolved(load_schema(name), load_schema(name))))
    assert is_valid(value, name) == _oracle(name).is_valid(value)
    if name in KINDS:
        told = _judged(name, value)
        assert not [problem for problem in told.problems if problem.kind == "crash"]


def _judged(name: str, value: Any) -> Any:
    kind, syntax = KINDS[name]
    text = json.dumps(value)  # YAML, too
    document = read(f"made.{syntax}", text.encode(), syntax, kind)
    rules = [rule for rule in load_catalog().rules.values() if kind in rule.documents]
    return analyse_documents([document], rules)


def _good(name: str) -> Any:
    """A document that keeps to a schema, as complete as can be had, always the same."""
    if name in ("role", "role-registry"):  # their conditions are more than can be filled in
        return role_documents.role() if name == "role" else role_documents.registry("scanner")
    return _fill(_resolved(load_schema(name), load_schema(name)))


_FORMS = {
    "^sha256:[0-9a-f]{64}$": "sha256:" + "0" * 64,
    "^[0-9a-f]{64}$": "0" * 64,
}


def _fill(schema: Any) -> Any:
    if schema is True or not isinstance(schema, dict):
        return "text"
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][0]
    for branches in ("anyOf", "oneOf"):
        if branches in schema and "type" not in schema:
            rest = {k: v for k, v in schema.items() if k != branches}
            chosen: dict[str, Any] = next(
                (b for b in schema[branches] if b.get("type") != "null"), {}
            )
            return _fill({**rest, **chosen})
    kinds = schema.get("type", "object" if "properties" in schema else "string")
    kind = kinds[0] if isinstance(kinds, list) else kinds
    if kind == "object":
        made = {}
        for key, value in schema.get("properties", {}).items():
            if value is not False:
                made[key] = _fill(value)
        return made
    if kind == "array":
        least = max(schema.get("minItems", 0), 1)
        return [_fill(schema.get("items", True)) for _ in range(least)]
    if kind == "string":
        pattern = schema.get("pattern")
        if pattern is None:
            return "text" + "x" * max(schema.get("minLength", 0) - 4, 0)
        from hypothesis import find

        return _FORMS.get(pattern) or _first(pattern, find)
    return {
        "integer": schema.get("minimum", 1), "number": schema.get("minimum", 1),
        "boolean": True, "null": None,
    }[kind]  # fmt: skip


@cache
def _first(pattern: str, find: Any) -> str:
    made: str = find(
        st.from_regex(pattern, alphabet=st.characters(min_codepoint=32, max_codepoint=126)),
        lambda text: not text.endswith("\n"),
        settings=settings(derandomize=True, database=None, deadline=None, phases=[Phase.generate]),
    )
    return made


def _breaches(schema: Any, value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Ways to break a value that keeps to a schema: what is done, and the value after it."""
    if not isinstance(schema, dict):
        return
    kinds = schema.get("type")
    listed = kinds if isinstance(kinds, list) else [kinds] if kinds else []
    wrong = {"object": [], "array": {}, "string": 7, "integer": "1", "number": "1", "boolean": 1}
    if listed and "null" not in listed:
        yield f"{place} null", None
    if listed and listed[0] in wrong and len(listed) == 1:
        yield f"{place} of another type", wrong[listed[0]]
    if "enum" in schema or "const" in schema:
        yield f"{place} outside its set", "no-such-value"
    if schema.get("minLength"):
        yield f"{place} too short", ""
    if "minimum" in schema:
        yield f"{place} too low", schema["minimum"] - 1
    if "maximum" in schema:
        yield f"{place} too high", schema["maximum"] + 1
    if schema.get("minItems"):
        yield f"{place} too few", []
    if "pattern" in schema:
        yield f"{place} of another form", "\x7f no such form \x7f"
    if isinstance(value, dict):
        for key in schema.get("required", ()):
            yield f"{place} without {key}", {k: v for k, v in value.items() if k != key}
        if schema.get("additionalProperties") is False:
            yield f"{place} with a key more", {**value, "zzz_unknown": 1}
        for key, part in schema.get("properties", {}).items():
            if key in value:
                for what, broken in _breaches(part, value[key], (*place, key)):
                    yield what, {**value, key: broken}
    if isinstance(value, list) and value:
        for what, broken in _breaches(schema.get("items"), value[0], (*place, 0)):
            yield what, [broken, *value[1:]]


@pytest.mark.parametrize("name", [n for n in OWN if n in WRITTEN and n != "findings"])
def test_every_breach_of_a_good_document_is_refused(name: str) -> None:
    schema = _resolved(load_schema(name), load_schema(name))
    good = _good(name)
    assert [str(error.message) for error in _oracle(name).iter_errors(good)] == []
    assert is_valid(good, name)
    refused = 0
    for what, broken in _breaches(schema, good):
        valid = _oracle(name).is_valid(broken)
        assert is_valid(broken, name) == valid, what
        if not valid:
            refused += 1
            assert violations(copy.deepcopy(broken), name), what
    assert refused >= 5


@pytest.mark.parametrize("name", KINDS)
def test_every_breach_of_a_document_is_found_by_a_rule(name: str) -> None:
    schema = _resolved(load_schema(name), load_schema(name))
    broken = [(w, b) for w, b in _breaches(schema, _good(name)) if not is_valid(b, name)]
    random.Random(1).shuffle(broken)
    for what, value in broken[:60]:
        told = _judged(name, value)
        assert told.findings, what
        assert not [problem for problem in told.problems if problem.kind == "crash"], what


# -- what the runtime makes keeps to them ----------------------------------------------------------


def test_the_runtimes_error_envelope_keeps_to_its_schema() -> None:
    from runtime_min.kernel.errors import Refused, ValidationFailed, error_envelope

    at = "2026-11-21T12:00:00Z"
    for error in (ValueError("secret path"), ValidationFailed("no"), Refused("no", "denied", a=1)):
        made = error_envelope(error, "plugin", at)
        assert violations(made, "error-envelope") == []
        assert violations({"error": made["error"]}, "error-envelope") == []
        assert violations({**made, "error": {**made["error"], "trace": "x"}}, "error-envelope")


def test_the_specs_own_audit_entry_keeps_to_its_schema() -> None:
    uuid = "123e4567-e89b-42d3-a456-426614174000"
    entry = {
        "audit_id": uuid,
        "invocation_id": uuid,
        "role_id": "ecosystem.runner",
        "timestamp": "2025-01-01T00:00:00Z",
        "actor": "user:john.doe",
        "action": "execute_role",
        "resource": "ecosystem/",
        "result": "success",
        "duration_ms": 1500,
        "evidence_links": [
            "file:ecosystem/index.json#sha256:abc123",
            "log:execution.log#lines:1-100",
        ],
        "metadata": {"correlation_id": uuid, "request_id": uuid},
    }
    assert violations(entry, "audit-event") == []
    assert violations({**entry, "duration_ms": -1}, "audit-event")
    assert violations({**entry, "evidence_links": ["nowhere"]}, "audit-event")
