"""SLA policies: list, read, add and edit; and how a ticket stands with its targets."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from psms.db.models.sla import SlaPolicyRow
from psms.db.queries import records
from psms.db.queries import sla as queries
from psms.db.queries import tickets as ticket_queries
from psms.domain import sla
from psms.domain.access import Actor, Permission, require
from psms.domain.accounts import Edit
from psms.domain.answers import Created, OnceKey
from psms.domain.calendars import ALWAYS_OPEN
from psms.domain.pages import Page, PageRequest
from psms.domain.sla_policies import ClockView, NewSlaPolicy, SlaPolicy, TicketSla
from psms.domain.tickets import Priority
from psms.encoding import json_bytes
from psms.errors import FieldError
from psms.runtime import Runtime
from workflows import trail
from workflows.act import Act, act_of
from workflows.once import Made, create_once

_KIND = "sla_policy"
_SECOND = timedelta(seconds=1)


def _policy(row: SlaPolicyRow) -> SlaPolicy:
    return records.view_of(SlaPolicy, row, priority=Priority(row.priority) if row.priority else None)


def list_policies(rt: Runtime, actor: Actor, page: PageRequest) -> Page[SlaPolicy]:
    """Return one page of the organization's policies."""
    require(actor, Permission.SLA_READ)
    with rt.db.begin(actor.organization_id) as session:
        return records.page_of_rows(session, SlaPolicyRow, page, _policy)


def get_policy(rt: Runtime, actor: Actor, policy_id: UUID) -> SlaPolicy:
    """Return a policy, or raise NotFound."""
    require(actor, Permission.SLA_READ)
    with rt.db.begin(actor.organization_id) as session:
        return _policy(records.get(session, SlaPolicyRow, policy_id))


def add_policy(rt: Runtime, actor: Actor, command: NewSlaPolicy, once: OnceKey | None) -> Created:
    """Promise something for tickets that are filed from now on."""
    require(actor, Permission.SLA_MANAGE)
    _require_promise(command.first_response_seconds, command.resolution_seconds)

    def create(act: Act) -> Made:
        row = SlaPolicyRow(
            organization_id=act.organization_id,
            id=act.new_id(),
            name=command.name,
            priority=command.priority.value if command.priority else None,
            first_response_seconds=command.first_response_seconds,
            resolution_seconds=command.resolution_seconds,
            active=True,
            version=1,
            created_at=act.now,
            updated_at=act.now,
        )
        act.session.add(row)
        act.session.flush()
        shown = {
            name: getattr(row, name) for name in ("name", "priority", "first_response_seconds", "resolution_seconds")
        }
        trail.note_added(act, _KIND, row.id, shown)
        return Made(json_bytes(_policy(row)), f"/v1/sla-policies/{row.id}", version=1)

    return create_once(rt, actor, once, create)


def edit_policy(rt: Runtime, actor: Actor, policy_id: UUID, command: Edit) -> SlaPolicy:
    """Change a policy for tickets that are filed, or change their priority, from now on.

    Clocks that run already keep the targets under which they were started.
    """
    require(actor, Permission.SLA_MANAGE)
    with rt.db.begin(actor.organization_id) as session:
        row = records.lock(session, SlaPolicyRow, policy_id, command.if_version)
        act = act_of(rt, session, actor)
        changed = records.edit(row, command.fields, act.now)
        _require_promise(row.first_response_seconds, row.resolution_seconds)
        trail.note_changed(act, _KIND, row.id, changed)
        return _policy(row)


def _require_promise(first_response_seconds: int | None, resolution_seconds: int | None) -> None:
    if first_response_seconds is None and resolution_seconds is None:
        raise FieldError("resolution_seconds", "promise something: give this, or first_response_seconds, or both")


def sla_of_ticket(rt: Runtime, actor: Actor, ticket_id: UUID) -> TicketSla:
    """Return how a ticket stands with its targets now, as its clocks would say if the sweep came now."""
    require(actor, Permission.TICKET_READ)
    with rt.db.begin(actor.organization_id) as session:
        ticket = ticket_queries.get(session, actor, ticket_id)
        act = act_of(rt, session, actor)
        clocks = queries.clocks_of(session, actor.organization_id, [ticket.id])
    return TicketSla(ticket_id=ticket.id, at=act.now, clocks=[_view(kept, act) for kept in clocks])


def _view(kept: queries.KeptClock, act: Act) -> ClockView:
    clock, _ = sla.settled(kept.clock, ALWAYS_OPEN, act.now)
    kept = replace(kept, clock=clock)
    consumed = sla.elapsed(clock, ALWAYS_OPEN, act.now)
    return ClockView(
        id=kept.id,
        metric=kept.metric,
        policy_id=kept.policy_id,
        policy_version=kept.policy_version,
        state=clock.state,
        target_seconds=clock.target // _SECOND,
        consumed_seconds=consumed // _SECOND,
        remaining_seconds=(clock.target - consumed) // _SECOND,
        due_at=clock.due_at,
        breached_at=clock.breached_at,
        completed_at=clock.completed_at,
        started_at=kept.started_at,
        levels=[level.id for level in sla.LEVELS if level.id in clock.fired],
    )
