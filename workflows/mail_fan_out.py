"""Fan-out of notifications: one mail for each person who is to be told. Sending them is in `notifications`."""

from itertools import groupby
from operator import attrgetter
from uuid import UUID

from sqlalchemy.orm import Session

from psms.db.direct import Record
from psms.db.queries import mails as queries
from psms.db.queries.mails import NewMail
from psms.db.session import enter
from psms.runtime import Runtime
from psms.telemetry import logger

BATCH = 200

log = logger(__name__)


def fan_out_notifications(rt: Runtime) -> int:
    """Make the mails of every notification that has none yet, and return how many notifications that were.

    The assignee is told; where nobody is assigned, or who is has been deactivated, the active members of the team;
    else the managers, else the admins. Safe to run by any number of processes; a crash leaves a batch whole or
    not at all.
    """
    total, count = 0, BATCH
    while count == BATCH and not rt.stopping.is_set():
        count = _fan_out_batch(rt)
        total += count
    return total


def _fan_out_batch(rt: Runtime) -> int:
    with rt.db.begin_claim() as session:
        rows = queries.new_notifications(session, BATCH)
        by_organization = attrgetter("organization_id")
        for organization_id, own in groupby(sorted(rows, key=by_organization), key=by_organization):
            enter(session, organization_id)
            _fan_out_of(rt, session, organization_id, [row.id for row in own], rows[0])
    return len(rows)


def _fan_out_of(rt: Runtime, session: Session, organization_id: UUID, told: list[UUID], first: Record) -> None:
    found = queries.recipients(session, organization_id, told)
    mails = [
        NewMail(
            id=rt.chance.new_id(first.now),
            notification_id=row.notification_id,
            user_id=row.user_id,
            reason=row.reason,
        )
        for row in found
    ]
    queries.fan_out(session, organization_id, told, mails, first.now)
    unheard = set(told) - {row.notification_id for row in found}
    if unheard:
        log.warning("notifications_reach_nobody", organization_id=str(organization_id), count=len(unheard))
