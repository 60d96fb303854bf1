"""Claiming deliveries: what is due is leased, its attempts are written, and all that its request needs is read."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter

from sqlalchemy.orm import Session

from psms.db.direct import Record
from psms.db.queries import claims, results
from psms.db.session import enter
from psms.domain.endpoint_settings import USUAL_TIMEOUT_S
from psms.domain.paging import PageState, loudest
from psms.domain.webhooks import EndpointKind
from psms.runtime import Runtime
from workflows.delivery_jobs import Job, StoredSecret


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """What one claim took: the jobs, and how many rows that were. A suspect is taken alone."""

    jobs: list[Job]
    rows: int
    suspect: bool = False


def claim_due(rt: Runtime, *, suspects: bool, alone: bool) -> Claimed:
    """Lease what is due, up to the free slots, and write the attempts that are about to be made.

    *suspects*: what may have killed its workers may be tried now, and goes before the others. Then nothing
    is claimed until nothing else is under way in this process (*alone*), so that it takes nobody along.
    """
    lease_ends = time.monotonic() + rt.settings.lease_seconds
    with rt.db.begin_claim() as session:
        now, suspect = claims.look(session, suspects=suspects)
        lease = claims.Lease(token=rt.chance.new_id(now), seconds=rt.settings.lease_seconds, now=now)
        claimed: Sequence[Record] = []
        if suspect and alone:
            claimed = claims.claim_suspect(session, lease)
            suspect = bool(claimed)
        if not suspect:
            claimed = claims.claim(session, lease, rt.slots.free)
        jobs = _prepared(rt, session, lease, claimed, lease_ends)
    return Claimed(jobs=jobs, rows=len(claimed), suspect=suspect and bool(jobs))


def _prepared(
    rt: Runtime, session: Session, lease: claims.Lease, claimed: Sequence[Record], lease_ends: float
) -> list[Job]:
    jobs: list[Job] = []
    rows = sorted((row.organization_id, row.id) for row in claimed)
    for organization_id, own in groupby(rows, key=itemgetter(0)):
        enter(session, organization_id)
        attempts = {delivery_id: rt.chance.new_id(lease.now) for _, delivery_id in own}
        found = claims.prepare(session, organization_id, lease, attempts, rt.worker)
        gone = [row.id for row in found if row.body is None]
        if gone:
            results.give_up_eventless(session, organization_id, gone, lease.now)
        jobs += [_job(row, lease, lease_ends) for row in found if row.body is not None]
    return jobs


def _job(row: Record, lease: claims.Lease, lease_ends: float) -> Job:
    longer = max(0, row.timeout_seconds - USUAL_TIMEOUT_S)
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
        lease_ends=lease_ends + longer,
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
        # Half of the lease: the other half is for waiting for a slot and for recording the result.
        timeout_s=max(1.0, min(row.timeout_seconds, USUAL_TIMEOUT_S, lease.seconds / 2)) + longer,
    )
