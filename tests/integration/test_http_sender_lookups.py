"""Name servers that hang: whose look-ups they hold up, and whose not. What answers lead to is tested elsewhere."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from ipaddress import ip_address
from threading import Event
from typing import TypeVar

import pytest
from typing_extensions import override

from psms.adapters.egress import LOOKUP_THREADS, EgressGuard, NameUnresolved
from psms.adapters.slots import Slots
from psms.domain.url_hosts import IPAddress
from tests.support.sending import LOOPBACK

T = TypeVar("T")
HERE = (ip_address("127.0.0.1"),)


class SilentServers:
    """Answers at once for a name without `hung`; for such a one only when *mended* is set."""

    def __init__(self) -> None:
        self.mended = Event()
        self.under_way = 0

    def __call__(self, host: str, _port: int) -> tuple[IPAddress, ...]:
        self.under_way += 1
        if "hung" in host:
            self.mended.wait(30)
        return HERE


@pytest.fixture
def servers() -> Iterator[SilentServers]:
    silent = SilentServers()
    yield silent
    silent.mended.set()


def look_up(guard: EgressGuard, host: str, within_s: float = 3.0) -> tuple[IPAddress, ...]:
    return guard.addresses_for(guard.target_of(f"http://{host}:9000/"), within_s=within_s)


def find_nothing(guard: EgressGuard, *hosts: str) -> None:
    for host in hosts:
        with pytest.raises(NameUnresolved):
            look_up(guard, host, 0.005)


def test_names_that_hang_do_not_keep_one_from_being_found_that_was_found_before(servers: SilentServers) -> None:
    guard = EgressGuard(LOOPBACK, servers)
    assert look_up(guard, "good.example") == HERE
    find_nothing(guard, *(f"hung{number}.example" for number in range(2 * LOOKUP_THREADS)))

    assert look_up(guard, "good.example", 0.5) == HERE
    assert servers.under_way <= 2 + LOOKUP_THREADS // 2


def test_names_that_hung_before_do_not_keep_a_new_one_from_being_found(servers: SilentServers) -> None:
    guard = EgressGuard(LOOPBACK, servers)
    hung = [f"hung{number}.example" for number in range(LOOKUP_THREADS // 2)]
    find_nothing(guard, *hung)
    servers.mended.set()
    assert look_up(guard, "good.example") == HERE
    servers.mended.clear()
    find_nothing(guard, *hung, *hung)

    assert look_up(guard, "new.example", 0.5) == HERE
    servers.mended.set()
    assert [look_up(guard, host) for host in hung] == [HERE] * len(hung)


class FewThreads(Slots):
    """Slots of a process that may start no thread as long as its limit *binds*."""

    binds = True

    @override
    def submit(self, work: Callable[..., T], /, *args: object) -> Future[T]:
        if self.binds:
            raise RuntimeError("can't start new thread")
        return super().submit(work, *args)


def test_a_look_up_for_which_no_thread_could_be_started_takes_no_room_for_good(servers: SilentServers) -> None:
    threads = FewThreads(LOOKUP_THREADS)
    guard = EgressGuard(LOOPBACK, servers, slots=threads)
    find_nothing(guard, *["good.example"] * 2 * LOOKUP_THREADS)
    threads.binds = False

    assert look_up(guard, "good.example") == HERE
