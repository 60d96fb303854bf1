"""Connections of the webhook sender: made only to vetted addresses, in bounded time.

What goes over them is in `psms.adapters.http_lines`, what their failures mean to a delivery in `psms.adapters.http`.
"""

import socket
import ssl
from collections.abc import Sequence
from ipaddress import IPv6Address, ip_address
from itertools import zip_longest
from time import monotonic

from requests.utils import DEFAULT_CA_BUNDLE_PATH

from psms.adapters.watchdog import Watch
from psms.domain.attempts import Outcome
from psms.domain.egress import Target
from psms.domain.url_hosts import IPAddress

CONNECT_BUDGET_S = 5.0
_MAX_ADDRESSES_TRIED = 4
_ALPN = ["http/1.1"]
_CERTIFICATE_FAULTS = {
    7: "was not signed by the authority that it names",
    9: "is not valid yet",
    10: "has expired",
    18: "is self-signed",
    19: "comes from an authority that is not trusted",
    20: "comes from an authority that is not trusted, or the host does not send the whole chain",
    62: "is for another host",
    64: "is for another address",
}


class DialFailed(Exception):
    """No connection came about: *outcome* is CONNECT, TLS or EGRESS_BLOCKED, *sentence* says why."""

    def __init__(self, outcome: Outcome, sentence: str) -> None:
        self.outcome = outcome
        self.sentence = sentence
        super().__init__(sentence)


def trusting_context(ca_file: str) -> ssl.SSLContext:
    """Return a client context: the authorities in *ca_file* trusted, TLS 1.2 or later, names checked.

    Not `ssl.create_default_context`, which obeys SSLKEYLOGFILE.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_verify_locations(cafile=ca_file)
    context.set_alpn_protocols(_ALPN)
    return context


def public_context() -> ssl.SSLContext:
    """Return a client context that trusts the authorities of `requests`."""
    return trusting_context(DEFAULT_CA_BUNDLE_PATH)


class Dial:
    """How a connection is made: to the first of *addresses* that accepts, and to no other; both families in turn.

    *watch* shuts the connection at its deadline; *tls* is None for plain HTTP. Addresses and handshake together
    have *budget_s* seconds.
    """

    def __init__(
        self,
        *,
        target: Target,
        addresses: Sequence[IPAddress],
        watch: Watch,
        tls: ssl.SSLContext | None,
        budget_s: float = CONNECT_BUDGET_S,
    ) -> None:
        self._target = target
        self._addresses = _alternating(addresses)[:_MAX_ADDRESSES_TRIED]
        self._watch = watch
        self._tls = tls
        self._budget_s = budget_s
        self.peer: IPAddress | None = None
        self.tls_verified = False

    def connect(self) -> socket.socket:
        """Return a connected socket, after its TLS handshake if there is one; raises DialFailed."""
        deadline = self._watch.deadline
        budget_end = min(deadline, monotonic() + self._budget_s)
        connection = self._reach(budget_end)
        if self._tls is not None:
            self._watch.move(budget_end)
            self._watch.attach(connection)
            connection = self._secure(connection, self._tls)
            self._watch.move(deadline)
        else:
            self._watch.attach(connection)
        return connection

    def _reach(self, budget_end: float) -> socket.socket:
        problem: OSError | None = None
        for left, address in zip(range(len(self._addresses), 0, -1), self._addresses, strict=True):
            # A share each, or the first black hole would eat the budget of those that work.
            share = (budget_end - monotonic()) / left
            if share <= 0:
                break
            try:
                return self._connect_to(address, share)
            except OSError as refusal:
                problem = refusal
        raise DialFailed(Outcome.CONNECT, _connect_sentence(problem))

    def _connect_to(self, address: IPAddress, timeout_s: float) -> socket.socket:
        family = socket.AF_INET6 if isinstance(address, IPv6Address) else socket.AF_INET
        connection = socket.socket(family, socket.SOCK_STREAM)
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.settimeout(timeout_s)
            connection.connect((str(address), self._target.port))
            self._check_peer(connection, address)
        except BaseException:
            connection.close()
            raise
        return connection

    def _check_peer(self, connection: socket.socket, address: IPAddress) -> None:
        self.peer = ip_address(connection.getpeername()[0])
        if self.peer != address:
            raise DialFailed(Outcome.EGRESS_BLOCKED, "The connection went to an address that was not vetted.")

    def _secure(self, connection: socket.socket, tls: ssl.SSLContext) -> socket.socket:
        try:
            connection.settimeout(max(0.001, self._watch.deadline - monotonic()))
            secured = tls.wrap_socket(connection, server_hostname=self._target.host)
        except (OSError, ValueError) as problem:
            connection.close()
            raise DialFailed(Outcome.TLS, self._tls_sentence(problem)) from None
        self.tls_verified = True
        return secured

    def _tls_sentence(self, problem: Exception) -> str:
        if self._watch.fired or isinstance(problem, TimeoutError):
            return "The host did not finish the TLS handshake in time."
        if isinstance(problem, ssl.SSLCertVerificationError):
            fault = _CERTIFICATE_FAULTS.get(problem.verify_code, "could not be verified")
            return f"The certificate of the host {fault}."
        return "The TLS handshake with the host failed."


def _alternating(addresses: Sequence[IPAddress]) -> list[IPAddress]:
    """Return the addresses so that the families alternate (RFC 8305, section 4): one of them may lead nowhere."""
    first = [address for address in addresses if address.version == addresses[0].version]
    other = [address for address in addresses if address.version != addresses[0].version]
    return [address for pair in zip_longest(first, other) for address in pair if address is not None]


def _connect_sentence(problem: OSError | None) -> str:
    if problem is None or isinstance(problem, TimeoutError):
        return "The host did not accept a connection in time."
    if isinstance(problem, ConnectionRefusedError):
        return "The host refused the connection."
    return "The host could not be reached."
