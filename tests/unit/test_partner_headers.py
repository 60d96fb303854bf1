"""Which headers a partner may add to its requests."""

import pytest

from psms.domain.attempts import Outcome, SendResult
from psms.domain.partner_headers import MOST_BYTES, SHOWN_AS, checked_headers, without_values
from psms.errors import FieldError


def refusal(headers: dict[str, str]) -> str:
    """Return why *headers* are refused."""
    with pytest.raises(FieldError) as refused:
        checked_headers(headers)
    assert refused.value.detail.startswith("headers: ")
    return refused.value.detail.removeprefix("headers: ")


def test_what_rfc_9110_allows_is_taken_in_its_order() -> None:
    headers = {
        "X-Z": "a b\tc",
        "Authorization": "Bearer ~!",
        "x-empty": "",
        "traceparent": "00-1-2-01",
        "A!#$%&'*+.^_`|~": "1",
    }

    assert list(checked_headers(headers).items()) == list(headers.items())


@pytest.mark.parametrize(
    "name",
    [
        "Host", "CONNECTION", "content-type", "Content-Length", "transfer-encoding", "User-Agent", "Accept",
        "accept-encoding", "TE", "Trailer", "upgrade", "Proxy-Authorization", "webhook-id", "Webhook-Anything",
        "Expect", "keep-alive",
    ],
)  # fmt: skip
def test_what_the_sender_sets_is_refused(name: str) -> None:
    assert refusal({"X-A": "1", name: "x"}) == f"{name} is set by PSMS."


@pytest.mark.parametrize("name", ["", "X A", "X:A", "X-Ä", "X-A\r\nHost", "X-A\n", "(x)", "x" * 201])
def test_what_is_no_name_is_refused_and_not_repeated(name: str) -> None:
    assert refusal({name: "x"}) == "Names have 1 to 200 letters, digits and !#$%&'*+-.^_`|~ (RFC 9110)."


@pytest.mark.parametrize("value", [" x", "x ", "\tx", "a\r\nb", "a\nb", "a\0b", "é", "\x7f"])
def test_what_is_no_value_is_refused_and_not_repeated(value: str) -> None:
    assert refusal({"X-A": value}) == "The value of X-A must be visible ASCII, with blanks only within (RFC 9110)."


def test_what_is_shown_in_place_of_a_value_is_no_value() -> None:
    assert refusal({"X-A": SHOWN_AS}).startswith("Give the value of X-A itself")


def test_names_that_differ_by_case_alone_are_the_same() -> None:
    assert refusal({"X-A": "1", "x-a": "2"}).startswith("x-a stands there twice")


def test_there_are_at_most_twenty_of_4_kib_together() -> None:
    assert len(checked_headers({f"X-{n}": "1" for n in range(20)})) == 20
    assert refusal({f"X-{n}": "1" for n in range(21)}) == "Give at most 20."
    assert checked_headers({"X-A": "x" * (MOST_BYTES - 3)})
    assert refusal({"X-A": "x" * (MOST_BYTES - 2)}) == "Names and values are longer than 4096 bytes together."


@pytest.mark.parametrize(
    ("came", "truncated", "kept"),
    [
        (b"META: Bearer s3cr3t-of-the-partner.", False, b"META: [not shown]."),
        (b"no such token: s3cr3t-of-the-partner", False, b"no such token: [not shown]"),
        (b"cut Bearer s3cr3t-of-the-p", True, b"cut "),
        (b"cut s3cr3t-of-the-p", True, b"cut "),
        # An answer that came whole loses nothing, and a short value is no credential.
        (b"whole B", False, b"whole B"),
        (b"route eu", False, b"route eu"),
        (b"", True, b""),
    ],
)
def test_what_a_partner_sends_back_of_its_own_headers_is_not_kept(came: bytes, truncated: bool, kept: bytes) -> None:
    result = SendResult(
        outcome=Outcome.HTTP_ERROR,
        status=500,
        duration_ms=1,
        response_headers={"x-sent": "Bearer s3cr3t-of-the-partner"},
        response_body=came,
        response_truncated=truncated,
        retry_after=None,
        error="The host answered with status 500.",
        peer_ip=None,
    )

    safe = without_values(result, {"X-Route": "eu", "Authorization": "Bearer s3cr3t-of-the-partner"})

    assert (safe.response_body, safe.response_headers) == (kept, {"x-sent": "[not shown]"})
    assert (safe.outcome, safe.status, safe.error) == (result.outcome, result.status, result.error)
