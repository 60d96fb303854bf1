"""When an endpoint that fails is told of, and when it is disabled. Pure; rows are in `workflows.endpoint_health`."""

from datetime import datetime, timedelta

NOTICES_AFTER = (timedelta(hours=1), timedelta(hours=24), timedelta(hours=72))
"""How long an endpoint has failed when the first notice is given, the second, the third."""

DISABLE_AFTER = timedelta(days=5)
"""Failing for so long, it is disabled at the next failure."""
FAILED_ATTEMPTS_TO_DISABLE = 20
BLOCKED_AT_MOST = timedelta(hours=24)
"""So long may the rules of egress refuse every request before an endpoint is disabled."""
HELD_AT_MOST = timedelta(days=30)
"""What waits for longer in an endpoint that is paused or disabled is given up."""


def must_be_disabled(*, failing_since: datetime, failed_attempts: int, several_events: bool, now: datetime) -> bool:
    """Tell whether an endpoint that has just failed once more, and not answered 2xx since, is to be disabled.

    Never for one event alone, which may be what the partner cannot take, nor for a few attempts: a service that
    is hardly ever called has failed hardly ever.
    """
    return several_events and failed_attempts >= FAILED_ATTEMPTS_TO_DISABLE and now - failing_since >= DISABLE_AFTER


def notices_due(failing_since: datetime, now: datetime) -> int:
    """Return how many notices were due by *now*. Who missed some gives the last of them only."""
    return sum(1 for after in NOTICES_AFTER if now - failing_since >= after)


def next_notice_at(failing_since: datetime, given: int) -> datetime | None:
    """Return when the next notice is due after *given* of them; None after the last."""
    return failing_since + NOTICES_AFTER[given] if given < len(NOTICES_AFTER) else None
