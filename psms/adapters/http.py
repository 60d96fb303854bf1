"""The webhook sender: one POST to a partner, bounded in time and size, every failure a result.

Where it may connect to is judged by `psms.adapters.egress`; whether to try again, by `psms.domain.retry`.
"""

import re
import ssl
from collections.abc import Mapping
from http import HTTPStatus
from http.client import HTTPResponse
from time import monotonic
from typing import Any

from requests import PreparedRequest, Response
from requests.adapters import BaseAdapter
from typing_extensions import override

from psms.adapters.egress import EgressGuard, NameUnresolved
from psms.adapters.http_connection import Dial, DialFailed, public_context
from psms.adapters.http_lines import KeptLines, Line
from psms.adapters.http_response import BROKEN, BoundedResponse, ResponseTooLarge, kept_headers, printable, read_body
from psms.adapters.watchdog import Watchdog
from psms.domain.attempts import KEPT_BODY_BYTES, Outcome, SendResult, WebhookRequest
from psms.domain.egress import Target
from psms.domain.url_hosts import IPAddress, host_in
from psms.errors import WebhookUrlRefused
from psms.guard import refuse_in_transaction

USER_AGENT = "PSMS-Webhooks/1"

_MOVED_FOR_GOOD = (HTTPStatus.MOVED_PERMANENTLY, HTTPStatus.PERMANENT_REDIRECT)
_KEPT_RETRY_AFTER_CHARS = 100
# Host, framing and connection are the sender's own. No decompression, so no bomb either.
_OWN_HEADERS = frozenset(
    {
        "accept",
        "accept-encoding",
        "connection",
        "content-length",
        "expect",
        "host",
        "keep-alive",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "user-agent",
    }
)
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+: [^\x00-\x08\x0a-\x1f\x7f]*")


class RequestsSender:
    """Sends webhooks; made once a process, used by any number of threads at once.

    There is no `requests.Session`, and so there are no cookies, no redirects, no netrc, no proxies and no other
    setting from the environment. A connection is kept for the next request to the same URL for a moment: see
    `KeptLines`. *tls* replaces the trusted authorities, which are those of `requests`.
    """

    def __init__(self, guard: EgressGuard, *, tls: ssl.SSLContext | None = None) -> None:
        self._guard = guard
        self._tls = tls or public_context()
        if self._tls.verify_mode is not ssl.CERT_REQUIRED or not self._tls.check_hostname:
            raise ValueError("send with a TLS context that requires certificates and checks host names")
        self._adapter = _LineAdapter()
        self._lines = KeptLines()
        self._watchdog = Watchdog()

    def send(self, request: WebhookRequest, /) -> SendResult:
        """Send *request* once and return what came of it, at most `timeout_s` and some milliseconds later.

        Host, user agent, framing and connection headers are the sender's own, whatever the request says.
        Raises TransactionOpenError inside a transaction, and nothing for a failure of the partner.
        """
        refuse_in_transaction("a webhook request")
        exchange = _Exchange(request)
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
        except BROKEN:
            return exchange.broken()

    def _exchange(self, exchange: "_Exchange") -> SendResult:
        url = exchange.request.url
        target = self._guard.target_of(url)
        line = self._lines.take(url, exchange.deadline) or self._dialled(exchange, target)
        exchange.reached(line)
        try:
            prepared = _Prepared(exchange, target, line, keep=self._lines.keeps(url))
            raw: BoundedResponse = self._adapter.send(prepared).raw  # type: ignore[assignment]
            with raw:
                # http.client takes a connection that was shut within the head for the end of the head.
                result = exchange.broken() if line.overdue else exchange.answered(raw)
        except BaseException:
            self._lines.broke(url, line)
            raise
        if exchange.reusable:
            self._lines.give_back(url, line)
        else:
            line.close()
        return result

    def _dialled(self, exchange: "_Exchange", target: Target) -> Line:
        addresses = self._guard.addresses_for(target, within_s=exchange.seconds_left())
        watch = self._watchdog.guard(exchange.deadline)
        tls = self._tls if target.scheme == "https" else None
        dial = Dial(target=target, addresses=addresses, watch=watch, tls=tls)
        try:
            connection = dial.connect()
        except BaseException:
            exchange.peer = dial.peer
            watch.close()
            raise
        return Line(connection, watch, peer=dial.peer, tls_verified=dial.tls_verified)


class _Prepared(PreparedRequest):
    """A request with the line that it goes over.

    Filled in by hand: `PreparedRequest.prepare` would parse the URL again, by rules that were not vetted.
    """

    def __init__(self, exchange: "_Exchange", target: Target, line: Line, *, keep: bool) -> None:
        super().__init__()
        self.method = "POST"
        self.url = target.url
        self.body = self.content = exchange.request.body
        self.line = line
        self.head = _head(exchange.request, target, keep=keep)
        self.within_s = exchange.seconds_left()


class _LineAdapter(BaseAdapter):
    """The transport adapter of `requests` that sends what is prepared over its line."""

    @override
    def send(self, request: PreparedRequest, *_: Any, **__: Any) -> Response:
        if not isinstance(request, _Prepared):
            raise TypeError("this adapter sends only requests whose addresses were vetted")
        response = Response()
        response.request = request
        response.raw = raw = request.line.ask(request.head, request.content, request.within_s)
        response.status_code = raw.status
        return response

    @override
    def close(self) -> None:
        pass


class _Exchange:
    """One attempt under way, and the three ways in which it ends."""

    def __init__(self, request: WebhookRequest) -> None:
        self.request = request
        self._started = monotonic()
        self.deadline = self._started + request.timeout_s
        self.peer: IPAddress | None = None
        self.reusable = False
        self._line: Line | None = None

    def seconds_left(self) -> float:
        """Return the time to the deadline; never 0, which sockets take for another meaning."""
        return max(0.001, self.deadline - monotonic())

    def reached(self, line: Line) -> None:
        """Go on over *line*."""
        self._line, self.peer = line, line.peer

    def answered(self, response: BoundedResponse) -> SendResult:
        """Return the result of a complete response head, after reading as much of the body as is kept."""
        body, complete = read_body(response)
        overdue = self._line is not None and self._line.overdue
        self.reusable = complete and not overdue and response.leaves_the_line_fit
        succeeded = HTTPStatus.OK <= response.status < HTTPStatus.MULTIPLE_CHOICES
        retry_after = response.getheader("retry-after")
        return SendResult(
            outcome=Outcome.SUCCESS if succeeded else Outcome.HTTP_ERROR,
            status=response.status,
            duration_ms=self._elapsed_ms(),
            response_headers=kept_headers(response),
            response_body=body[:KEPT_BODY_BYTES],
            # A connection that was shut at the deadline looks like one that the partner closed.
            response_truncated=not complete or len(body) > KEPT_BODY_BYTES or overdue,
            retry_after=printable(retry_after)[:_KEPT_RETRY_AFTER_CHARS] if retry_after else None,
            error=None if succeeded else _refusal(response),
            peer_ip=self._peer(),
            tls_verified=self._line is not None and self._line.tls_verified,
        )

    def broken(self) -> SendResult:
        """Return the result of a connection that was made and then did not bring a response head."""
        if (self._line is not None and self._line.overdue) or monotonic() >= self.deadline:
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
        return None if self.peer is None else str(self.peer)


def _head(request: WebhookRequest, target: Target, *, keep: bool) -> bytes:
    lines = [
        f"POST {target.path} HTTP/1.1",
        f"Host: {target.authority}",
        f"User-Agent: {USER_AGENT}",
        "Accept: */*",
        "Accept-Encoding: identity",
        *_free_headers(request.headers),
        f"Content-Length: {len(request.body)}",
        f"Connection: {'keep-alive' if keep else 'close'}",
        "\r\n",
    ]
    return "\r\n".join(lines).encode("latin-1")


def _free_headers(headers: Mapping[str, str]) -> list[str]:
    lines = [f"{name}: {value}" for name, value in headers.items() if name.lower() not in _OWN_HEADERS]
    if not all(map(_HEADER.fullmatch, lines)):
        raise ValueError("a header of this request has characters that would end it")
    if not any(name.lower() == "content-type" for name in headers):
        lines.append("Content-Type: application/json")
    return lines


def _refusal(response: HTTPResponse) -> str:
    moved_to = host_in(response.getheader("location")) if response.status in _MOVED_FOR_GOOD else None
    if moved_to is None:
        return f"The host answered with status {response.status}."
    return f"The host answered with status {response.status}: it redirects to host {moved_to}; register that URL."
