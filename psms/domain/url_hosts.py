"""The host of a URL, read so that no other program can read another host: one spelling per name and address.

Which hosts may be called is in `egress`.
"""

import re
import unicodedata
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from urllib.parse import urlsplit

from psms.errors import WebhookUrlRefused

IPAddress = IPv4Address | IPv6Address

_MAX_HOST_CHARS = 253
_NAME = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)(\.(?!-)[a-z0-9_-]{1,63}(?<!-))*")
# What inet_aton(3) or a WHATWG parser reads as an IPv4 address: its last part is a number.
_NUMERIC = re.compile(r"(.*\.)?([0-9]+|0x[0-9a-f]*)")
_BRACKETED = re.compile(r"\[([0-9a-fA-F:.]+)\](?::([0-9]{0,5}))?")
_NAMED = re.compile(r"([^:\[\]]+)(?::([0-9]{0,5}))?")


@dataclass(frozen=True, slots=True, kw_only=True)
class HostAndPort:
    """A host in lower-case ASCII without brackets, the address if it is one, the port if one is written."""

    host: str
    literal: IPAddress | None
    port: int | None


def read_host_and_port(netloc: str) -> HostAndPort:
    """Return the parts of *netloc*, which has no user name in it.

    Raises WebhookUrlRefused for a host that is malformed, that inet_aton would read as another address, or
    that has characters which normalize to others.
    """
    bracketed = _BRACKETED.fullmatch(netloc)
    if bracketed:
        address = _ipv6(bracketed[1])
        return HostAndPort(host=str(address), literal=address, port=_port(bracketed[2]))
    named = _NAMED.fullmatch(netloc)
    if not named:
        raise WebhookUrlRefused("The host or the port of this URL is malformed.")
    host = _ascii(named[1])
    return HostAndPort(host=host, literal=_ipv4(host), port=_port(named[2]))


def host_in(location: str | None) -> str | None:
    """Return the host that a `Location` header names, to be shown to a person; None where it names none."""
    try:
        host = urlsplit(location or "").hostname
    except ValueError:
        return None
    shown = host is not None and len(host) <= _MAX_HOST_CHARS and host.isprintable()
    return host or None if shown else None


def _port(digits: str | None) -> int | None:
    return int(digits) if digits else None


def _ipv6(text: str) -> IPv6Address:
    try:
        return IPv6Address(text)
    except AddressValueError:
        raise WebhookUrlRefused("The host of this URL is not an IPv6 address.") from None


def _ipv4(host: str) -> IPv4Address | None:
    if not _NUMERIC.fullmatch(host):
        return None
    try:
        return IPv4Address(host)
    except AddressValueError:
        raise WebhookUrlRefused(
            "The host of this URL is a number which some programs take for an address: write that in full."
        ) from None


def _ascii(host: str) -> str:
    name = host.lower() if host.isascii() else _idna(host)
    if len(name) > _MAX_HOST_CHARS or not _NAME.fullmatch(name):
        raise WebhookUrlRefused("The host of this URL is not a valid name (nor is one that ends with a dot).")
    if any(label.startswith("xn--") and not _is_honest(label) for label in name.split(".")):
        raise _look_alike()
    return name


def _idna(host: str) -> str:
    # Python's codec maps look-alikes to ASCII, other full stops too, so only what comes back unchanged is good.
    if len(host) > _MAX_HOST_CHARS:
        raise _look_alike()
    try:
        name = host.encode("idna")
        same = name.decode("idna") == host.lower()
    except UnicodeError:
        raise _look_alike() from None
    if not same:
        raise _look_alike()
    return name.decode("ascii").lower()


def _is_honest(label: str) -> bool:
    try:
        text = label.removeprefix("xn--").encode("ascii").decode("punycode")
    except UnicodeError:
        return False
    return unicodedata.normalize("NFKC", text) == text


def _look_alike() -> WebhookUrlRefused:
    return WebhookUrlRefused(
        "The host of this URL has characters that stand for others: write it in ASCII (the xn-- form)."
    )
