"""What a role may do is governed: writes leave a trail, constraints can hold, limits are kept."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from govlint.model import Finding

if TYPE_CHECKING:
    from govlint.documents.document import Documents
    from govlint.model import Rule

KIND = "role-governance"
TRIGGERS: tuple[str, ...] = ()
DOCUMENTS = ("role",)

_WORDS = re.compile(r"[A-Za-z]+|\*")
_AMOUNT = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?([KMGT]?)(i?)B?")
_POWERS = {"": 0, "K": 1, "M": 2, "G": 3, "T": 4}


@dataclass(frozen=True)
class Params:
    """What the platform allows, and the words that make a permission one to write.

    `timeout` and `long-timeout` (of asynchronous and streaming roles) are seconds;
    `memory` is as in `1GB`, `cpu` as in `1000m`.
    """

    timeout: int = 300
    long_timeout: int = 600
    memory: str = "1GB"
    cpu: str = "1000m"
    writing: tuple[str, ...] = (
        "write", "writes", "create", "delete", "modify", "update", "append", "remove", "overwrite",
        "rename", "move", "patch", "insert", "upload", "publish", "deploy", "push", "commit",
        "merge", "install", "apply", "edit", "truncate", "drop", "admin", "manage", "*",
    )  # fmt: skip


def run(rule: Rule, params: Params, documents: Documents) -> Iterable[Finding]:
    """Report writes with no trail, constraints that nothing satisfies, limits that are too high."""
    for document in documents.of("role"):
        if not isinstance(document.value, dict):
            continue
        for pointer, message in _faults(document.value, params):
            yield rule.finding(
                message,
                document.location(pointer),
            )


def _faults(role: Mapping[str, Any], params: Params) -> Iterator[tuple[str, str]]:
    rules = _mapping(role.get("governance_rules"))
    yield from _untraced(role, rules, params)
    yield from _impossible(role)
    yield from _limits(_mapping(role.get("runtime_behavior")), params)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


# -- a trail ---------------------------------------------------------------------------------------


def _untraced(
    role: Mapping[str, Any], rules: Mapping[str, Any], params: Params
) -> Iterator[tuple[str, str]]:
    writes = _writes(role, rules, frozenset(params.writing))
    if writes is None:
        return
    for key, what in (("audit_required", "audit"), ("evidence_required", "evidence")):
        if rules.get(key) is False:
            said = f"the role writes ({writes}), so its runs need {what}: `{key}` is false"
            yield f"/governance_rules/{key}", said


def _writes(
    role: Mapping[str, Any], rules: Mapping[str, Any], writing: frozenset[str]
) -> str | None:
    """The permission or capability by which a role writes; None where none says so."""
    permissions = rules.get("permissions")
    for permission in permissions if isinstance(permissions, list) else ():
        if isinstance(permission, str) and writing & _action(permission):
            return permission
    capabilities = role.get("capabilities")
    for capability in capabilities if isinstance(capabilities, list) else ():
        if isinstance(capability, str):
            words = [word.lower() for word in _WORDS.findall(capability)]
            # what a capability is called after is its last word: `write_access_review` reviews
            if words and words[-1] in ("write", "writing", "delete", "deletion"):
                return capability
    return None


def _action(permission: str) -> frozenset[str]:
    """The words of what a permission allows: behind the area, where it names one."""
    area, colon, action = permission.rpartition(":")
    words = frozenset(word.lower() for word in _WORDS.findall(action))
    first = frozenset((area.partition(":")[0].lower(),)) if colon else frozenset[str]()
    return words | first  # `write:files` is the same the other way round


# -- constraints -----------------------------------------------------------------------------------


def _impossible(role: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    from govlint.documents.roles.domains import (
        domains,
        first_contradiction,
        never_holds,
        stated_rules,
    )

    known = domains(role)
    stated = list(stated_rules(role))
    for pointer, text, rule in stated:
        if never_holds(rule, known):
            yield pointer, f"the constraint `{text}` can never hold"
    contradiction = first_contradiction(
        [(number, rule) for number, (_, _, rule) in enumerate(stated)], known
    )
    if contradiction is not None:
        earlier, later = contradiction
        said = f"the constraint `{stated[later][1]}` can never hold with `{stated[earlier][1]}`"
        yield stated[later][0], said


# -- limits ----------------------------------------------------------------------------------------


def _limits(behavior: Mapping[str, Any], params: Params) -> Iterator[tuple[str, str]]:
    timeout, mode = behavior.get("timeout"), behavior.get("execution_mode")
    long = mode in ("asynchronous", "streaming")
    most = params.long_timeout if long else params.timeout
    if isinstance(timeout, int | float) and not isinstance(timeout, bool) and timeout > most:
        what = f"{mode} role" if isinstance(mode, str) else "role"
        yield (
            "/runtime_behavior/timeout",
            f"a timeout of {timeout} s is above the platform's {most} s for a {what}",
        )
    memory = behavior.get("memory_limit")
    if _is_more_memory(memory, params.memory):
        yield (
            "/runtime_behavior/memory_limit",
            f"a memory limit of {memory} is above the platform's {params.memory}",
        )
    cpu, allowed = behavior.get("cpu_limit"), _processors(params.cpu)
    wanted = _processors(cpu)
    if wanted is not None and allowed is not None and wanted > allowed:
        yield (
            "/runtime_behavior/cpu_limit",
            f"a processor limit of {cpu} is above the platform's {params.cpu}",
        )


def _is_more_memory(wanted: Any, allowed: str) -> bool:
    """Whether an amount is more, both where GB means 10⁹ bytes and where it means 2³⁰."""
    return all(
        (left := _bytes(wanted, base)) is not None
        and (right := _bytes(allowed, base)) is not None
        and left > right
        for base in (1000, 1024)
    )


def _bytes(amount: Any, base: int) -> float | None:
    if isinstance(amount, bool):
        return None
    if isinstance(amount, int | float):
        return float(amount)
    found = _AMOUNT.fullmatch(amount) if isinstance(amount, str) and len(amount) < 40 else None
    if found is None:
        return None
    return float(found[1]) * float((1024 if found[3] else base) ** _POWERS[found[2]])


def _processors(amount: Any) -> float | None:
    """Thousandths of a processor."""
    if isinstance(amount, int | float) and not isinstance(amount, bool):
        return amount * 1000.0
    found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)(m?)", amount) if isinstance(amount, str) else None
    if found is None or len(amount) > 40:
        return None
    return float(found[1]) * (1 if found[2] else 1000)
