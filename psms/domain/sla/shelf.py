"""What a process has at hand of calendars, policies and forms: the books of organizations, and compiled hours.

Nothing is read from a database here: that is the work of `workflows.sla_books`.
"""

from typing import TypeVar
from uuid import UUID

from psms.domain.forms.definitions import Form
from psms.domain.sla.book import Book
from psms.domain.sla.calendar_keys import CalendarKey, parse_key
from psms.domain.sla.calendars import Calendar
from psms.domain.sla.definitions import PolicyDefinition
from psms.domain.sla.hours import ROUND_THE_CLOCK, Hours
from psms.domain.sla.hours_cache import HoursCache
from psms.domain.sla.zones import ZoneData

K = TypeVar("K")
V = TypeVar("V")

CAPACITY = 1024
# Former books are only asked for while tickets follow an edit.
EDITIONS = 64


class Shelf:
    """One book an organization, versions of policies and forms, and calendars' hours. Threads may share it."""

    def __init__(self, zones: ZoneData, capacity: int = CAPACITY) -> None:
        """Keep *capacity* things of a kind at most; the one that was added first makes room."""
        self.zones = zones
        self._capacity = capacity
        self._books: dict[UUID, Book] = {}
        self._editions: dict[tuple[UUID, int], Book] = {}
        self._definitions: dict[tuple[UUID, int], PolicyDefinition] = {}
        self._forms: dict[tuple[UUID, int], Form] = {}
        self._hours = HoursCache(zones)

    def book(self, organization_id: UUID, revision: int) -> Book | None:
        """Return the organization's book of exactly this revision, None when it is not at hand."""
        book = self._books.get(organization_id)
        return book if book is not None and book.revision == revision else None

    def put(self, organization_id: UUID, book: Book) -> None:
        """Keep a book that was read from what is committed, in place of the organization's former one."""
        _keep(self._books, organization_id, book, self._capacity)

    def former_book(self, organization_id: UUID, revision: int) -> Book | None:
        """Return the organization's book as it was after the edit of this revision, None when it is not at hand."""
        return self._editions.get((organization_id, revision))

    def put_former_book(self, organization_id: UUID, book: Book) -> None:
        """Keep a book as it was after an edit, which never changes."""
        _keep(self._editions, (organization_id, book.revision), book, min(self._capacity, EDITIONS))

    def definition(self, policy_id: UUID, version: int) -> PolicyDefinition | None:
        """Return what a policy's former version says, None when it is not at hand."""
        return self._definitions.get((policy_id, version))

    def put_definition(self, policy_id: UUID, version: int, definition: PolicyDefinition) -> None:
        """Keep what a policy's version says, which never changes."""
        _keep(self._definitions, (policy_id, version), definition, self._capacity)

    def form(self, service_id: UUID, version: int) -> Form | None:
        """Return a version of a service's form, None when it is not at hand."""
        return self._forms.get((service_id, version))

    def put_form(self, service_id: UUID, form: Form) -> None:
        """Keep a version of a service's form, which never changes."""
        _keep(self._forms, (service_id, form.version), form, self._capacity)

    def hours(self, key: str, calendar: Calendar | None, around: int) -> Hours | None:
        """Return the hours with the key of terms, None when they are neither at hand nor told by *calendar*.

        Whatever release of the time-zone data *key* names, the one of this process measures: it has no other.
        """
        named = parse_key(key)
        if named is None:
            return ROUND_THE_CLOCK
        return self._compiled(named, calendar, around)

    def _compiled(self, named: CalendarKey, calendar: Calendar | None, around: int) -> Hours | None:
        def told() -> Calendar:
            if calendar is None:
                raise LookupError
            return calendar

        try:
            return self._hours.hours_of(f"{named.calendar_id}/{named.version}", told, around)
        except LookupError:
            return None


def _keep(kept: dict[K, V], key: K, value: V, capacity: int) -> None:
    kept[key] = value
    while len(kept) > capacity:
        kept.pop(next(iter(kept)), None)
