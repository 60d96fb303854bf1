"""What to do after an attempt: the schedule of retries, and the answers by which a partner steers it.

Pure: the instant, the chance and the counts are arguments. Rows, lanes and endpoint health live elsewhere.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Literal

from psms.domain.attempts import Outcome, SendResult

SCHEDULE = (
    timedelta(seconds=5),
    timedelta(seconds=30),
    timedelta(minutes=2),
    timedelta(minutes=10),
    timedelta(minutes=30),
    timedelta(hours=1),
    timedelta(hours=2),
    timedelta(hours=4),
    timedelta(hours=8),
    timedelta(hours=12),
    timedelta(hours=12),
    timedelta(hours=16),
    timedelta(hours=16),
)
"""The delay after the first failure, after the second, and so on."""

MAX_ATTEMPTS = len(SCHEDULE) + 1
EXPIRES_AFTER = timedelta(days=7)
MAX_RETRY_AFTER = timedelta(hours=24)
MAX_LANE_PAUSE = timedelta(hours=1)

_MIN_JITTER = timedelta(seconds=1)
_JITTER_SHARE = 0.2
_HONOURS_RETRY_AFTER = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)
_DELTA_SECONDS = re.compile(r"[0-9]+")
_MAX_DELTA_DIGITS = 9
# Our own doing: no fault of the endpoint, so its health must not suffer.
_NOT_THE_ENDPOINTS_FAULT = frozenset(
    {Outcome.SUCCESS, Outcome.STARTED, Outcome.UNKNOWN, Outcome.EGRESS_BLOCKED, Outcome.UNSIGNED}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """The partner has the event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryAt:
    """Try again at *at*, never earlier; until *lane_not_before* nothing else goes to the endpoint either."""

    at: datetime
    lane_not_before: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GiveUp:
    """The delivery is dead; a person may replay it."""

    reason: Literal["exhausted", "expired", "aborted_by_consumer", "refused"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DisableEndpoint:
    """The partner wants no more calls: disable the endpoint, hold this delivery and what else is pending."""

    reason: Literal["gone", "disabled_by_consumer"]


Decision = Delivered | RetryAt | GiveUp | DisableEndpoint


def decide(*, failures: int, result: SendResult, now: datetime, expires_at: datetime, jitter: float) -> Decision:
    """Return what becomes of a delivery after *result*.

    *failures* is how many attempts of it had failed before this one (0 at the first); attempts lost with
    their worker are not among them. *jitter* is a random number from 0 up to 1.

    A 2xx is final, then 410, then the partner's `webhook-delivery` header. Every other outcome takes the next
    place in the schedule, 3xx and 4xx too: partners' mis-deployments answer 404 and 401. So does a request
    that the egress rules blocked, or its name would be looked up every five seconds for a week; what spares
    the endpoint's health is `counts_against_endpoint`. A retry that would fall after *expires_at* is made at
    *expires_at*, as the last one.
    """
    if result.outcome is Outcome.SUCCESS:
        return Delivered()
    if result.status == HTTPStatus.GONE:
        return DisableEndpoint(reason="gone")
    wish = consumer_wish(result)
    if wish is not None:
        return wish
    if failures >= len(SCHEDULE):
        return GiveUp(reason="exhausted")
    if now >= expires_at:
        return GiveUp(reason="expired")
    return _retry(delay_after(failures, jitter), result=result, now=now, expires_at=expires_at)


def consumer_wish(result: SendResult) -> GiveUp | DisableEndpoint | None:
    """Return what the response header `webhook-delivery` asks for, or None.

    Only a response from a verified host counts: on plain HTTP anybody on the way could write that header.
    """
    if not result.tls_verified:
        return None
    match result.response_headers.get("webhook-delivery", "").strip().lower():
        case "abort-message":
            return GiveUp(reason="aborted_by_consumer")
        case "disable":
            return DisableEndpoint(reason="disabled_by_consumer")
        case _:
            return None


def counts_against_endpoint(outcome: Outcome) -> bool:
    """Tell whether *outcome* is a failure of the partner, and not of ours."""
    return outcome not in _NOT_THE_ENDPOINTS_FAULT


def retry_after(value: str | None, now: datetime) -> timedelta | None:
    """Return how long a `Retry-After` header asks to wait from *now*, at most MAX_RETRY_AFTER.

    Reads seconds or an HTTP-date (RFC 9110, section 10.2.3); None for anything else and for the past.
    """
    text = (value or "").strip()
    if _DELTA_SECONDS.fullmatch(text):
        # More digits than these would overflow a timedelta, and mean the maximum anyway.
        seconds = int(text) if len(text) <= _MAX_DELTA_DIGITS else int("9" * _MAX_DELTA_DIGITS)
        return min(timedelta(seconds=seconds), MAX_RETRY_AFTER)
    instant = _http_date(text)
    if instant is None or instant < now:
        return None
    return min(instant - now, MAX_RETRY_AFTER)


def _http_date(text: str) -> datetime | None:
    try:
        instant = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


def delay_after(failures: int, jitter: float) -> timedelta:
    """Return how long to wait after so many failures and one more (below MAX_ATTEMPTS), spread by *jitter* (0 to 1)."""
    planned = SCHEDULE[failures]
    return planned + jitter * max(_MIN_JITTER, _JITTER_SHARE * planned)


def _retry(delay: timedelta, *, result: SendResult, now: datetime, expires_at: datetime) -> RetryAt:
    asked = retry_after(result.retry_after, now) if result.status in _HONOURS_RETRY_AFTER else None
    if not asked:
        return RetryAt(at=min(now + delay, expires_at))
    return RetryAt(at=min(now + max(delay, asked), expires_at), lane_not_before=now + min(asked, MAX_LANE_PAUSE))
