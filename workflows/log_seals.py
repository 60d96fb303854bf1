"""Sealing the log: every committed entry gets its place in its chain. Signing chains is in `log_checkpoints`."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from psms.crash import CrashPoint, crash_point
from psms.db.queries import log_seals as queries
from psms.db.session import enter
from psms.domain.log_chain import link
from psms.runtime import Runtime
from psms.telemetry import LOGS_SEALED, logger
from workflows.log_checkpoints import sign_checkpoints

# Entries sealed in one transaction, which stays within a second or two.
BATCH = 5000

log = logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Batch:
    """What one transaction did: how many it saw and sealed, and where the next one begins."""

    seen: int
    sealed: int
    last: int


def seal_logs(rt: Runtime) -> int:
    """Seal every entry that waits, sign the chains whose time has come, and return how many of both.

    One process seals at a time; another one's run ends at once. A crash leaves a batch whole or not at all. An
    organization whose entries cannot be sealed is left for the next run and holds nobody else up.
    """
    total = after = 0
    while not rt.stopping.is_set():
        batch = _seal_batch(rt, after)
        total += batch.sealed
        after = batch.last
        if batch.sealed:
            crash_point(CrashPoint.SEAL_COMMITTED)
            LOGS_SEALED.inc(batch.sealed)
        if batch.seen < BATCH:
            break
    return total + sign_checkpoints(rt)


def _seal_batch(rt: Runtime, after: int) -> _Batch:
    sealed = 0
    with rt.db.begin_claim() as session:
        # A statement of its own: only the next one sees what the former leader has committed.
        if not queries.lead(session):
            return _Batch(seen=0, sealed=0, last=after)
        rows = queries.waiting(session, after, BATCH)
        by_organization = attrgetter("organization_id")
        for organization_id, own in groupby(sorted(rows, key=by_organization), key=by_organization):
            enter(session, organization_id)
            sealed += _sealed_in(rt, session, organization_id, list(own))
        if sealed:
            crash_point(CrashPoint.SEAL_UNCOMMITTED)
    return _Batch(seen=len(rows), sealed=sealed, last=rows[-1].position if rows else after)


def _sealed_in(rt: Runtime, session: Session, organization_id: UUID, rows: Sequence[Row[Any]]) -> int:
    try:
        # A point to go back to: what goes wrong here must not take the other organizations along.
        with session.begin_nested():
            return _seal(rt, session, organization_id, rows)
    except (SQLAlchemyError, ValueError):
        log.exception("sealing_failed", organization_id=str(organization_id), entries=len(rows))
        return 0


def _seal(rt: Runtime, session: Session, organization_id: UUID, rows: Sequence[Row[Any]]) -> int:
    entries = queries.entries(session, organization_id, [row.log_id for row in rows])
    seq, chain_hash = queries.head(session, organization_id)
    seals = []
    for row in rows:
        # Without its entry it goes on waiting: verifying tells that somebody deleted it.
        entry = entries.get(row.log_id)
        if entry is not None:
            seq, chain_hash = seq + 1, link(chain_hash, entry)
            seals.append((seq, row.log_id, chain_hash))
    if seals:
        queries.seal(session, organization_id, seals, rt.clock.now(session))
    queries.settle(session, [row.position for row in rows])
    return len(seals)
