"""Deadlines that the watchdog keeps: on time, in any order, and only for what is still watched."""

import socket
import ssl
import threading
import time
from contextlib import contextmanager

import pytest

from psms.adapters.watchdog import Watchdog

WATCHDOG = Watchdog()


@contextmanager
def pair():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.settimeout(5)
        yield ours, theirs


def shut_after(connection):
    """Wait until *connection* is shut and return the seconds that took."""
    started = time.monotonic()
    assert connection.recv(1) == b""
    return time.monotonic() - started


def test_an_overdue_connection_is_shut_on_both_sides():
    with pair() as (ours, theirs), WATCHDOG.guard(time.monotonic() + 0.2) as watch:
        watch.attach(ours)

        assert 0.19 <= shut_after(ours) < 2
        assert theirs.recv(1) == b""
        assert watch.fired


def test_what_ends_before_its_deadline_is_left_alone():
    with pair() as (ours, theirs):
        with WATCHDOG.guard(time.monotonic() + 0.05) as watch:
            watch.attach(ours)
        with pair() as (later, _), WATCHDOG.guard(time.monotonic() + 0.2) as other:
            other.attach(later)
            shut_after(later)
        theirs.sendall(b"still here")

        assert ours.recv(20) == b"still here"
        assert not watch.fired


def test_an_earlier_deadline_is_kept_although_a_later_one_is_waited_for():
    with (
        pair() as (late, _),
        pair() as (early, _),
        WATCHDOG.guard(time.monotonic() + 30) as slow,
        WATCHDOG.guard(time.monotonic() + 0.1) as quick,
    ):
        slow.attach(late)
        quick.attach(early)

        assert shut_after(early) < 2
        assert (quick.fired, slow.fired) == (True, False)


def test_a_deadline_can_be_moved_in_both_directions():
    with pair() as (ours, _), WATCHDOG.guard(time.monotonic() + 0.05) as watch:
        watch.attach(ours)
        watch.move(time.monotonic() + 0.3)
        assert shut_after(ours) >= 0.29
    with pair() as (ours, _), WATCHDOG.guard(time.monotonic() + 30) as watch:
        watch.attach(ours)
        watch.move(time.monotonic() + 0.1)
        assert shut_after(ours) < 2


def test_a_deadline_in_the_past_shuts_at_once():
    with pair() as (ours, _), WATCHDOG.guard(time.monotonic() - 1) as watch:
        watch.attach(ours)

        assert shut_after(ours) < 2


def test_a_connection_that_closed_first_is_no_trouble():
    with pair() as (ours, _), WATCHDOG.guard(time.monotonic() + 0.05) as watch:
        watch.attach(ours)
        ours.close()
        with pair() as (later, _), WATCHDOG.guard(time.monotonic() + 0.1) as other:
            other.attach(later)
            shut_after(later)

        assert watch.fired


def test_a_socket_that_tls_has_taken_over_is_reached():
    with pair() as (ours, _), WATCHDOG.guard(time.monotonic() + 0.2) as watch:
        watch.attach(ours)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        started = time.monotonic()
        with pytest.raises(ssl.SSLError):
            context.wrap_socket(ours, server_hostname="partner.example")

        assert 0.19 <= time.monotonic() - started < 2
        assert watch.fired


def test_200_deadlines_need_one_thread_and_are_all_kept():
    watchdog = Watchdog()
    before = threading.active_count()
    pairs = [socket.socketpair() for _ in range(200)]
    watches = [watchdog.guard(time.monotonic() + 0.1 + number / 1000) for number in range(200)]
    for watch, (ours, _) in zip(watches, pairs, strict=True):
        watch.attach(ours)

    assert threading.active_count() <= before + 1
    for watch, (ours, theirs) in zip(watches, pairs, strict=True):
        with ours, theirs, watch:
            shut_after(ours)
            assert watch.fired


def test_a_watchdog_that_could_start_no_thread_starts_one_later():
    watchdog = Watchdog()
    with pair() as (ours, _), watchdog.guard(time.monotonic() - 1) as watch:
        usual = threading.stack_size(2**46)
        try:
            with pytest.raises(RuntimeError, match="can't start new thread"):
                watch.attach(ours)
        finally:
            threading.stack_size(usual)
        watch.move(time.monotonic() - 1)

        assert shut_after(ours) < 2
