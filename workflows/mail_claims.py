"""Claiming mails: what is due is leased, and all that its text needs is read."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from uuid import UUID

from sqlalchemy.orm import Session

from psms.db.direct import Record
from psms.db.queries import letters
from psms.db.queries import mails as queries
from psms.db.session import enter
from psms.domain.endpoint_notices import EndpointFacts, EndpointNotice
from psms.domain.events import EventType
from psms.domain.mails import EXPIRES_AFTER, MailState
from psms.domain.notices import Because, Notice
from psms.runtime import Runtime
from workflows.act import act_of_system
from workflows.mail_results import MailJob, note_dead

_MAX_TIMEOUT_S = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedMails:
    """What one claim took: the jobs, and how many rows that were, with those that were too old to be sent."""

    jobs: list[MailJob]
    rows: int


def claim_due(rt: Runtime) -> ClaimedMails:
    """Lease what is due, up to the free slots; what has been due for too long is given up instead."""
    lease_ends = time.monotonic() + rt.settings.lease_seconds
    jobs: list[MailJob] = []
    with rt.db.begin_claim() as session:
        now = rt.clock.now(session)
        token = rt.chance.new_id(now)
        claimed = queries.claim(session, token, rt.settings.lease_seconds, now, rt.mail_slots.free)
        places = sorted((row.organization_id, row.id) for row in claimed)
        for organization_id, own in groupby(places, key=itemgetter(0)):
            enter(session, organization_id)
            found = letters.letters(session, organization_id, [mail_id for _, mail_id in own])
            expired = [row for row in found if now - row.next_attempt_at > EXPIRES_AFTER]
            if expired:
                _give_up(rt, session, organization_id, expired, now)
            live = [row for row in found if row not in expired]
            jobs += [_job(rt, organization_id, row, token, lease_ends) for row in live]
    return ClaimedMails(jobs=jobs, rows=len(claimed))


def _give_up(rt: Runtime, session: Session, organization_id: UUID, rows: Sequence[Record], now: datetime) -> None:
    settled = [
        queries.Settlement(mail_id=row.id, token=row.lease_token, state=MailState.DEAD, reason="expired")
        for row in rows
    ]
    queries.settle(session, organization_id, settled, now)
    act = act_of_system(rt, session, organization_id, now)
    note_dead(act, {row.id: "expired" for row in rows})


def _job(rt: Runtime, organization_id: UUID, row: Record, token: UUID, lease_ends: float) -> MailJob:
    return MailJob(
        organization_id=organization_id,
        mail_id=row.id,
        token=token,
        failures=row.failures,
        lease_ends=lease_ends,
        # Half of the lease: the other half is for recording the result.
        timeout_s=max(1.0, min(_MAX_TIMEOUT_S, rt.settings.lease_seconds / 2)),
        user_id=row.user_id,
        active=row.active,
        name=row.name,
        encrypted=row.email_encrypted,
        clear=row.email,
        because=Because(row.reason),
        organization=row.organization,
        notice=_notice(row) if row.endpoint_id is None else _endpoint_notice(row),
    )


def _notice(row: Record) -> Notice:
    return Notice(
        kind=row.kind,
        at=row.at,
        ticket_id=row.ticket_id,
        number=row.number,
        subject=row.subject,
        status=row.status,
        priority=row.priority,
        metric=row.metric,
        due_at=row.due_at,
    )


def _endpoint_notice(row: Record) -> EndpointNotice:
    said = row.details
    since = said["failing_since"]
    facts = EndpointFacts(
        address=said["address"],
        description=said["description"],
        disabled_reason=said["disabled_reason"],
        failing_since=None if since is None else datetime.fromisoformat(since),
        failed_attempts=said["failed_attempts"],
    )
    return EndpointNotice(kind=EventType(row.kind), at=row.at, endpoint_id=row.endpoint_id, facts=facts)
