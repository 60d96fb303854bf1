"""Where the webhook sender may connect to, at creation and at every send, while names change their minds."""

from dataclasses import replace
from ipaddress import ip_address
from threading import Event

import pytest

from psms.adapters.egress import EgressGuard, NameUnresolved, system_resolver
from psms.domain.accounts import Edit
from psms.domain.attempts import Outcome
from psms.domain.egress import parse_policy
from psms.errors import Kind, WebhookUrlRefused
from psms.guard import TransactionOpenError, transaction_marked
from tests.support.hostile_urls import REFUSED_BY_READING, REFUSED_BY_THEIR_ADDRESSES
from tests.support.receiver import Answer, Receiver
from tests.support.sending import LOOPBACK, PRODUCTION, ScriptedResolver, send, sender
from tests.support.tenants import add_endpoint
from workflows.endpoints import edit_endpoint

ONLY_ONE = parse_policy("127.0.0.1/32")
NEVER = ScriptedResolver()
STRICT = sender(policy=PRODUCTION, resolver=NEVER)


def resolving(addresses):
    return lambda _host, _port: addresses


@pytest.mark.parametrize("url", REFUSED_BY_READING)
def test_w26_a48_a_hostile_url_is_refused_at_creation_and_at_sending_without_a_look_up(url):
    with pytest.raises(WebhookUrlRefused) as refusal:
        EgressGuard(PRODUCTION, NEVER).check_url(url)
    result = send(STRICT, url)

    assert (result.outcome, result.error) == (Outcome.EGRESS_BLOCKED, refusal.value.detail)
    assert (result.status, result.peer_ip) == (None, None)
    assert NEVER.looked_up == []


@pytest.mark.parametrize(("url", "addresses"), REFUSED_BY_THEIR_ADDRESSES)
def test_w26_a_name_with_a_forbidden_address_is_refused_at_creation_and_at_sending(url, addresses):
    with pytest.raises(WebhookUrlRefused):
        EgressGuard(PRODUCTION, resolving(addresses)).check_url(url)
    result = send(sender(policy=PRODUCTION, resolver=resolving(addresses)), url)

    assert (result.outcome, result.peer_ip) == (Outcome.EGRESS_BLOCKED, None)
    assert not any(str(address) in str(result.error) for address in addresses)


def test_w26_no_endpoint_is_made_with_such_a_url_and_none_is_moved_to_one(rt, acme, database):
    strict = replace(rt, url_guard=EgressGuard(PRODUCTION, ScriptedResolver(partner__example=[["93.184.216.34"]])))
    endpoint_id, _ = add_endpoint(strict, acme.actor, "https://partner.example/")
    before = database.rows("SELECT id, url, version FROM webhook_endpoints")
    for url in REFUSED_BY_READING:
        with pytest.raises(WebhookUrlRefused) as refusal:
            add_endpoint(strict, acme.actor, url)
        assert (refusal.value.code, refusal.value.kind) == ("webhook_url_refused", Kind.INVALID)
        with pytest.raises(WebhookUrlRefused):
            edit_endpoint(strict, acme.actor, endpoint_id, Edit(fields={"url": url}))

    assert len(REFUSED_BY_READING) >= 60
    assert database.rows("SELECT id, url, version FROM webhook_endpoints") == before


@pytest.mark.parametrize("url", ["https://8.8.8.8/", "https://[2001:4860:4860::8888]/"])
def test_w26_a_public_address_passes_creation_and_connecting(url):
    guard = EgressGuard(PRODUCTION, ScriptedResolver())
    guard.check_url(url)
    target = guard.target_of(url)

    assert guard.addresses_for(target) == (target.literal,)


def test_a_name_that_cannot_be_looked_up_now_is_accepted_at_creation_and_fails_at_sending():
    resolver = ScriptedResolver()
    EgressGuard(PRODUCTION, resolver).check_url("https://soon.partner.example/")
    result = send(sender(policy=PRODUCTION, resolver=resolver), "https://soon.partner.example/")

    assert (result.outcome, result.error) == (Outcome.DNS, "The name of the host could not be looked up.")
    assert resolver.looked_up == ["soon.partner.example"] * 2


def test_w27_a49_a_name_is_looked_up_once_for_each_connection_and_judged_anew():
    resolver = ScriptedResolver(rebind__example=[["127.0.0.1"], ["127.0.0.2"]])
    with (
        Receiver(name="rebind.example") as public,
        Receiver(host="127.0.0.2", port=public.port) as private,
    ):
        by = sender(policy=ONLY_ONE, resolver=resolver)
        public.answer("/", Answer(headers={"Connection": "close"}))
        first, second = send(by, public.url()), send(by, public.url())

        assert (first.outcome, first.peer_ip) == (Outcome.SUCCESS, "127.0.0.1")
        assert (second.outcome, second.peer_ip) == (Outcome.EGRESS_BLOCKED, None)
        assert resolver.looked_up == ["rebind.example"] * 2
        assert (public.connections, private.connections) == (1, 0)
        assert public.received[0].headers["host"] == f"rebind.example:{public.port}"


@pytest.mark.parametrize("addresses", [["127.0.0.1", "127.0.0.2"], ["127.0.0.1", "::ffff:127.0.0.2"]])
def test_w27_a49_a_name_with_one_forbidden_address_among_good_ones_is_not_connected_to(addresses):
    with Receiver(name="mixed.example") as good:
        result = send(sender(policy=ONLY_ONE, resolver=ScriptedResolver(mixed__example=[addresses])), good.url())

        assert (result.outcome, good.connections) == (Outcome.EGRESS_BLOCKED, 0)


def test_the_next_vetted_address_is_tried_when_one_refuses():
    resolver = ScriptedResolver(two__example=[["127.0.0.9", "::1", "127.0.0.1"]])
    with Receiver(name="two.example") as partner:
        result = send(sender(resolver=resolver), partner.url())

        assert (result.outcome, result.peer_ip) == (Outcome.SUCCESS, "127.0.0.1")
    assert resolver.looked_up == ["two.example"]


def test_both_families_are_tried_however_many_addresses_the_first_has():
    sixes = [f"::ffff:127.0.0.{number}" for number in range(2, 9)]
    resolver = ScriptedResolver(both__example=[[*sixes, "127.0.0.1"]])
    with Receiver(name="both.example") as partner:
        result = send(sender(resolver=resolver), partner.url())

    assert (result.outcome, result.peer_ip) == (Outcome.SUCCESS, "127.0.0.1")


@pytest.mark.parametrize("status", [302, 307])
def test_w27_a49_a_redirect_to_metadata_is_not_followed(status):
    with Receiver() as partner, Receiver(host="127.0.0.2") as metadata:
        partner.answer("/", Answer(status=status, headers={"Location": metadata.url("/latest/meta-data/")}))
        result = send(sender(), partner.url())

        assert (result.outcome, result.status) == (Outcome.HTTP_ERROR, status)
        assert (partner.connections, metadata.connections) == (1, 0)
        assert metadata.received == []


def test_w27_nothing_in_the_environment_leads_a_request_elsewhere(monkeypatch, tmp_path):
    netrc = tmp_path / "netrc"
    netrc.write_text("default login somebody password secret\n")
    netrc.chmod(0o600)
    with Receiver() as partner, Receiver() as proxy:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url())
            monkeypatch.setenv(name.lower(), proxy.url())
        monkeypatch.setenv("NETRC", str(netrc))
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "missing.pem"))
        result = send(sender(), partner.url())

        assert (result.outcome, result.peer_ip) == (Outcome.SUCCESS, "127.0.0.1")
        assert (partner.connections, proxy.connections) == (1, 0)
        assert "authorization" not in partner.received[0].headers


def test_localhost_is_looked_up_and_allowed_where_loopback_is():
    with Receiver(name="localhost") as partner:
        EgressGuard(LOOPBACK).check_url(partner.url())
        result = send(sender(), partner.url())

        assert (result.outcome, result.peer_ip) == (Outcome.SUCCESS, "127.0.0.1")
        assert partner.received[0].headers["host"] == f"localhost:{partner.port}"


def test_the_operating_system_is_asked_for_every_address():
    assert ip_address("127.0.0.1") in system_resolver("localhost", 80)


def test_a_look_up_that_hangs_ends_in_time_and_does_not_hold_others_up():
    release = Event()

    def resolver(host, port):
        if host == "slow.example":
            release.wait(10)
        return [ip_address("127.0.0.1")]

    with Receiver(name="quick.example") as partner:
        by = sender(resolver=resolver)
        slow = send(by, "http://slow.example:9000/", timeout_s=0.3)
        quick = send(by, partner.url())
        release.set()

    assert (slow.outcome, quick.outcome) == (Outcome.DNS, Outcome.SUCCESS)
    assert 300 <= slow.duration_ms < 2000


def test_a_look_up_waits_for_a_thread_no_longer_than_it_may():
    release = Event()

    def resolver(host, port):
        release.wait(10)
        return [ip_address("127.0.0.1")]

    guard = EgressGuard(LOOPBACK, resolver)
    target = guard.target_of("http://slow.example:9000/")
    for _ in range(40):
        with pytest.raises(NameUnresolved):
            guard.addresses_for(target, within_s=0.01)
    release.set()

    assert guard.addresses_for(target) == (ip_address("127.0.0.1"),)


def test_a_name_without_addresses_counts_as_not_found():
    guard = EgressGuard(LOOPBACK, resolving([]))
    target = guard.target_of("http://empty.example:9000/")
    with pytest.raises(NameUnresolved):
        guard.addresses_for(target)


def test_no_name_is_looked_up_while_a_transaction_is_open():
    resolver = ScriptedResolver()
    with transaction_marked(), pytest.raises(TransactionOpenError, match="a name look-up"):
        EgressGuard(PRODUCTION, resolver).check_url("https://partner.example/")

    assert resolver.looked_up == []
