"""The relay: fans events out from the outbox to one delivery for each endpoint that wants them."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.orm import Session

from psms.db.queries import outbox
from psms.db.session import enter
from psms.domain.webhooks import DeliveryState, EndpointState, Trigger
from psms.runtime import Runtime
from psms.telemetry import RELAY_LAG, RELAYED
from workflows.names import Task

BATCH = 500

_EndpointRow = Row[Any]
_OutboxRow = Row[Any]


def relay_outbox(rt: Runtime) -> int:
    """Fan out everything that waits and return how many events that were.

    Safe to run by any number of processes: they take turns. A crash leaves a batch whole or not at all.
    """
    total = 0
    while not rt.stopping.is_set():
        count = _relay_batch(rt)
        total += count
        if count:
            rt.nudger.nudge(Task.DELIVER_WEBHOOKS)
        if count < BATCH:
            break
    return total


def _relay_batch(rt: Runtime) -> int:
    with rt.db.begin_claim() as session:
        outbox.lead(session)
        rows = outbox.waiting(session, BATCH)
        if not rows:
            return 0
        now = rt.clock.now(session)
        by_organization = attrgetter("organization_id")
        # Sorted by organization for the walls; the sort is stable, so each keeps the order of its positions.
        for organization_id, own in groupby(sorted(rows, key=by_organization), key=by_organization):
            enter(session, organization_id)
            _fan_out(rt, session, organization_id, list(own), now=now)
    RELAYED.inc(len(rows))
    for row in rows:
        RELAY_LAG.observe(max(0.0, (now - row.occurred_at).total_seconds()))
    return len(rows)


def _fan_out(rt: Runtime, session: Session, organization_id: UUID, rows: list[_OutboxRow], *, now: datetime) -> None:
    pairs = [(row, endpoint) for endpoint in outbox.endpoints(session) for row in rows if _wants(endpoint, row)]
    if pairs:
        counts = Counter(endpoint.id for _, endpoint in pairs)
        last = outbox.number(session, dict(sorted(counts.items())), now)
        deliveries = _numbered(rt, pairs, last, now)
        outbox.insert_deliveries(session, organization_id, deliveries, now)
    outbox.remove(session, [row.position for row in rows])


def _wants(endpoint: _EndpointRow, row: _OutboxRow) -> bool:
    if row.endpoint_id is not None:
        return bool(endpoint.id == row.endpoint_id)
    return endpoint.event_types is None or row.event_type in endpoint.event_types


def _numbered(
    rt: Runtime, pairs: Sequence[tuple[_OutboxRow, _EndpointRow]], last: dict[UUID, int], now: datetime
) -> list[outbox.NewDelivery]:
    deliveries = []
    for row, endpoint in pairs:
        last[endpoint.id] += 1
        active = endpoint.state == EndpointState.ACTIVE
        deliveries.append(
            outbox.NewDelivery(
                id=rt.chance.new_id(now),
                event_id=row.event_id,
                event_type=row.event_type,
                ticket_id=row.ticket_id,
                endpoint_id=endpoint.id,
                sequence=last[endpoint.id],
                state=DeliveryState.PENDING if active else DeliveryState.HELD,
                trigger=Trigger.AUTO if row.endpoint_id is None else Trigger.TEST,
                request_id=row.request_id,
                occurred_at=row.occurred_at,
            )
        )
    return deliveries
