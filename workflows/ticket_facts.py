"""The facts on which a ticket's next step depends: read where they matter only. Judging them is `lifecycle_checks`."""

from dataclasses import replace

from sqlalchemy.orm import Session

from psms.db.direct import direct
from psms.db.queries import approvals as queries
from psms.db.queries import changes, families
from psms.db.queries.tickets import LockedTicket
from psms.domain.access import Actor, Permission, Reach
from psms.domain.approvals import APPROVABLE, Chain, Source
from psms.domain.changes import PLAN_FIELDS
from psms.domain.lifecycle import Action, Edge, State
from psms.domain.lifecycle_checks import Facts, edge_of
from psms.domain.tickets import Level, Stage, Ticket, TicketType
from psms.errors import ActionNotAllowed
from psms.runtime import Runtime
from workflows.sla_books import book_of


def plain_facts(ticket: Ticket) -> Facts:
    """Return what a ticket itself tells, for PSMS and for those who work on it."""
    return Facts(type=ticket.type, state=State(status=ticket.status, stage=ticket.stage))


def by_votes(ticket: Ticket) -> Facts:
    """Return the facts for what the approvers of a ticket have decided."""
    return replace(plain_facts(ticket), by_votes=True)


def facts_for(rt: Runtime, session: Session, actor: Actor, locked: LockedTicket) -> Facts:
    """Return all that decides what *actor* may do to a ticket now. For incidents and problems nothing is asked."""
    ticket = locked.ticket
    is_own = actor.reach(Permission.TICKET_TRANSITION) is Reach.OWN
    facts = replace(plain_facts(ticket), is_own=is_own)
    if ticket.type not in APPROVABLE:
        return facts
    facts = replace(facts, has_chain=bool(chain_for(rt, session, actor, locked)))
    if ticket.stage is Stage.AWAITING_APPROVAL:
        is_ad_hoc = queries.source_of_pending(session, ticket.id) != Source.SERVICE
        return replace(facts, is_ad_hoc=is_ad_hoc)
    if ticket.type is TicketType.CHANGE and ticket.stage is Stage.PLANNING:
        return _planned(session, facts, ticket)
    return facts


def with_children(session: Session, actor: Actor, facts: Facts, ticket: Ticket) -> Facts:
    """Return *facts* with how many of a ticket's children are not done, for what is shown of it.

    A move asks for itself, under the lock, and names them.
    """
    return replace(facts, open_children=len(families.open_children(session, actor.organization_id, ticket.id)))


def edge_for(session: Session, actor: Actor, facts: Facts, ticket: Ticket, action: Action) -> Edge:
    """Return the edge that *action* takes; ActionNotAllowed tells what the ticket's children leave possible, too."""
    try:
        return edge_of(facts, action)
    except ActionNotAllowed:
        return edge_of(with_children(session, actor, facts, ticket), action)


def chain_for(rt: Runtime, session: Session, actor: Actor, locked: LockedTicket) -> Chain:
    """Return what the ticket's service asks for, nothing where it asks nobody."""
    book = book_of(rt, direct(session), actor.organization_id, locked.sla_revision)
    return book.chains.get(locked.ticket.service_id, ())


def _planned(session: Session, facts: Facts, ticket: Ticket) -> Facts:
    row = changes.find(session, ticket.id)
    if row is None:
        return facts
    is_planned = all(getattr(row, name) for name in PLAN_FIELDS)
    return replace(facts, is_planned=is_planned, is_low_risk=row.risk == Level.LOW)
