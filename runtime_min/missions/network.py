"""Which machines a mission may talk to, judged on the address that is connected to.

A name is resolved once, every address it has is judged, and the connection goes to an address
that was judged, so that a name which answers differently the second time (DNS rebinding) gains
nothing. Refused are link-local addresses, where clouds keep their credentials, and whatever is
no unicast address.
"""

from __future__ import annotations

import ipaddress
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from runtime_min.kernel.errors import CapabilityFailed, Refused

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_METADATA = frozenset(
    map(
        ipaddress.ip_address,
        # AWS, Azure, GCP are link-local already; these are not
        ("100.100.100.200", "192.0.0.192", "168.63.129.16", "fd00:ec2::254", "fd20:ce::254"),
    )
)
_METADATA_NAMES = frozenset(("metadata.google.internal", "metadata", "instance-data"))


@dataclass(frozen=True, slots=True)
class NetworkPolicy:
    """`allowed` None lets every host through that is not refused; a list, only those and theirs.

    `private` says whether private and loopback addresses may be reached.
    """

    allowed: tuple[str, ...] | None = None
    private: bool = True

    def addresses(self, host: str, port: int) -> list[str]:
        """The addresses of a host that may be connected to; Refused where one of them may not."""
        name = host.strip("[]").rstrip(".").lower()
        if not name:
            raise Refused("the address names no host", "network-refused")
        if name in _METADATA_NAMES:
            raise Refused(f"{host} is a metadata service", "network-refused")
        if self.allowed is not None and not any(_fits(name, entry) for entry in self.allowed):
            raise Refused(
                f"{host} is not allowed; allowed are {', '.join(self.allowed)}", "network-refused"
            )
        try:
            found = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise CapabilityFailed(
                f"{host} cannot be found: {getattr(error, 'strerror', None) or error}",
                "unreachable",
                retryable=True,
            ) from None
        addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        for address in addresses:
            self._check(host, ipaddress.ip_address(address.partition("%")[0]))
        return addresses

    def _check(self, host: str, address: Address) -> None:
        inner = _inner(address)
        why = None
        if inner in _METADATA:
            why = "a metadata service"
        elif inner.is_link_local:
            why = "a link-local address, where metadata services are"
        elif inner.is_multicast or inner.is_unspecified or inner.is_reserved:
            why = "no address of one machine"
        elif not self.private and not inner.is_global:
            why = "a private address"
        if why is not None:
            said = host if host == str(address) else f"{host} ({address})"
            raise Refused(f"{said} is {why}", "network-refused")

    def connect(self, host: str, port: int, deadline: float) -> socket.socket:
        """A TCP connection to an address that was judged; CapabilityFailed where none answers."""
        reason = "no address"
        for address in self.addresses(host, port):
            left = deadline - time.monotonic()
            if left <= 0:
                raise CapabilityFailed(f"{host} did not answer in time", "timeout", retryable=True)
            try:
                return socket.create_connection((address, port), timeout=left)
            except OSError as error:
                reason = error.strerror or str(error)
        raise CapabilityFailed(
            f"{host}:{port} cannot be reached: {reason}", "unreachable", retryable=True
        )


def _inner(address: Address) -> Address:
    """The IPv4 address that an IPv6 one stands for (mapped, NAT64, 6to4, Teredo)."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address.ipv4_mapped:
        return address.ipv4_mapped
    if address.sixtofour:
        return address.sixtofour
    if address.teredo:
        return address.teredo[1]
    if address in ipaddress.ip_network("64:ff9b::/96"):
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def _fits(name: str, entry: str) -> bool:
    wanted = entry.rstrip(".").lower()
    return name == wanted or (wanted.startswith(".") and name.endswith(wanted))


def split_url(url: str, schemes: Sequence[str]) -> SplitResult:
    """A URL's parts; Refused for another scheme, no host, or a port that is none."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise Refused(f"{url!r} is no address: {error}", "network-refused") from None
    if parts.scheme not in schemes:
        raise Refused(
            f"the scheme {parts.scheme!r} of {url!r}: accepted are {', '.join(schemes)}",
            "network-refused",
        )
    if not parts.hostname or port == 0:
        raise Refused(f"{url!r} names no host", "network-refused")
    return parts
