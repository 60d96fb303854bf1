"""Telling how an endpoint fares: by mail to who may manage webhooks, and by an event to the organization's others.

What makes an endpoint fail, recover or be disabled is in `endpoint_health`.
"""

from uuid import UUID

from sqlalchemy.orm import Session

from psms.crash import CrashPoint, crash_point
from psms.db.direct import Record
from psms.db.queries import endpoint_health as queries
from psms.db.queries import journal
from psms.db.refusals import DATABASE_ERRORS
from psms.db.session import enter
from psms.domain.endpoint_health import next_notice_at, notices_due
from psms.domain.endpoint_notices import EndpointFacts, address_shown
from psms.domain.event_versions import SCHEMA_VERSION
from psms.domain.events import EndpointHealthData, Envelope, EventType
from psms.domain.webhooks import EndpointState
from psms.encoding import json_bytes, json_text
from psms.runtime import Runtime
from psms.telemetry import logger
from workflows.act import Act, act_of_system
from workflows.names import Task

log = logger(__name__)


class _NotGivenError(Exception):
    """The notice on one endpoint could not be given."""

    def __init__(self, endpoint_id: UUID) -> None:
        super().__init__(endpoint_id)
        self.endpoint_id = endpoint_id


def tell(act: Act, kind: EventType, row: Record) -> None:
    """Write the notification and the event of *kind* about an endpoint, in the transaction of what they tell of."""
    told = EndpointHealthData(
        endpoint_id=row.id,
        description=row.description,
        state=EndpointState(row.state),
        disabled_reason=row.disabled_reason,
        failing_since=row.failing_since,
        failed_attempts=row.failed_attempts,
    )
    event_id = act.new_id()
    body = Envelope(id=event_id, type=kind, timestamp=act.now, schema_version=SCHEMA_VERSION, data=told)
    event = journal.EventRecord(
        organization_id=act.organization_id,
        id=event_id,
        type=kind.value,
        schema_version=SCHEMA_VERSION,
        ticket_id=None,
        sequence=None,
        occurred_at=act.now,
        body=json_bytes(body),
        request_id=act.actor.request_id if act.actor else None,
        except_endpoint_id=row.id,
    )
    journal.insert_events(act.session, [event])
    facts = EndpointFacts(
        address=address_shown(row.url),
        description=row.description,
        disabled_reason=row.disabled_reason,
        failing_since=row.failing_since,
        failed_attempts=row.failed_attempts,
    )
    notice = queries.NewNotice(id=act.new_id(), endpoint_id=row.id, kind=kind.value, details=json_text(facts))
    queries.notify(act.session, act.organization_id, notice, act.now)


def give_notices(rt: Runtime) -> int:
    """Give every notice that is due on an endpoint that goes on failing, and return how many those were.

    Runs by any number of processes at once; each notice is one transaction with the count that says that it was
    given. After a standstill the last of those missed is given. One that cannot be given holds no other up.
    """
    total = 0
    passed_over: set[UUID] = set()
    while not rt.stopping.is_set():
        try:
            given = _give_one(rt, passed_over)
        except _NotGivenError as problem:
            passed_over.add(problem.endpoint_id)
            continue
        if not given:
            break
        crash_point(CrashPoint.NOTICE_COMMITTED)
        total += 1
    if total:
        rt.nudger.nudge(Task.RELAY_OUTBOX)
        rt.nudger.nudge(Task.SEND_NOTIFICATIONS)
    return total


def _give_one(rt: Runtime, passed_over: set[UUID]) -> bool:
    with rt.db.begin_claim() as session:
        found = queries.lock_due(session, rt.clock.now(session), passed_over)
        if found is None:
            return False
        try:
            enter(session, found.organization_id)
            _give(rt, session, found)
        except DATABASE_ERRORS as problem:
            log.exception("notice_not_given", endpoint_id=str(found.endpoint_id))
            raise _NotGivenError(found.endpoint_id) from problem
        crash_point(CrashPoint.NOTICE_UNCOMMITTED)
    return True


def _give(rt: Runtime, session: Session, found: Record) -> None:
    act = act_of_system(rt, session, found.organization_id, rt.clock.now(session))
    row = queries.still_due(session, act.organization_id, found.endpoint_id, act.now)
    if row is None:
        return
    active = row.state == EndpointState.ACTIVE and row.failing_since is not None
    due = notices_due(row.failing_since, act.now) if active else 0
    next_at = next_notice_at(row.failing_since, due) if active else None
    if due > row.failing_notices:
        tell(act, EventType.WEBHOOK_ENDPOINT_FAILING, row)
    queries.note_given(session, act.organization_id, row.id, max(due, row.failing_notices), next_at)
