"""Where PSMS may send requests: rules for URLs and for addresses, against server-side request forgery.

Pure: looking names up and connecting is in `psms.adapters.egress` and `psms.adapters.http`.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network
from typing import Literal
from urllib.parse import quote, urlsplit

from psms.domain.url_hosts import IPAddress, host_in, read_host_and_port
from psms.errors import Misconfigured, WebhookUrlRefused

IPNetwork = IPv4Network | IPv6Network
Scheme = Literal["http", "https"]

MAX_URL_CHARS = 2048

# An explicit list and not only `is_global`, which is True for Azure's wire server, 6to4 relays, multicast and
# whatever a later Python release decides.
_FORBIDDEN_V4 = tuple(
    IPv4Network(cidr)
    for cidr in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "168.63.129.16/32",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
)
# Outside are loopback, v4-compatible, SIIT, local NAT64, unique local, link- and site-local, SRv6, multicast.
_GLOBAL_V6 = IPv6Network("2000::/3")
_FORBIDDEN_V6 = tuple(
    IPv6Network(cidr)
    # Protocol assignments with Teredo, documentation, 6to4, documentation.
    for cidr in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")
)
_NAT64 = IPv6Network("64:ff9b::/96")

# Servers that speak to whoever reaches them, or that take a line of HTTP for a command.
_DATABASE_PORTS = {1433, 1521, 3306, 5432, 5433, 5984, 6379, 9042, 9200, 9300, 11211, 26379, 27017, 27018}
_CONTROL_PORTS = {2049, 2181, 2375, 2376, 2379, 2380, 3389, 5900, 6443, 8500, 10250, 10255}
_BROKER_PORTS = {4369, 5672, 9092, 15672}
_FORBIDDEN_PORTS = frozenset(_DATABASE_PORTS | _CONTROL_PORTS | _BROKER_PORTS)
_FREE_PORTS = range(1024, 65536)
_DEFAULT_PORTS: dict[Scheme, int] = {"http": 80, "https": 443}

# `.cluster.local` is one of `.local`.
_INTERNAL_SUFFIXES = (".internal", ".local", ".localhost", ".localdomain", ".svc", ".home.arpa")
_PLAIN = re.compile(r"[\x21-\x7e]+")
_KEPT_IN_PATH = "!$%&'()*+,/:;=?@[]~"


@dataclass(frozen=True, slots=True, kw_only=True)
class EgressPolicy:
    """What the operator permits beyond public HTTPS, and forbids within it.

    Networks in *allow* may be called, and plain HTTP to public hosts; networks in *deny* and the *own_hosts* of PSMS
    may not. The narrower of two networks counts, and *deny* where they are equal.
    """

    allow: tuple[IPNetwork, ...] = ()
    deny: tuple[IPNetwork, ...] = ()
    own_hosts: frozenset[str] = frozenset()
    plain_http: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A URL taken apart, so that nothing in it is read a second time by another parser.

    *host* is lower-case ASCII without brackets, *literal* the address if the host is one. *path* begins with
    a slash, is percent-encoded and includes the query.
    """

    scheme: Scheme
    host: str
    port: int
    literal: IPAddress | None
    path: str

    @property
    def authority(self) -> str:
        """Host and port as the Host header has them: brackets around IPv6, no default port."""
        host = f"[{self.host}]" if isinstance(self.literal, IPv6Address) else self.host
        return host if self.port == _DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """The URL in canonical form."""
        return f"{self.scheme}://{self.authority}{self.path}"


def parse_policy(allow: str, deny: str = "", *, public_url: str = "", plain_http: bool = False) -> EgressPolicy:
    """Return the policy for networks that are separated by commas; none where empty.

    A webhook to *public_url*, at which PSMS itself is reached, would be a loop. Raises Misconfigured, naming the
    entry and what to write instead.
    """
    return EgressPolicy(
        allow=_networks("PSMS_EGRESS_ALLOW", allow),
        deny=_networks("PSMS_EGRESS_DENY", deny),
        own_hosts=frozenset(host for host in [_own_host(public_url)] if host),
        plain_http=plain_http,
    )


def read_url(url: str, policy: EgressPolicy) -> Target:
    """Return the parts of *url*, or raise WebhookUrlRefused with the reason for a person.

    Judges all that can be judged without a look-up, an address literal too; `vet` judges a name's addresses.
    """
    scheme, netloc, path = _split(url)
    place = read_host_and_port(netloc)
    port = _DEFAULT_PORTS[scheme] if place.port is None else place.port
    target = Target(scheme=scheme, host=place.host, port=port, literal=place.literal, path=path)
    _check_port(target)
    if target.literal is not None:
        vet(target, (target.literal,), policy)
    elif not policy.allow:
        _refuse_unless_public(target, policy)
    return target


def vet(target: Target, addresses: Sequence[IPAddress], policy: EgressPolicy) -> tuple[IPAddress, ...]:
    """Return *addresses*, each of which may be connected to for *target*; raise WebhookUrlRefused otherwise.

    One forbidden address refuses them all: a name with public and private ones is an attack or a mistake.
    Plain HTTP and internal names are fit only for addresses that the operator has allowed.
    """
    if not addresses:
        raise WebhookUrlRefused("The host of this URL has no address.")
    if any(is_forbidden(address, policy) for address in addresses):
        raise WebhookUrlRefused(
            "The host of this URL has an address that is not public: PSMS calls public addresses only, "
            "and those that its operator allows in PSMS_EGRESS_ALLOW."
        )
    if not all(_is_allowed(_embedded(address), policy) for address in addresses):
        _refuse_unless_public(target, policy)
    return tuple(addresses)


def is_forbidden(address: IPAddress, policy: EgressPolicy) -> bool:
    """Tell whether PSMS must not connect to *address*.

    An IPv4-mapped or NAT64 address (RFC 4291, RFC 6052) is judged as the IPv4 address that it stands for. What the
    operator allows or denies beats the rest.
    """
    judged = _embedded(address)
    if judged != address and _prefix_within(policy.deny, address) is not None:
        return True
    if _is_allowed(judged, policy):
        return False
    if _prefix_within(policy.deny, judged) is not None:
        return True
    if isinstance(judged, IPv4Address):
        listed = any(judged in network for network in _FORBIDDEN_V4)
        return listed or judged.is_multicast or not judged.is_global
    return judged not in _GLOBAL_V6 or any(judged in network for network in _FORBIDDEN_V6)


def _own_host(public_url: str) -> str | None:
    """Return the host of PSMS, spelled as those of webhooks are."""
    written = (host_in(public_url) or "").rstrip(".")
    try:
        return read_host_and_port(f"[{written}]" if ":" in written else written).host
    except WebhookUrlRefused:
        return written or None


def _networks(variable: str, cidrs: str) -> tuple[IPNetwork, ...]:
    entries = [entry.strip() for entry in cidrs.split(",")]
    return tuple(_network(variable, entry) for entry in entries if entry)


def _network(variable: str, entry: str) -> IPNetwork:
    try:
        return ip_network(entry)
    except ValueError:
        raise Misconfigured(
            f"{variable} has {entry!r}, which is not a network: write networks as 10.1.0.0/16 or "
            "fd00::/8 (no bits set after the prefix), with commas between them"
        ) from None


def _is_allowed(address: IPAddress, policy: EgressPolicy) -> bool:
    allowed, denied = _prefix_within(policy.allow, address), _prefix_within(policy.deny, address)
    return allowed is not None and (denied is None or allowed > denied)


def _prefix_within(networks: Sequence[IPNetwork], address: IPAddress) -> int | None:
    """Return the length of the narrowest network's prefix that has *address*."""
    return max((network.prefixlen for network in networks if address in network), default=None)


def _embedded(address: IPAddress) -> IPAddress:
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address in _NAT64:
            return IPv4Address(address.packed[-4:])
    return address


def _refuse_unless_public(target: Target, policy: EgressPolicy) -> None:
    if target.host in policy.own_hosts:
        raise WebhookUrlRefused("The host of this URL is this installation's own: a webhook to it would be a loop.")
    if target.scheme == "http" and not policy.plain_http:
        raise WebhookUrlRefused("Use an https URL: PSMS speaks plain HTTP only to networks that its operator allows.")
    if target.literal is None and ("." not in target.host or target.host.endswith(_INTERNAL_SUFFIXES)):
        raise WebhookUrlRefused("The host of this URL is an internal name: use one from the public DNS.")


def _split(url: str) -> tuple[Scheme, str, str]:
    if len(url) > MAX_URL_CHARS:
        raise WebhookUrlRefused(f"This URL is longer than {MAX_URL_CHARS} characters.")
    if "\\" in url or not (_PLAIN.fullmatch(url) or _is_printable(url)):
        raise WebhookUrlRefused("This URL is empty, or has a space, a control character or a backslash in it.")
    if "#" in url:
        raise WebhookUrlRefused("This URL has a fragment (#…), which is never sent: leave it out.")
    try:
        parts = urlsplit(url)
    except ValueError:
        raise WebhookUrlRefused("The host of this URL is malformed.") from None
    if "@" in parts.netloc:
        raise WebhookUrlRefused("This URL has a user name or a password in it: leave them out.")
    path = quote(f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}", safe=_KEPT_IN_PATH)
    match parts.scheme:
        case "http" | "https" as scheme:
            return scheme, parts.netloc, path
        case _:
            raise WebhookUrlRefused("Use an https URL.")


def _is_printable(text: str) -> bool:
    # C: control, format, surrogate, private, unassigned. Z: every kind of space.
    return bool(text) and all(unicodedata.category(character)[0] not in "CZ" for character in text)


def _check_port(target: Target) -> None:
    if target.port in _FORBIDDEN_PORTS:
        raise WebhookUrlRefused(f"Port {target.port} belongs to another kind of server: use 443.")
    default = target.port == _DEFAULT_PORTS[target.scheme] or target.port == _DEFAULT_PORTS["https"]
    if not default and target.port not in _FREE_PORTS:
        raise WebhookUrlRefused("Use port 443, or one from 1024 to 65535.")
