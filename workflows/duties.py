"""The rota: who is on duty for which team, or for the organization. Whom levels reach by it: `sla_effects`."""

from dataclasses import dataclass
from uuid import UUID

from psms.db.models.accounts import TeamRow, UserRow
from psms.db.models.telling import DutyRow
from psms.db.queries import duties as queries
from psms.db.queries import records
from psms.domain.access import Actor, Permission, require
from psms.domain.answers import Created, OnceKey
from psms.domain.duties import Duty, NewDuty
from psms.domain.pages import Page, PageRequest
from psms.encoding import json_bytes
from psms.errors import DutyOverlaps, FieldError, NotFound
from psms.runtime import Runtime
from workflows import trail
from workflows.act import Act, act_of
from workflows.once import Made, create_once

_KIND = "duty"


@dataclass(frozen=True, slots=True, kw_only=True)
class DutyFilter:
    """Which duties to list: of a team, of a user, or all."""

    team_id: UUID | None = None
    user_id: UUID | None = None


def list_duties(rt: Runtime, actor: Actor, wanted: DutyFilter, page: PageRequest) -> Page[Duty]:
    """Return one page of duties, in the order in which they were added."""
    require(actor, Permission.TEAM_READ)
    conditions = [] if wanted.team_id is None else [DutyRow.team_id == wanted.team_id]
    conditions += [] if wanted.user_id is None else [DutyRow.user_id == wanted.user_id]
    with rt.db.begin(actor.organization_id) as session:
        return records.page_of_rows(session, DutyRow, page, _view, *conditions)


def get_duty(rt: Runtime, actor: Actor, duty_id: UUID) -> Duty:
    """Return a duty, or raise NotFound."""
    require(actor, Permission.TEAM_READ)
    with rt.db.begin(actor.organization_id) as session:
        return _view(records.get(session, DutyRow, duty_id))


def add_duty(rt: Runtime, actor: Actor, command: NewDuty, once: OnceKey | None) -> Created:
    """Put a person on duty.

    Raises FieldError for a span that is empty, a user who is not active or no person, and a team that there is not;
    DutyOverlaps where somebody is on duty there already.
    """
    require(actor, Permission.TEAM_MANAGE)
    if command.until <= command.since:
        raise FieldError("to", "must be after from")

    def create(act: Act) -> Made:
        queries.lock(act.session, act.organization_id)
        _require_known(act, command)
        if queries.overlaps(act.session, act.organization_id, command):
            raise DutyOverlaps
        row = DutyRow(
            organization_id=act.organization_id,
            id=act.new_id(),
            team_id=command.team_id,
            user_id=command.user_id,
            starts_at=command.since,
            ends_at=command.until,
            created_at=act.now,
        )
        act.session.add(row)
        act.session.flush()
        shown = {"team_id": row.team_id, "user_id": row.user_id, "from": row.starts_at, "to": row.ends_at}
        trail.note_added(act, _KIND, row.id, shown)
        return Made(json_bytes(_view(row)), f"/v1/duties/{row.id}")

    return create_once(rt, actor, once, create)


def remove_duty(rt: Runtime, actor: Actor, duty_id: UUID) -> None:
    """Take a duty out of the rota, or raise NotFound."""
    require(actor, Permission.TEAM_MANAGE)
    with rt.db.begin(actor.organization_id) as session:
        records.remove(session, DutyRow, duty_id)
        trail.note(act_of(rt, session, actor), f"{_KIND}.deleted", (_KIND, duty_id))


def _require_known(act: Act, command: NewDuty) -> None:
    message = "there is nothing with this id in your organization"
    try:
        user = records.get(act.session, UserRow, command.user_id)
    except NotFound:
        raise FieldError("user_id", message) from None
    if not user.active or user.is_service:
        raise FieldError("user_id", "only a person who is active can be on duty")
    try:
        if command.team_id is not None:
            records.get(act.session, TeamRow, command.team_id)
    except NotFound:
        raise FieldError("team_id", message) from None


def _view(row: DutyRow) -> Duty:
    return records.view_of(Duty, row, since=row.starts_at, until=row.ends_at)
