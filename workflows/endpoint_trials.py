"""Trying an endpoint out: a test event, and a ping that verifies its address. Both go the way of every other event."""

from collections.abc import Sequence
from uuid import UUID

from psms.db.models.webhooks import EndpointRow
from psms.db.queries import endpoints, journal, lanes
from psms.domain.access import Actor, Permission, require
from psms.domain.endpoint_errors import TooManyTrials
from psms.domain.event_versions import SCHEMA_VERSION
from psms.domain.events import EndpointPingData, EndpointTestData, Envelope, EventType
from psms.domain.rates import Meter, Rate
from psms.domain.retry import Delivered
from psms.domain.webhooks import EndpointState, EndpointTestSent
from psms.errors import EndpointNotActive
from psms.runtime import Runtime
from workflows import trail
from workflows.act import Act, act_of
from workflows.delivery_jobs import Judged
from workflows.event_bodies import event_body
from workflows.names import Task

_KIND = "webhook_endpoint"
# Of an organization: an endpoint may be anybody's address.
_TRIALS = Rate(quota=5, window_s=60)
_CHALLENGE_BYTES = 24


def send_test(rt: Runtime, actor: Actor, endpoint_id: UUID) -> EndpointTestSent:
    """Send a `webhook.test` event to this endpoint alone, by the same way as every other event.

    Raises NotFound, EndpointNotActive, and TooManyTrials after five trials of the organization in a minute.
    """
    data = EndpointTestData(endpoint_id=endpoint_id, message="This is a test: your endpoint is reached.")
    return _try_out(rt, actor, "tested", data)


def send_ping(rt: Runtime, actor: Actor, endpoint_id: UUID) -> EndpointTestSent:
    """Send a signed `webhook.ping` with a challenge to this endpoint alone; a 2xx verifies its address.

    Raises as `send_test` does.
    """
    challenge = rt.chance.secret_bytes(_CHALLENGE_BYTES).hex()
    return _try_out(rt, actor, "pinged", EndpointPingData(endpoint_id=endpoint_id, challenge=challenge))


def note_verified(act: Act, judged: Sequence[Judged]) -> None:
    """Remember which addresses answered a ping with a 2xx; their lanes are locked."""
    for one in judged:
        job = one.finished.job
        if job.event_type == EventType.WEBHOOK_PING and isinstance(one.decision, Delivered):
            endpoints.mark_verified(act.session, act.organization_id, job.endpoint_id, job.url, act.now)


def _try_out(rt: Runtime, actor: Actor, done: str, data: EndpointTestData | EndpointPingData) -> EndpointTestSent:
    require(actor, Permission.WEBHOOK_MANAGE)
    with rt.db.begin(actor.organization_id) as session:
        row = endpoints.lock(session, actor.organization_id, data.endpoint_id, None)
        if row.state != EndpointState.ACTIVE:
            raise EndpointNotActive
        _count_trial(rt, row)
        act = act_of(rt, session, actor)
        lanes.serve_now(session, act.organization_id, row.id, act.now)
        event_id = _tell(act, data)
        trail.note(act, f"{_KIND}.{done}", (_KIND, row.id))
    rt.nudger.nudge(Task.RELAY_OUTBOX)
    return EndpointTestSent(event_id=event_id)


def _count_trial(rt: Runtime, row: EndpointRow) -> None:
    verdict = rt.rates.take([Meter(name="trials", key=f"webhook-trials:{row.organization_id}", rate=_TRIALS)])
    if verdict.refused_by is not None:
        raise TooManyTrials(retry_after=verdict.retry_after_s)


def _tell(act: Act, data: EndpointTestData | EndpointPingData) -> UUID:
    event_id = act.new_id()
    envelope = Envelope(
        id=event_id,
        type=EventType.WEBHOOK_TEST if isinstance(data, EndpointTestData) else EventType.WEBHOOK_PING,
        timestamp=act.now,
        schema_version=SCHEMA_VERSION,
        data=data,
    )
    record = journal.EventRecord(
        organization_id=act.organization_id,
        id=event_id,
        type=envelope.type.value,
        schema_version=SCHEMA_VERSION,
        ticket_id=None,
        sequence=None,
        occurred_at=act.now,
        body=event_body(act.rt, envelope),
        request_id=act.actor.request_id if act.actor else None,
        endpoint_id=data.endpoint_id,
    )
    journal.insert_events(act.session, [record])
    return event_id
