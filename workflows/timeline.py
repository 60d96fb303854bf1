"""The timeline of a ticket: its events told as one story, in pages, each reader's as far as they may read."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from psms.db.direct import Record
from psms.db.queries import tickets as ticket_queries
from psms.db.queries import timeline as queries
from psms.domain.access import Actor, Permission, require
from psms.domain.disclosure import TicketForRequester
from psms.domain.pages import Page, PageRequest, page_of
from psms.domain.timeline import (
    SERVICE_DESK,
    SYSTEM,
    DeliveryOfEvent,
    Doer,
    Include,
    Sight,
    TimelineEntry,
    TimelineQuestion,
    data_for,
    kind_of,
    sight_of,
)
from psms.domain.timeline_sentences import Told, mentioned_ids, sentence
from psms.runtime import Runtime

# An event has all custom fields of its ticket, whoever may read which.
_FOR_REQUESTERS = (frozenset(TicketForRequester.__slots__) | {"score"}) - {"custom_fields", "form_version"}
_SOMEBODY = "Somebody"


def timeline_of(
    rt: Runtime, actor: Actor, ticket_id: UUID, question: TimelineQuestion, page: PageRequest
) -> Page[TimelineEntry]:
    """Return one page of what happened to a ticket that the caller sees; raise NotFound.

    With deliveries, for those who manage webhooks. What comes meanwhile changes no page that follows a cursor.
    """
    require(actor, Permission.TICKET_READ)
    if question.include is Include.DELIVERIES:
        require(actor, Permission.WEBHOOK_MANAGE)
    sight = sight_of(actor, _FOR_REQUESTERS)
    with rt.db.begin(actor.organization_id) as session:
        ticket_queries.get(session, actor, ticket_id)
        place = (actor.organization_id, ticket_id)
        rows = queries.events_of(session, place, question, page, sight)
        names = _names(session, actor, sight, rows[: page.limit])
        deliveries = _deliveries(session, actor, question, rows[: page.limit])
    return page_of([_entry(row, sight, names, deliveries) for row in rows], page.limit)


def _names(session: Session, actor: Actor, sight: Sight, rows: Sequence[Record]) -> dict[str, str]:
    people = {row.data["actor_id"] for row in rows if row.data.get("actor_id") is not None}
    mentioned: set[str] = set().union(*(mentioned_ids(row.data) for row in rows))
    if Permission.USER_READ in sight.names:
        return queries.names(session, actor.organization_id, people | mentioned, sight.names)
    # Their own they may read.
    own = str(actor.user_id)
    known = queries.names(session, actor.organization_id, mentioned, sight.names)
    return known | queries.names(session, actor.organization_id, people & {own}, {Permission.USER_READ})


def _deliveries(
    session: Session, actor: Actor, question: TimelineQuestion, rows: Sequence[Record]
) -> Mapping[UUID, list[DeliveryOfEvent]] | None:
    if question.include is not Include.DELIVERIES:
        return None
    found: dict[UUID, list[DeliveryOfEvent]] = defaultdict(list)
    for row in queries.deliveries_of(session, actor.organization_id, [row.id for row in rows]):
        delivery = DeliveryOfEvent(
            id=row.id,
            endpoint_id=row.endpoint_id,
            state=row.state,
            attempts=row.tries,
            last_error=row.last_error,
            finished_at=row.finished_at,
        )
        found[row.event_id].append(delivery)
    return found


def _entry(
    row: Record,
    sight: Sight,
    names: Mapping[str, str],
    deliveries: Mapping[UUID, list[DeliveryOfEvent]] | None,
) -> TimelineEntry:
    doer = _doer(row.data.get("actor_id"), sight, names)
    data = data_for(sight, _with_words(row))
    told = Told(type=row.type, who=doer.name or _SOMEBODY, actor_id=doer.id, data=data, names=names)
    return TimelineEntry(
        id=row.id,
        at=row.occurred_at,
        sequence=row.sequence,
        kind=kind_of(row.type),
        type=row.type,
        actor=doer,
        summary=sentence(told),
        data=data,
        deliveries=None if deliveries is None else deliveries.get(row.id, []),
    )


def _doer(actor_id: str | None, sight: Sight, names: Mapping[str, str]) -> Doer:
    if actor_id is None:
        return Doer(id=None, name=SYSTEM)
    unknown = SERVICE_DESK if sight.requester else None
    return Doer(id=UUID(actor_id), name=names.get(actor_id, unknown))


def _with_words(row: Record) -> dict[str, Any]:
    # Partners are not told what was said internally; who reads this entry may read it.
    data: dict[str, Any] = row.data
    return data if row.said is None else {**data, "comment": {**data["comment"], "body": row.said}}
