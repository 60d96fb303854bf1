"""One webhook request and what came of it, as values.

Sending is in `psms.adapters.http`, what to do next in `retry`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

KEPT_HEADER_BYTES = 4 * 1024
KEPT_BODY_BYTES = 8 * 1024


class Outcome(StrEnum):
    """How an attempt ended.

    DNS, CONNECT, TLS, EGRESS_BLOCKED and UNSIGNED mean that the partner cannot have received the request; after every
    other failure it may have.
    """

    STARTED = "started"
    """The attempt row is written; nothing is known yet."""
    SUCCESS = "success"
    """A 2xx status line arrived, whatever became of the body."""
    HTTP_ERROR = "http_error"
    """Any other status line arrived, redirects included."""
    TIMEOUT = "timeout"
    """Connected, but no complete response head came before the deadline."""
    DNS = "dns"
    """The name has no address, or the look-up took too long."""
    CONNECT = "connect"
    """No address of the host accepted a connection in time."""
    TLS = "tls"
    """The handshake failed or took too long, or the certificate is not valid for the host."""
    EGRESS_BLOCKED = "egress_blocked"
    """The rules of `egress` forbid the URL or one of its addresses; nothing was sent."""
    TOO_LARGE = "too_large"
    """The response head is larger than what is read of it."""
    UNKNOWN = "unknown"
    """The worker was lost before it could record what happened."""
    UNSIGNED = "unsigned"
    """No request was made: a signing secret could not be decrypted."""
    PROTOCOL = "protocol"
    """The connection broke, or what came back is not HTTP."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookRequest:
    """One POST. *body* is sent byte for byte; *timeout_s* limits it all by the wall clock, DNS included.

    A partner's address and headers may carry credentials, so none of it is in the value's `repr`.
    """

    url: str = field(repr=False)
    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    timeout_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SendResult:
    """What one request came to.

    *response_headers* have lower-case names and at most KEPT_HEADER_BYTES in all. *response_body* is raw and
    at most KEPT_BODY_BYTES; *response_truncated* says that there was, or may have been, more of it.
    *retry_after* is the header as it came. *error* is a sentence of ours that names no address, or None after
    a success. *tls_verified* says that the response came from a host whose certificate was verified.
    """

    outcome: Outcome
    status: int | None
    duration_ms: int
    response_headers: Mapping[str, str] = field(repr=False)
    response_body: bytes = field(repr=False)
    response_truncated: bool
    retry_after: str | None
    error: str | None
    peer_ip: str | None
    tls_verified: bool = False
