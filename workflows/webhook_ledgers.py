"""What a partner can hold against what it received: an endpoint's events to pull, and the ledger. Changes nothing."""

from datetime import UTC, date
from uuid import UUID

from psms.db.queries import endpoints
from psms.db.queries import webhook_ledgers as queries
from psms.domain.access import Actor, Permission, require
from psms.domain.deliveries import PulledEvents
from psms.domain.webhook_ledgers import Ledger, instants_of, span_of, together, total_of
from psms.runtime import Runtime


def pull_events(rt: Runtime, actor: Actor, endpoint_id: UUID, *, after_sequence: int, limit: int) -> PulledEvents:
    """Return the next events of an endpoint after a sequence, byte for byte as they are sent, whatever their state."""
    require(actor, Permission.WEBHOOK_MANAGE)
    with rt.db.begin(actor.organization_id) as session:
        endpoint = endpoints.get(session, endpoint_id)
        # Before the events are read: of what is numbered meanwhile, none is passed over.
        first, last = queries.sequences_of(session, endpoint)
        items = queries.events_after(session, endpoint, after_sequence, limit)
        return PulledEvents(items=items, first_sequence=first, last_sequence=last)


def ledger_of(rt: Runtime, actor: Actor, endpoint_id: UUID, since: date | None, until: date | None) -> Ledger:
    """Return what became of an endpoint's events, day by day: of a week up to today, where nothing is said.

    Raises FieldError for days in the wrong order, and for more than 31 of them.
    """
    require(actor, Permission.WEBHOOK_MANAGE)
    # One picture of it all: what is delivered or removed between two statements would be counted twice, or not at all.
    with rt.db.begin_snapshot(actor.organization_id) as session:
        endpoint = endpoints.get(session, endpoint_id)
        first, last = span_of(since, until, rt.clock.now(session).astimezone(UTC).date())
        kept = queries.kept_days(session, endpoint, *instants_of(first, last))
        days = together([*kept, *queries.removed_days(session, endpoint, first, last)])
        found = queries.accounted(session, endpoint)
    return Ledger(
        endpoint_id=endpoint_id,
        since=first,
        until=last,
        days=days,
        total=total_of([day.counts for day in days]),
        last_sequence=found.last_sequence,
        accounted=int(found.accounted),
        gapless=found.accounted == found.last_sequence,
        unrelayed=found.unrelayed,
    )
