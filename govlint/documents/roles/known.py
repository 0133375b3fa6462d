"""The roles of a project: what its registries list and its definitions say, by id."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from govlint.documents.document import Document, Documents


@dataclass(slots=True)
class Role:
    """One role id: its definitions and the registry entries for it; one each, where all is well.

    The definition that a registry names comes first.
    """

    id: str
    definitions: list[Document] = field(default_factory=list)
    entries: list[tuple[Document, int]] = field(default_factory=list)

    @property
    def status(self) -> str:
        """ACTIVE, DEPRECATED or DISABLED; empty where no registry says so."""
        for document, number in self.entries:
            status = document.value["roles"][number].get("status")
            if isinstance(status, str):
                return status
        return ""

    @property
    def parameters(self) -> Mapping[str, Mapping[str, Any]] | None:
        """The descriptors of its parameters by name; None where no definition says."""
        if not self.definitions:
            return None
        inputs = self.definitions[0].value.get("inputs")
        found = inputs.get("parameters") if isinstance(inputs, dict) else None
        if not isinstance(found, dict):
            return None
        return {n: d if isinstance(d, dict) else {} for n, d in found.items()}

    @property
    def required(self) -> list[str]:
        """The parameters that a call has to give, in the order of their declaration."""
        parameters = self.parameters or {}
        listed = self.definitions[0].value["inputs"].get("required") if parameters else None
        named = listed if isinstance(listed, list) else []
        return [n for n, d in parameters.items() if d.get("required") is True or n in named]

    @property
    def verbs(self) -> tuple[str, ...]:
        """The verbs that the role declares itself."""
        found = self.definitions[0].value.get("verbs") if self.definitions else None
        return tuple(v for v in found if isinstance(v, str)) if isinstance(found, list) else ()


@dataclass(slots=True)
class Roles:
    """All roles by id, and the documents that they come from."""

    by_id: dict[str, Role]
    registries: tuple[Document, ...]
    definitions: tuple[Document, ...]

    @property
    def namespaces(self) -> frozenset[str]:
        """The first parts of the ids, and what registries call their own."""
        own = (document.value.get("namespace") for document in self.registries)
        named = {name for name in own if isinstance(name, str)}
        return frozenset(named | {id.partition(".")[0] for id in self.by_id})


def known_roles(documents: Documents) -> Roles:
    """What the role documents of a run declare; those that cannot be read declare nothing."""
    registries = tuple(d for d in documents.of("role-registry") if isinstance(d.value, dict))
    definitions = tuple(d for d in documents.of("role") if isinstance(d.value, dict))
    by_id: dict[str, Role] = {}
    for document in definitions:
        identifier = document.value.get("id")
        if isinstance(identifier, str):
            by_id.setdefault(identifier, Role(identifier)).definitions.append(document)
    for document in registries:
        for number, entry in entries(document):
            identifier = entry.get("id")
            if isinstance(identifier, str):
                role = by_id.setdefault(identifier, Role(identifier))
                role.entries.append((document, number))
    for role in by_id.values():
        listed = {
            os.path.normpath(os.path.join(os.path.dirname(document.path), file))
            for document, number in role.entries
            if isinstance(file := document.value["roles"][number].get("definition_file"), str)
        }
        role.definitions.sort(key=lambda document: os.path.normpath(document.path) not in listed)
    return Roles(by_id, registries, definitions)


def entries(registry: Document) -> list[tuple[int, dict[str, Any]]]:
    """The entries of a registry that are mappings, each with its place in the list."""
    listed = registry.value.get("roles")
    if not isinstance(listed, list):
        return []
    return [(number, entry) for number, entry in enumerate(listed) if isinstance(entry, dict)]


def nearest_role(wanted: str, roles: Roles) -> str | None:
    """The id most like a wrong one: near in its name, whatever the namespace."""
    from govlint.documents.schema import nearest

    names = {identifier.partition(".")[2]: identifier for identifier in roles.by_id}
    near = nearest(wanted.partition(".")[2], names)
    return names[near] if near is not None else None
