"""What one version of a calendar says, as it is stored and travels, with every refusal named by its field."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import TypedDict

from psms.domain.sla.calendar_checks import WEEKDAYS, faults_of
from psms.domain.sla.calendars import Calendar, DayException, Shift
from psms.domain.sla.documents import ExceptionDocument, calendar_of, document_of, parse_shift
from psms.domain.sla.holiday_sources import FrozenHolidays, HolidaySource
from psms.domain.sla.zones import ZoneData
from psms.errors import FieldError


class HolidaySourceDocument(TypedDict):
    """Where some of a calendar's holidays came from."""

    country: str
    subdivision: str | None
    years: Sequence[int]
    dates: Sequence[str]
    library: str


class CalendarDefinitionDocument(TypedDict):
    """A version of a calendar; the same version is always the same document."""

    time_zone: str
    always_open: bool
    weekly: Mapping[str, Sequence[Sequence[str]]]
    holidays: Sequence[str]
    exceptions: Sequence[ExceptionDocument]
    holiday_source: HolidaySourceDocument | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarDefinition:
    """One version of a calendar, which never changes; *holidays* tells where some of its holidays came from."""

    calendar: Calendar
    holidays: FrozenHolidays | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarFields:
    """What somebody wrote of a calendar; None: nothing about it."""

    time_zone: str | None = None
    always_open: bool | None = None
    weekly: Mapping[str, Sequence[Sequence[str]]] | None = None
    holidays: Sequence[str] | None = None
    exceptions: Sequence[ExceptionDocument] | None = None


def definition_of(document: CalendarDefinitionDocument) -> CalendarDefinition:
    """Return the version that a stored document describes; a malformed one raises ValueError or KeyError."""
    source = document["holiday_source"]
    return CalendarDefinition(calendar=calendar_of(document), holidays=None if source is None else _frozen(source))


def definition_document_of(definition: CalendarDefinition) -> CalendarDefinitionDocument:
    """Return a version as a document, everything in it in order."""
    bare = document_of(definition.calendar)
    frozen = definition.holidays
    return {**bare, "holiday_source": None if frozen is None else _frozen_document(frozen)}


def written(before: Calendar, fields: CalendarFields) -> Calendar:
    """Return *before* with what somebody wrote of it; raise FieldError for what cannot be read."""
    if fields.time_zone is not None:
        before = replace(before, time_zone=fields.time_zone)
    if fields.always_open is not None:
        before = replace(before, always_open=fields.always_open)
    if fields.weekly is not None:
        before = replace(before, weekly=_week(fields.weekly))
    if fields.holidays is not None:
        days = (_day(text, f"holidays.{number}") for number, text in enumerate(fields.holidays))
        before = replace(before, holidays=frozenset(days))
    if fields.exceptions is not None:
        before = replace(before, exceptions=_exceptions(fields.exceptions))
    return before


def check_calendar(calendar: Calendar, zones: ZoneData, at: int) -> None:
    """Raise FieldError for the first thing that is wrong with *calendar* for use from the instant *at* on."""
    faults = faults_of(calendar, zones, at)
    if faults:
        raise FieldError(faults[0].field, faults[0].message)


def _week(weekly: Mapping[str, Sequence[Sequence[str]]]) -> tuple[tuple[Shift, ...], ...]:
    for name in weekly:
        if name not in WEEKDAYS:
            raise FieldError(f"weekly.{name}", f"a day of the week is one of {', '.join(WEEKDAYS)}")
    return tuple(_shifts(weekly.get(name, ()), f"weekly.{name}") for name in WEEKDAYS)


def _exceptions(exceptions: Sequence[ExceptionDocument]) -> tuple[DayException, ...]:
    return tuple(
        DayException(
            _day(one["date"], f"exceptions.{number}.date"), _shifts(one["hours"], f"exceptions.{number}.hours")
        )
        for number, one in enumerate(exceptions)
    )


def _shifts(hours: Sequence[Sequence[str]], path: str) -> tuple[Shift, ...]:
    return tuple(sorted(_shift(pair, f"{path}.{number}") for number, pair in enumerate(hours)))


def _shift(pair: Sequence[str], path: str) -> Shift:
    try:
        return parse_shift(pair)
    except ValueError as unreadable:
        raise FieldError(path, str(unreadable)) from None


def _day(text: str, path: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise FieldError(path, f"{text!r} is not a date; write it as in 2026-12-25") from None


def _frozen(document: HolidaySourceDocument) -> FrozenHolidays:
    return FrozenHolidays(
        source=HolidaySource(
            country=document["country"], subdivision=document["subdivision"], years=tuple(document["years"])
        ),
        dates=frozenset(map(date.fromisoformat, document["dates"])),
        library=document["library"],
    )


def _frozen_document(frozen: FrozenHolidays) -> HolidaySourceDocument:
    return {
        "country": frozen.source.country,
        "subdivision": frozen.source.subdivision,
        "years": list(frozen.source.years),
        "dates": sorted(day.isoformat() for day in frozen.dates),
        "library": frozen.library,
    }
