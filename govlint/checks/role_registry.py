"""A registry and the definitions agree: each entry has its definition, each role its entry.

What is judged depends on what the project has: without a registry nothing is missing from
one, and a role that it needs may be registered elsewhere.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from govlint.model import Finding, Location, Related

if TYPE_CHECKING:
    from govlint.documents.document import Document, Documents
    from govlint.documents.roles.known import Role, Roles
    from govlint.model import Rule

KIND = "role-registry"
TRIGGERS: tuple[str, ...] = ()
DOCUMENTS = ("role", "role-registry")


@dataclass(frozen=True)
class Params:
    """This check has no settings."""


class _Fault(NamedTuple):
    location: Location
    message: str
    related: tuple[Related, ...] = ()


def run(rule: Rule, params: Params, documents: Documents) -> Iterable[Finding]:
    """Report entries without definitions, unregistered roles, ids twice, and dependencies."""
    from govlint.documents.roles.known import known_roles

    roles = known_roles(documents)
    readable = {_normal(document.path) for document in documents.of("role")}
    for fault in _faults(roles, readable):
        yield rule.finding(
            fault.message,
            fault.location,
            related=fault.related,
        )


def _faults(roles: Roles, readable: set[str]) -> Iterator[_Fault]:
    for registry in roles.registries:
        yield from _registry_faults(registry, roles, readable)
    for role in roles.by_id.values():
        yield from _twice(role)
        if roles.registries and not role.entries:
            for document in role.definitions[:1]:
                said = f"no registry lists the role `{role.id}`"
                yield _Fault(document.location("/id"), said)
    if roles.registries:
        yield from _dependencies(roles)
    yield from _cycles(roles)


# -- the registry itself ------------------------------------------------------------------------


def _registry_faults(registry: Document, roles: Roles, readable: set[str]) -> Iterator[_Fault]:
    from govlint.documents.roles.known import entries

    listed = registry.value.get("roles")
    metadata = registry.value.get("registry_metadata")
    total = metadata.get("total_roles") if isinstance(metadata, dict) else None
    counted = isinstance(total, int) and not isinstance(total, bool) and total >= 0
    if isinstance(listed, list) and counted and total != len(listed):
        place = registry.location("/registry_metadata/total_roles")
        yield _Fault(place, f"`total_roles` is {total}, and the registry lists {len(listed)}")
    seen: dict[str, int] = {}
    for number, entry in entries(registry):
        identifier = entry.get("id")
        if not isinstance(identifier, str):
            continue
        pointer = f"/roles/{number}"
        if identifier in seen:
            first = registry.location(f"/roles/{seen[identifier]}/id")
            said = f"the registry lists `{identifier}` twice"
            yield _Fault(
                registry.location(f"{pointer}/id"), said, (Related(first, "it is listed here"),)
            )
            continue
        seen[identifier] = number
        yield from _entry_faults(registry, pointer, entry, roles, readable)


def _entry_faults(
    registry: Document, pointer: str, entry: Mapping[str, Any], roles: Roles, readable: set[str]
) -> Iterator[_Fault]:
    file = entry.get("definition_file")
    if not isinstance(file, str) or not file:
        return
    path = _normal(os.path.join(os.path.dirname(registry.path), file))
    definition = next((d for d in roles.definitions if _normal(d.path) == path), None)
    place = registry.location(f"{pointer}/definition_file")
    if definition is None:
        if path not in readable and not os.path.isfile(path):
            yield _Fault(place, f"the definition `{file}` of `{entry['id']}` does not exist")
        return
    identifier = definition.value.get("id")
    if identifier != entry["id"]:
        if isinstance(identifier, str):
            said = f"`{file}` defines `{identifier}`, and the entry is `{entry['id']}`"
            yield _Fault(place, said, (Related(definition.location("/id"), "the definition"),))
        return
    yield from _copies(registry, pointer, entry, definition)


def _copies(
    registry: Document, pointer: str, entry: Mapping[str, Any], definition: Document
) -> Iterator[_Fault]:
    """What the entry repeats of the definition, where it is another."""
    version, own = entry.get("version"), definition.value.get("version")
    if isinstance(version, str) and isinstance(own, str) and version != own:
        said = f"the entry says version {version}, the definition {own}"
        related = (Related(definition.location("/version"), "the definition"),)
        yield _Fault(registry.location(f"{pointer}/version"), said, related)
    listed, capable = entry.get("capabilities"), definition.value.get("capabilities")
    if isinstance(listed, list) and isinstance(capable, list):
        more = [str(word) for word in listed if word not in capable]
        less = [str(word) for word in capable if word not in listed]
        if more or less:
            said = "the entry's capabilities are not the definition's"
            said += f": {', '.join(more)} too many" if more else ""
            said += f"{',' if more else ':'} {', '.join(less)} missing" if less else ""
            related = (Related(definition.location("/capabilities"), "the definition"),)
            yield _Fault(registry.location(f"{pointer}/capabilities", key=True), said, related)


def _normal(path: str) -> str:
    return os.path.normpath(path).replace(os.sep, "/")


# -- the roles ----------------------------------------------------------------------------------


def _twice(role: Role) -> Iterator[_Fault]:
    for document in role.definitions[1:]:
        first = role.definitions[0]
        related = (Related(first.location("/id"), "it is defined here"),)
        yield _Fault(
            document.location("/id"), f"`{role.id}` is defined in {first.path} too", related
        )


def _dependencies(roles: Roles) -> Iterator[_Fault]:
    """Roles that a role needs and that are not there, or do not run."""
    from govlint.documents.roles.command import ROLE_ID
    from govlint.documents.roles.known import nearest_role

    for role in roles.by_id.values():
        for document, pointer, wanted in _needs(role):
            found = roles.by_id.get(wanted)
            place = document.location(pointer)
            if found is None:
                if ROLE_ID.fullmatch(wanted):
                    near = nearest_role(wanted, roles)
                    hint = f"; did you mean `{near}`?" if near else ""
                    yield _Fault(place, f"there is no role `{wanted}` to depend on{hint}")
            elif found.status not in ("ACTIVE", "") and found.entries:
                registry, number = found.entries[0]
                there = registry.location(f"/roles/{number}/status")
                said = f"`{role.id}` depends on `{wanted}`, which is {found.status}"
                yield _Fault(place, said, (Related(there, "its status"),))


def _needs(role: Role) -> Iterator[tuple[Document, str, str]]:
    for document in role.definitions[:1]:
        listed = document.value.get("dependencies")
        for number, wanted in enumerate(listed if isinstance(listed, list) else ()):
            if isinstance(wanted, str):
                yield document, f"/dependencies/{number}", wanted


def _cycles(roles: Roles) -> Iterator[_Fault]:
    """Each ring of roles that need each other, told once, where its first role closes it."""
    edges = {
        identifier: {wanted: (document, pointer) for document, pointer, wanted in _needs(role)}
        for identifier, role in sorted(roles.by_id.items())
    }
    told: set[frozenset[str]] = set()
    for start in edges:
        ring = _ring(start, edges)
        if ring and not any(told_of & set(ring) for told_of in told):
            told.add(frozenset(ring))
            shown = " → ".join((*ring, ring[0]))
            document, pointer = edges[ring[0]][ring[1] if len(ring) > 1 else ring[0]]
            said = f"`{start}` depends on itself: {shown}"
            yield _Fault(document.location(pointer), said)


def _ring(start: str, edges: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The shortest way from a role back to itself; empty where there is none."""
    came: dict[str, str] = {}
    waiting = [start]
    for current in waiting:
        for wanted in edges.get(current, {}):
            if wanted == start:
                way = [current]
                while way[-1] != start:
                    way.append(came[way[-1]])
                return way[::-1]
            if wanted in edges and wanted not in came:
                came[wanted] = current
                waiting.append(wanted)
    return []
