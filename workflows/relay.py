"""The relay: fans events out from the outbox to one delivery for each endpoint that wants them.

What an automation is for becomes work for `automation_runs`, once, as each event passes here once.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from uuid import UUID

from sqlalchemy.orm import Session

from psms.crash import CrashPoint, crash_point
from psms.db.direct import Record
from psms.db.queries import automation_runs, lanes, outbox
from psms.db.refusals import DATABASE_ERRORS
from psms.db.session import enter
from psms.domain.webhooks import Trigger
from psms.runtime import Runtime
from psms.telemetry import RELAY_LAG, RELAYED, logger
from workflows.names import Task
from workflows.relay_matching import Wanting, wanting

# Events looked at, and deliveries made for one organization, in one transaction, which stays well within a second.
BATCH = 500
MOST_DELIVERIES = 5000

_EndpointRow = Record
_OutboxRow = Record

log = logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Batch:
    """What one transaction did: rows that it saw and fanned out, and organizations that it had to leave."""

    seen: int
    relayed: list[_OutboxRow]
    left: set[UUID]
    delivering: bool = False
    automated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _FannedOut:
    """What became of the rows of one organization."""

    rows: list[_OutboxRow]
    delivering: bool
    automated: bool


class _NotFannedOutError(Exception):
    """The events of one organization could not be fanned out."""

    def __init__(self, organization_id: UUID, *, seen: int) -> None:
        super().__init__(organization_id)
        self.organization_id = organization_id
        self.seen = seen


def relay_outbox(rt: Runtime) -> int:
    """Fan out everything that waits and return how many events that were.

    Safe to run by any number of processes: they take turns. A crash leaves a batch whole or not at all. An
    organization whose events cannot be fanned out is left for the next run and holds nobody else up.
    """
    total = 0
    passed_over: set[UUID] = set()
    while not rt.stopping.is_set():
        batch = _relay_batch(rt, passed_over)
        passed_over |= batch.left
        total += len(batch.relayed)
        if batch.relayed:
            crash_point(CrashPoint.RELAY_COMMITTED)
            _measure(batch.relayed)
        if batch.delivering:
            rt.nudger.nudge(Task.DELIVER_WEBHOOKS)
        if batch.automated:
            rt.nudger.nudge(Task.RUN_AUTOMATIONS)
        if batch.seen < BATCH and len(batch.relayed) == batch.seen:
            break
        if not batch.seen:
            break
    return total


def _measure(relayed: list[_OutboxRow]) -> None:
    RELAYED.inc(len(relayed))
    for row in relayed:
        RELAY_LAG.observe(max(0.0, (row.now - row.occurred_at).total_seconds()))


def _relay_batch(rt: Runtime, passed_over: set[UUID]) -> _Batch:
    try:
        with rt.db.begin_claim() as session:
            return _relay_waiting(rt, session, passed_over)
    except _NotFannedOutError as problem:
        # All of the batch was rolled back: what fails must not take other organizations along, so without it next.
        return _Batch(seen=problem.seen, relayed=[], left={problem.organization_id})


def _relay_waiting(rt: Runtime, session: Session, passed_over: set[UUID]) -> _Batch:
    outbox.lead(session)
    rows = outbox.waiting(session, BATCH, passed_over)
    fanned_out: list[_FannedOut] = []
    by_organization = attrgetter("organization_id")
    # Sorted by organization for the walls; the sort is stable, so each keeps the order of its positions.
    for organization_id, own in groupby(sorted(rows, key=by_organization), key=by_organization):
        try:
            enter(session, organization_id)
            fanned_out.append(_fan_out(rt, session, organization_id, list(own)))
        except DATABASE_ERRORS as problem:
            log.exception("fan_out_failed", organization_id=str(organization_id))
            raise _NotFannedOutError(organization_id, seen=len(rows)) from problem
    relayed = [row for one in fanned_out for row in one.rows]
    if relayed:
        crash_point(CrashPoint.RELAY_UNCOMMITTED)
    return _Batch(
        seen=len(rows),
        relayed=relayed,
        left=set(),
        delivering=any(one.delivering for one in fanned_out),
        automated=any(one.automated for one in fanned_out),
    )


def _fan_out(rt: Runtime, session: Session, organization_id: UUID, rows: list[_OutboxRow]) -> _FannedOut:
    """Fan out the rows of one organization, as many as fit."""
    now: datetime = rows[0].now
    endpoints, types = outbox.interested(session)
    wanted = wanting(session, organization_id, rows, endpoints)
    rows = _fitting(rows, wanted)
    automated = [row for row in rows if row.event_type in types and row.ticket_id is not None]
    if automated:
        automation_runs.add(session, organization_id, automated, now)
    pairs = [(row, endpoint) for endpoint in endpoints for row in rows if endpoint.id in wanted[row.position]]
    delivering = _deliver(rt, session, organization_id, rows, pairs)
    return _FannedOut(rows=rows, delivering=delivering, automated=bool(automated))


def _deliver(
    rt: Runtime,
    session: Session,
    organization_id: UUID,
    rows: Sequence[_OutboxRow],
    pairs: Sequence[tuple[_OutboxRow, _EndpointRow]],
) -> bool:
    """Take the rows from the outbox, with a delivery for each of *pairs*; tell whether there is any."""
    now: datetime = rows[0].now
    positions = [row.position for row in rows]
    if not pairs:
        outbox.remove(session, positions)
        return False
    counts = Counter(endpoint.id for _, endpoint in pairs)
    last = lanes.reserve(session, organization_id, dict(sorted(counts.items())), now)
    # Those that are still there, now that nobody can delete one any more.
    there = [pair for pair in pairs if pair[1].id in last]
    outbox.relay(session, organization_id, positions, _numbered(rt, there, last, now), now)
    return bool(there)


def _fitting(rows: list[_OutboxRow], wanted: Wanting) -> list[_OutboxRow]:
    """Return the first of *rows*, so many that their deliveries fit into one transaction; one at the least."""
    total = 0
    for place, row in enumerate(rows):
        total += len(wanted[row.position])
        if total > MOST_DELIVERIES and place:
            return rows[:place]
    return rows


def _numbered(
    rt: Runtime, pairs: Sequence[tuple[_OutboxRow, _EndpointRow]], last: dict[UUID, int], now: datetime
) -> list[outbox.NewDelivery]:
    deliveries = []
    # What is due at the same instant goes out by its id: so that is in the order of the sequence, too.
    ids = sorted(rt.chance.new_id(now) for _ in pairs)
    for delivery_id, (row, endpoint) in zip(ids, pairs, strict=True):
        last[endpoint.id] += 1
        deliveries.append(
            outbox.NewDelivery(
                id=delivery_id,
                event_id=row.event_id,
                event_type=row.event_type,
                ticket_id=row.ticket_id,
                endpoint_id=endpoint.id,
                sequence=last[endpoint.id],
                trigger=Trigger.AUTO if row.endpoint_id is None else Trigger.TEST,
                request_id=row.request_id,
                occurred_at=row.occurred_at,
            )
        )
    return deliveries
