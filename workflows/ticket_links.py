"""Links between tickets: add, list, remove. Both tickets tell of it. Parents and merges have modules of their own."""

from uuid import UUID

from psms.db.queries import links as queries
from psms.db.queries import tickets as ticket_queries
from psms.db.queries.tickets import LockedTicket
from psms.domain.access import Actor, Permission, require
from psms.domain.answers import Created, OnceKey
from psms.domain.events import Change, EventType
from psms.domain.pages import Page, PageRequest
from psms.domain.relation_errors import RelationRefused
from psms.domain.ticket_links import (
    MOST_LINKS,
    Direction,
    LinkKind,
    NewLink,
    TicketLink,
    as_linked,
    direction,
    require_linkable,
    seen_from,
)
from psms.encoding import json_bytes
from psms.errors import AlreadyExists, NotFound
from psms.runtime import Runtime
from workflows.act import Act, act_of
from workflows.names import Task
from workflows.once import Made, create_once
from workflows.ticket_changes import told
from workflows.ticket_events import Told
from workflows.ticket_pairs import Pair, locked_pair


def add_link(rt: Runtime, actor: Actor, ticket_id: UUID, command: NewLink, once: OnceKey | None) -> Created:
    """Link a ticket to another one; both must be there for the caller.

    Raises AlreadyExists where they have a link of this kind in either direction, FieldError for types that it does not
    fit, and RelationRefused for one too many.
    """
    require(actor, Permission.TICKET_LINK)
    created = create_once(rt, actor, once, lambda act: _added(act, actor, ticket_id, command))
    rt.nudger.nudge(Task.RELAY_OUTBOX)
    return created


def _added(act: Act, actor: Actor, ticket_id: UUID, command: NewLink) -> Made:
    pair = locked_pair(act.session, actor, ticket_id, ("ticket_id", command.ticket_id), None)
    act = act_of(act.rt, act.session, actor)
    require_linkable(command.kind, pair.own.ticket, pair.other.ticket)
    for locked in pair:
        if queries.count(act.session, locked.ticket.id) >= MOST_LINKS:
            message = f"#{locked.ticket.number} has {MOST_LINKS} links, which is the most."
            raise RelationRefused(message, reason="too_many_links")
    link = TicketLink(
        id=act.new_id(),
        kind=command.kind,
        ticket=as_linked(pair.other.ticket),
        created_by=act.user_id,
        created_at=act.now,
    )
    add_between(act, pair, link)
    return Made(json_bytes(link), f"/v1/tickets/{ticket_id}/links/{link.id}")


def add_between(act: Act, pair: Pair, link: TicketLink) -> None:
    """Write a link of two locked tickets, as the first sees it, and tell of it on both."""
    kept = direction(link.kind, pair.own.ticket.id, pair.other.ticket.id)
    if not queries.add(act.session, act.organization_id, link.id, kept, (act.user_id, act.now)):
        raise AlreadyExists("These two tickets have a link of this kind already.")
    for own, other in (pair, reversed(pair)):
        facts = _facts(link.id, kept, own, other)
        changes = {name: Change(before=None, after=value) for name, value in facts.items()}
        told(act, [Told(type=EventType.TICKET_LINKED, changes=changes)], own.ticket, own.sequence)


def _facts(link_id: UUID, kept: Direction, own: LockedTicket, other: LockedTicket) -> dict[str, UUID | LinkKind]:
    return {
        "link_id": link_id,
        "link_kind": seen_from(kept, own.ticket.id),
        "linked_ticket_id": other.ticket.id,
    }


def get_link(rt: Runtime, actor: Actor, ticket_id: UUID, link_id: UUID) -> TicketLink:
    """Return a link of a ticket; raise NotFound unless the caller sees both tickets."""
    require(actor, Permission.TICKET_READ)
    with rt.db.begin(actor.organization_id) as session:
        ticket_queries.get(session, actor, ticket_id)
        link = queries.find(session, actor, ticket_id, link_id)
    if link is None:
        raise NotFound
    return link


def list_links(rt: Runtime, actor: Actor, ticket_id: UUID, page: PageRequest) -> Page[TicketLink]:
    """Return one page of a ticket's links, oldest first: those to tickets that the caller sees."""
    require(actor, Permission.TICKET_READ)
    with rt.db.begin(actor.organization_id) as session:
        ticket_queries.get(session, actor, ticket_id)
        return queries.page_of_links(session, actor, ticket_id, page)


def remove_link(rt: Runtime, actor: Actor, ticket_id: UUID, link_id: UUID) -> None:
    """Remove a link, from whichever side; raise NotFound unless it is there and the caller sees both tickets."""
    require(actor, Permission.TICKET_LINK)
    with rt.db.begin(actor.organization_id) as session:
        ticket_queries.get(session, actor, ticket_id)
        link = queries.find(session, actor, ticket_id, link_id)
        if link is None:
            raise NotFound
        pair = locked_pair(session, actor, ticket_id, ("ticket_id", link.ticket.id), None)
        if not queries.remove(session, link_id):
            raise NotFound
        _tell_removed(act_of(rt, session, actor), pair, link)
    rt.nudger.nudge(Task.RELAY_OUTBOX)


def _tell_removed(act: Act, pair: Pair, link: TicketLink) -> None:
    kept = direction(link.kind, pair.own.ticket.id, pair.other.ticket.id)
    for own, other in (pair, reversed(pair)):
        facts = _facts(link.id, kept, own, other)
        changes = {name: Change(before=value, after=None) for name, value in facts.items()}
        told(act, [Told(type=EventType.TICKET_UNLINKED, changes=changes)], own.ticket, own.sequence)
