"""Fan-out of notifications: one mail for each person who is to be told. Sending them is in `notifications`."""

from itertools import groupby
from operator import attrgetter
from uuid import UUID

from sqlalchemy.orm import Session

from psms.db.direct import Record
from psms.db.queries import mails as queries
from psms.db.queries.mails import NewMail
from psms.db.refusals import DATABASE_ERRORS
from psms.db.session import enter
from psms.runtime import Runtime
from psms.telemetry import logger

BATCH = 200

log = logger(__name__)


class _NotFannedOutError(Exception):
    """The notifications of one organization could not be fanned out."""

    def __init__(self, organization_id: UUID) -> None:
        super().__init__(organization_id)
        self.organization_id = organization_id


def fan_out_notifications(rt: Runtime) -> int:
    """Make the mails of every notification that has none yet, and return how many notifications that were.

    The assignee is told; where nobody is assigned, or who is has been deactivated, the active members of the team;
    else the managers, else the admins. Safe to run by any number of processes; a crash leaves a batch whole or
    not at all. An organization whose notifications cannot be fanned out is left for the next run and holds nobody
    else up.
    """
    total = 0
    passed_over: set[UUID] = set()
    while not rt.stopping.is_set():
        try:
            count = _fan_out_batch(rt, passed_over)
        except _NotFannedOutError as problem:
            # All of the batch was rolled back: without that organization next.
            passed_over.add(problem.organization_id)
            continue
        total += count
        if count < BATCH:
            break
    return total


def _fan_out_batch(rt: Runtime, passed_over: set[UUID]) -> int:
    with rt.db.begin_claim() as session:
        rows = queries.new_notifications(session, BATCH, passed_over)
        by_organization = attrgetter("organization_id")
        for organization_id, own in groupby(sorted(rows, key=by_organization), key=by_organization):
            try:
                enter(session, organization_id)
                _fan_out_of(rt, session, organization_id, list(own))
            except DATABASE_ERRORS as problem:
                log.exception("notifications_not_fanned_out", organization_id=str(organization_id))
                raise _NotFannedOutError(organization_id) from problem
    return len(rows)


def _fan_out_of(rt: Runtime, session: Session, organization_id: UUID, rows: list[Record]) -> None:
    told, now = [row.id for row in rows], rows[0].now
    found = queries.recipients(session, organization_id, told)
    mails = [
        NewMail(
            id=rt.chance.new_id(now),
            notification_id=row.notification_id,
            user_id=row.user_id,
            reason=row.reason,
        )
        for row in found
    ]
    queries.fan_out(session, organization_id, told, mails, now)
    unheard = set(told) - {row.notification_id for row in found}
    if unheard:
        log.warning("notifications_reach_nobody", organization_id=str(organization_id), count=len(unheard))
