"""Approvals: read, asked for, voted on, handed to a stand-in. What votes lead to is in `approval_steps`."""

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from sqlalchemy.orm import Session

from psms.db.models.approvals import ApprovalRow, ApprovalSeatRow
from psms.db.queries import approvals as queries
from psms.db.queries import people, records
from psms.db.queries import tickets as ticket_queries
from psms.db.queries.tickets import LockedTicket
from psms.domain.access import Actor, Permission, require
from psms.domain.answers import Created, OnceKey
from psms.domain.approvals import (
    Approval,
    ApprovalFilter,
    ApprovalState,
    Chain,
    Decision,
    Quorum,
    Seat,
    Source,
    Vote,
    require_sound,
)
from psms.domain.lifecycle import Action
from psms.domain.pages import Page, PageRequest
from psms.encoding import json_bytes
from psms.errors import ActionNotAllowed, FieldError, NotAllowed, NotFound
from psms.runtime import Runtime
from workflows import sla, trail
from workflows.act import Act, act_of
from workflows.approval_chains import require_known
from workflows.approval_steps import begin_chain, decide_if_clear, excluded_from
from workflows.names import Task
from workflows.once import Made, create_once
from workflows.ticket_changes import moved_along
from workflows.ticket_facts import facts_for


def list_approvals(rt: Runtime, actor: Actor, wanted: ApprovalFilter, page: PageRequest) -> Page[Approval]:
    """Return one page of the approvals that the caller sees, in the order in which they were asked for."""
    require(actor, Permission.TICKET_READ)
    whose = queries.mine(actor) if wanted.mine else queries.seen_by(actor)
    with rt.db.begin(actor.organization_id) as session:
        return _page(session, page, whose, *queries.in_state(wanted.state))


def list_of_ticket(rt: Runtime, actor: Actor, ticket_id: UUID, page: PageRequest) -> Page[Approval]:
    """Return one page of a ticket's approvals, also those of former chains, in the order in which they were asked."""
    require(actor, Permission.TICKET_READ)
    with rt.db.begin(actor.organization_id) as session:
        ticket_queries.get(session, actor, ticket_id)
        return _page(session, page, ApprovalRow.ticket_id == ticket_id)


def get_approval(rt: Runtime, actor: Actor, approval_id: UUID) -> Approval:
    """Return an approval that the caller sees, or raise NotFound. Who was asked once goes on to see it."""
    require(actor, Permission.TICKET_READ)
    with rt.db.begin(actor.organization_id) as session:
        return _view(session, queries.get(session, actor, approval_id))


def ask(rt: Runtime, actor: Actor, ticket_id: UUID, chain: Chain, once: OnceKey | None) -> Created:
    """Ask for approvals of a ticket in steps of one's own. Returns the first, which is pending.

    Raises ActionNotAllowed where a ticket is not approved in its present state, and FieldError for steps that make no
    sense or name people and teams that there are not.
    """
    require(actor, Permission.APPROVAL_REQUEST)
    require_sound(chain)

    def create(act: Act) -> Made:
        locked = ticket_queries.lock(act.session, actor, ticket_id)
        require_known(act.session, chain)
        # Read again under the lock.
        act = act_of(rt, act.session, actor)
        facts = replace(facts_for(rt, act.session, actor, locked), has_chain=True)
        after = moved_along(act, sla.caught_up(act, locked), Action.REQUEST_APPROVAL, facts=facts)
        begin_chain(act, after, chain, Source.AD_HOC)
        pending = queries.pending_of(act.session, ticket_id)
        if pending is None:
            raise NotFound
        return Made(json_bytes(_view(act.session, pending)), f"/v1/approvals/{pending.id}")

    created = create_once(rt, actor, once, create)
    _nudge(rt)
    return created


def vote(rt: Runtime, actor: Actor, approval_id: UUID, command: Vote) -> Approval:
    """Vote on a step, or vote anew while it is pending: of all who vote at once, exactly one decides it.

    Raises NotFound for an approval that the caller does not see, NotAllowed for one that does not ask them,
    ActionNotAllowed, and FieldError for a rejection without a reason.
    """
    require(actor, Permission.APPROVAL_VOTE)
    if command.decision is Decision.REJECT and command.comment is None:
        raise FieldError("comment", "say why it is rejected")
    with rt.db.begin(actor.organization_id) as session:
        locked, row = _locked(session, actor, approval_id)
        seat = _seat_for(session, actor, row, command.for_user_id)
        act = act_of(rt, session, actor)
        seat.decision, seat.comment = command.decision.value, command.comment
        seat.voted_by, seat.voted_at = actor.user_id, act.now
        session.flush()
        said = {"decision": command.decision, "for_user_id": seat.user_id}
        trail.note(act, "approval.voted", ("approval", row.id), trail.added(said))
        decide_if_clear(act, locked, row)
        after = _view(session, row)
    _nudge(rt)
    return after


def delegate(rt: Runtime, actor: Actor, approval_id: UUID, to_user_id: UUID) -> Approval:
    """Let somebody stand in for the caller in one step. The caller may still vote; the last vote counts, once.

    Raises as `vote` does, and FieldError for somebody who cannot vote on it.
    """
    require(actor, Permission.APPROVAL_VOTE)
    with rt.db.begin(actor.organization_id) as session:
        locked, row = _locked(session, actor, approval_id)
        seat = _seat_for(session, actor, row, actor.user_id)
        _require_fit(session, row, locked, seat, to_user_id)
        act = act_of(rt, session, actor)
        seat.delegate_id = to_user_id
        session.flush()
        trail.note(act, "approval.delegated", ("approval", row.id), trail.added({"delegate_id": to_user_id}))
        return _view(session, row)


def _require_fit(
    session: Session, row: ApprovalRow, locked: LockedTicket, seat: ApprovalSeatRow, to_user_id: UUID
) -> None:
    if not people.is_active(session, to_user_id):
        raise FieldError("to_user_id", "there is no active user with this id in your organization")
    if to_user_id == seat.user_id or to_user_id in excluded_from(row, locked.ticket):
        raise FieldError("to_user_id", "this user may not vote in your place")


def _locked(session: Session, actor: Actor, approval_id: UUID) -> tuple[LockedTicket, ApprovalRow]:
    seen = queries.get(session, actor, approval_id)
    # The ticket first, as everywhere.
    (locked,) = ticket_queries.lock_all(session, [seen.ticket_id])
    if locked.deleted_at is not None:
        raise NotFound
    return locked, queries.lock(session, approval_id)


def _seat_for(session: Session, actor: Actor, row: ApprovalRow, for_user_id: UUID | None) -> ApprovalSeatRow:
    seats = [seat for seat in queries.seats_of(session, [row.id]) if actor.user_id in {seat.user_id, seat.delegate_id}]
    if not seats:
        message = "Your approval is not asked for here."
        raise NotAllowed(message, permission=Permission.APPROVAL_VOTE.value)
    found = _chosen(seats, for_user_id or actor.user_id)
    if found is None and for_user_id is None and len(seats) == 1:
        found = seats[0]
    if found is None:
        raise FieldError("for_user_id", "name one of those for whom you stand in here")
    if row.state != ApprovalState.PENDING or not found.asked:
        raise ActionNotAllowed(f"This step is not voted on: it is {row.state}.", approval_state=row.state)
    return found


def _chosen(seats: Sequence[ApprovalSeatRow], user_id: UUID) -> ApprovalSeatRow | None:
    return next((seat for seat in seats if seat.user_id == user_id), None)


def _page(session: Session, page: PageRequest, *conditions: object) -> Page[Approval]:
    rows = records.page_of_rows(session, ApprovalRow, page, lambda row: row, *conditions)  # type: ignore[arg-type]
    seats = queries.seats_of(session, [row.id for row in rows.items])
    of = {row.id: [seat for seat in seats if seat.approval_id == row.id] for row in rows.items}
    return Page(items=[_shown(row, of[row.id]) for row in rows.items], next_after=rows.next_after)


def _view(session: Session, row: ApprovalRow) -> Approval:
    return _shown(row, queries.seats_of(session, [row.id]))


def _shown(row: ApprovalRow, seats: Sequence[ApprovalSeatRow]) -> Approval:
    votes = [
        records.view_of(Seat, seat, decision=None if seat.decision is None else Decision(seat.decision))
        for seat in seats
    ]
    return records.view_of(
        Approval,
        row,
        source=Source(row.source),
        name=row.definition["name"],
        state=ApprovalState(row.state),
        quorum=Quorum(row.definition["quorum"]),
        votes=votes,
    )


def _nudge(rt: Runtime) -> None:
    for task in (Task.RELAY_OUTBOX, Task.SEND_NOTIFICATIONS, Task.ADVANCE_RUNS):
        rt.nudger.nudge(task)
