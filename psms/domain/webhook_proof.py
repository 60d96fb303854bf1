"""What must hold of every webhook endpoint at any instant, and what is wrong where it does not. Reads nothing."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from uuid import UUID

from psms.domain.webhooks import EndpointState

PATIENCE = timedelta(minutes=1)
"""What waits for a drain longer than this is wrong: drains look each second."""
LONGEST_LANE_WAIT = timedelta(hours=2)
"""No circuit waits for its probe, and no `Retry-After` keeps a lane back, for more than an hour and some jitter."""
LONGEST_DELIVERY_WAIT = timedelta(hours=25)
"""No schedule and no `Retry-After` puts a delivery off for more than a day."""


class Wrong(StrEnum):
    """What may be wrong; each value is a code, `advice` says what to do."""

    UNACCOUNTED = "unaccounted"
    LANE = "lane"
    LATE_HINT = "late_hint"
    LINE = "line"
    LEASE = "lease"
    FAR_AWAY = "far_away"
    UNRELAYED = "unrelayed"


# No state that anybody is shown.
_DELETED = "deleted"
_ADVICE = {
    Wrong.UNACCOUNTED: "rows were changed by hand, or lost: restore them from a backup, or have the partner make a "
    "replay of mode `missing` for that time",
    Wrong.LANE: "a row was changed by hand: pause the endpoint and make it active again (`PATCH`), which sets it right",
    Wrong.LATE_HINT: "upkeep sets it right within two minutes: is there a worker of the queue upkeep?",
    Wrong.LINE: "upkeep sets it right within two minutes: is there a worker of the queue upkeep?",
    Wrong.LEASE: "nobody takes leases back: is there a worker of the queue webhooks?",
    Wrong.FAR_AWAY: "an instant was changed by hand, or the database's clock ran ahead: send the delivery again "
    "(`POST .../resend`), or give the endpoint its url once more (`PATCH`), which has it tried at once",
    Wrong.UNRELAYED: "nobody fans out, or it fails: is there a worker of the queue relay, and what does its log say?",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something wrong, at an endpoint or (None) in the whole organization; *detail* is the rest of a sentence."""

    kind: Wrong
    endpoint_id: UUID | None
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointAccount:
    """An endpoint's sequences and its lane, as they stand; *lane_open* is None where there is no lane.

    *given_out* is the last sequence number that an event was matched with; *kept* deliveries are still there, the
    highest number among them is *highest*, and *counted* ones were removed at retention.
    """

    endpoint_id: UUID
    state: str
    lane_open: bool | None
    lane_removed: bool
    discarding: bool
    given_out: int
    kept: int
    counted: int
    highest: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What was found in an organization: sequences *given_out* are those of all events matched with its *endpoints*."""

    organization_id: UUID
    endpoints: int
    given_out: int
    kept: int
    counted: int
    waiting: int
    findings: list[Finding]


def advice(kind: Wrong) -> str:
    """Return what to do where something is wrong in this way."""
    return _ADVICE[kind]


def wrong_with(account: EndpointAccount) -> Iterator[Finding]:
    """Yield what is wrong with the numbers of an endpoint, and with its lane."""
    shown = account.kept + account.counted
    if shown != account.given_out or account.highest > account.given_out:
        detail = (
            f"{account.given_out} sequences were given out, and {shown} are accounted for: {account.kept} deliveries "
            f"are kept, the highest of them {account.highest}, and {account.counted} were counted as removed"
        )
        yield Finding(kind=Wrong.UNACCOUNTED, endpoint_id=account.endpoint_id, detail=detail)
    if (why := _lane_differs(account)) is not None:
        yield Finding(kind=Wrong.LANE, endpoint_id=account.endpoint_id, detail=why)


def _lane_differs(account: EndpointAccount) -> str | None:
    """Return why the lane does not follow from its endpoint's state; None: it does."""
    if account.lane_open is None:
        return "it has no lane"
    if account.lane_removed != (account.state == _DELETED):
        return f"it is {account.state}, and its lane says {'removed' if account.lane_removed else 'not removed'}"
    # While a backlog is thrown away, nothing is sent.
    if account.lane_open != (account.state == EndpointState.ACTIVE and not account.discarding):
        return f"it is {account.state}, and its lane is {'open' if account.lane_open else 'closed'}"
    return None
