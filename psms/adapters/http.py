"""The webhook sender: one POST to a partner, bounded in time and size, every failure a result.

Where it may connect to is judged by `psms.adapters.egress`; whether to try again, by `psms.domain.retry`.
"""

import logging
import ssl
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from http.client import HTTPException
from time import monotonic
from typing import Any

from requests import PreparedRequest, RequestException, Response
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict
from typing_extensions import override
from urllib3 import BaseHTTPResponse, HTTPConnectionPool
from urllib3.exceptions import HTTPError

from psms.adapters.egress import EgressGuard, NameUnresolved
from psms.adapters.http_connection import Dial, DialFailed, ResponseTooLarge, pool_for, public_context
from psms.adapters.watchdog import Watch, Watchdog
from psms.domain.attempts import KEPT_BODY_BYTES, KEPT_HEADER_BYTES, Outcome, SendResult, WebhookRequest
from psms.domain.egress import Target
from psms.errors import WebhookUrlRefused
from psms.guard import refuse_in_transaction

USER_AGENT = "PSMS-Webhooks/1"
READ_BODY_BYTES = 16 * 1024

_BROKEN = (RequestException, HTTPError, HTTPException, OSError, ValueError)
# Kept before the others: `psms.domain.retry` obeys the first.
_STEERING_HEADERS = ("webhook-delivery", "retry-after")
_KEPT_RETRY_AFTER_CHARS = 100


class RequestsSender:
    """Sends webhooks; made once a process, used by any number of threads at once.

    Every attempt has a connection of its own. There is no `requests.Session`, and so there are no cookies, no
    redirects, no netrc, no proxies and no other setting from the environment. *tls* replaces the trusted
    authorities, which are those of `requests`.
    """

    def __init__(self, guard: EgressGuard, *, tls: ssl.SSLContext | None = None) -> None:
        self._guard = guard
        self._tls = tls or public_context()
        if self._tls.verify_mode is not ssl.CERT_REQUIRED or not self._tls.check_hostname:
            raise ValueError("send with a TLS context that requires certificates and checks host names")
        self._adapter = _VettedAdapter()
        self._watchdog = Watchdog()
        # Its warnings name whole URLs, and those of partners may have secrets in them.
        logging.getLogger("urllib3").setLevel(logging.ERROR)

    def send(self, request: WebhookRequest, /) -> SendResult:
        """Send *request* once and return what came of it, at most `timeout_s` and some milliseconds later.

        Host, user agent, framing and connection headers are the sender's own, whatever the request says.
        Raises TransactionOpenError inside a transaction, and nothing for a failure of the partner.
        """
        refuse_in_transaction("a webhook request")
        started = monotonic()
        with self._watchdog.guard(started + request.timeout_s) as watch:
            exchange = _Exchange(request, watch, started)
            try:
                return self._exchange(exchange)
            except WebhookUrlRefused as refusal:
                return exchange.failed(Outcome.EGRESS_BLOCKED, refusal.detail)
            except NameUnresolved:
                return exchange.failed(Outcome.DNS, "The name of the host could not be looked up.")
            except DialFailed as failure:
                return exchange.failed(failure.outcome, failure.sentence)
            except ResponseTooLarge:
                return exchange.failed(Outcome.TOO_LARGE, "The headers of the response are too large.")
            except _BROKEN:
                return exchange.broken()

    def _exchange(self, exchange: "_Exchange") -> SendResult:
        target = self._guard.target_of(exchange.request.url)
        addresses = self._guard.addresses_for(target, within_s=exchange.seconds_left())
        tls = self._tls if target.scheme == "https" else None
        exchange.dial = dial = Dial(target=target, addresses=addresses, watch=exchange.watch, tls=tls)
        prepared = _Prepared(exchange.request, target, dial)
        seconds = exchange.seconds_left()
        with prepared.pool:
            response = self._adapter.send(prepared, stream=True, timeout=(seconds, seconds), proxies={})
            with response:
                # http.client takes a connection that was shut within the head for the end of the head.
                return exchange.broken() if exchange.watch.fired else exchange.answered(response)


class _Prepared(PreparedRequest):
    """A request with the pool of its one connection.

    Filled in by hand: `PreparedRequest.prepare` would parse the URL again, by rules that were not vetted.
    """

    def __init__(self, request: WebhookRequest, target: Target, dial: Dial) -> None:
        super().__init__()
        self.method = "POST"
        self.url = target.url
        self.headers = _headers(request, target)
        self.body = request.body
        self.pool = pool_for(dial, target)


class _VettedAdapter(HTTPAdapter):
    """Sends what is prepared over the connection that was vetted for it."""

    @override
    def get_connection_with_tls_context(self, request: PreparedRequest, *_: Any, **__: Any) -> HTTPConnectionPool:
        if not isinstance(request, _Prepared):
            raise TypeError("this adapter sends only requests whose addresses were vetted")
        return request.pool

    @override
    def cert_verify(self, *_: Any, **__: Any) -> None:
        # The connection's own context verifies; this would load the authorities anew for every request.
        pass

    @override
    def build_response(self, req: PreparedRequest, resp: BaseHTTPResponse) -> Response:
        # Without what the original adds: cookies, and a guess at the encoding.
        response = Response()
        response.request = req
        response.status_code = resp.status
        response.raw = resp
        return response


class _Exchange:
    """One attempt under way, and the three ways in which it ends."""

    def __init__(self, request: WebhookRequest, watch: Watch, started: float) -> None:
        self.request = request
        self.watch = watch
        self.dial: Dial | None = None
        self._started = started
        self._deadline = watch.deadline

    def seconds_left(self) -> float:
        """Return the time to the deadline; never 0, which sockets take for another meaning."""
        return max(0.001, self._deadline - monotonic())

    def answered(self, response: Response) -> SendResult:
        """Return the result of a complete response head, after reading as much of the body as is kept."""
        raw: BaseHTTPResponse = response.raw
        body, complete = _read_body(raw)
        succeeded = HTTPStatus.OK <= response.status_code < HTTPStatus.MULTIPLE_CHOICES
        retry_after = raw.headers.get("retry-after")
        return SendResult(
            outcome=Outcome.SUCCESS if succeeded else Outcome.HTTP_ERROR,
            status=response.status_code,
            duration_ms=self._elapsed_ms(),
            response_headers=_kept_headers(raw.headers.itermerged()),
            response_body=body[:KEPT_BODY_BYTES],
            # A connection that was shut at the deadline looks like one that the partner closed.
            response_truncated=not complete or len(body) > KEPT_BODY_BYTES or self.watch.fired,
            retry_after=_printable(retry_after)[:_KEPT_RETRY_AFTER_CHARS] if retry_after else None,
            error=None if succeeded else f"The host answered with status {response.status_code}.",
            peer_ip=self._peer(),
            tls_verified=self.dial is not None and self.dial.tls_verified,
        )

    def broken(self) -> SendResult:
        """Return the result of a connection that was made and then did not bring a response head."""
        if self.watch.fired or monotonic() >= self._deadline:
            limit = f"{self.request.timeout_s:g}"
            return self.failed(Outcome.TIMEOUT, f"The host did not answer within {limit} seconds.")
        return self.failed(Outcome.PROTOCOL, "The host broke the connection off or did not answer with valid HTTP.")

    def failed(self, outcome: Outcome, sentence: str) -> SendResult:
        """Return a result without a response."""
        return SendResult(
            outcome=outcome,
            status=None,
            duration_ms=self._elapsed_ms(),
            response_headers={},
            response_body=b"",
            response_truncated=False,
            retry_after=None,
            error=sentence,
            peer_ip=self._peer(),
        )

    def _elapsed_ms(self) -> int:
        return round((monotonic() - self._started) * 1000)

    def _peer(self) -> str | None:
        return str(self.dial.peer) if self.dial is not None and self.dial.peer is not None else None


def _headers(request: WebhookRequest, target: Target) -> CaseInsensitiveDict[str]:
    headers = CaseInsensitiveDict({"Content-Type": "application/json"})
    headers.update(request.headers)
    headers.pop("Transfer-Encoding", None)
    headers.update(
        {
            "Host": target.authority,
            "User-Agent": USER_AGENT,
            "Accept": "*/*",
            # No decompression here, so no bomb either.
            "Accept-Encoding": "identity",
            "Connection": "close",
            "Content-Length": str(len(request.body)),
        }
    )
    return headers


def _read_body(raw: BaseHTTPResponse) -> tuple[bytes, bool]:
    """Return at most READ_BODY_BYTES as they came, and whether that is the whole body."""
    body = bytearray()
    try:
        while len(body) < READ_BODY_BYTES:
            piece = raw.read1(READ_BODY_BYTES - len(body), decode_content=False)
            if not piece:
                return bytes(body), True
            body += piece
    except (*_BROKEN, ResponseTooLarge):
        pass
    return bytes(body), False


def _kept_headers(headers: Iterable[tuple[str, str]]) -> Mapping[str, str]:
    kept: dict[str, str] = {}
    room = KEPT_HEADER_BYTES
    cleaned = [(name.lower(), _printable(value)) for name, value in headers]
    for name, value in sorted(cleaned, key=lambda header: header[0] not in _STEERING_HEADERS):
        room -= len(name) + len(value.encode())
        if room < 0:
            break
        # A cookie is a secret between the partner and whoever keeps it, and nobody does.
        if name != "set-cookie":
            kept[name] = value
    return kept


def _printable(text: str) -> str:
    # PostgreSQL stores no NUL, and a log shows no control characters.
    return "".join(character if character.isprintable() else "\ufffd" for character in text)
