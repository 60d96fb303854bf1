"""Calendars as the API takes and shows them. What they measure, and what may be wrong with them, is in `sla`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from psms.domain.sla.calendar_definitions import CalendarDefinitionDocument, CalendarFields, HolidaySourceDocument
from psms.domain.sla.documents import ExceptionDocument
from psms.domain.sla.edits import Applies
from psms.domain.sla.holiday_sources import HolidaySource
from psms.domain.sla.policy_edits import UNSAID, Unsaid


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarView:
    """When an organization works, as of the calendar's current version."""

    id: UUID
    name: str
    time_zone: str
    always_open: bool
    weekly: Mapping[str, Sequence[Sequence[str]]]
    holidays: Sequence[str]
    exceptions: Sequence[ExceptionDocument]
    holiday_source: HolidaySourceDocument | None
    definition_version: int
    version: int
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCalendar:
    """Say when an organization works."""

    name: str
    fields: CalendarFields
    holiday_source: HolidaySource | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EditCalendar:
    """Change what is given of a calendar; a source of holidays is asked again, and null takes its dates out."""

    name: str | None
    fields: CalendarFields
    holiday_source: HolidaySource | Unsaid | None = UNSAID
    applies: Applies = Applies.OPEN_TICKETS
    if_version: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarVersion:
    """What a calendar said from an instant on; *created_by* is the user who saved it."""

    version: int
    definition: CalendarDefinitionDocument
    created_at: datetime
    created_by: UUID | None

    @property
    def key(self) -> UUID:
        """The version's place in the list of versions."""
        return UUID(int=self.version)


@dataclass(frozen=True, slots=True, kw_only=True)
class HolidayChangesView:
    """What asking a calendar's source of holidays again would change."""

    frozen_with: str | None
    library: str | None
    added: Sequence[date]
    removed: Sequence[date]
