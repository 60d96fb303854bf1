"""Claiming deliveries: what is due is leased, its attempts are written, and all that its request needs is read."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from uuid import UUID

from sqlalchemy.orm import Session

from psms.db.direct import Record
from psms.db.queries import claims, lanes, orders, results
from psms.db.session import enter
from psms.domain.lanes import lease_seconds_for, timeout_for
from psms.domain.paging import PageState, loudest
from psms.domain.shares import room
from psms.domain.webhooks import EndpointKind
from psms.runtime import Runtime
from psms.telemetry import CLAIM_ROWS, CLAIM_SECONDS, DEAD
from workflows.delivery_jobs import Job, StoredSecret, UnderWay

_NOTHING = UnderWay()


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """What one claim took: the jobs, and how many rows that were. A suspect is taken alone."""

    jobs: list[Job]
    rows: int
    suspect: bool = False


def claim_due(rt: Runtime, *, suspects: bool, alone: bool, under_way: UnderWay = _NOTHING) -> Claimed:
    """Lease what is due, up to the free slots, and write the attempts that are about to be made.

    *suspects*: what may have killed its workers may be tried now, and goes before the others. Then nothing
    is claimed until nothing else is under way in this process (*alone*), so that it takes nobody along. What is
    *under_way* leaves lanes that are new or slow less of their shares.
    """
    began = time.monotonic()
    with rt.db.begin_claim() as session:
        now, suspect = claims.look(session, suspects=suspects)
        lease = claims.Lease(token=rt.chance.new_id(now), seconds=rt.settings.lease_seconds, now=now)
        taken: list[claims.Taken] = []
        if suspect and alone:
            taken = claims.claim_suspect(session, lease)
            suspect = bool(taken)
        if not suspect:
            left = room(size=rt.slots.size, free=rt.slots.free, new=under_way.new, slow=under_way.slow)
            taken = claims.claim(session, lease, left, under_way.hanging)
        jobs = _prepared(rt, session, lease, taken, began)
    CLAIM_SECONDS.observe(time.monotonic() - began)
    CLAIM_ROWS.observe(len(taken))
    return Claimed(jobs=jobs, rows=len(taken), suspect=suspect and bool(jobs))


def _prepared(
    rt: Runtime, session: Session, lease: claims.Lease, taken: Sequence[claims.Taken], began: float
) -> list[Job]:
    jobs: list[Job] = []
    by_id = {one.id: one for one in taken}
    rows = sorted((one.organization_id, one.id) for one in taken)
    for organization_id, own in groupby(rows, key=itemgetter(0)):
        enter(session, organization_id)
        attempts = {delivery_id: rt.chance.new_id(lease.now) for _, delivery_id in own}
        found = claims.prepare(session, organization_id, lease, attempts, rt.worker)
        gone = [row.id for row in found if row.body is None]
        if gone:
            _give_up(session, organization_id, gone, lease.now)
        jobs += [_job(row, lease, by_id[row.id], began) for row in found if row.body is not None]
    return jobs


def _give_up(session: Session, organization_id: UUID, gone: list[UUID], now: datetime) -> None:
    given_up = results.give_up_eventless(session, organization_id, gone, now)
    DEAD.labels(reason="event_gone").inc(len(given_up))
    turns = {(row.endpoint_id, row.order_key) for row in given_up if row.order_key is not None}
    lanes.wake(session, organization_id, orders.let_next_go(session, organization_id, turns, now))


def _job(row: Record, lease: claims.Lease, taken: claims.Taken, began: float) -> Job:
    return Job(
        organization_id=row.organization_id,
        delivery_id=row.id,
        attempt_id=row.attempt_id,
        endpoint_id=row.endpoint_id,
        event_id=row.event_id,
        event_type=row.event_type,
        token=lease.token,
        failures=row.failures,
        number=row.tries,
        sequence=row.sequence,
        started_at=lease.now,
        lease_ends=began + lease_seconds_for(row.timeout_seconds, lease.seconds),
        expires_at=row.expires_at,
        occurred_at=row.occurred_at,
        request_id=row.request_id,
        kind=EndpointKind(row.kind),
        page_state=loudest([PageState(state) for state in row.page_states or ()]),
        url=row.url,
        body=bytes(row.body),
        secrets=tuple(
            StoredSecret(id=secret_id, kind=kind, encrypted=encrypted, clear=clear)
            for secret_id, kind, encrypted, clear in zip(
                row.secret_ids or (), row.kinds or (), row.encrypted or (), row.clear or (), strict=True
            )
        ),
        headers_encrypted=row.headers_encrypted,
        header_names=tuple(row.header_names),
        timeout_s=timeout_for(row.timeout_seconds, lease.seconds),
        pool=taken.pool,
        standing=taken.standing,
    )
