"""The schemas of the step types, and MSN013 on documents that are made from them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schema_documents import documents

from govlint.checks import step_parameters
from govlint.documents.document import Documents
from govlint.documents.reader import read
from govlint.documents.schema import is_valid, load_schema
from govlint.documents.steps import described, roles_of, step_types
from govlint.model import Finding, Rule, Severity

FOLDER = Path(__file__).parents[1] / "schemas" / "steps"
TYPES = sorted(step_types())
ROLES = (FOLDER / "README.md").read_text("utf-8")
RULE = Rule(
    "MSN013", "step-parameters", Severity.ERROR, "0.2.0", "step-parameters", {}, "002",
    "missions", "", "", "", "", "",
)  # fmt: skip


def found(steps: Any, syntax: str = "json") -> list[Finding]:
    text = steps if isinstance(steps, str) else json.dumps({"steps": steps})
    document = read("mission", text.encode(), syntax, "mission")
    assert not document.faults
    return list(step_parameters.run(RULE, step_parameters.Params(), Documents([document])))


def one_step(kind: str, parameters: Any) -> list[Finding]:
    return found([{"id": "s", "name": "s", "step_type": kind, "parameters": parameters}])


def sample(kind: str) -> dict[str, Any]:
    """A smallest document that keeps to the schema."""
    schema = load_schema(f"steps/{kind}")
    forms = schema.get("anyOf", [{"required": []}])
    names = [*schema.get("required", ()), *forms[0]["required"]]
    return {name: value_for(schema["properties"][name]) for name in names}


def value_for(schema: dict[str, Any]) -> Any:
    types = schema.get("type", "string")
    kind = types[0] if isinstance(types, list) else types
    if kind == "array":
        items = schema.get("items", {})
        return [{"step_name": "a", "step_type": "noop"}] if "properties" in items else []
    return {
        "string": schema.get("examples", ["644"])[0],
        "integer": schema.get("minimum", 1),
        "number": schema.get("minimum", 1),
        "boolean": True,
        "object": {},
    }[kind]


# -- the schemas ---------------------------------------------------------------------------------


def test_every_step_type_of_the_spec_has_its_schema() -> None:
    assert len(TYPES) == 51
    assert {path.name for path in FOLDER.glob("*.json")} == {f"{t}.schema.json" for t in TYPES}


@pytest.mark.parametrize("kind", TYPES)
def test_a_schema_is_sound_and_describes_each_parameter(kind: str) -> None:
    schema = load_schema(f"steps/{kind}")
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$id"] == f"urn:govlint:schema:step:{kind}:1"
    assert schema["additionalProperties"] is False
    assert schema["description"].endswith(".")
    for name, parameter in schema["properties"].items():
        assert parameter["description"].endswith("."), name
        for role in roles_of(kind, name):
            assert f"| `{role}` |" in ROLES
        if "default" in parameter:
            jsonschema.Draft202012Validator(parameter).validate(parameter["default"])
    named = set(schema.get("required", ()))
    for form in schema.get("anyOf", ()):
        named.update(form["required"])
    assert named <= set(schema["properties"])


@pytest.mark.parametrize("kind", TYPES)
def test_what_a_type_is_annotated_with_is_in_the_vocabulary(kind: str) -> None:
    notes = described(kind)
    for key in notes:
        assert f"| `{key}` |" in ROLES
    assert isinstance(notes["can-hang"], bool) and isinstance(notes["open-outputs"], bool)
    assert set(notes["writes"]) <= {"files", "repository", "database", "process", "remote"}
    writes_paths = any(
        "path-write" in roles_of(kind, p) for p in load_schema(f"steps/{kind}")["properties"]
    )
    assert not writes_paths or notes["writes"]


# -- documents made from them --------------------------------------------------------------------


@pytest.mark.parametrize("kind", TYPES)
@settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_what_keeps_to_the_schema_is_clean(kind: str, data: st.DataObject) -> None:
    parameters = data.draw(documents(load_schema(f"steps/{kind}")))
    if kind == "chain":  # its sub-steps are judged by their own types
        parameters.pop("steps", None)
        parameters.setdefault("prompt", "x")
        if parameters["prompt"] is None:
            parameters["prompt"] = "x"
    assert one_step(kind, parameters) == []


def breaches(kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every way to break a good document once: what was done, and the document."""
    schema = load_schema(f"steps/{kind}")
    good = sample(kind)
    for name in good:
        yield f"without {name}", {k: v for k, v in good.items() if k != name}
        if "type" in schema["properties"][name]:
            yield f"{name} null", {**good, name: None}
    yield "unknown", {**good, "zzz": 1}
    for name, parameter in schema["properties"].items():
        types = parameter.get("type")
        if types is None:
            continue
        listed = types if isinstance(types, list) else [types]
        wrongs: tuple[Any, ...] = ({"a": {}}, [[]], 1.5, True, "no such word")
        for wrong in wrongs:
            if not jsonschema.Draft202012Validator(parameter).is_valid(wrong):
                yield f"{name}={wrong!r}", {**good, name: wrong}
        if "minimum" in parameter and "timeout" not in roles_of(kind, name):
            yield f"{name} low", {**good, name: parameter["minimum"] - 1}
        if parameter.get("minLength"):
            yield f"{name} empty", {**good, name: ""}
        if name not in good and "null" in listed:
            assert is_valid({**good, name: None}, f"steps/{kind}")


@pytest.mark.parametrize("kind", TYPES)
def test_every_breach_of_a_good_document_is_one_finding(kind: str) -> None:
    assert one_step(kind, sample(kind)) == []
    for what, parameters in breaches(kind):
        findings = one_step(kind, parameters)
        assert len(findings) == 1, (what, parameters, [f.message for f in findings])
        assert (findings[0].location.pointer or "").startswith("/steps/0/parameters")
        assert kind in findings[0].message


@pytest.mark.parametrize("kind", TYPES)
def test_a_misspelt_name_is_one_finding_with_the_right_one(kind: str) -> None:
    for name in sample(kind):
        parameters = sample(kind)
        parameters[name[:-1] + name[-1] * 2] = parameters.pop(name)
        [finding] = one_step(kind, parameters)
        assert f"did you mean `{name}`?" in finding.message


# -- the rule ------------------------------------------------------------------------------------

AT = "/steps/0/parameters"
EVASIONS = [
    ("copy_file", {"source": "a"}, AT, "needs `destination`"),
    ("copy_file", {}, AT, "needs `source` and `destination`"),
    ("http", {"url": "x", "timeout_seconds": 5}, AT + "/timeout_seconds", "no param"),
    ("http", {"url": "x", "Method": "GET"}, AT + "/Method", "`method`"),
    ("http", {"url": "x", "headers": {"a": 5}}, AT + "/headers/a", "number 5"),
    ("http", {"url": "x", "method": "grab"}, AT + "/method", "GET"),
    ("http", {"url": "x", "timeout": "{{a}}0"}, AT + "/timeout", "whole number"),
    ("http", {"url": "x", "timeout": "30"}, AT + "/timeout", "whole number"),
    ("http", {"url": "x", "expected_status": [200, "ok"]}, AT + "/expected_status/1", "whole"),
    ("command", {"command": "x", "args": "a b"}, AT + "/args", "a list of texts"),
    ("command", {"command": "x", "args": "{{a.output.b}}"}, AT + "/args", "a list"),
    ("command", {"command": "x", "args": ["a", None]}, AT + "/args/1", "null"),
    ("command", {"command": ["ls", "-l"]}, AT + "/command", "a list of 2"),
    ("command", {"command": ""}, AT + "/command", "0 characters"),
    ("redis_set", {"key": "a", "value": 5}, AT + "/value", "number 5"),
    ("process_kill", {"pid": "12"}, AT + "/pid", "whole number"),
    ("process_kill", {"pid": 1.5}, AT + "/pid", "whole number"),
    ("process_kill", {"pid": True}, AT + "/pid", "true"),
    ("validate_schema", {"data": {"a": 1}, "schema": {}}, AT + "/data", "mapping"),
    ("rag_add", {"id": "a"}, AT, "`content`, or `content_file`"),
    ("noop", {"message": "x"}, AT + "/message", "takes none"),
    ("agent", {"task": "x"}, AT, "needs `objective`"),
    ("llm", {"prompt": None}, AT + "/prompt", "null"),
    ("chain", {"steps": []}, AT + "/steps", "0 entries"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "parameters", "pointer", "said"), EVASIONS)
def test_evasions_are_found_where_they_stand(
    kind: str, parameters: dict[str, Any], pointer: str, said: str
) -> None:
    findings = one_step(kind, parameters)
    places = [finding.location.pointer for finding in findings]
    assert pointer in places
    assert len(findings) == (2 if "task" in parameters else 1)
    assert any(said in finding.message for finding in findings)


LOOK_ALIKES = [
    ("http", {"url": "x", "method": "post", "body": None, "headers": None}),
    ("http", {"url": "x", "timeout": "{{ config.timeout }}", "body": [1, {"a": "b"}]}),
    ("http", {"url": "x", "timeout": 0}),  # a bound, which is MSN014's
    ("http", {"url": "x", "headers": "{{auth.output.headers}}"}),
    ("http", {"url": "x", "expected_status": 404}),
    ("create_file", {"path": "{{env.NAME}}.txt", "content": "", "mode": "0644"}),
    ("create_file", {"path": "a", "mode": "{{config.mode}}"}),
    ("edit_file", {"path": "a", "append": "{{context.append}}", "backup": None}),
    ("command", {"command": "ls", "args": [], "working_dir": "src"}),
    ("command", {"command": "ls", "args": ["{{a.output.path}}", "5"]}),
    ("compress", {"source": "a", "destination": "b", "format": "{{config.format}}"}),
    ("sql_query", {"query": "SELECT 1", "parameters": [1, None, "a"], "output_format": "json"}),
    ("redis_get", {"key": "a", "connection": "redis://localhost"}),
    ("validate_schema", {"file": "a.csv", "schema_type": "csv"}),
    ("validate_schema", {"data": "1", "schema": True}),
    ("csv_process", {"input_file": "a", "output_file": "b", "operations": ["normalize"]}),
    ("generate_embedding", {"text_source": "inline", "text": "a"}),
    ("similarity_search", {"query_embedding": "{{e.output.embedding}}"}),
    ("similarity_search", {"query_embedding": [0.1, 2]}),
    ("tool", {"tool": "archive", "parameters": {"anything": 1}}),
    ("chain", {"prompt": "x", "type": "sequential"}),
    ("monitor_resources", None),
    ("agent", {"objective": "x", "max_iterations": 10.0, "verbose": True}),
]


@pytest.mark.parametrize(("kind", "parameters"), LOOK_ALIKES)
def test_look_alikes_are_clean(kind: str, parameters: Any) -> None:
    assert [finding.message for finding in one_step(kind, parameters)] == []


def test_a_step_without_parameters_is_pointed_at_itself() -> None:
    [finding] = found([{"id": "a", "step_type": "noop"}, {"id": "b", "step_type": "read_file"}])
    assert finding.location.pointer == "/steps/1"
    assert "needs `parameters` with `path`" in finding.message


def test_sub_steps_are_judged_at_any_depth() -> None:
    inner = {"step_name": "deep", "step_type": "read_file", "parameters": {"file": "a"}}
    steps: Any = [inner]
    for number in range(3):
        chain = {"steps": steps}
        steps = [{"step_name": f"c{number}", "step_type": "chain", "parameters": chain}]
    findings = one_step("chain", {"steps": steps})
    assert len(findings) == 2
    assert all("'deep'" in finding.message for finding in findings)
    assert all((finding.location.pointer or "").count("/steps/") == 5 for finding in findings)


def test_a_step_s_own_keys_in_a_sub_step_are_one_fault_each() -> None:
    findings = one_step("chain", {"steps": [{"name": "a", "step_type": "noop"}]})
    assert [f.message for f in findings] == [
        "step 's' (chain) has no parameter `name`; did you mean `step_name`?"
    ]
    [finding] = one_step("chain", {"steps": [{"step_name": "a"}]})
    assert "needs `step_type` in the sub-step" in finding.message


def test_what_other_rules_say_is_left_to_them() -> None:
    assert found([{"id": "a", "step_type": "CreateFile", "parameters": {}}]) == []
    assert found([{"id": "a", "step_type": "read_file", "parameters": "path"}]) == []
    assert found([7, {"id": "a", "step_type": ["x"]}]) == []
    assert found("steps: none", "yaml") == []


def test_yaml_s_traps_are_named() -> None:
    text = "steps:\n  - {id: a, step_type: create_file, parameters: {path: a, mode: 0644}}\n"
    [finding] = found(text, "yaml")
    assert finding.location.line == 2
    assert 'for text, write "0644"' in finding.message
