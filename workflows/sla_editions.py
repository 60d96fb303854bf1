"""Edits that hold for open tickets, with the books that they left behind. Following them is in `sla_cases`."""

from collections.abc import Sequence
from uuid import UUID

from psms.db.direct import Direct
from psms.db.queries import sla_editions as queries
from psms.domain.sla.book import Book
from psms.domain.sla.editions import Edition
from psms.domain.sla.edits import Applies
from psms.domain.sla.instants import instant_of
from psms.runtime import Runtime
from workflows.sla_books import booked


def editions_after(rt: Runtime, way: Direct, organization_id: UUID, revision: int) -> tuple[Edition, ...]:
    """Return the edits after *revision* that hold for open tickets, in order; in two queries at most."""
    rows = queries.edits_after(way, revision)
    books = _former_books(rt, way, organization_id, [row.revision for row in rows])
    return tuple(
        Edition(
            revision=row.revision,
            at=instant_of(row.created_at),
            applies=Applies(row.applies),
            calendar_id=row.calendar_id,
            policy_id=row.policy_id,
            book=books[row.revision],
        )
        for row in rows
    )


def _former_books(rt: Runtime, way: Direct, organization_id: UUID, revisions: Sequence[int]) -> dict[int, Book]:
    at_hand = {revision: rt.shelf.former_book(organization_id, revision) for revision in revisions}
    found = {revision: book for revision, book in at_hand.items() if book is not None}
    missing = [revision for revision in revisions if revision not in found]
    for record in queries.former_books(way, missing) if missing else ():
        found[record.revision] = booked(rt, record)
        rt.shelf.put_former_book(organization_id, found[record.revision])
    return found
