"""Calendars: list, read, add, edit and retire. An edit makes a new version; what a former one measured stays.

Each save counts the organization's revision in its own transaction, so that every process reads the book again.
"""

from dataclasses import replace
from uuid import UUID

from sqlalchemy.orm import Session

from psms.db.models.sla_books import CalendarRow, CalendarVersionRow
from psms.db.queries import records
from psms.db.queries import sla_books as queries
from psms.domain.access import Actor, Permission, require
from psms.domain.answers import Created, OnceKey
from psms.domain.pages import Page, PageRequest, page_of
from psms.domain.sla.book import MOST_CALENDARS
from psms.domain.sla.calendar_definitions import (
    CalendarDefinition,
    CalendarDefinitionDocument,
    CalendarFields,
    check_calendar,
    definition_document_of,
    definition_of,
    written,
)
from psms.domain.sla.calendars import Calendar
from psms.domain.sla.edits import Applies
from psms.domain.sla.holiday_sources import FrozenHolidays, HolidaySource, accepted, changes
from psms.domain.sla.instants import instant_of
from psms.domain.sla.policy_edits import Unsaid
from psms.domain.sla_calendars import CalendarVersion, CalendarView, EditCalendar, HolidayChangesView, NewCalendar
from psms.encoding import json_bytes
from psms.errors import NotFound, StillInUse, TooManyCalendars
from psms.runtime import Runtime
from workflows import trail
from workflows.act import Act, act_of
from workflows.names import Task
from workflows.once import Made, create_once
from workflows.sla_reach import require_calendar_in_reach
from workflows.sla_rebase import note_edit

_KIND = "calendar"
_NEW = Calendar(time_zone="UTC")


def list_calendars(rt: Runtime, actor: Actor, page: PageRequest) -> Page[CalendarView]:
    """Return one page of the organization's calendars that can be chosen."""
    require(actor, Permission.SLA_READ)
    with rt.db.begin(actor.organization_id) as session:
        rows = records.page_of_rows(session, CalendarRow, page, lambda row: row, CalendarRow.active.is_(True))
        versions = queries.calendar_definitions(session, [(row.id, row.definition_version) for row in rows.items])
    return Page(items=[_view(row, versions[row.id]) for row in rows.items], next_after=rows.next_after)


def get_calendar(rt: Runtime, actor: Actor, calendar_id: UUID) -> CalendarView:
    """Return a calendar, or raise NotFound, also for one that was retired."""
    require(actor, Permission.SLA_READ)
    with rt.db.begin(actor.organization_id) as session:
        row = _active(records.get(session, CalendarRow, calendar_id))
        return _view(row, _document(session, row))


def list_calendar_versions(rt: Runtime, actor: Actor, calendar_id: UUID, page: PageRequest) -> Page[CalendarVersion]:
    """Return one page of all that a calendar has said, oldest first, also for one that was retired."""
    require(actor, Permission.SLA_READ)
    with rt.db.begin(actor.organization_id) as session:
        records.get(session, CalendarRow, calendar_id)
        rows = queries.versions_of_calendar(session, calendar_id, page)
        return page_of([records.view_of(CalendarVersion, row) for row in rows], page.limit, key="key")


def holiday_changes(rt: Runtime, actor: Actor, calendar_id: UUID) -> HolidayChangesView:
    """Return what asking the calendar's source of holidays again would change; nothing changes by itself."""
    require(actor, Permission.SLA_READ)
    with rt.db.begin(actor.organization_id) as session:
        row = _active(records.get(session, CalendarRow, calendar_id))
        frozen = definition_of(_document(session, row)).holidays
    if frozen is None:
        return HolidayChangesView(frozen_with=None, library=None, added=[], removed=[])
    computed = rt.holidays.compute(frozen.source)
    difference = changes(frozen, computed)
    return HolidayChangesView(
        frozen_with=frozen.library,
        library=computed.library,
        added=sorted(difference.added),
        removed=sorted(difference.removed),
    )


def add_calendar(rt: Runtime, actor: Actor, command: NewCalendar, once: OnceKey | None) -> Created:
    """Add a calendar, or raise FieldError or TooManyCalendars; its name is unique, whatever its case."""
    require(actor, Permission.SLA_MANAGE)
    computed = asked(rt, command.holiday_source)
    definition = _definition(CalendarDefinition(calendar=_NEW), command.fields, computed)

    def create(act: Act) -> Made:
        check_calendar(definition.calendar, rt.shelf.zones, instant_of(act.now))
        queries.lock(act.session, act.organization_id)
        if queries.active_calendars(act.session) >= MOST_CALENDARS:
            raise TooManyCalendars
        row = CalendarRow(
            organization_id=act.organization_id,
            id=act.new_id(),
            name=command.name,
            definition_version=1,
            active=True,
            version=1,
            created_at=act.now,
            updated_at=act.now,
        )
        act.session.add(row)
        act.session.flush()
        document = _add_version(act, row, definition)
        trail.note_added(act, _KIND, row.id, {"name": row.name, **document})
        return Made(json_bytes(_view(row, document)), f"/v1/calendars/{row.id}", version=1)

    return create_once(rt, actor, once, create)


def edit_calendar(rt: Runtime, actor: Actor, calendar_id: UUID, command: EditCalendar) -> CalendarView:
    """Change a calendar, or raise FieldError: what is filed from now on is measured by its new version.

    `command.applies` says whether the clocks that run are, too.
    """
    require(actor, Permission.SLA_MANAGE)
    computed = asked(rt, command.holiday_source)
    with rt.db.begin(actor.organization_id) as session:
        view = saved_calendar(act_of(rt, session, actor), calendar_id, command, computed)
    rt.nudger.nudge(Task.REBASE_SLA)
    return view


def saved_calendar(
    act: Act, calendar_id: UUID, command: EditCalendar, computed: FrozenHolidays | Unsaid | None
) -> CalendarView:
    """Do as `edit_calendar`, in the act's transaction, with the holidays that were asked for."""
    queries.lock(act.session, act.organization_id)
    row = _active(records.lock(act.session, CalendarRow, calendar_id, command.if_version))
    # Read again under the lock: the edit is dated by it.
    act = replace(act, now=act.rt.clock.now(act.session))
    before = _document(act.session, row)
    definition = _definition(definition_of(before), command.fields, computed)
    check_calendar(definition.calendar, act.rt.shelf.zones, instant_of(act.now))
    require_calendar_in_reach(act, calendar_id, definition.calendar)
    return _view(row, _edited(act, row, command, before, definition))


def retire_calendar(rt: Runtime, actor: Actor, calendar_id: UUID, if_version: int | None) -> None:
    """Let nobody choose a calendar any more; raise StillInUse while a policy measures by it, VersionStale, NotFound.

    Its versions stay, for the clocks that they measure.
    """
    require(actor, Permission.SLA_MANAGE)
    with rt.db.begin(actor.organization_id) as session:
        queries.lock(session, actor.organization_id)
        row = _active(records.lock(session, CalendarRow, calendar_id, if_version))
        if queries.is_used(session, calendar_id):
            raise StillInUse("A policy measures by this calendar: give it another one first.")
        act = act_of(rt, session, actor)
        records.edit(row, {"active": False}, act.now)
        queries.turn(session, actor.organization_id)
        trail.note(act, "calendar.deleted", (_KIND, calendar_id))


def asked(rt: Runtime, source: HolidaySource | Unsaid | None) -> FrozenHolidays | Unsaid | None:
    """Return the holidays of a source that somebody gave, and what else they said as it is."""
    return rt.holidays.compute(source) if isinstance(source, HolidaySource) else source


def _definition(
    before: CalendarDefinition, fields: CalendarFields, computed: FrozenHolidays | Unsaid | None
) -> CalendarDefinition:
    calendar = written(before.calendar, fields)
    if isinstance(computed, Unsaid):
        return CalendarDefinition(calendar=calendar, holidays=before.holidays)
    days = accepted(calendar.holidays, before.holidays, computed)
    return CalendarDefinition(calendar=replace(calendar, holidays=days), holidays=computed)


def _edited(
    act: Act,
    row: CalendarRow,
    command: EditCalendar,
    before: CalendarDefinitionDocument,
    definition: CalendarDefinition,
) -> CalendarDefinitionDocument:
    after = definition_document_of(definition)
    fields: dict[str, object] = {} if command.name is None else {"name": command.name}
    if after != before:
        fields["definition_version"] = row.definition_version + 1
    changed = records.edit(row, fields, act.now)
    if changed:
        act.session.flush()
        if after != before:
            _add_version(act, row, definition, command.applies)
            note_edit(act, command.applies, calendar_id=row.id)
        else:
            queries.turn(act.session, act.organization_id)
        old, new = dict(before), dict(after)
        changed |= {field: (old[field], value) for field, value in new.items() if old[field] != value}
        trail.note_changed(act, _KIND, row.id, changed)
    return after


def _add_version(
    act: Act, row: CalendarRow, definition: CalendarDefinition, applies: Applies = Applies.NEW_TICKETS
) -> CalendarDefinitionDocument:
    document = definition_document_of(definition)
    version = CalendarVersionRow(
        organization_id=act.organization_id,
        calendar_id=row.id,
        version=row.definition_version,
        definition=dict(document),
        applies=applies.value,
        created_at=act.now,
        created_by=act.user_id,
    )
    act.session.add(version)
    act.session.flush()
    queries.turn(act.session, act.organization_id)
    return document


def _document(session: Session, row: CalendarRow) -> CalendarDefinitionDocument:
    return queries.calendar_definitions(session, [(row.id, row.definition_version)])[row.id]


def _active(row: CalendarRow) -> CalendarRow:
    if not row.active:
        raise NotFound
    return row


def _view(row: CalendarRow, document: CalendarDefinitionDocument) -> CalendarView:
    return records.view_of(CalendarView, row, **document)
