"""A mission connects to no metadata service, and sends no credential in the open."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from govlint.documents.document import Documents
    from govlint.documents.missions.mission import Text
    from govlint.model import Finding, Rule

KIND = "network-target"
TRIGGERS: tuple[str, ...] = ()
DOCUMENTS = ("mission",)


@dataclass(frozen=True)
class Params:
    """This check has no settings."""


_NAMES = frozenset({"url", "host", "hostname", "endpoint", "base_url", "address", "uri"})


def run(rule: Rule, params: Params, documents: Documents) -> Iterable[Finding]:
    """Report link-local and metadata addresses, and plain http that carries credentials."""
    from govlint.documents.missions import addresses
    from govlint.documents.missions.mission import mission_of

    for document in documents.of("mission"):
        for text in mission_of(document).texts():
            if text.is_key:
                continue
            for address, start, end in _addresses(text):
                fault = addresses.target_fault(addresses.host_of(address))
                if fault is not None:
                    said = f"{addresses.host_of(address)} {fault}; a mission has no business there"
                elif addresses.is_open(address) and _carries(text, address):
                    said = "credentials go over plain http here, readable on the way; use https"
                else:
                    continue
                whole = end - start >= len(text.text.strip())
                place = (
                    document.location(text.pointer)
                    if whole
                    else document.scalar_location(text.pointer, start, end)
                )
                yield rule.finding(said, place)


def _addresses(text: Text) -> Iterator[tuple[str, int, int]]:
    """What a text connects to: whole addresses, or the addresses among a command's arguments."""
    from govlint.documents.missions import addresses

    step = text.step
    assert step is not None
    roles = step.roles(text.parameter)
    own = text.pointer == f"{step.pointer}/parameters/{text.parameter}"
    named = not roles and text.pointer.rpartition("/")[2].lower() in _NAMES
    if (own and {"url", "host", "connection"} & {*roles}) or named:
        yield text.text.strip(), 0, len(text.text)
    elif {"arguments", "command", "remote-command"} & {*roles} or (
        not roles and step.kind == "tool"
    ):
        for start, end, address in addresses.in_text(text.text):
            yield address, start, end


def _carries(text: Text, address: str) -> bool:
    """Whether credentials go with a request: in the address, its headers or parameters."""
    from govlint.documents.missions import addresses, secrets

    if addresses.carries_login(address):
        return True
    query = address.partition("?")[2]
    if any(
        secrets.is_named_for_one(pair.partition("=")[0]) for pair in query.split("&") if "=" in pair
    ):
        return True
    step = text.step
    headers = step.parameters.get("headers") if step is not None else None
    if isinstance(headers, dict) and any(
        secrets.is_named_for_one(key) or key.lower() == "cookie" for key in headers
    ):
        return True
    return step is not None and any(
        value and (secrets.is_named_for_one(name) or name == "auth")
        for name, value in step.parameters.items()
        if "text" not in step.roles(name)
    )
