"""Calendars: when an organization works, so that its targets count only then."""

from dataclasses import replace
from typing import Any
from uuid import UUID

from flask import Response
from marshmallow import fields, post_load, validate
from typing_extensions import override

from api import render
from api.auth import actor, requires
from api.context import runtime
from api.fields import MAX_NAME, Answer, Flag, Schema, Uuid, several, text
from api.idempotency import once_key
from api.pagination import PageQuery, page_request
from api.policy_fields import PreviewSchema, applies
from api.preconditions import wanted_version
from api.smorest import Blueprint
from psms.domain.access import Permission
from psms.domain.sla.calendar_definitions import CalendarFields
from psms.domain.sla.edits import Applies
from psms.domain.sla.holiday_sources import HolidaySource
from psms.domain.sla.policy_edits import UNSAID
from psms.domain.sla_calendars import EditCalendar, NewCalendar
from workflows import calendars, sla_previews

_MOST_SHIFTS = 24
_MOST_DAYS = 2000
_MOST_EXCEPTIONS = 1000
_MOST_YEARS = 10
_MAX_ZONE = 64
_WALL_TIME = validate.Regexp(r"([01]\d|2[0-4]):[0-5]\d\Z", error="Write it as in 09:30, midnight at the end as 24:00.")
_DATE = validate.Regexp(r"(19[7-9]\d|2[01]\d\d)-\d\d-\d\d\Z", error="Write it as in 2026-12-25.")

EXAMPLE = {
    "name": "Paris",
    "time_zone": "Europe/Paris",
    "weekly": {day: [["09:00", "12:00"], ["13:00", "18:00"]] for day in ("mon", "tue", "wed", "thu", "fri")},
    "holiday_source": {"country": "FR", "years": [2026, 2027]},
    "exceptions": [{"date": "2026-12-24", "hours": [["09:00", "12:00"]]}],
}


def _hours(**options: Any) -> fields.List[Any]:
    pair = fields.List(fields.String(validate=_WALL_TIME), validate=validate.Length(equal=2))
    return several(pair, at_most=_MOST_SHIFTS, **options)


def _days(**options: Any) -> fields.List[Any]:
    return several(fields.String(validate=_DATE), at_most=_MOST_DAYS, **options)


class WeekSchema(Schema):
    """The shifts of each day as pairs of wall times; an end that is not after its start is on the next day."""

    mon = _hours()
    tue = _hours()
    wed = _hours()
    thu = _hours()
    fri = _hours()
    sat = _hours()
    sun = _hours()


class ExceptionSchema(Schema):
    """The hours of one date, instead of its weekday's, holiday or not; none: closed all day."""

    date = fields.String(required=True, validate=_DATE)
    hours = _hours(required=True)


class HolidaySourceSchema(Schema):
    """Public holidays to compute, once; codes as in ISO 3166-1 and 3166-2."""

    country = text(_MAX_ZONE, required=True)
    subdivision = fields.String(allow_none=True, validate=validate.Length(min=1, max=_MAX_ZONE))
    years = several(
        fields.Integer(strict=True, validate=validate.Range(min=1970, max=2199)),
        at_least=1,
        at_most=_MOST_YEARS,
        required=True,
    )

    @post_load
    def to_source(self, values: dict[str, Any], **_: object) -> HolidaySource:
        """Make the source."""
        return HolidaySource(
            country=values["country"],
            subdivision=values.get("subdivision"),
            years=tuple(sorted(set(values["years"]))),
        )


class FrozenHolidaysSchema(Answer):
    """Where some of the holidays came from, and what they were then."""

    country = fields.String()
    subdivision = fields.String(allow_none=True)
    years = fields.List(fields.Integer())
    dates = fields.List(fields.String())
    library = fields.String(metadata={"description": "What computed them, with its version."})


class CalendarDefinitionSchema(Answer):
    """What a calendar says."""

    time_zone = fields.String()
    always_open = fields.Boolean()
    weekly = fields.Nested(WeekSchema)
    holidays = _days()
    exceptions = fields.List(fields.Nested(ExceptionSchema))
    holiday_source = fields.Nested(FrozenHolidaysSchema, allow_none=True)


class CalendarSchema(CalendarDefinitionSchema):
    """A calendar, as of its current version."""

    id = Uuid()
    name = fields.String()
    definition_version = fields.Integer(metadata={"description": "How often what it says has changed."})
    version = fields.Integer()
    created_at = fields.DateTime()
    updated_at = fields.DateTime()


class CalendarVersionSchema(Answer):
    """What a calendar said from an instant on."""

    version = fields.Integer()
    definition = fields.Nested(CalendarDefinitionSchema)
    created_at = fields.DateTime()
    created_by = Uuid(allow_none=True)


class HolidayChangesSchema(Answer):
    """What asking the calendar's source of holidays again would change."""

    frozen_with = fields.String(allow_none=True, metadata={"description": "Null: there is no source."})
    library = fields.String(allow_none=True)
    added = fields.List(fields.Date())
    removed = fields.List(fields.Date())


class EditCalendarSchema(Schema):
    """The fields to change; each takes the place of all that was there."""

    name = text(MAX_NAME)
    time_zone = text(_MAX_ZONE, metadata={"description": "An IANA name, as in Europe/Paris."})
    always_open = Flag()
    weekly = fields.Nested(WeekSchema)
    holidays = _days()
    exceptions = several(fields.Nested(ExceptionSchema), at_most=_MOST_EXCEPTIONS)
    holiday_source = fields.Nested(
        HolidaySourceSchema,
        allow_none=True,
        metadata={"description": "Asked again each time it is given; null takes its dates out."},
    )

    apply = applies(Applies.OPEN_TICKETS)

    @post_load
    def to_command(self, values: dict[str, Any], **_: object) -> EditCalendar | NewCalendar:
        """Make the command."""
        name, source = values.pop("name", None), values.pop("holiday_source", UNSAID)
        applied = values.pop("apply", Applies.OPEN_TICKETS)
        return EditCalendar(name=name, applies=applied, holiday_source=source, fields=CalendarFields(**values))


class NewCalendarSchema(EditCalendarSchema):
    """A new calendar; without a week and not always open, it is open on exceptions only."""

    name = text(MAX_NAME, required=True)
    time_zone = text(_MAX_ZONE, required=True, metadata={"description": "An IANA name, as in Europe/Paris."})

    class Meta(Schema.Meta):
        """A new calendar has measured nothing yet."""

        exclude = ("apply",)

    @post_load
    @override
    def to_command(self, values: dict[str, Any], **_: object) -> NewCalendar:
        """Make the command."""
        name, source = values.pop("name"), values.pop("holiday_source", None)
        return NewCalendar(name=name, holiday_source=source, fields=CalendarFields(**values))


blp = Blueprint("calendars", "/v1/calendars", "When an organization works.")


@blp.route("", methods=["POST"])
@requires(Permission.SLA_MANAGE)
@blp.arguments(NewCalendarSchema, example=EXAMPLE)
@blp.creates(CalendarSchema)
def add_calendar(command: NewCalendar) -> Response:
    """Add a calendar.

    The dates of a holiday source are computed once and kept: no later version of the library changes a promise.
    """
    return render.created(calendars.add_calendar(runtime(), actor(), command, once_key()))


@blp.route("", methods=["GET"])
@requires(Permission.SLA_READ)
@blp.arguments(PageQuery, location="query")
@blp.lists(CalendarSchema)
def list_calendars(query: dict[str, Any]) -> Response:
    """List calendars, oldest first."""
    return render.listed(calendars.list_calendars(runtime(), actor(), page_request(query)))


@blp.route("/<uuid:calendar_id>", methods=["GET"])
@requires(Permission.SLA_READ)
@blp.reads(CalendarSchema)
def get_calendar(calendar_id: UUID) -> Response:
    """Read a calendar."""
    return render.current_unless_known(calendars.get_calendar(runtime(), actor(), calendar_id))


@blp.route("/<uuid:calendar_id>", methods=["PATCH"])
@requires(Permission.SLA_MANAGE)
@blp.arguments(EditCalendarSchema, example={"time_zone": "Europe/Madrid"})
@blp.edits(CalendarSchema)
def edit_calendar(command: EditCalendar, calendar_id: UUID) -> Response:
    """Change a calendar: a new version, by which everything is measured from now on."""
    command = replace(command, if_version=_wanted_version(calendar_id))
    return render.current(calendars.edit_calendar(runtime(), actor(), calendar_id, command))


@blp.route("/<uuid:calendar_id>", methods=["DELETE"])
@requires(Permission.SLA_MANAGE)
@blp.may_conflict
@blp.removes_version
def retire_calendar(calendar_id: UUID) -> Response:
    """Remove a calendar that no policy measures by; what it measured stays as it was."""
    calendars.retire_calendar(runtime(), actor(), calendar_id, _wanted_version(calendar_id))
    return render.removed()


@blp.route("/<uuid:calendar_id>/versions", methods=["GET"])
@requires(Permission.SLA_READ)
@blp.arguments(PageQuery, location="query")
@blp.lists(CalendarVersionSchema)
def list_calendar_versions(query: dict[str, Any], calendar_id: UUID) -> Response:
    """List all that a calendar has said, oldest first."""
    return render.listed(calendars.list_calendar_versions(runtime(), actor(), calendar_id, page_request(query)))


@blp.route("/<uuid:calendar_id>/holiday-changes", methods=["GET"])
@requires(Permission.SLA_READ)
@blp.shows(HolidayChangesSchema)
def get_holiday_changes(calendar_id: UUID) -> Response:
    """Read which holidays the library of today would add or remove; giving the source in a PATCH accepts them."""
    return render.shown(calendars.holiday_changes(runtime(), actor(), calendar_id))


def _wanted_version(calendar_id: UUID) -> int | None:
    return wanted_version(lambda: calendars.get_calendar(runtime(), actor(), calendar_id).version)


@blp.route("/<uuid:calendar_id>/preview", methods=["POST"])
@requires(Permission.SLA_MANAGE)
@blp.arguments(EditCalendarSchema, example={"holidays": ["2026-12-31"]})
@blp.shows(PreviewSchema)
def preview_calendar(command: EditCalendar, calendar_id: UUID) -> Response:
    """Ask what an edit would do to open tickets. Takes what the edit takes, and changes nothing."""
    return render.shown(sla_previews.preview_calendar(runtime(), actor(), calendar_id, command))
