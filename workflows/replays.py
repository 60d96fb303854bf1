"""Replays of what an endpoint should have got: asked for, listed, read, cancelled. Sending them: `replay_drain`."""

from datetime import timedelta
from uuid import UUID

from psms.db.models.replays import ReplayRow
from psms.db.queries import endpoints, lanes
from psms.db.queries import replays as queries
from psms.domain.access import Actor, Permission, require
from psms.domain.answers import Created, OnceKey
from psms.domain.pages import Page, PageRequest
from psms.domain.replay_errors import ReplayOver, ReplayRunning
from psms.domain.replays import NewReplay, Replay, ReplayState, span_of
from psms.encoding import json_bytes
from psms.runtime import Runtime
from workflows import trail
from workflows.act import Act, act_of
from workflows.names import Task
from workflows.once import Made, create_once

_KIND = "webhook_replay"


def begin_replay(rt: Runtime, actor: Actor, endpoint_id: UUID, command: NewReplay, once: OnceKey | None) -> Created:
    """Note that what is asked for is to be sent once more; it is counted and sent later, a few at a time.

    Raises ReplayRunning while there is another one of the endpoint, and FieldError for a span that reaches back more
    than 30 days, or further than deliveries are kept.
    """
    require(actor, Permission.WEBHOOK_MANAGE)

    def create(act: Act) -> Made:
        # The lane first, as everywhere: of two who ask, one is refused.
        lanes.lock(act.session, act.organization_id, [endpoint_id])
        endpoints.get(act.session, endpoint_id)
        if queries.is_running(act.session, act.organization_id, endpoint_id):
            raise ReplayRunning
        replay = queries.insert(act.session, _new_row(act, endpoint_id, command))
        shown = {name: getattr(replay, name) for name in ("endpoint_id", "mode", "since", "until", "event_types")}
        trail.note_added(act, _KIND, replay.id, {**shown, "dry_run": replay.dry_run})
        return Made(json_bytes(replay), f"/v1/webhook-endpoints/{endpoint_id}/replays/{replay.id}")

    created = create_once(rt, actor, once, create)
    rt.nudger.nudge(Task.REPLAY_WEBHOOKS)
    return created


def _new_row(act: Act, endpoint_id: UUID, command: NewReplay) -> ReplayRow:
    kept_for = timedelta(days=act.rt.settings.delivery_retention_days)
    since, until = span_of(command, now=act.now, kept_for=kept_for)
    return ReplayRow(
        organization_id=act.organization_id,
        id=act.new_id(),
        endpoint_id=endpoint_id,
        mode=command.mode.value,
        since=since,
        until=until,
        event_types=None if command.event_types is None else sorted(command.event_types),
        dry_run=command.dry_run,
        state=ReplayState.RUNNING.value,
        released=0,
        failures=0,
        look_at=act.now,
        created_by=act.user_id,
        created_at=act.now,
    )


def list_replays(rt: Runtime, actor: Actor, endpoint_id: UUID, page: PageRequest) -> Page[Replay]:
    """Return one page of an endpoint's replays, oldest first."""
    require(actor, Permission.WEBHOOK_MANAGE)
    with rt.db.begin(actor.organization_id) as session:
        endpoints.get(session, endpoint_id)
        return queries.list_page(session, actor.organization_id, endpoint_id, page)


def get_replay(rt: Runtime, actor: Actor, endpoint_id: UUID, replay_id: UUID) -> Replay:
    """Return how far a replay has got, or raise NotFound."""
    require(actor, Permission.WEBHOOK_MANAGE)
    with rt.db.begin(actor.organization_id) as session:
        endpoints.get(session, endpoint_id)
        return queries.get(session, actor.organization_id, endpoint_id, replay_id)


def cancel_replay(rt: Runtime, actor: Actor, endpoint_id: UUID, replay_id: UUID) -> Replay:
    """Let a replay release nothing more; what it has released is sent. Raises ReplayOver where it is over."""
    require(actor, Permission.WEBHOOK_MANAGE)
    with rt.db.begin(actor.organization_id) as session:
        endpoints.get(session, endpoint_id)
        row = queries.lock(session, endpoint_id, replay_id)
        if row.state != ReplayState.RUNNING:
            raise ReplayOver(f"This replay is {row.state}: there is nothing left to cancel.", state=row.state)
        act = act_of(rt, session, actor)
        row.state, row.finished_at = ReplayState.CANCELLED.value, act.now
        session.flush()
        trail.note(act, f"{_KIND}.cancelled", (_KIND, row.id))
        return queries.get(session, actor.organization_id, endpoint_id, replay_id)
