"""How the webhook sender verifies the hosts that it speaks TLS with."""

import ssl

import pytest

from psms.adapters.egress import EgressGuard
from psms.adapters.http import RequestsSender
from psms.domain.attempts import Outcome
from tests.support.odd_servers import reciting_server
from tests.support.receiver import Answer, Authority, Receiver
from tests.support.sending import LOOPBACK, ScriptedResolver, send, sender

AUTHORITY = Authority()
RESOLVER = ScriptedResolver(partner__example=[["127.0.0.1"]])
SENDER = sender(resolver=RESOLVER, tls=AUTHORITY.client_context)


def test_a_verified_host_is_spoken_to_by_its_name():
    names = []
    context = AUTHORITY.server_context("partner.example")
    context.sni_callback = lambda _socket, name, _context: names.append(name)
    with Receiver(name="partner.example", tls=context) as partner:
        partner.answer("/", Answer(body=b"thanks"))
        result = send(SENDER, partner.url())

        assert (result.outcome, result.tls_verified, result.peer_ip) == (Outcome.SUCCESS, True, "127.0.0.1")
        assert result.response_body == b"thanks"
        assert names == ["partner.example"]
        assert partner.received[0].headers["host"] == f"partner.example:{partner.port}"


def test_an_address_is_verified_too():
    with Receiver(tls=AUTHORITY.server_context("127.0.0.1")) as partner:
        assert send(SENDER, partner.url()).outcome is Outcome.SUCCESS


@pytest.mark.parametrize(
    ("context", "fault"),
    [
        (AUTHORITY.server_context("other.example"), "is for another host"),
        (AUTHORITY.server_context("127.0.0.1"), "is for another host"),
        (AUTHORITY.server_context("partner.example", days=-1), "has expired"),
        (Authority().server_context("partner.example"), "comes from an authority that is not trusted"),
    ],
    ids=["another host", "only its address", "expired", "unknown authority"],
)
def test_a_host_that_cannot_be_verified_receives_nothing(context, fault):
    with Receiver(name="partner.example", tls=context) as partner:
        result = send(SENDER, partner.url())

        assert (result.outcome, result.status, result.tls_verified) == (Outcome.TLS, None, False)
        assert str(result.error).startswith(f"The certificate of the host {fault}")
        assert partner.received == []


def test_an_old_protocol_is_refused():
    context = AUTHORITY.server_context("partner.example")
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    with Receiver(name="partner.example", tls=context) as partner:
        result = send(SENDER, partner.url())

        assert (result.outcome, result.error) == (Outcome.TLS, "The TLS handshake with the host failed.")
        assert partner.received == []


def test_a_host_that_speaks_plain_http_is_a_tls_failure():
    with reciting_server(b"HTTP/1.1 200 OK\r\n\r\n") as port:
        result = send(SENDER, f"https://partner.example:{port}/")

    assert (result.outcome, result.error) == (Outcome.TLS, "The TLS handshake with the host failed.")


def test_without_the_tests_authority_only_public_ones_are_trusted():
    with Receiver(name="partner.example", tls=AUTHORITY.server_context("partner.example")) as partner:
        result = send(sender(resolver=RESOLVER), partner.url())

        assert (result.outcome, partner.received) == (Outcome.TLS, [])


@pytest.mark.parametrize("weaken", ["check_hostname", "verify_mode"])
def test_a_context_that_does_not_verify_is_refused(weaken):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    if weaken == "verify_mode":
        context.verify_mode = ssl.CERT_NONE
    with pytest.raises(ValueError, match="checks host names"):
        RequestsSender(EgressGuard(LOOPBACK), tls=context)
