"""ROL001 to ROL004 on definitions and registries: what is found, where, and what is clean."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from role_documents import document, findings, places, project, registry, role, scanner
from schema_documents import documents

from govlint.documents.document import split_pointer
from govlint.documents.reader import read
from govlint.documents.roles.constraints import read_rule
from govlint.documents.schema import load_schema

Change = Callable[[dict[str, Any]], object]
P = "/inputs/parameters"
C = "/governance_rules/constraints"


def changed(change: Change) -> dict[str, Any]:
    value = scanner()
    change(value)
    return value


def parameter(**descriptor: Any) -> Change:
    return lambda value: value["inputs"]["parameters"].update(depth=descriptor)


def constraint(*rules: str) -> Change:
    listed = [{"type": "X", "rule": rule, "severity": "HIGH"} for rule in rules]
    return lambda value: value["governance_rules"].update(constraints=listed)


def behavior(**keys: Any) -> Change:
    return lambda value: value["runtime_behavior"].update(keys)


def rules(**keys: Any) -> Change:
    return lambda value: value["governance_rules"].update(keys)


# -- the schemas -------------------------------------------------------------------------------


def flat(name: str) -> dict[str, Any]:
    """The schema without recursion: descriptors one level deep."""
    schema = copy.deepcopy(load_schema(name))
    descriptor = schema.pop("$defs", {}).get("descriptor", {})
    for word in ("items", "properties"):
        descriptor.get("properties", {}).pop(word, None)
    if name == "role":
        inner = schema["properties"]["inputs"]["properties"]["parameters"]
        inner["additionalProperties"] = descriptor
    return schema


@pytest.mark.parametrize("name", ["role", "role-registry"])
def test_the_schemas_are_sound_and_describe_every_key(name: str) -> None:
    schema = load_schema(name)
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$id"] == f"urn:govlint:schema:{name}:1"
    open_ = [schema]
    while open_:
        part = open_.pop()
        for key, inner in part.get("properties", {}).items():
            assert inner.get("description", "").endswith("."), key
            open_.append(inner)


@pytest.mark.parametrize("name", ["role", "role-registry"])
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_generated_documents_keep_to_the_schema(name: str, data: st.DataObject) -> None:
    value = data.draw(documents(flat(name)))
    found = findings("role_schema", document(value, name))
    assert [f.message for f in found if "did you mean" not in f.message] == []


def breaches(value: Any, schema: dict[str, Any], root: Any, pointer: str) -> Iterator[Any]:
    """Every way to break a good document once: where, what was done, the document."""
    schema = root["$defs"]["descriptor"] if "$ref" in schema else schema
    at = split_pointer(pointer)

    def put(wrong: Any) -> Any:
        whole = copy.deepcopy(root["document"])
        place = whole
        for part in at[:-1]:
            place = place[int(part) if isinstance(place, list) else part]
        place[int(at[-1]) if isinstance(place, list) else at[-1]] = wrong
        return whole

    def judged(wrong: Any) -> bool:
        plain = {**schema, "$defs": root["$defs"]}
        return not jsonschema.Draft202012Validator(plain).is_valid(wrong)

    if at:
        wrongs: tuple[Any, ...] = (7.5, True, "no such word", None, [[]], "", [], -1)
        for wrong in wrongs:
            if judged(wrong) and wrong != []:
                yield pointer, f"={wrong!r}", put(wrong)
            elif wrong == [] and schema.get("minItems"):
                yield pointer, "=[]", put([])
    if isinstance(value, dict):
        for key in schema.get("required", ()):
            less = {name: inner for name, inner in value.items() if name != key}
            yield pointer, f"without {key}", put(less) if at else less
            slip = {
                (name if name != key else f"{key[:-1]}{key[-1]}{key[-1]}"): v
                for name, v in value.items()
            }
            yield pointer, f"slip of {key}", put(slip) if at else slip
        known = schema.get("properties", {})
        for key, inner in value.items():
            further = known.get(key) or schema.get("additionalProperties")
            if further:
                yield from breaches(inner, further, root, f"{pointer}/{key}")
    elif isinstance(value, list) and "items" in schema:
        for number, inner in enumerate(value[:1]):
            yield from breaches(inner, schema["items"], root, f"{pointer}/{number}")


FULL = changed(
    lambda v: (
        v.update(mnga_layer="L5", layer_interactions=["L0"], verbs=["sweep"]),
        v["runtime_behavior"].update(
            memory_limit="1GB",
            cpu_limit="1000m",
            retry_policy={"max_retries": 2, "backoff": "linear", "backoff_factor": 1.5},
            hooks={"pre_execute": "a.sh"},
        ),
        v["governance_rules"].update(constraints=[{"type": "A", "rule": "a", "severity": "LOW"}]),
    )
)


@pytest.mark.parametrize(
    ("name", "good"), [("role", FULL), ("role-registry", registry("scanner", "analyst"))]
)
def test_every_breach_of_a_good_document_is_one_finding(name: str, good: dict[str, Any]) -> None:
    schema = load_schema(name)
    assert findings("role_schema", document(good, name)) == []
    root = {"document": good, "$defs": schema.get("$defs", {})}
    count = 0
    for pointer, what, broken in breaches(good, schema, root, ""):
        found = findings("role_schema", document(broken, name))
        assert len(found) == 1, (pointer, what, [f.message for f in found])
        assert (found[0].location.pointer or "").startswith(pointer), (pointer, what)
        count += 1
    assert count > 60


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ('{"id": "a.b",}', "trailing-comma"),
        ('{"id": 1, "id": 2}', "duplicate-key"),
        ("", "empty"),
        ("[1]", "not-a-mapping"),
        ('{"a": NaN}', "non-finite"),
    ],
)
def test_what_cannot_be_read_is_a_finding(text: str, kind: str) -> None:
    broken = read("role.json", text.encode(), "json", "role")
    assert broken.faults[0].kind == kind
    assert len(findings("role_schema", broken)) == 1
    for check in ("role_registry", "role_parameters", "role_governance"):
        assert findings(check, broken) == []


def test_a_key_of_a_team_s_own_is_no_slip() -> None:
    own = role(owner="a", tags=["b"], x_ticket=1, metadata={}, author="c", title="d", label="e")
    assert findings("role_schema", document(own)) == []


# -- ROL002 --------------------------------------------------------------------------------------

REGISTRIES: list[tuple[dict[str, Any], list[str]]] = [
    ({"registry": registry("scanner"), "scanner": role()}, []),
    ({"registry": registry("scanner")}, ["/roles/0/definition_file"]),
    ({"registry": registry(), "scanner": role()}, ["/id"]),
    ({"scanner": role()}, []),
    ({"scanner": role(), "copy": role()}, ["/id"]),
    ({"registry": registry("scanner"), "scanner": role(), "a": role()}, ["/id"]),
    (
        {"registry": registry("scanner"), "scanner": role("other")},
        ["/roles/0/definition_file", "/id"],
    ),
    ({"registry": registry("scanner"), "scanner": role(version="2.0.0")}, ["/roles/0/version"]),
    (
        {"registry": registry("scanner"), "scanner": role(capabilities=["a", "directory_scan"])},
        ["/roles/0/capabilities"],
    ),
    (
        {"registry": registry("scanner"), "scanner": role(dependencies=["ecosystem.ghost"])},
        ["/dependencies/0"],
    ),
    ({"scanner": role(dependencies=["ecosystem.ghost"])}, []),
    ({"scanner": role(dependencies=["ecosystem.scanner"])}, ["/dependencies/0"]),
    (
        {
            "a": role("a", dependencies=["ecosystem.b"]),
            "b": role("b", dependencies=["@mnga/x", "ecosystem.c"]),
            "c": role("c", dependencies=["ecosystem.a"]),
        },
        ["/dependencies/0"],
    ),
    (
        {
            "registry": registry("a", "b", b="DISABLED"),
            "a": role("a", dependencies=["ecosystem.b"]),
            "b": role("b"),
        },
        ["/dependencies/0"],
    ),
    (
        {
            "registry": registry("a", "b", b="DEPRECATED"),
            "a": role("a", dependencies=["ecosystem.b"]),
            "b": role("b"),
        },
        ["/dependencies/0"],
    ),
    (
        {
            "registry": {**registry("scanner"), "registry_metadata": {"total_roles": 2}},
            "scanner": role(),
        },
        ["/registry_metadata/total_roles"],
    ),
    ({"registry": {**registry("scanner"), "registry_metadata": {}}, "scanner": role()}, []),
    ({"registry": {"version": "1.0.0", "roles": [7, {"id": 3}]}}, []),
    ({"registry": {"version": "1.0.0", "roles": {"a": 1}}}, []),
    (
        {
            "registry": registry("a", "b"),
            "a": role("a", dependencies=["ecosystem.b"]),
            "b": role("b"),
        },
        [],
    ),
]


@pytest.mark.parametrize(("files", "pointers"), REGISTRIES)
def test_registry_and_definitions_agree(files: dict[str, Any], pointers: list[str]) -> None:
    assert places("role_registry", *project(**files)) == pointers


def test_an_entry_twice_is_told_with_the_first() -> None:
    twice = registry("scanner", "scanner")
    [finding] = findings("role_registry", *project(registry=twice, scanner=role()))
    assert finding.location.pointer == "/roles/1/id"
    assert finding.related[0].location.pointer == "/roles/0/id"


def test_of_two_definitions_the_one_that_is_not_registered_is_told() -> None:
    files = project(registry=registry("scanner"), scanner=role(), a=role())
    [finding] = findings("role_registry", *files)
    assert finding.location.path == "roles/a.json"


def test_an_id_is_not_near_another_for_their_common_namespace() -> None:
    files = {"registry": registry("scanner"), "scanner": role(dependencies=["ecosystem.ghost"])}
    [finding] = findings("role_registry", *project(**files))
    assert "did you mean" not in finding.message


# -- ROL003 --------------------------------------------------------------------------------------

BAD_PARAMETERS: list[tuple[Change, str]] = [
    (lambda v: v["inputs"].update(required=["path", "target"]), "/inputs/required/1"),
    (lambda v: v["inputs"].update(required=["Path"]), "/inputs/required/0"),
    (lambda v: v["inputs"]["parameters"]["path"].update(required=False), "/inputs/required/0"),
    (lambda v: v["inputs"].update(parameters={}), "/inputs/required/0"),
    (parameter(type="integer", default="10"), f"{P}/depth/default"),
    (parameter(type="integer", default=1.5), f"{P}/depth/default"),
    (parameter(type="integer", default=True), f"{P}/depth/default"),
    (parameter(type="string", default=None), f"{P}/depth/default"),
    (parameter(type="boolean", default="false"), f"{P}/depth/default"),
    (parameter(type="integer", default=51, maximum=50), f"{P}/depth/default"),
    (parameter(type="integer", default=0, minimum=1), f"{P}/depth/default"),
    (parameter(type="number", default=1, exclusiveMaximum=1), f"{P}/depth/default"),
    (parameter(enum=["a", "b"], default="c"), f"{P}/depth/default"),
    (parameter(type="string", enum=["A"], default="a"), f"{P}/depth/default"),
    (parameter(type="array", items={"type": "string"}, default=["a", 1]), f"{P}/depth/default/1"),
    (parameter(type="array", items={"enum": ["a"]}, default=["b"]), f"{P}/depth/default/0"),
    (parameter(type="array", default="a"), f"{P}/depth/default"),
    (parameter(type="array", minItems=1, default=[]), f"{P}/depth/default"),
    (parameter(type="string", pattern="^v", default="latest"), f"{P}/depth/default"),
    (parameter(type="string", maxLength=2, default="abc"), f"{P}/depth/default"),
    (
        parameter(type="object", properties={"a": {"type": "integer"}}, default={"a": "1"}),
        f"{P}/depth/default/a",
    ),
    (parameter(type="integer", minimum=5, maximum=1), f"{P}/depth/minimum"),
    (parameter(type="integer", enum=["a", "b"]), f"{P}/depth/enum"),
    (constraint("depth <= 5"), f"{P}/depth/default"),
    (constraint("depth must be at least 20"), f"{P}/depth/default"),
    (constraint("scope must include drift"), f"{P}/scope/default"),
    (constraint("len(include) >= 2"), f"{P}/include/default"),
    (constraint("level == 'high'"), f"{P}/level/default"),
    (constraint("strict_mode must be true"), f"{P}/strict_mode/default"),
    (constraint("level in ['high']"), f"{P}/level/default"),
]


@pytest.mark.parametrize(("change", "pointer"), BAD_PARAMETERS)
def test_parameters_that_do_not_fit_are_found(change: Change, pointer: str) -> None:
    assert places("role_parameters", document(changed(change))) == [pointer]


GOOD_PARAMETERS: list[Change] = [
    lambda v: None,
    lambda v: v["inputs"].pop("required"),
    parameter(type="integer", default=50, minimum=1, maximum=50),
    parameter(type="integer", default=10.0),
    parameter(type="number", default=3),
    parameter(default=None),
    parameter(type=["string", "null"], default=None),
    parameter(type="string", nullable=True, default=None),
    parameter(type="array", default=[]),
    parameter(type="array", items={"enum": ["a", "all"]}, default=["all"]),
    parameter(type="string", default=""),
    parameter(type="string", pattern="(?<=x)y", default="z"),  # a pattern that is not judged
    parameter(type="string", pattern="^(a+)+$", default="aaaa"),
    parameter(type="integer", minimum=5, maximum=5, default=5),
    parameter(enum=[1, "a", None], default=None),
    parameter(type="nonsense", default=3),
    parameter(type="integer", minimum="low", default=3),
    constraint("depth <= 5 for production"),
    constraint("depth <= 5 or level == 'low'"),
    constraint("path must be relative"),
    constraint("include must include *.py"),  # `*` covers it
    constraint("all contracts must pass strict validation"),
    constraint("ratio <= 0.5"),  # no default to break it
    constraint("depth >= 51"),  # it can never hold, which another rule says
    constraint("level must be safe"),
]


@pytest.mark.parametrize("change", GOOD_PARAMETERS)
def test_parameters_that_fit_are_clean(change: Change) -> None:
    found = findings("role_parameters", document(changed(change)))
    assert [finding.message for finding in found] == []


# -- ROL004 --------------------------------------------------------------------------------------

NEVER = [
    "depth > 50",
    "depth >= 51",
    "depth < 1",
    "0 >= depth",
    "depth > 5 and depth < 6",
    "depth must be between 60 and 70",
    "depth in [60, 70]",
    "depth == 'deep'",
    "level == 'middle'",
    "level in [middle, top]",
    "level not in [low, high]",
    "scope must include security",
    "include must include .env and include must not include .env",
    "len(include) < 0",
    "timeout <= 100",
    "timeout > 10 minutes",
    "execution_mode == 'streaming'",
    "format == yaml",
    "files < 0",
    "issues_found < 0",
    "evidence coverage must be >= 110%",
    "strict_mode != true and strict_mode != false",
    "1 > 2",
    "false",
    "depth > 50 or depth < 1",
    "60 <= depth <= 70",
]


@pytest.mark.parametrize("rule", NEVER)
def test_a_constraint_that_can_never_hold_is_found(rule: str) -> None:
    assert places("role_governance", document(changed(constraint(rule)))) == [f"{C}/0/rule"]
    assert places("role_parameters", document(changed(constraint(rule)))) == []


ABLE = [
    "depth >= 50",
    "depth <= 1",
    "depth > 5 and depth < 7",
    "depth > 50 or depth < 2",
    "ratio > 5 and ratio < 6",
    "timeout <= 300",
    "timeout <= 5 minutes",
    "timeout < 301 s",
    "level must be critical",
    "files <= 0",
    "issues_found <= 0",
    "evidence coverage must be >= 90% for production artifacts",
    "evidence_coverage >= 100%",
    "semantic drift must be < 15% from baseline",
    "all contracts must pass strict validation",
    "must block on any CRITICAL severity issue",
    "scope must include drift",
    "len(include) >= 0",
    "unknown_thing > 9000",
    "level != 'low'",
    "",
]


@pytest.mark.parametrize("rule", ABLE)
def test_a_constraint_that_can_hold_is_clean(rule: str) -> None:
    assert places("role_governance", document(changed(constraint(rule)))) == []


def test_two_constraints_that_exclude_each_other_are_one_finding() -> None:
    value = changed(constraint("depth <= 5", "level == 'low'", "depth >= 20"))
    assert places("role_governance", document(value)) == [f"{C}/2/rule"]
    assert places("role_parameters", document(value)) == []
    value = changed(constraint("depth <= 20", "depth >= 20", "depth >= 30 for production"))
    assert places("role_governance", document(value)) == []


LIMITS: list[tuple[Change, list[str]]] = [
    (behavior(timeout=301), ["timeout"]),
    (behavior(timeout=300), []),
    (behavior(timeout=600, execution_mode="streaming"), []),
    (behavior(timeout=601, execution_mode="asynchronous"), ["timeout"]),
    (behavior(timeout="301"), []),
    (behavior(memory_limit="1GB"), []),
    (behavior(memory_limit="1Gi"), []),
    (behavior(memory_limit="1024MB"), []),
    (behavior(memory_limit="1025Mi"), ["memory_limit"]),
    (behavior(memory_limit="2 GB"), ["memory_limit"]),
    (behavior(memory_limit=2**31), ["memory_limit"]),
    (behavior(memory_limit="lots"), []),
    (behavior(cpu_limit="1000m"), []),
    (behavior(cpu_limit="1001m"), ["cpu_limit"]),
    (behavior(cpu_limit=1), []),
    (behavior(cpu_limit="2"), ["cpu_limit"]),
    (
        behavior(timeout=900, memory_limit="4GB", cpu_limit=4),
        ["timeout", "memory_limit", "cpu_limit"],
    ),
]


@pytest.mark.parametrize(("change", "keys"), LIMITS)
def test_limits_are_the_platform_s(change: Change, keys: list[str]) -> None:
    pointers = [f"/runtime_behavior/{key}" for key in keys]
    assert places("role_governance", document(changed(change))) == pointers


@pytest.mark.parametrize(
    ("permission", "writes"),
    [
        ("filesystem:write", True),
        ("filesystem:delete", True),
        ("filesystem:read-write", True),
        ("database:UPDATE", True),
        ("filesystem:*", True),
        ("write:filesystem", True),
        ("write_files", True),
        ("cluster:admin", True),
        ("filesystem:read", False),
        ("write-ahead-log:read", False),
        ("governance:check", False),
        ("report:generate", False),
        ("updates:list", False),
        ("typewriter:view", False),
    ],
)
def test_a_role_that_writes_leaves_a_trail(permission: str, writes: bool) -> None:
    both = ["/governance_rules/audit_required", "/governance_rules/evidence_required"]
    value = changed(rules(permissions=[permission], audit_required=False, evidence_required=False))
    assert places("role_governance", document(value)) == (both if writes else [])
    value = changed(rules(permissions=[permission]))
    assert places("role_governance", document(value)) == []


def test_a_capability_is_told_by_its_last_word() -> None:
    for capability, count in (("file_write", 1), ("write_access_review", 0), ("deletion", 1)):
        value = changed(rules(evidence_required=False))
        value["capabilities"] = [capability]
        assert len(places("role_governance", document(value))) == count


@settings(max_examples=150, deadline=None)
@given(
    st.text(alphabet="ab_ <>=!%.,'\"()[]0159 andorinmust", max_size=60)
    | st.lists(
        st.sampled_from(
            "depth must be include not in at least <= 50 and or 'x' ( ] % between".split()
        ),
        max_size=12,
    ).map(" ".join)
)
def test_no_rule_text_makes_it_fail(text: str) -> None:
    read_rule(text, {"depth"})
    findings("role_governance", document(changed(constraint(text))))
    findings("role_parameters", document(changed(constraint(text))))


@settings(max_examples=60, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    "id inputs parameters required default type roles dependencies status outputs"
                    " governance_rules constraints rule runtime_behavior timeout schema".split()
                ),
                inner,
                max_size=5,
            )
        ),
        max_leaves=20,
    )
)
def test_no_shape_of_a_document_makes_it_fail(value: Any) -> None:
    whole = value if isinstance(value, dict) else {"inputs": value}
    for kind in ("role", "role-registry"):
        one = read("r.json", json.dumps(whole).encode(), "json", kind)
        for check in ("role_schema", "role_registry", "role_parameters", "role_governance"):
            findings(check, one)
