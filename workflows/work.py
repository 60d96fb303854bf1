"""Dead and waiting work of every kind, for `python -m psms work`: listed, and tried again."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from uuid import UUID

from sqlalchemy.orm import Session

from psms.db.direct import Record
from psms.db.queries import endpoints, lanes, mails, operations, run_views, run_work
from psms.db.session import enter
from psms.domain.mails import MailState
from psms.domain.operations import WorkItem
from psms.domain.retry import EXPIRES_AFTER
from psms.runtime import Runtime
from workflows import trail
from workflows.act import Act, act_of_system
from workflows.names import Task
from workflows.run_kinds import KNOWN

Place = tuple[UUID, UUID]
"""Where a piece of work is in the order of retries: organization, id."""

_BATCH = 500
_THE_BEGINNING: Place = (UUID(int=0), UUID(int=0))
_NO_MAIL_SERVER = "set PSMS_SMTP_URL"


def dead_work(rt: Runtime, limit: int) -> list[WorkItem]:
    """Return what has been given up, oldest first."""
    with rt.db.begin_claim() as session:
        return _oldest(
            [*operations.dead(session, limit), *mails.dead(session, limit), *run_work.dead(session, limit)], limit
        )


def waiting_work(rt: Runtime, limit: int) -> list[WorkItem]:
    """Return what is pending, in flight, held or due, oldest first."""
    with rt.db.begin_claim() as session:
        waiting = mails.unfinished(session, limit)
        if rt.mailer is None:
            waiting = [replace(item, state=MailState.HELD, reason=_NO_MAIL_SERVER) for item in waiting]
        due = run_work.due(session, KNOWN.keys(), limit)
        return _oldest(operations.unfinished(session, limit) + waiting + due, limit)


def _oldest(items: list[WorkItem], limit: int) -> list[WorkItem]:
    return sorted(items, key=attrgetter("since"))[:limit]


def retry_work(rt: Runtime, ids: list[UUID] | None) -> int:
    """Make dead work (these ids, or all of it) due again and return how many that were.

    In batches of 500, each a transaction: cut short, it has done whole batches and can be run again. What
    belongs to a deleted endpoint stays dead.
    """
    retried = sum(_retry_kind(rt, ids, kind) for kind in _KINDS)
    return _retry_deliveries(rt, ids) + retried


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kind:
    """Work that belongs to its organization alone: where what is dead of it is, how it is made due, and for whom."""

    name: str
    places_of_dead: Callable[[Session, list[UUID] | None, Place, int], Sequence[Record]]
    retry: Callable[[Session, UUID, list[UUID], datetime], list[UUID]]
    task: Task


_KINDS = (
    _Kind(name="mail", places_of_dead=mails.places_of_dead, retry=mails.retry, task=Task.SEND_NOTIFICATIONS),
    _Kind(name="run", places_of_dead=run_work.places_of_dead, retry=run_views.retry, task=Task.ADVANCE_RUNS),
)


def _retry_kind(rt: Runtime, ids: list[UUID] | None, kind: _Kind) -> int:
    total, count, after = 0, _BATCH, _THE_BEGINNING
    while count == _BATCH:
        with rt.db.begin_claim() as session:
            places = kind.places_of_dead(session, ids, after, _BATCH)
            now = rt.clock.now(session)
            for organization_id, rows in groupby(places, key=attrgetter("organization_id")):
                enter(session, organization_id)
                act = act_of_system(rt, session, organization_id, now)
                retried = kind.retry(session, organization_id, [row.id for row in rows], now)
                for work_id in retried:
                    trail.note(act, f"{kind.name}.retried", (kind.name, work_id))
                total += len(retried)
        count = len(places)
        after = (places[-1].organization_id, places[-1].id) if places else after
    if total:
        rt.nudger.nudge(kind.task)
    return total


def _retry_deliveries(rt: Runtime, ids: list[UUID] | None) -> int:
    total = 0
    after = operations.THE_BEGINNING
    while True:
        with rt.db.begin_claim() as session:
            places = operations.places_of_dead(session, ids, after, _BATCH)
            now = rt.clock.now(session)
            for (organization_id, endpoint_id), rows in groupby(places, key=lambda row: row[:2]):
                enter(session, organization_id)
                act = act_of_system(rt, session, organization_id, now)
                total += _retry_in(act, endpoint_id, [row.id for row in rows])
        if len(places) < _BATCH:
            break
        after = (places[-1].organization_id, places[-1].endpoint_id, places[-1].sequence)
    rt.nudger.nudge(Task.DELIVER_WEBHOOKS)
    return total


def _retry_in(act: Act, endpoint_id: UUID, delivery_ids: list[UUID]) -> int:
    # The lane first, as everywhere.
    lanes.lock(act.session, act.organization_id, [endpoint_id])
    retried = endpoints.retry(act.session, endpoint_id, delivery_ids, now=act.now, expires_after=EXPIRES_AFTER)
    lanes.serve_now(act.session, act.organization_id, endpoint_id, act.now)
    for delivery_id in retried:
        trail.note(act, "delivery.retried", ("delivery", delivery_id))
    return len(retried)
