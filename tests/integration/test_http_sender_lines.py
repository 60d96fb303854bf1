"""Connections that the webhook sender keeps for the next request: whose, how long, and what becomes of a request."""

import select
import socket
import ssl
from contextlib import ExitStack
from threading import Thread
from time import monotonic

import pytest
from prometheus_client import REGISTRY

from psms.adapters.http_lines import MAX_IDLE_S, PROOF_S, KeptLines, Line
from psms.adapters.watchdog import Watchdog
from psms.domain.attempts import Outcome
from psms.domain.egress import parse_policy
from tests.support.receiver import Answer, Authority, Receiver
from tests.support.sending import ScriptedResolver, send, sender
from tests.support.waiting import eventually

ONLY_ONE = parse_policy("127.0.0.1/32")
BROKEN = "psms_webhook_kept_lines_broken_total"


@pytest.fixture
def partner():
    with Receiver() as receiver:
        yield receiver


def until_kept(by, partner, path="/"):
    """Send until a request has gone over a line that was there before, and return how many lines there are."""

    def went_over_an_old_line():
        before = partner.connections
        assert send(by, partner.url(path)).outcome is Outcome.SUCCESS
        return partner.connections == before

    eventually(went_over_an_old_line, what="a line that is used again")
    return partner.connections


def test_a_partner_who_keeps_connections_gets_the_next_requests_over_the_same_one(partner):
    by = sender()
    lines = until_kept(by, partner)
    results = [send(by, partner.url(), body=b"%d" % number) for number in range(50)]

    assert {(result.outcome, result.peer_ip) for result in results} == {(Outcome.SUCCESS, "127.0.0.1")}
    assert [request.body for request in partner.received[-50:]] == [b"%d" % number for number in range(50)]
    assert partner.connections == lines


def test_a_line_is_kept_through_tls_and_stays_verified():
    authority = Authority()
    with Receiver(tls=authority.server_context("127.0.0.1")) as partner:
        by = sender(tls=authority.client_context)
        lines = until_kept(by, partner)
        result = send(by, partner.url())

        assert (result.outcome, result.tls_verified, partner.connections) == (Outcome.SUCCESS, True, lines)


def test_a_partner_who_closes_without_a_word_never_meets_an_old_line(partner):
    by = sender()
    partner.answer("/", Answer(raw=b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"))
    started = monotonic()
    while monotonic() < started + 0.3:
        assert send(by, partner.url()).outcome is Outcome.SUCCESS

    assert partner.connections == len(partner.received) > 3


@pytest.mark.parametrize(
    "answer",
    [
        Answer(headers={"Connection": "close"}),
        Answer(raw=b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok"),
        Answer(body=bytes(20_000)),
        Answer(raw=b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort"),
        Answer(raw=b"HTTP/1.1 200 OK\r\n\r\nuntil it closes"),
    ],
    ids=["says so", "HTTP/1.0", "more than is read", "broken off", "no length"],
)
def test_a_line_that_cannot_bring_another_answer_is_closed(partner, answer):
    by = sender()
    partner.answer("/", answer)
    started = monotonic()
    while monotonic() < started + 0.15:
        assert send(by, partner.url()).outcome is Outcome.SUCCESS

    assert partner.connections == len(partner.received) > 1


def test_a_request_on_a_kept_line_that_breaks_is_sent_once_and_none_is_kept_after_it(partner):
    by = sender()
    until_kept(by, partner)
    before, broken = len(partner.received), REGISTRY.get_sample_value(BROKEN) or 0.0
    partner.answer("/", Answer(reset=True), Answer())
    result = send(by, partner.url(), body=b"once")

    assert (result.outcome, result.status) == (Outcome.PROTOCOL, None)
    assert [request.body for request in partner.received[before:]] == [b"once"]
    after = [send(by, partner.url()).outcome for _ in range(3)]
    assert after == [Outcome.SUCCESS] * 3
    assert [request.headers["connection"] for request in partner.received[-3:]] == ["close"] * 3
    assert REGISTRY.get_sample_value(BROKEN) == broken + 1


def test_two_urls_share_no_line(partner):
    by = sender()
    lines = until_kept(by, partner, "/one")
    send(by, partner.url("/two"))

    assert partner.connections == lines + 1


def test_w27_a_kept_line_stays_with_the_address_that_was_vetted_and_a_new_one_is_judged_anew():
    resolver = ScriptedResolver(rebind__example=[["127.0.0.1"]])
    with Receiver(name="rebind.example") as public, Receiver(host="127.0.0.2", port=public.port) as private:
        by = sender(policy=ONLY_ONE, resolver=resolver)
        lines = until_kept(by, public)
        resolver.answers(rebind__example=[["127.0.0.2"]])
        public.answer("/", Answer(), Answer(headers={"Connection": "close"}))
        results = [send(by, public.url()) for _ in range(2)]

        assert [(r.outcome, r.peer_ip) for r in results] == [(Outcome.SUCCESS, "127.0.0.1")] * 2
        assert resolver.looked_up == ["rebind.example"] * lines
        last = results[-1]
        while len(resolver.looked_up) == lines:
            last = send(by, public.url())
        assert (last.outcome, last.peer_ip, private.connections) == (Outcome.EGRESS_BLOCKED, None, 0)


def lines_of(watchdog, count, stack):
    for _ in range(count):
        ours, theirs = socket.socketpair()
        stack.enter_context(theirs)
        theirs.settimeout(5)
        watch = watchdog.guard(monotonic() + 30)
        watch.attach(ours)
        yield Line(ours, watch, peer=None, tls_verified=False), theirs


def test_the_number_of_kept_lines_is_bounded_for_one_url_and_in_all():
    kept, watchdog = KeptLines(), Watchdog()
    with ExitStack() as stack:
        of_one = list(lines_of(watchdog, 25, stack))
        for line, _ in of_one:
            kept.give_back("https://one.example/", line)
        assert [theirs.recv(1) for _, theirs in of_one[20:]] == [b""] * 5
        others = list(lines_of(watchdog, 128, stack))
        for number, (line, _) in enumerate(others):
            kept.give_back(f"https://{number}.example/", line)
        # Whoever was quiet longest makes room.
        assert [theirs.recv(1) for _, theirs in of_one[:20]] == [b""] * 20
        assert select.select([theirs for _, theirs in others], [], [], 0) == ([], [], [])
        for line, _ in others:
            line.close()


def test_a_partner_who_broke_a_kept_line_is_not_forgotten_for_many_others():
    kept, watchdog = KeptLines(), Watchdog()
    with ExitStack() as stack:
        (broken, _), *others = lines_of(watchdog, 140, stack)
        assert broken.wake(monotonic() + 5)
        kept.broke("https://breaks.example/", broken)
        for number, (line, _) in enumerate(others):
            stack.callback(line.close)
            kept.give_back(f"https://{number}.example/", line)

        assert not kept.keeps("https://breaks.example/")
        assert kept.keeps("https://0.example/")


def test_an_idle_line_is_shut_before_servers_do_that():
    with ExitStack() as stack:
        ((line, theirs),) = lines_of(Watchdog(), 1, stack)
        kept, started = KeptLines(), monotonic()
        kept.give_back("https://one.example/", line)

        assert theirs.recv(1) == b""
        assert MAX_IDLE_S <= monotonic() - started < 2 * MAX_IDLE_S
        assert kept.take("https://one.example/", monotonic() + 5) is None


def test_a_line_on_which_something_came_unasked_is_not_used():
    with ExitStack() as stack:
        ((line, theirs),) = lines_of(Watchdog(), 1, stack)
        kept = KeptLines()
        kept.give_back("https://one.example/", line)
        theirs.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        eventually(lambda: monotonic() - line.idle_since > PROOF_S)

        assert kept.take("https://one.example/", monotonic() + 5) is None


def test_a_line_on_which_tls_holds_back_what_came_unasked_is_not_used():
    authority = Authority()
    with ExitStack() as stack:
        ours, theirs = socket.socketpair()
        greeted = []
        server = authority.server_context("127.0.0.1")
        greeting = Thread(target=lambda: greeted.append(server.wrap_socket(theirs, server_side=True)))
        greeting.start()
        secured = authority.client_context.wrap_socket(ours, server_hostname="127.0.0.1")
        greeting.join(5)
        partner = stack.enter_context(greeted[0])
        watch = Watchdog().guard(monotonic() + 30)
        watch.attach(secured)
        line = Line(secured, watch, peer=None, tls_verified=True)
        stack.callback(line.close)
        # One record: reading the first answer brings the second out of the socket, too.
        first = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-Long: "
        first += b"x" * (4096 - len(first) - 4) + b"\r\n\r\n"
        partner.sendall(first + b"HTTP/1.1 202 Accepted\r\nContent-Length: 5\r\n\r\nother")
        assert line.ask(b"POST / HTTP/1.1\r\n\r\n", b"", 5.0).status == 200

        assert isinstance(secured, ssl.SSLSocket)
        assert secured.pending() > 0
        assert not line.silent
        assert not line.wake(monotonic() + 5)
