"""Splitting a ticket: comments that are about something else become a ticket of their own, linked to the first."""

from dataclasses import replace
from uuid import UUID

from psms.db.queries import comments, links
from psms.db.queries import tickets as ticket_queries
from psms.db.queries.tickets import LockedTicket
from psms.domain.access import Actor, Permission, require
from psms.domain.answers import Created, OnceKey
from psms.domain.disclosure import disclosed
from psms.domain.events import Change, EventType
from psms.domain.ticket_access import require_opening
from psms.domain.ticket_links import LinkKind, direction
from psms.domain.ticket_splits import SplitTicket, opening_of
from psms.domain.tickets import Ticket
from psms.encoding import json_bytes
from psms.errors import FieldError
from psms.runtime import Runtime
from workflows.act import Act, act_of
from workflows.names import Task
from workflows.once import Made, create_once
from workflows.ticket_changes import told
from workflows.ticket_events import Told
from workflows.ticket_filing import filed


def split_ticket(rt: Runtime, actor: Actor, ticket_id: UUID, command: SplitTicket, once: OnceKey | None) -> Created:
    """Make a ticket of some comments of another one, which move to it with their authors and instants.

    It is new in every other way: its number, its clocks, its events. Raises FieldError for a comment that is not one of
    the ticket's that the caller may read.
    """
    require(actor, Permission.TICKET_MERGE)
    created = create_once(rt, actor, once, lambda act: _split(act, actor, ticket_id, command))
    rt.nudger.nudge(Task.RELAY_OUTBOX)
    return created


def _split(act: Act, actor: Actor, ticket_id: UUID, command: SplitTicket) -> Made:
    locked = ticket_queries.lock(act.session, actor, ticket_id)
    opening = opening_of(locked.ticket, command)
    if not actor.may(Permission.TICKET_ASSIGN):
        opening = replace(opening, team_id=None)
    require_opening(actor, opening)
    ticket = filed(act, opening)
    moved = comments.move(act.session, actor, ticket_id, ticket.id, command.comment_ids)
    if missing := set(command.comment_ids) - moved:
        raise FieldError("comment_ids", f"{min(missing)} is not a comment of this ticket")
    _linked(act_of(act.rt, act.session, actor), locked, ticket, len(moved))
    return Made(json_bytes(disclosed(actor, ticket)), f"/v1/tickets/{ticket.id}", version=ticket.version)


def _linked(act: Act, locked: LockedTicket, ticket: Ticket, moved: int) -> None:
    kept = direction(LinkKind.RELATES_TO, locked.ticket.id, ticket.id)
    links.add(act.session, act.organization_id, act.new_id(), kept, (act.user_id, act.now))
    changes = {
        "split_ticket_id": Change(before=None, after=ticket.id),
        "moved_comments": Change(before=None, after=moved),
    }
    told(act, [Told(type=EventType.TICKET_SPLIT, changes=changes)], locked.ticket, locked.sequence)
