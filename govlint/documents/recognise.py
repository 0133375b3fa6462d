"""Telling what a file is by what stands in it: a report, a mission, a role, a registry.

Most JSON and YAML in a repository is nothing of ours, and much of it looks alike: workflows
have `steps`, manifests have `name` and `version`, access lists have `roles`. So a file has
to hold the words of one of our documents before it is read at all, and once it is read the
keys that only ours has have to stand where ours has them. A file that cannot be read is
ours when its text has these keys all the same: somebody's broken report must not pass.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

REPORT_KEYS = frozenset(
    "phase_meta objective invariants module_scope data_models flow guardrails tests acceptance"
    " rollback dependency_graph status".split()
)
_REPORT_OWN = frozenset(
    "phase_meta invariants module_scope data_models guardrails dependency_graph".split()
)
_ROLE_OWN = frozenset(
    "runtime_behavior governance_rules semantic_tags mnga_layer layer_interactions".split()
)
_ROLE_KEYS = _ROLE_OWN | frozenset("id name version capabilities inputs outputs".split())
_MISSION_KEYS = frozenset(
    "version name description steps config id metadata dependencies variables author tags"
    " parameters outputs category".split()
)
_STEP_KEYS = frozenset(
    "parameters depends_on timeout_seconds continue_on_error dependsOn dependencies".split()
)
_STEP_FOREIGN = frozenset(
    "uses run script task image title text plugins label block trigger action intent".split()
)

# A file without any of these is no document of ours.
_WORDS = tuple(
    word.encode()
    for word in "phase_meta phase_id module_scope dependency_graph step_type runtime_behavior"
    " governance_rules semantic_tags mnga_layer definition_file registry_metadata".split()
)
_STEPS = re.compile(rb"""(?m)^['"]?steps['"]?[ \t]*:|"steps"\s*:""")
_FOREIGN = re.compile(
    r"""(?mx) ^(?:apiVersion|jobs|openapi|swagger|asyncapi|runs|services|hosts|on|true)\s*:
      | "(?:\$schema|properties|apiVersion|openapi|swagger)"\s*:
      | \{%-?\ | \{\{-? \s* (?:\.Values|include\ |toYaml|\.Release|range\ ) """
)
_KEY = re.compile(r"""(?m)^[ \t]*(?:-[ \t]+)?["']?(\w+)["']?[ \t]*:|["'{,]\s*["'](\w+)["']\s*:""")
_MAX_SCANNED = 1 << 20  # characters of a broken text that are looked through


def may_be_one(data: bytes) -> bool:
    """Say whether bytes hold the words of a document of ours; a search, no parsing."""
    if b"\0" in data[:8]:  # UTF-16 or UTF-32
        from govlint.documents.reader import decode

        data = decode(data)[0].encode("utf-8", "replace")
    return any(word in data for word in _WORDS) or _STEPS.search(data) is not None


def kind_of_value(value: Any) -> str | None:
    """The kind of document that a value is; None where it is none of ours."""
    if isinstance(value, list):  # a report in an array is a report with a fault
        return "report" if value and _is_report(value[0]) else None
    if not isinstance(value, Mapping):
        return None
    if _is_report(value):
        return "report"
    if _is_mission(value) or ("mission" in value and _is_mission(value["mission"])):
        return "mission"
    if _is_registry(value):
        return "role-registry"
    return "role" if _is_role(value) else None


def kind_of_text(text: str) -> str | None:
    """The kind of document that a text was meant to be which cannot be read."""
    text = text[:_MAX_SCANNED]
    if _FOREIGN.search(text):
        return None
    keys = {found[1] or found[2] for found in _KEY.finditer(text)}
    if len(keys & REPORT_KEYS) >= 4 and len(keys & _REPORT_OWN) >= 2:
        return "report"
    if "steps" in keys and "step_type" in keys:
        return "mission"
    if "roles" in keys and ("definition_file" in keys or "registry_metadata" in keys):
        return "role-registry"
    if _has_role_keys(keys):
        return "role"
    return None


def _is_report(value: Any) -> bool:
    if not isinstance(value, Mapping):
        return False
    keys = value.keys() & REPORT_KEYS
    if "phase_meta" in keys and len(keys) >= 3:
        return True
    return len(keys) >= 5 and len(keys & _REPORT_OWN) >= 2


def _is_mission(value: Any) -> bool:
    if not isinstance(value, Mapping):
        return False
    if isinstance(value.get("steps"), Mapping):  # a list is due; what it holds says what is meant
        return any(isinstance(x, Mapping) and "step_type" in x for x in value["steps"].values())
    if not isinstance(value.get("steps"), list):
        return False
    if "apiVersion" in value or "jobs" in value:
        return False
    steps = value["steps"]
    mappings = [step for step in steps if isinstance(step, Mapping)]
    if any("step_type" in step for step in mappings):
        return True
    if not {"version", "name"} <= value.keys() or not value.keys() <= _MISSION_KEYS:
        return False
    return len(mappings) == len(steps) and all(_is_step(step) for step in mappings)


def _is_step(step: Mapping[str, Any]) -> bool:
    """Say whether a mapping without `step_type` is meant as a step of ours."""
    keys = step.keys()
    return "id" in keys and not keys & _STEP_FOREIGN and bool(keys & _STEP_KEYS)


def _is_registry(value: Mapping[str, Any]) -> bool:
    roles = value.get("roles")
    if "registry_metadata" in value and "roles" in value:
        return True
    if isinstance(roles, Mapping):  # a list is due; what it holds says what is meant
        roles = list(roles.values())
    return isinstance(roles, list) and any(
        isinstance(role, Mapping) and "definition_file" in role for role in roles
    )


def _is_role(value: Mapping[str, Any]) -> bool:
    return _has_role_keys(set(value))


def _has_role_keys(keys: set[str]) -> bool:
    own = keys & _ROLE_OWN
    return len(own) >= 2 or (len(own) == 1 and len(keys & _ROLE_KEYS) >= 5)
