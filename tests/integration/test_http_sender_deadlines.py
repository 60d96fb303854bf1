"""The wall-clock deadline of the webhook sender, against partners that drip, hang and never let go."""

import socket
import ssl
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from ipaddress import ip_address
from time import monotonic

import pytest

from psms.adapters.egress import EgressGuard
from psms.adapters.http_connection import CONNECT_BUDGET_S, Dial, DialFailed
from psms.adapters.slots import Slots
from psms.adapters.watchdog import Watchdog
from psms.domain.attempts import Outcome
from tests.support.odd_servers import black_hole, reciting_server
from tests.support.receiver import Answer, Authority, Receiver
from tests.support.sending import LOOPBACK, ScriptedResolver, send, sender

SENDER = sender()
LIMIT_S, SOAKED_LIMIT_S = 0.4, 15.0
# The watchdog's thread and this machine's scheduler.
GRACE_MS = 500


@pytest.fixture
def partner():
    with Receiver() as receiver:
        yield receiver


@pytest.fixture
def limit_s(request):
    """The deadline of each request: that of production in the long form."""
    return SOAKED_LIMIT_S if request.config.getoption("--soak") else LIMIT_S


def assert_in_time(result, limit_s):
    assert limit_s * 1000 <= result.duration_ms < limit_s * 1000 + GRACE_MS


def slowed(answer, limit_s):
    """Return *answer* dripping so slowly that it outlasts the deadline as far as it does the short one."""
    pace = limit_s / LIMIT_S
    return replace(answer, drip_head_s=answer.drip_head_s * pace, drip_body_s=answer.drip_body_s * pace)


def in_a_slot(url, limit_s, by=SENDER):
    """Send in the one slot of a pool, and return the result when the slot is free again."""
    slots = Slots(1)
    result = slots.submit(partial(send, by, url, timeout_s=limit_s)).result(2 * limit_s + 1)
    assert slots.free == 1
    return result


@pytest.mark.parametrize(
    "answer",
    [
        Answer(hang=True),
        Answer(drip_head_s=0.05),
        Answer(headers={"x": "y" * 1000}, drip_head_s=0.01),
        Answer(raw=b"HTTP/1.1 100 Continue\r\n\r\n" * 100, drip_head_s=0.01),
    ],
    ids=["silent", "status line", "headers", "endless 1xx"],
)
def test_w11_a_head_that_never_ends_is_a_timeout(partner, answer, limit_s):
    partner.answer("/", slowed(answer, limit_s))
    result = in_a_slot(partner.url(), limit_s)

    assert (result.outcome, result.status) == (Outcome.TIMEOUT, None)
    assert result.error == f"The host did not answer within {limit_s:g} seconds."
    assert_in_time(result, limit_s)


@pytest.mark.parametrize(("status", "outcome"), [(200, Outcome.SUCCESS), (500, Outcome.HTTP_ERROR)])
@pytest.mark.parametrize("chunked", [False, True])
def test_w11_a_body_that_never_ends_leaves_the_status_standing(partner, status, outcome, chunked, limit_s):
    answer = Answer(status=status, body=b"x" * 1000, chunked=chunked, drip_body_s=0.02)
    partner.answer("/", slowed(answer, limit_s))
    result = in_a_slot(partner.url(), limit_s)

    assert (result.outcome, result.status, result.response_truncated) == (outcome, status, True)
    assert result.response_body == b"x" * len(result.response_body)
    assert_in_time(result, limit_s)


def test_w11_a_body_without_a_length_that_never_ends_is_truncated(partner, limit_s):
    answer = Answer(raw=b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 1000, drip_head_s=0.005)
    partner.answer("/", slowed(answer, limit_s))
    result = in_a_slot(partner.url(), limit_s)

    assert (result.outcome, result.response_truncated) == (Outcome.SUCCESS, True)
    assert 0 < len(result.response_body) < 1000
    assert_in_time(result, limit_s)


def test_w11_a_partner_that_reads_nothing_of_a_large_request_is_a_timeout(limit_s):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        result = send(SENDER, url, body=bytes(64 * 1024 * 1024), timeout_s=limit_s)

    assert result.outcome is Outcome.TIMEOUT
    assert_in_time(result, limit_s)


def test_w11_a_black_hole_is_a_connect_failure_in_time(limit_s):
    with black_hole() as port:
        result = in_a_slot(f"http://127.0.0.1:{port}/", limit_s)

    assert (result.outcome, result.error) == (
        Outcome.CONNECT,
        "The host did not accept a connection in time.",
    )
    assert_in_time(result, min(limit_s, CONNECT_BUDGET_S))


def test_a_black_hole_leaves_time_for_the_next_address():
    with (
        Receiver(name="half.example") as partner,
        black_hole("127.0.0.2", partner.port),
    ):
        resolver = ScriptedResolver(half__example=[["127.0.0.2", "127.0.0.1"]])
        result = send(sender(resolver=resolver), partner.url(), timeout_s=2 * LIMIT_S)

        assert (result.outcome, result.peer_ip) == (Outcome.SUCCESS, "127.0.0.1")
        assert_in_time(result, LIMIT_S)


# The second announces a handshake record, and then sends it a byte at a time.
@pytest.mark.parametrize("text", [b"", b"\x16\x03\x03\x40\x00\x02\x00\x3f\xfc" + bytes(1000)])
def test_w11_a_slow_tls_handshake_ends_in_time(text, limit_s):
    with reciting_server(text, pause_s=0.02) as port:
        result = in_a_slot(f"https://127.0.0.1:{port}/", limit_s)

    assert (result.outcome, result.error) == (
        Outcome.TLS,
        "The host did not finish the TLS handshake in time.",
    )
    assert_in_time(result, min(limit_s, CONNECT_BUDGET_S))


def test_connecting_has_a_budget_of_its_own_within_the_deadline():
    target = EgressGuard(LOOPBACK).target_of("https://127.0.0.1/")
    text = bytes([22, 3, 3, 64]) + bytes(1000)
    with reciting_server(text, pause_s=0.02) as port, Watchdog().guard(monotonic() + 5) as watch:
        dial = Dial(
            target=replace(target, port=port),
            addresses=[ip_address("127.0.0.1")],
            watch=watch,
            tls=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
            budget_s=LIMIT_S,
        )
        started = monotonic()
        with pytest.raises(DialFailed, match="did not finish the TLS handshake in time"):
            dial.connect()

    assert LIMIT_S <= monotonic() - started < LIMIT_S + GRACE_MS / 1000


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (Answer(drip_head_s=0.05), Outcome.TIMEOUT),
        (Answer(body=bytes(99), drip_body_s=0.05), Outcome.SUCCESS),
    ],
)
def test_w11_the_deadline_reaches_through_tls(answer, outcome, limit_s):
    authority = Authority()
    with Receiver(tls=authority.server_context("127.0.0.1")) as partner:
        partner.answer("/", slowed(answer, limit_s))
        result = in_a_slot(partner.url(), limit_s, sender(tls=authority.client_context))

    assert result.outcome is outcome
    assert_in_time(result, limit_s)


def test_64_slow_partners_end_together_and_a_quick_one_beside_them_is_quick(partner):
    partner.answer("/slow", Answer(drip_head_s=0.05))
    with ThreadPoolExecutor(64) as pool:
        slow = [pool.submit(send, SENDER, partner.url("/slow"), timeout_s=1.0) for _ in range(64)]
        quick = send(SENDER, partner.url("/quick"), timeout_s=1.0)
        results = [future.result(5) for future in slow]

    assert quick.outcome is Outcome.SUCCESS
    assert {result.outcome for result in results} == {Outcome.TIMEOUT}
    assert max(result.duration_ms for result in results) < 1000 + 2 * GRACE_MS
