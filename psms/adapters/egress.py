"""Looking up the hosts that PSMS is to call, and judging their addresses by `psms.domain.egress`.

Connecting to them is in `psms.adapters.http`.
"""

import os
import socket
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import lru_cache, partial
from ipaddress import ip_address
from time import monotonic

from psms.adapters.lookup_rooms import LookupRooms
from psms.adapters.slots import Slots
from psms.domain.egress import EgressPolicy, Target, read_url, vet
from psms.domain.url_hosts import IPAddress
from psms.guard import refuse_in_transaction
from psms.ports import WorkSlots

LOOKUP_TIMEOUT_S = 3.0
LOOKUP_THREADS = 32
_URLS_REMEMBERED = 1024

Resolver = Callable[[str, int], Sequence[IPAddress]]
"""Returns every address of a host, best first; raises OSError when there is none."""


class NameUnresolved(Exception):
    """A host has no address, or none was found in time."""


def system_resolver(host: str, port: int) -> tuple[IPAddress, ...]:
    """Return the addresses that the operating system knows for *host*; raises OSError when there is none."""
    # The final dot keeps search domains out: `example.com` must not become `example.com.corp.lan`.
    name = f"{host}." if "." in host else host
    found = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(ip_address(address[0]) for *_, address in found))


class EgressGuard:
    """The judge of what PSMS may call: URLs when they are registered, addresses at every connection.

    Look-ups run in threads of their own, because getaddrinfo has no timeout.
    """

    def __init__(
        self, policy: EgressPolicy, resolver: Resolver = system_resolver, *, slots: WorkSlots | None = None
    ) -> None:
        """Take what is allowed, how names are looked up and, in tests, the *slots* in which that is done."""
        self._policy = policy
        # The same few URLs are called over and over.
        self._read = lru_cache(_URLS_REMEMBERED)(partial(read_url, policy=policy))
        self._resolver = resolver
        self._slots = slots or Slots(LOOKUP_THREADS, name="psms-lookup")
        self._start_empty()
        os.register_at_fork(after_in_child=self._start_empty)

    def _start_empty(self) -> None:
        self._rooms = LookupRooms(LOOKUP_THREADS)

    def check_url(self, url: str, /) -> None:
        """Raise WebhookUrlRefused when *url* must not be called.

        A name that cannot be looked up now is accepted: it is judged again whenever something is sent there.
        """
        target = self.target_of(url)
        try:
            self.addresses_for(target)
        except NameUnresolved:
            return

    def target_of(self, url: str) -> Target:
        """Return the parts of *url*, or raise WebhookUrlRefused; looks nothing up."""
        return self._read(url)

    def addresses_for(self, target: Target, *, within_s: float = LOOKUP_TIMEOUT_S) -> tuple[IPAddress, ...]:
        """Return the addresses that may be connected to for *target*, best first, from one look-up.

        Raises WebhookUrlRefused when any of them is forbidden, and NameUnresolved when none is found
        *within_s* seconds, LOOKUP_TIMEOUT_S at most.
        """
        if target.literal is not None:
            return vet(target, (target.literal,), self._policy)
        refuse_in_transaction("a name look-up")
        found = self._look_up(target, monotonic() + min(within_s, LOOKUP_TIMEOUT_S))
        return vet(target, found, self._policy)

    def _look_up(self, target: Target, deadline: float) -> Sequence[IPAddress]:
        rooms = self._rooms
        leave = rooms.enter(target.host, deadline)
        if leave is None:
            raise NameUnresolved("too many look-ups are waiting for an answer")
        try:
            future = self._slots.submit(self._resolver, target.host, target.port)
        except RuntimeError as problem:
            leave()
            raise NameUnresolved("no thread can be started for a look-up") from problem
        future.add_done_callback(lambda _: leave())
        found = _answer(future, deadline)
        rooms.note(target.host, prompt=found is not None)
        if not found:
            raise NameUnresolved("the host has no address, or none in time")
        return found


def _answer(future: Future[Sequence[IPAddress]], deadline: float) -> Sequence[IPAddress] | None:
    """Return the addresses that were found; None where there was no answer in time."""
    try:
        return future.result(max(0.0, deadline - monotonic()))
    except TimeoutError:
        return () if future.done() else None
    except (OSError, UnicodeError):
        return ()
