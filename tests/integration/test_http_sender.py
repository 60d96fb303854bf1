"""What the webhook sender sends and what it keeps of the answer, over real sockets."""

import json
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from psms.domain.attempts import Outcome
from psms.guard import TransactionOpenError, transaction_marked
from tests.support.receiver import Answer, Receiver
from tests.support.sending import send, sender

SENDER = sender()


@pytest.fixture
def partner():
    with Receiver() as receiver:
        yield receiver


def test_the_body_arrives_byte_by_byte_with_the_headers_of_the_request(partner):
    body = '{"z":1.0,"a":"é 火"}'.encode()
    result = send(SENDER, partner.url("/hook?x=1&y=%20"), body=body, headers={"webhook-id": "evt_1"})

    (received,) = partner.received
    assert (received.method, received.path, received.body) == ("POST", "/hook?x=1&y=%20", body)
    assert dict(received.headers) == {
        "host": f"127.0.0.1:{partner.port}",
        "user-agent": "PSMS-Webhooks/1",
        "content-type": "application/json",
        "content-length": str(len(body)),
        "accept": "*/*",
        "accept-encoding": "identity",
        "connection": "keep-alive",
        "webhook-id": "evt_1",
    }
    assert (result.outcome, result.status, result.error) == (Outcome.SUCCESS, 200, None)
    assert (result.peer_ip, result.tls_verified) == ("127.0.0.1", False)


def test_a_request_cannot_override_what_is_the_senders_own(partner):
    mine = {
        "Host": "evil.example",
        "content-length": "1",
        "Transfer-Encoding": "chunked",
        "user-agent": "curl",
        "Accept-Encoding": "gzip",
        "connection": "upgrade",
        "Upgrade": "h2c",
        "Expect": "100-continue",
        "Content-Type": "application/cloudevents+json",
    }
    send(SENDER, partner.url(), body=b"{}", headers=mine)

    headers = partner.received[0].headers
    assert headers["host"] == f"127.0.0.1:{partner.port}"
    assert (headers["content-length"], headers.get("transfer-encoding")) == ("2", None)
    assert (headers["user-agent"], headers["accept-encoding"]) == ("PSMS-Webhooks/1", "identity")
    assert (headers["connection"], headers["content-type"]) == ("keep-alive", "application/cloudevents+json")
    assert {"upgrade", "expect"}.isdisjoint(headers)


def test_a_header_that_would_end_itself_sends_nothing(partner):
    result = send(SENDER, partner.url(), headers={"x": "1\r\nevil: 2"})

    assert (result.outcome, partner.received) == (Outcome.PROTOCOL, [])


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_every_2xx_is_a_success(partner, status):
    partner.answer("/", Answer(status=status))
    result = send(SENDER, partner.url())

    assert (result.outcome, result.status, result.error) == (Outcome.SUCCESS, status, None)


@pytest.mark.parametrize("status", [304, 400, 401, 404, 408, 410, 425, 429, 500, 503])
def test_every_other_status_is_an_http_error(partner, status):
    partner.answer("/", Answer(status=status, body=b"" if status == 304 else b"no", headers={"Retry-After": "7"}))
    result = send(SENDER, partner.url())

    assert (result.outcome, result.status) == (Outcome.HTTP_ERROR, status)
    assert result.error == f"The host answered with status {status}."
    assert (result.retry_after, result.response_body) == ("7", b"" if status == 304 else b"no")
    assert not result.response_truncated


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_a_failure_and_its_target_is_never_asked(partner, status):
    with Receiver() as elsewhere:
        partner.answer("/", Answer(status=status, headers={"Location": elsewhere.url("/stolen")}))
        result = send(SENDER, partner.url())

        assert (result.outcome, result.status) == (Outcome.HTTP_ERROR, status)
        assert elsewhere.connections == 0
    assert partner.connections == 1


@pytest.mark.parametrize(
    ("status", "location", "rest"),
    [
        (301, "https://new.partner.example/hook", ": it redirects to host new.partner.example; register that URL."),
        (308, "https://user:secret@169.254.169.254/", ": it redirects to host 169.254.169.254; register that URL."),
        (302, "https://new.partner.example/hook", "."),
        (301, "/elsewhere", "."),
        (301, "https://[::1/", "."),
        (301, "https://" + "a" * 300 + ".example/", "."),
    ],
)
def test_where_a_partner_moved_for_good_is_said_to_its_owner(partner, status, location, rest):
    partner.answer("/", Answer(status=status, headers={"Location": location}))
    result = send(SENDER, partner.url())

    assert result.error == f"The host answered with status {status}{rest}"


def test_an_interim_response_is_not_the_answer(partner):
    partner.answer("/", Answer(raw=b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 204 Done\r\n\r\n"))
    result = send(SENDER, partner.url())

    assert (result.outcome, result.status, dict(result.response_headers)) == (Outcome.SUCCESS, 204, {})


def test_an_attempt_remembers_nothing_of_the_one_before(partner):
    partner.answer("/", Answer(headers={"Set-Cookie": "session=secret", "ETag": "x"}))
    results = [send(SENDER, partner.url()) for _ in range(2)]

    assert [request.headers.get("cookie") for request in partner.received] == [None, None]
    assert [dict(result.response_headers) for result in results] == [{"etag": "x", "content-length": "0"}] * 2


def test_of_many_headers_4_kib_are_kept_and_those_that_steer_first(partner):
    many = {f"x-{number}": "v" * 500 for number in range(50)}
    partner.answer("/", Answer(status=503, headers={**many, "Retry-After": "60", "Webhook-Delivery": "disable"}))
    result = send(SENDER, partner.url())

    assert sum(len(name) + len(value) for name, value in result.response_headers.items()) <= 4096
    assert list(result.response_headers)[:3] == ["retry-after", "webhook-delivery", "x-0"]
    assert (result.retry_after, result.response_headers["webhook-delivery"]) == ("60", "disable")


def test_what_cannot_be_stored_or_shown_is_replaced(partner):
    partner.answer("/", Answer(headers={"x-odd": "a\x00b\x1b[31m\u00fc", "Retry-After": "1\x00" + "9" * 300}))
    result = send(SENDER, partner.url())

    assert result.response_headers["x-odd"] == "a\ufffdb\ufffd[31m\u00fc"
    assert result.retry_after == "1\ufffd" + "9" * 98
    assert json.dumps(dict(result.response_headers))


@pytest.mark.parametrize(
    "answer",
    [
        Answer(reset=True),
        Answer(raw=b""),
        Answer(raw=b"SSH-2.0-OpenSSH_9.6\r\n"),
        Answer(raw=b"+PONG\r\n-ERR unknown command\r\n"),
        Answer(raw=b"HTTP/1.1 99 Odd\r\n\r\n"),
        Answer(raw=b"HTTP/1.1 20\r\n\r\n"),
        Answer(raw=bytes(1000)),
    ],
)
def test_what_is_not_http_is_a_protocol_failure(partner, answer):
    partner.answer("/", answer)
    result = send(SENDER, partner.url())

    assert (result.outcome, result.status, result.peer_ip) == (Outcome.PROTOCOL, None, "127.0.0.1")
    assert result.error == "The host broke the connection off or did not answer with valid HTTP."


def test_a_success_whose_body_breaks_off_is_a_success(partner):
    partner.answer("/", Answer(raw=b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"))
    result = send(SENDER, partner.url())

    assert (result.outcome, result.response_body, result.response_truncated) == (
        Outcome.SUCCESS,
        b"half",
        True,
    )


def test_a_request_larger_than_every_buffer_arrives_whole(partner):
    body = b"x" * (4 * 1024 * 1024)

    assert send(SENDER, partner.url(), body=body).outcome is Outcome.SUCCESS
    assert partner.received[0].body == body


def test_a_host_that_refuses_is_a_connect_failure():
    with Receiver() as gone:
        url = gone.url()
    result = send(SENDER, url)

    assert (result.outcome, result.error) == (Outcome.CONNECT, "The host refused the connection.")
    assert (result.status, result.peer_ip) == (None, None)


def test_ipv6_is_spoken():
    with Receiver(host="::1") as partner:
        result = send(SENDER, partner.url("/six"))

        assert (result.outcome, result.peer_ip) == (Outcome.SUCCESS, "::1")
        assert partner.received[0].headers["host"] == f"[::1]:{partner.port}"


def test_nothing_is_sent_while_a_transaction_is_open(partner):
    with transaction_marked(), pytest.raises(TransactionOpenError, match="a webhook request"):
        send(SENDER, partner.url())

    assert partner.connections == 0


def test_100_requests_at_once_do_not_mix(partner):
    start = Barrier(100)
    for number in range(100):
        partner.answer(f"/{number}", Answer(status=400 + number, body=b"%d" % number, delay_s=0.2))

    def one(number):
        start.wait()
        return send(SENDER, partner.url(f"/{number}"), body=b"%d" % number, headers={"webhook-id": f"evt_{number}"})

    with ThreadPoolExecutor(100) as pool:
        results = list(pool.map(one, range(100)))

    assert [result.status for result in results] == list(range(400, 500))
    assert [result.response_body for result in results] == [b"%d" % number for number in range(100)]
    assert partner.distinct_ids() == {f"evt_{number}" for number in range(100)}
    assert {(request.path, request.body) for request in partner.received} == {
        (f"/{number}", b"%d" % number) for number in range(100)
    }
