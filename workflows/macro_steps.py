"""Using a macro: fields, reply and transition in one transaction, each as the caller may do it, or nothing."""

from uuid import UUID

from sqlalchemy.orm import Session

from psms.db.queries import macros as queries
from psms.db.queries import tickets as ticket_queries
from psms.domain.access import Actor, Permission, require
from psms.domain.answers import Created, OnceKey
from psms.domain.macros import Macro, MacroApplied, changes_of, filled
from psms.domain.tickets import Comment, EditTicket, NewComment, Ticket, Visibility
from psms.encoding import json_bytes
from psms.runtime import Runtime
from workflows import comments, macros, tickets, trail
from workflows.act import Act, act_of
from workflows.names import Task
from workflows.once import Made, create_once

# Whose names a reply may tell: of those that the caller may read.
_NAMED = {
    "requester": Permission.USER_READ,
    "assignee": Permission.USER_READ,
    "team": Permission.TEAM_READ,
    "service": Permission.SERVICE_READ,
    "organization": Permission.MACRO_USE,
    "me": Permission.MACRO_USE,
}


def apply_macro(rt: Runtime, actor: Actor, ticket_id: UUID, macro_id: UUID, once: OnceKey | None) -> Created:
    """Do all that a macro says, in the order fields, reply, transition, or nothing of it.

    Raises what each step of its own would: NotAllowed, FieldError, ActionNotAllowed; and NotFound.
    """
    require(actor, Permission.MACRO_USE)

    def create(act: Act) -> Made:
        applied = _applied(rt, act.session, actor, ticket_id, macro_id)
        facts = trail.added({"macro_id": macro_id})
        trail.note(act_of(rt, act.session, actor), "macro.applied", ("ticket", ticket_id), facts)
        return Made(json_bytes(applied), f"/v1/tickets/{ticket_id}", version=applied.ticket.version)

    created = create_once(rt, actor, once, create)
    rt.nudger.nudge(Task.RELAY_OUTBOX)
    return created


def preview_macro(rt: Runtime, actor: Actor, ticket_id: UUID, macro_id: UUID) -> MacroApplied:
    """Return what would come of a macro: it is done, and taken back. Raises as `apply_macro` does."""
    require(actor, Permission.MACRO_USE)
    with rt.db.begin_trial(actor.organization_id) as session:
        return _applied(rt, session, actor, ticket_id, macro_id)


def _applied(rt: Runtime, session: Session, actor: Actor, ticket_id: UUID, macro_id: UUID) -> MacroApplied:
    # The ticket first, as in every act.
    ticket = ticket_queries.lock(session, actor, ticket_id).ticket
    macro = macros.find(session, actor, macro_id)
    changes = changes_of(macro, ticket)
    if changes:
        ticket = tickets.edit_within(rt, session, actor, ticket_id, EditTicket(fields=changes))
    comment = _said(rt, session, actor, ticket, macro)
    if macro.action is not None:
        ticket = tickets.move_within(rt, session, actor, ticket_id, macro.action)
    else:
        # What was due, or the reply, may have changed it.
        ticket = ticket_queries.get(session, actor, ticket_id)
    return MacroApplied(macro_id=macro_id, ticket=ticket, comment=comment)


def _said(rt: Runtime, session: Session, actor: Actor, ticket: Ticket, macro: Macro) -> Comment | None:
    if macro.reply is None:
        return None
    named = [name for name, permission in _NAMED.items() if actor.may(permission)]
    values = queries.values_for(session, actor.organization_id, ticket, actor.user_id, named=named)
    command = NewComment(body=filled(macro.reply, values), visibility=macro.reply_visibility or Visibility.PUBLIC)
    comments.require_commenting(actor, command)
    return comments.write_within(act_of(rt, session, actor), actor, ticket.id, command)
