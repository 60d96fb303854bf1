"""Books of organizations: read once for each revision, and kept in the process. Saving one is in `sla_policies`.

A process keeps the newest book of an organization, which its key, the revision, comes for free with the statements of
the hot paths. While nothing was saved, no query is made; after a save each process makes one.
"""

from collections.abc import Callable, Iterable, Sequence
from uuid import UUID

from psms.db.direct import Direct
from psms.db.queries import sla_books as queries
from psms.db.queries.sla_books import BookRecord, CalendarRecord, ServiceRecord
from psms.domain.approvals import chain_of
from psms.domain.priorities import USUAL, matrix_of
from psms.domain.services import BookedService, ServiceVisibility
from psms.domain.sla.book import Book, BookedCalendar, BookedPolicy, make_book
from psms.domain.sla.calendar_definitions import definition_of
from psms.domain.sla.calendar_keys import CalendarKey, parse_key
from psms.domain.sla.calendars import Calendar
from psms.domain.sla.definitions import PolicyDefinition
from psms.domain.sla.hours import Hours
from psms.domain.sla.policy_documents import policy_of
from psms.runtime import Runtime


def book_of(rt: Runtime, way: Direct, organization_id: UUID, revision: int) -> Book:
    """Return the organization's book of *revision*, or a newer one; without a query when it is at hand.

    *way* leads into the organization. Not for a transaction that saves a calendar or policy itself: what it may yet
    take back would be kept.
    """
    book = rt.shelf.book(organization_id, revision)
    if book is None:
        book = _read(rt, way)
        rt.shelf.put(organization_id, book)
    return book


def current_book(rt: Runtime, way: Direct, organization_id: UUID) -> Book:
    """Return the organization's book as of now, for the calm paths, which do not know the revision: one query more."""
    return book_of(rt, way, organization_id, queries.revision(way))


def hours_in(
    rt: Runtime, way: Direct, books: Sequence[Book], keys: Iterable[str], around: int
) -> Callable[[str], Hours]:
    """Return what gives the hours for *keys* of terms, and for those of the books.

    Former versions of calendars that are not at hand are read in one query. *around* is the instant, in microseconds,
    near which they will be asked.
    """
    found = {key: rt.shelf.hours(key, _calendar_in(books, key), around) for key in set(keys)}
    missing = [named for key, hours in found.items() if hours is None and (named := parse_key(key)) is not None]
    if missing:
        found |= _read_hours(rt, way, missing, around)

    def hours_of(key: str) -> Hours:
        hours = found.get(key) or rt.shelf.hours(key, _calendar_in(books, key), around)
        if hours is None:
            raise KeyError(key)
        return hours

    return hours_of


def definitions_of(
    rt: Runtime, way: Direct, book: Book, wanted: Iterable[tuple[UUID, int]]
) -> dict[tuple[UUID, int], PolicyDefinition]:
    """Return what these versions of policies say; those that are neither in the book nor at hand, in one query."""
    booked = (one.value for one in (*book.policies, *book.agreements))
    found = {(one.policy_id, one.policy_version): one.definition for one in booked}
    told = {key: found.get(key) or rt.shelf.definition(*key) for key in set(wanted)}
    missing = [key for key, definition in told.items() if definition is None]
    if missing:
        for key, document in queries.policy_versions(way, missing).items():
            rt.shelf.put_definition(*key, policy_of(document))
            told[key] = rt.shelf.definition(*key)
    return {key: definition for key, definition in told.items() if definition is not None}


def _read(rt: Runtime, way: Direct) -> Book:
    record = queries.read_book(way)
    return booked(rt, record)


def booked(rt: Runtime, record: BookRecord) -> Book:
    """Return the book that was read."""
    empty = Book(
        revision=record.revision,
        last_edit=record.last_edit,
        zone_data=rt.shelf.zones.version,
        calendars={one.id: BookedCalendar(version=one.version, calendar=_calendar(one)) for one in record.calendars},
        services={one.id: _service(one) for one in record.services},
        priorities=USUAL if record.priority_matrix is None else matrix_of(record.priority_matrix),
        chains={UUID(service_id): chain_of(steps) for service_id, steps in record.chains.items()},
    )
    policies = [
        BookedPolicy(id=one.id, name=one.name, version=one.version, definition=policy_of(one.definition))
        for one in record.policies
    ]
    return make_book(empty, policies)


def _service(record: ServiceRecord) -> BookedService:
    return BookedService(
        active=record.active,
        visibility=ServiceVisibility(record.visibility),
        visible_team_ids=frozenset(record.visible_team_ids),
        default_team_id=record.default_team_id,
        sla_policy_id=record.sla_policy_id,
        form_version=record.form_version,
    )


def _calendar_in(books: Sequence[Book], key: str) -> Calendar | None:
    named = parse_key(key)
    if named is None:
        return None
    found = (book.calendars.get(named.calendar_id) for book in books)
    return next((one.calendar for one in found if one is not None and one.version == named.version), None)


def _read_hours(rt: Runtime, way: Direct, named: Sequence[CalendarKey], around: int) -> dict[str, Hours | None]:
    records = queries.calendar_versions(way, [(one.calendar_id, one.version) for one in named])
    calendars = {(record.id, record.version): _calendar(record) for record in records}
    return {one.text: rt.shelf.hours(one.text, calendars.get((one.calendar_id, one.version)), around) for one in named}


def _calendar(record: CalendarRecord) -> Calendar:
    return definition_of(record.definition).calendar
