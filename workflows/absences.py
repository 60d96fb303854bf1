"""Absences: who is away when. A person enters their own, a manager anybody's; reasons are for these two alone."""

from dataclasses import dataclass, replace
from uuid import UUID

from psms.db.models.accounts import UserRow
from psms.db.models.routing import AbsenceRow
from psms.db.queries import records, routing_queue
from psms.domain.access import Actor, Permission, Reach, require
from psms.domain.answers import Created, OnceKey
from psms.domain.pages import Page, PageRequest
from psms.domain.routing.people import Absence, NewAbsence
from psms.encoding import json_bytes
from psms.errors import FieldError, NotAllowed, NotFound
from psms.runtime import Runtime
from workflows import trail
from workflows.act import Act, act_of
from workflows.names import Task
from workflows.once import Made, create_once

_KIND = "absence"


@dataclass(frozen=True, slots=True, kw_only=True)
class AbsenceFilter:
    """Which absences to list: of a user, or all."""

    user_id: UUID | None = None


def list_absences(rt: Runtime, actor: Actor, wanted: AbsenceFilter, page: PageRequest) -> Page[Absence]:
    """Return one page of absences, in the order in which they were entered."""
    require(actor, Permission.TEAM_READ)
    conditions = [] if wanted.user_id is None else [AbsenceRow.user_id == wanted.user_id]
    with rt.db.begin(actor.organization_id) as session:
        return records.page_of_rows(session, AbsenceRow, page, lambda row: _view(actor, row), *conditions)


def get_absence(rt: Runtime, actor: Actor, absence_id: UUID) -> Absence:
    """Return an absence, or raise NotFound."""
    require(actor, Permission.TEAM_READ)
    with rt.db.begin(actor.organization_id) as session:
        return _view(actor, records.get(session, AbsenceRow, absence_id))


def add_absence(rt: Runtime, actor: Actor, command: NewAbsence, once: OnceKey | None) -> Created:
    """Enter that somebody is away, from now on or later.

    Raises FieldError for a span that is empty and a user that there is not, NotAllowed where it is not the caller's.
    """
    require(actor, Permission.ABSENCE_MANAGE)
    wanted = replace(command, user_id=command.user_id or actor.user_id)
    user_id = wanted.user_id or actor.user_id
    _require_own(actor, user_id)
    if wanted.until <= wanted.since:
        raise FieldError("to", "must be after from")

    def create(act: Act) -> Made:
        _require_user(act, user_id)
        row = AbsenceRow(
            organization_id=act.organization_id,
            id=act.new_id(),
            user_id=user_id,
            starts_at=wanted.since,
            ends_at=wanted.until,
            reason=wanted.reason,
            created_at=act.now,
        )
        act.session.add(row)
        act.session.flush()
        # Not the reason: more people read the log.
        shown = {"user_id": row.user_id, "from": row.starts_at, "to": row.ends_at}
        trail.note_added(act, _KIND, row.id, shown)
        return Made(json_bytes(_view(actor, row)), f"/v1/absences/{row.id}")

    return create_once(rt, actor, once, create)


def remove_absence(rt: Runtime, actor: Actor, absence_id: UUID) -> None:
    """Take an absence back: they are there. Raises NotFound, and NotAllowed where it is not the caller's."""
    require(actor, Permission.ABSENCE_MANAGE)
    with rt.db.begin(actor.organization_id) as session:
        user_id = records.get(session, AbsenceRow, absence_id).user_id
        _require_own(actor, user_id)
        records.remove(session, AbsenceRow, absence_id)
        routing_queue.wake_teams_of(session, actor.organization_id, user_id)
        trail.note(act_of(rt, session, actor), f"{_KIND}.deleted", (_KIND, absence_id))
    rt.nudger.nudge(Task.ROUTE_TICKETS)


def _require_own(actor: Actor, user_id: UUID) -> None:
    if actor.reach(Permission.ABSENCE_MANAGE) is Reach.OWN and user_id != actor.user_id:
        message = "You can enter your own absences; those of others are entered by managers."
        raise NotAllowed(message, permission=Permission.ABSENCE_MANAGE.value)


def _require_user(act: Act, user_id: UUID) -> None:
    try:
        records.get(act.session, UserRow, user_id)
    except NotFound:
        raise FieldError("user_id", "there is nothing with this id in your organization") from None


def _view(actor: Actor, row: AbsenceRow) -> Absence:
    may_read_why = row.user_id == actor.user_id or actor.reach(Permission.ABSENCE_MANAGE) is Reach.ALL
    reason = row.reason if may_read_why else None
    return records.view_of(Absence, row, since=row.starts_at, until=row.ends_at, reason=reason)
