"""Addresses that a mission connects to: link-local ones, metadata services, open credentials.

A host may be written in many ways that connect to one machine: in octal, hexadecimal or as
one number (inet_aton), as IPv6 that maps IPv4, by a name that only a metadata service has.
"""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from collections.abc import Iterator
from urllib.parse import unquote, urlsplit

_DOTS = {0x3002: ".", 0xFF0E: ".", 0xFF61: "."}  # what IDNA takes for a dot (UTS 46)
_TEMPLATE = re.compile(r"\{\{[^{}]*\}\}")
_URL = re.compile(r"\b[a-z][a-z0-9+.-]*://[^\s\"'<>]+", re.I)
_METADATA_NAMES = frozenset(
    "metadata metadata.google.internal metadata.goog metadata.azure.com metadata.azure.internal "
    "instance-data instance-data.ec2.internal metadata.packet.net metadata.platformequinix.com "
    "metadata.oraclecloud.com metadata.tencentyun.com metadata.ec2.internal "
    "metadata.internal".split()
)
_METADATA = {
    ipaddress.ip_address("100.100.100.200"): "the metadata service of Alibaba Cloud",
    ipaddress.ip_address("192.0.0.192"): "the metadata service of Oracle Cloud",
    ipaddress.ip_address("168.63.129.16"): "the platform address of Azure",
    ipaddress.ip_address("fd00:ec2::254"): "the metadata service of AWS",
    ipaddress.ip_address("fd20:ce::254"): "the metadata service of Google Cloud",
    ipaddress.ip_address("169.254.169.254"): "a cloud's metadata service",
    ipaddress.ip_address("169.254.170.2"): "the credentials of an AWS task",
}
_LINK_LOCAL = (ipaddress.ip_network("169.254.0.0/16"), ipaddress.ip_network("fe80::/10"))
# public names whose addresses are written in the name
_WILDCARD_DNS = re.compile(
    r"(?:^|[.-])(\d+[.-]\d+[.-]\d+[.-]\d+|[0-9a-f]{8})\.(?:nip|sslip|xip)\.io$"
)
_MAPPED = (ipaddress.ip_network("64:ff9b::/96"), ipaddress.ip_network("2002::/16"))


def in_text(text: str) -> Iterator[tuple[int, int, str]]:
    """The addresses with a scheme in a string: their span and text."""
    for found in _URL.finditer(text):
        yield found.start(), found.end(), found.group()


def target_fault(host: str) -> str | None:
    """What a host must not be connected to for; None where nothing is known against it."""
    plain = (
        unicodedata.normalize("NFKC", unquote(host))
        .translate(_DOTS)
        .strip()
        .strip("[]")
        .rstrip(".")
        .lower()
    )
    plain = plain.partition("%")[0]  # the zone of an IPv6 address
    if plain in _METADATA_NAMES:
        return "is the name of a cloud's metadata service"
    found = _WILDCARD_DNS.search(plain)
    named = found[1].replace("-", ".") if found else plain
    if found and re.fullmatch(r"[0-9a-f]{8}", named):
        named = f"0x{named}"
    address = _address(named)
    if address is None:
        return None
    if address in _METADATA:
        return f"is {_METADATA[address]}"
    if any(address in network for network in _LINK_LOCAL if network.version == address.version):
        return "is a link-local address"
    return None


def host_of(address: str) -> str:
    """The host of an address with a scheme, or of `host:port`; empty where there is none."""
    address = address.replace("\\", "/")  # as browsers and curl read it (WHATWG URL, 4.4)
    try:
        parts = urlsplit(address if "://" in address else f"//{address}")
        netloc = parts.netloc
    except ValueError:
        return ""
    host = netloc.rpartition("@")[2]
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.rpartition(":")[0] if re.search(r":\d*$", host) and host.count(":") == 1 else host


def is_open(address: str) -> bool:
    """Whether what is sent to an address can be read on the way: plain http, not to itself."""
    scheme = address.partition(":")[0].lower().strip()
    if scheme not in ("http", "ws"):
        return False
    host = host_of(address).lower().rstrip(".")
    if host in ("localhost", "ip6-localhost") or host.endswith(".localhost"):
        return False
    found = _address(host)
    return found is None or not found.is_loopback


def carries_login(address: str) -> bool:
    """Whether an address has a user and password, written out or by reference."""
    try:
        userinfo, at, _ = urlsplit(_TEMPLATE.sub("x", address)).netloc.rpartition("@")
    except ValueError:
        return False
    return bool(at) and ":" in userinfo


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    number = _aton(host)
    if number is not None:
        return ipaddress.IPv4Address(number)
    try:
        found = ipaddress.ip_address(host)
    except ValueError:
        return None
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is not None:
            return found.ipv4_mapped
        if found in _MAPPED[0] or (int(found) >> 32 == 0 and int(found) > 1):
            return ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
        if found.sixtofour is not None:
            return found.sixtofour
    return found


def _aton(host: str) -> int | None:
    """An IPv4 address as inet_aton reads it: one to four parts, each in any base."""
    parts = host.split(".")
    if not 1 <= len(parts) <= 4:
        return None
    numbers = []
    for part in parts:
        if re.fullmatch(r"0x[0-9a-f]*", part):
            numbers.append(int(part[2:] or "0", 16))
        elif re.fullmatch(r"0[0-7]*", part):
            numbers.append(int(part, 8))
        elif re.fullmatch(r"[1-9]\d{0,9}", part):
            numbers.append(int(part))
        else:
            return None
    value = 0
    for number in numbers[:-1]:
        if number > 255:
            return None
        value = value << 8 | number
    room = 8 * (5 - len(numbers))
    if numbers[-1] >= 1 << room:
        return None
    return value << room | numbers[-1]
