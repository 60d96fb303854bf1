"""Lines to partners: a connection with one request on it at a time, and those that are kept for the next request.

Making a connection is in `psms.adapters.http_connection`, what is said over it in `psms.adapters.http`.
"""

import os
import select
import socket
import ssl
from collections import OrderedDict, deque
from dataclasses import dataclass, field
from threading import Lock
from time import monotonic

from psms.adapters.http_response import BoundedResponse
from psms.adapters.watchdog import Watch
from psms.domain.url_hosts import IPAddress
from psms.telemetry import LINES_BROKEN

MAX_AGE_S = 30.0
"""A line is used no longer than this, so that a name is looked up and judged anew at least so often."""
MAX_IDLE_S = 1.5
"""Servers close what idles: gunicorn after 2 seconds, others after 5 or more. A line is given up before they do."""
PROOF_S = 0.05
"""How long an answered line must have stayed open for its partner to count as one that keeps connections."""
SHUN_S = 300.0
"""How long nothing is kept for a partner who broke a kept line off."""

_KEPT_IN_ALL = 128
_KEPT_FOR_ONE = 20
_PARTNERS_REMEMBERED = 1024
_SENT_IN_ONE_PIECE = 64 * 1024
_SWEEP_EVERY_S = 1.0


class Line:
    """A connection to an address that was vetted when it was made; *watch* shuts it at the deadline of its request."""

    def __init__(self, connection: socket.socket, watch: Watch, *, peer: IPAddress | None, tls_verified: bool) -> None:
        self._connection = connection
        self._watch = watch
        self._poll = select.poll()
        self._poll.register(connection.fileno(), select.POLLIN)
        self.peer = peer
        self.tls_verified = tls_verified
        self.made_at = self.idle_since = monotonic()
        self.reused = False

    @property
    def overdue(self) -> bool:
        """Whether it was shut because the time of its request was up."""
        return self._watch.fired

    @property
    def aged(self) -> bool:
        """Whether it is too old for another request."""
        return monotonic() - self.made_at > MAX_AGE_S

    def ask(self, head: bytes, body: bytes, within_s: float) -> BoundedResponse:
        """Send a request and return its response, the head of which has come; raises `http_response.BROKEN`."""
        self._connection.settimeout(within_s)
        try:
            if len(body) <= _SENT_IN_ONE_PIECE:
                self._connection.sendall(head + body)
            else:
                self._connection.sendall(head)
                self._connection.sendall(body)
        except ConnectionError:
            # A partner may answer before it has read it all, and close: its answer is there, before the reset.
            pass
        response = BoundedResponse(self._connection, method="POST")
        try:
            response.read_head()
        except BaseException:
            response.close()
            raise
        return response

    def rest(self) -> None:
        """Wait for the next request, MAX_IDLE_S at most; then the watchdog shuts it."""
        self.idle_since = monotonic()
        self._watch.move(min(self.idle_since + MAX_IDLE_S, self.made_at + MAX_AGE_S))

    @property
    def silent(self) -> bool:
        """Whether nothing came that nobody asked for: an end of the connection would be that too."""
        # What came in one TLS record with the last response is in the socket no more.
        held_back = isinstance(self._connection, ssl.SSLSocket) and self._connection.pending() > 0
        return not held_back and not self._poll.poll(0)

    def wake(self, deadline: float) -> bool:
        """Serve another request until *deadline*, on the clock of `time.monotonic`; False where it is no longer fit."""
        self.reused = self._watch.move(deadline) and self.silent
        return self.reused

    def close(self) -> None:
        """Close the connection."""
        self._watch.close()
        self._connection.close()


@dataclass(slots=True, eq=False)
class _Partner:
    """What is known of one URL: its idle lines, oldest first, and whether it keeps connections."""

    idle: deque[Line] = field(default_factory=deque)
    proven: bool = False


class KeptLines:
    """The idle lines of a process, by URL: two endpoints share none unless they are one and the same address.

    A partner proves first that it keeps connections: many close without a word, and a request that meets that would
    count as a failure of theirs. Nothing is ever sent twice because a kept line broke: the attempt has failed.
    """

    def __init__(self) -> None:
        self._start_empty()
        # A child must not speak over its parent's connections.
        os.register_at_fork(after_in_child=self._start_empty)

    def _start_empty(self) -> None:
        self._lock = Lock()
        self._partners: OrderedDict[str, _Partner] = OrderedDict()
        # By URL, and until when. Apart from the lines, which make room for those of others.
        self._shunned: OrderedDict[str, float] = OrderedDict()
        self._count = 0
        self._swept_at = 0.0

    def take(self, url: str, deadline: float) -> Line | None:
        """Return a line for a request to *url* that ends at *deadline*; None where a new one is to be made."""
        while (line := self._newest(url)) is not None:
            if line.wake(deadline):
                return line
            line.close()
        return None

    def keeps(self, url: str) -> bool:
        """Tell whether a line to *url* would be kept: else the partner is told that it will be closed."""
        return self._shunned.get(url, 0.0) <= monotonic()

    def give_back(self, url: str, line: Line) -> None:
        """Keep a line whose response was read to its end."""
        line.rest()
        with self._lock:
            surplus = self._overdue()
            partner = self._partners.setdefault(url, _Partner())
            self._partners.move_to_end(url)
            if self._shunned.get(url, 0.0) > line.idle_since or line.aged or len(partner.idle) >= _KEPT_FOR_ONE:
                surplus.append(line)
            else:
                partner.idle.append(line)
                self._count += 1
            while self._count > _KEPT_IN_ALL or len(self._partners) > _PARTNERS_REMEMBERED:
                _, forgotten = self._partners.popitem(last=False)
                surplus += self._emptied(forgotten)
        for one in surplus:
            one.close()

    def broke(self, url: str, line: Line) -> None:
        """Close a line on which a request failed; where it had been kept, keep none for that partner for a while."""
        line.close()
        if not line.reused or line.overdue:
            return
        LINES_BROKEN.inc()
        with self._lock:
            self._shunned[url] = monotonic() + SHUN_S
            self._shunned.move_to_end(url)
            if len(self._shunned) > _PARTNERS_REMEMBERED:
                self._shunned.popitem(last=False)
            partner = self._partners.pop(url, None)
            idle = [] if partner is None else self._emptied(partner)
        for one in idle:
            one.close()

    def _newest(self, url: str) -> Line | None:
        with self._lock:
            partner = self._partners.get(url)
            if partner is None or not partner.idle:
                return None
            if not partner.proven and monotonic() - partner.idle[0].idle_since < PROOF_S:
                return None
            self._count -= 1
            if partner.proven:
                return partner.idle.pop()
            line = partner.idle.popleft()
            partner.proven = line.silent
            return line

    def _overdue(self) -> list[Line]:
        now = monotonic()
        if now - self._swept_at < _SWEEP_EVERY_S:
            return []
        self._swept_at = now
        overdue: list[Line] = []
        for partner in self._partners.values():
            while partner.idle and now - partner.idle[0].idle_since > MAX_IDLE_S:
                overdue.append(partner.idle.popleft())
        self._count -= len(overdue)
        return overdue

    def _emptied(self, partner: _Partner) -> list[Line]:
        lines = list(partner.idle)
        partner.idle.clear()
        self._count -= len(lines)
        return lines
