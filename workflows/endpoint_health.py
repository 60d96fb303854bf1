"""How endpoints fare: healthy, failing, blocked, disabled. What becomes of each delivery is in `delivery_results`.

Who is told of it, and when, is in `endpoint_notices`.
"""

from collections.abc import Sequence
from itertools import groupby
from operator import attrgetter
from uuid import UUID

from psms.db.queries import endpoint_health as queries
from psms.db.queries import endpoint_views, endpoints, lanes
from psms.db.queries.endpoint_health import Failed
from psms.domain.access import Actor, Permission, require
from psms.domain.attempts import Outcome
from psms.domain.endpoint_health import BLOCKED_AT_MOST, must_be_disabled
from psms.domain.events import EventType
from psms.domain.retry import Delivered, DisableEndpoint, GiveUp, counts_against_endpoint
from psms.domain.webhooks import EndpointInFull, EndpointState
from psms.runtime import Runtime
from workflows import endpoint_notices, trail
from workflows.act import Act
from workflows.delivery_jobs import Judged

_FAILING = "failing"
_BLOCKED = "blocked"


def get_in_full(rt: Runtime, actor: Actor, endpoint_id: UUID) -> EndpointInFull:
    """Return an endpoint and how it fares, or raise NotFound."""
    require(actor, Permission.WEBHOOK_MANAGE)
    with rt.db.begin(actor.organization_id) as session:
        return endpoint_views.in_full(session, endpoints.get(session, endpoint_id))


def note(act: Act, judged: Sequence[Judged]) -> list[str]:
    """Remember who answered and who failed, and disable who asked for it or failed for too long.

    Returns why endpoints were disabled, a reason for each.
    The lanes of all of them are locked. Where everybody answers, and did so before, this is one statement, which
    writes nothing.
    """
    disabled: list[str] = []
    healthy = {j.settlement.endpoint_id for j in judged if isinstance(j.decision, Delivered)}
    others = [j for j in judged if j.settlement.endpoint_id not in healthy]
    if healthy:
        _note_healthy(act, sorted(healthy))
    if others:
        disabled += _note_failing(act, [j for j in others if counts_against_endpoint(j.finished.result.outcome)])
        disabled += _note_blocked(act, others)
    for one in judged:
        if isinstance(one.decision, DisableEndpoint):
            disabled += _disable(act, one.settlement.endpoint_id, one.decision.reason, one.finished.job.url)
    return disabled


def note_given_up(act: Act, judged: Sequence[Judged]) -> None:
    """Log what is given up."""
    for one in judged:
        if isinstance(one.decision, GiveUp):
            shown = {"reason": one.decision.reason, "endpoint_id": one.settlement.endpoint_id}
            target = ("delivery", one.settlement.delivery_id)
            trail.note(act, "delivery.dead", target, trail.added(shown))


def _note_healthy(act: Act, endpoint_ids: list[UUID]) -> None:
    for row in queries.mark_healthy(act.session, act.organization_id, endpoint_ids, act.now):
        if row.failing_notices and row.state == EndpointState.ACTIVE:
            endpoint_notices.tell(act, EventType.WEBHOOK_ENDPOINT_RECOVERED, row)


def _note_failing(act: Act, judged: Sequence[Judged]) -> list[str]:
    disabled: list[str] = []
    if not judged:
        return disabled
    for row in queries.mark_failing(act.session, act.organization_id, _failed(judged), act.now):
        if row.state == EndpointState.ACTIVE and must_be_disabled(
            failing_since=row.failing_since,
            failed_attempts=row.failed_attempts,
            several_events=row.several_events_failed,
            now=act.now,
        ):
            disabled += _disable(act, row.id, _FAILING)
    return disabled


def _failed(judged: Sequence[Judged]) -> list[Failed]:
    by_endpoint = attrgetter("settlement.endpoint_id")
    found = []
    for endpoint_id, group in groupby(sorted(judged, key=by_endpoint), key=by_endpoint):
        events = [one.finished.job.event_id for one in group]
        found.append(
            Failed(
                endpoint_id=endpoint_id,
                attempts=len(events),
                event_id=events[0],
                several=len(set(events)) > 1,
            )
        )
    return found


def _note_blocked(act: Act, judged: Sequence[Judged]) -> list[str]:
    disabled: list[str] = []
    blocked = {j.settlement.endpoint_id for j in judged if j.finished.result.outcome is Outcome.EGRESS_BLOCKED}
    reached = {j.settlement.endpoint_id for j in judged if counts_against_endpoint(j.finished.result.outcome)}
    if not blocked - reached:
        return disabled
    for row in queries.mark_blocked(act.session, act.organization_id, sorted(blocked - reached), act.now):
        if row.state == EndpointState.ACTIVE and act.now - row.blocked_since >= BLOCKED_AT_MOST:
            disabled += _disable(act, row.id, _BLOCKED)
    return disabled


def _disable(act: Act, endpoint_id: UUID, reason: str, url: str | None = None) -> list[str]:
    wanted = queries.Disabling(endpoint_id=endpoint_id, reason=reason, url=url)
    row = queries.disable(act.session, act.organization_id, wanted, act.now)
    if row is None:
        return []
    lanes.close(act.session, act.organization_id, endpoint_id, act.now)
    trail.note(act, "webhook_endpoint.disabled", ("webhook_endpoint", endpoint_id), trail.added({"reason": reason}))
    endpoint_notices.tell(act, EventType.WEBHOOK_ENDPOINT_DISABLED, row)
    return [reason]
