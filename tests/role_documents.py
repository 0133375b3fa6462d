"""A small project of roles, and running one check over documents."""

from __future__ import annotations

import copy
import importlib
import json
from typing import Any

from govlint.documents.document import Document, Documents
from govlint.documents.reader import read
from govlint.model import Finding, Rule, Severity

SCANNER: dict[str, Any] = {
    "id": "ecosystem.scanner",
    "name": "Scanner",
    "version": "1.0.0",
    "description": "Scans a directory and lists what it finds",
    "capabilities": ["directory_scan"],
    "inputs": {
        "parameters": {
            "path": {"type": "string", "required": True},
            "depth": {"type": "integer", "default": 10, "minimum": 1, "maximum": 50},
            "include": {"type": "array", "items": {"type": "string"}, "default": ["*"]},
            "scope": {"type": "array", "items": {"enum": ["drift", "all"]}, "default": ["all"]},
            "level": {"type": "string", "enum": ["low", "high"], "default": "low"},
            "ratio": {"type": "number"},
            "strict_mode": {"type": "boolean", "default": False},
            "schema_version": {"type": "string", "default": "latest"},
        },
        "required": ["path"],
    },
    "outputs": {
        "format": "json",
        "schema": {"summary": {"properties": {"files": {"type": "integer"}}}},
    },
    "runtime_behavior": {"execution_mode": "synchronous", "timeout": 300},
    "semantic_tags": ["scanning"],
    "governance_rules": {
        "permissions": ["filesystem:read"],
        "constraints": [],
        "audit_required": True,
        "evidence_required": True,
    },
    "dependencies": ["@mnga/tools/scanner"],
}


def scanner() -> dict[str, Any]:
    """A good definition that a test may change."""
    return copy.deepcopy(SCANNER)


def role(name: str = "scanner", **changes: Any) -> dict[str, Any]:
    """A good definition under another name, with some keys changed."""
    return {**scanner(), "id": f"ecosystem.{name}", **changes}


def registry(*names: str, **status: str) -> dict[str, Any]:
    """A registry of roles that are in files of their own."""
    entries = [
        {
            "id": f"ecosystem.{name}",
            "version": "1.0.0",
            "definition_file": f"{name}.json",
            "status": status.get(name, "ACTIVE"),
            "capabilities": ["directory_scan"],
        }
        for name in names
    ]
    return {
        "version": "1.0.0",
        "namespace": "ecosystem",
        "registry_metadata": {"total_roles": len(entries)},
        "roles": entries,
    }


def project(**files: dict[str, Any]) -> list[Document]:
    """Documents by the name of their file; `registry` is one, the rest are definitions."""
    return [
        document(value, "role-registry" if "roles" in value else "role", f"roles/{name}.json")
        for name, value in sorted(files.items())
    ]


def document(value: Any, kind: str = "role", path: str = "role.json") -> Document:
    """A value as a file, a key a line."""
    return read(path, json.dumps(value, indent=1).encode(), "json", kind)


def findings(check: str, *documents: Document) -> list[Finding]:
    """What a check finds, as the engine would run it."""
    module = importlib.import_module(f"govlint.checks.{check}")
    name = check.replace("_", "-")
    rule = Rule(
        "ROL000", name, Severity.ERROR, "0.2.0", name, {}, "000", "roles", "", "", "", "", ""
    )
    return list(module.run(rule, module.Params(), Documents(documents)))


def places(check: str, *documents: Document) -> list[str | None]:
    """The pointers of what a check finds."""
    return [finding.location.pointer for finding in findings(check, *documents)]
