"""What the operator of a runtime makes known to missions: databases, models, keys of hosts.

A mission names them; their addresses and credentials are never written into it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runtime_min.kernel.errors import ValidationFailed


@dataclass(frozen=True, slots=True)
class Provider:
    """An OpenAI-compatible endpoint; `key_variable` names the environment variable of its key."""

    base_url: str
    key_variable: str = ""
    model: str = ""
    embedding_model: str = ""


@dataclass(frozen=True, slots=True)
class Services:
    """Named connections (URLs), providers of models, and what SSH trusts."""

    connections: Mapping[str, str] = field(default_factory=dict)
    providers: Mapping[str, Provider] = field(default_factory=dict)
    default_provider: str = "openai"
    known_hosts: str = ""  # a file in OpenSSH's format
    ssh_keys: tuple[str, ...] = ()  # files of private keys

    def connection(self, name: str) -> str:
        """The URL of a connection: its own, or the configured one of that name."""
        if "://" in name:
            return name
        if name not in self.connections:
            known = ", ".join(sorted(self.connections)) or "none"
            raise ValidationFailed(
                f"there is no connection {name!r}; configured are {known}", "no-connection"
            )
        return self.connections[name]

    def provider(self, name: str | None) -> Provider:
        """The provider of that name, or the default one."""
        wanted = name or self.default_provider
        if wanted not in self.providers:
            known = ", ".join(sorted(self.providers)) or "none"
            raise ValidationFailed(
                f"there is no provider {wanted!r}; configured are {known}", "no-provider"
            )
        return self.providers[wanted]


def read_services(path: Path) -> Services:
    """Services from a TOML file: tables `connections`, `providers.NAME` and `ssh`.

    ValidationFailed for a key that there is not, or a value of another type.
    """
    try:
        data = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ValidationFailed(f"{path}: {error}") from None
    top = _table(path, "", data, ("connections", "providers", "default-provider", "ssh"))
    connections = _table(path, "connections", top.get("connections", {}), None)
    providers = {}
    for name, values in _table(path, "providers", top.get("providers", {}), None).items():
        place = f"providers.{name}"
        keys = ("base-url", "key-variable", "model", "embedding-model")
        table = _table(path, place, values, keys)
        if "base-url" not in table:
            raise ValidationFailed(f"{path}: {place} has no base-url")
        given = {key.replace("-", "_"): _text(path, place, table, key) for key in table}
        providers[name] = Provider(**given)
    ssh = _table(path, "ssh", top.get("ssh", {}), ("known-hosts", "keys"))
    keys_of = ssh.get("keys", [])
    if not isinstance(keys_of, list) or not all(isinstance(key, str) for key in keys_of):
        raise ValidationFailed(f"{path}: ssh.keys is a list of files")
    return Services(
        {name: _text(path, "connections", connections, name) for name in connections},
        providers,
        _text(path, "", top, "default-provider") if "default-provider" in top else "openai",
        _text(path, "ssh", ssh, "known-hosts") if "known-hosts" in ssh else "",
        tuple(keys_of),
    )


def _table(path: Path, place: str, value: Any, keys: tuple[str, ...] | None) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValidationFailed(f"{path}: {place} is a table")
    for key in value:
        if keys is not None and key not in keys:
            where = f" in {place}" if place else ""
            raise ValidationFailed(
                f"{path}: unknown key {key!r}{where}; there are {', '.join(keys)}"
            )
    return value


def _text(path: Path, place: str, table: Mapping[str, Any], key: str) -> str:
    value = table[key]
    if not isinstance(value, str):
        raise ValidationFailed(f"{path}: {f'{place}.' if place else ''}{key} is a text")
    return value
