"""Steps of approvals, inside the transaction of a change: begun, reminded of, escalated, decided.

The ticket is locked, and after it the step. Who may vote is decided in `approvals`; what is due, by `approval_run`.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from psms.db.models.approvals import ApprovalRow, ApprovalSeatRow
from psms.db.queries import approvals as queries
from psms.db.queries.approvals import Person
from psms.db.queries.sla_effects import NewNotification, insert_notifications
from psms.db.queries.tickets import LockedTicket, lock_all
from psms.domain.approvals import ApprovalState, ApprovalStep, Chain, Decision, OnExpiry, Source, step_of, verdict
from psms.domain.events import Change, EventType
from psms.domain.lifecycle import Action
from psms.domain.tickets import Ticket
from workflows import sla
from workflows.act import Act
from workflows.approval_ends import end, withdraw_rest
from workflows.run_names import APPROVAL
from workflows.runs import signal_run, start_run
from workflows.ticket_changes import moved_along, told
from workflows.ticket_events import Told
from workflows.ticket_facts import by_votes

_FIRST = 1


def begin_chain(act: Act, ticket: Ticket, chain: Chain, source: Source) -> UUID:
    """Ask for the approvals of *chain*, its first step at once, and return the chain's id."""
    return _ask(act, ticket, chain, source, act.user_id)


def begin_again(act: Act, ticket: Ticket) -> None:
    """Ask anew, from the first step on and in the name of whoever asked, for what was asked for last of a ticket."""
    former = queries.last_chain_of(act.session, ticket.id)
    if former:
        chain = tuple(step_of(row.definition) for row in former)
        _ask(act, ticket, chain, Source(former[0].source), former[0].asked_by)


def _ask(act: Act, ticket: Ticket, chain: Chain, source: Source, asked_by: UUID | None) -> UUID:
    chain_id = start_run(act, APPROVAL, business_key=f"{ticket.id}:{ticket.version}", ticket_id=ticket.id)
    rows = [_row(act, ticket, chain_id, source, (number, step)) for number, step in enumerate(chain, start=_FIRST)]
    for row in rows:
        row.asked_by = asked_by
    act.session.add_all(rows)
    act.session.flush()
    _begin(act, ticket, rows[0])
    return chain_id


def _row(act: Act, ticket: Ticket, chain_id: UUID, source: Source, numbered: tuple[int, ApprovalStep]) -> ApprovalRow:
    position, step = numbered
    return ApprovalRow(
        organization_id=act.organization_id,
        id=act.new_id(),
        ticket_id=ticket.id,
        chain_id=chain_id,
        position=position,
        source=source.value,
        definition=step.document,
        state=ApprovalState.WAITING.value,
        created_at=act.now,
    )


def excluded_from(row: ApprovalRow, ticket: Ticket) -> set[UUID]:
    """Return who may not vote on a step: whoever requested the ticket, and whoever asked for the approval."""
    if row.definition["own_requests"]:
        return set()
    return {ticket.requester_id} | ({row.asked_by} if row.asked_by is not None else set())


def _begin(act: Act, ticket: Ticket, row: ApprovalRow) -> None:
    step = step_of(row.definition)
    persons = queries.persons_of(act.session, step, excluded_from(row, ticket), act.now)
    row.state, row.began_at, row.required = ApprovalState.PENDING.value, act.now, step.required(len(persons))
    row.remind_at = _after(act, step.remind_after_seconds)
    row.expires_at = _after(act, step.expire_after_seconds)
    _seat(act, row, persons)
    _notify(act, ticket, "approval.requested", persons)
    _tell(act, ticket, EventType.TICKET_APPROVAL_REQUESTED, _state_of(row, None))


def _seat(act: Act, row: ApprovalRow, persons: Sequence[Person]) -> None:
    act.session.add_all(
        ApprovalSeatRow(
            organization_id=act.organization_id,
            approval_id=row.id,
            user_id=user_id,
            ticket_id=row.ticket_id,
            delegate_id=delegate_id,
            asked=True,
        )
        for user_id, delegate_id in persons
    )
    act.session.flush()


def decide_if_clear(act: Act, locked: LockedTicket, row: ApprovalRow) -> None:
    """End a step whose votes have decided it: the next begins, or the ticket moves."""
    seats = [seat for seat in queries.seats_of(act.session, [row.id]) if seat.asked]
    votes = [None if seat.decision is None else Decision(seat.decision) for seat in seats]
    state = verdict(row.required or 1, votes)
    if state is not None:
        decide(act, locked, row, state)


def decide(act: Act, locked: LockedTicket, row: ApprovalRow, state: ApprovalState) -> None:
    """End a step in *state*: after an approved one the next begins; else the ticket moves on, or back."""
    end(act, row, state)
    _tell(act, locked.ticket, EventType.TICKET_APPROVAL_DECIDED, _state_of(row, ApprovalState.PENDING))
    waiting = queries.waiting_of(act.session, row.chain_id) if state is ApprovalState.APPROVED else ()
    _wake(act, row)
    if waiting:
        _begin(act, locked.ticket, waiting[0])
        return
    withdraw_rest(act, row.chain_id)
    action = Action.APPROVE if state is ApprovalState.APPROVED else Action.REJECT
    (current,) = lock_all(act.session, [locked.ticket.id])
    moved_along(act, sla.caught_up(act, current), action, facts=by_votes(current.ticket))


def _wake(act: Act, row: ApprovalRow) -> None:
    # The next step may be due before the run would look by itself.
    if act.run_id != row.chain_id:
        signal_run(act, row.chain_id, "step_decided", {"approval_id": str(row.id)}, str(row.id))


def remind(act: Act, ticket: Ticket, row: ApprovalRow) -> None:
    """Remind those of a step who have not voted."""
    step = step_of(row.definition)
    _notify(act, ticket, "approval.reminder", _silent(act, row))
    row.remind_at = _after(act, step.remind_after_seconds)
    act.session.flush()


def expire(act: Act, locked: LockedTicket, row: ApprovalRow) -> None:
    """End what was not decided in time, or ask instead whom the step says, for as long again, once."""
    step = step_of(row.definition)
    late = _silent(act, row)
    _notify(act, locked.ticket, "approval.expired", late)
    others = _others(act, locked.ticket, row, step)
    if not others:
        decide(act, locked, row, ApprovalState.EXPIRED)
        return
    for seat in queries.seats_of(act.session, [row.id]):
        seat.asked = False
    row.escalated_at, row.required = act.now, 1
    row.remind_at, row.expires_at = _after(act, step.remind_after_seconds), _after(act, step.expire_after_seconds)
    _seat(act, row, others)
    _notify(act, locked.ticket, "approval.escalated", others)
    changes = {
        "approval_id": Change(before=row.id, after=row.id),
        "escalated_to": Change(before=None, after=others[0][0]),
    }
    _tell(act, locked.ticket, EventType.TICKET_APPROVAL_REQUESTED, changes)


def _others(act: Act, ticket: Ticket, row: ApprovalRow, step: ApprovalStep) -> list[Person]:
    if step.on_expiry is not OnExpiry.ESCALATE or step.escalate_to is None or row.escalated_at is not None:
        return []
    asked = {seat.user_id for seat in queries.seats_of(act.session, [row.id])}
    # Whoever had the chance has had it.
    return queries.person_of(act.session, step.escalate_to, excluded_from(row, ticket) | asked, act.now)


def _silent(act: Act, row: ApprovalRow) -> list[Person]:
    seats = queries.seats_of(act.session, [row.id])
    return [(seat.user_id, seat.delegate_id) for seat in seats if seat.asked and seat.decision is None]


def _after(act: Act, seconds: int | None) -> datetime | None:
    return None if seconds is None else act.now + timedelta(seconds=seconds)


def _state_of(row: ApprovalRow, before: ApprovalState | None) -> dict[str, Change]:
    return {
        "approval_id": Change(before=None if before is None else row.id, after=row.id),
        "approval_state": Change(before=before, after=ApprovalState(row.state)),
    }


def _tell(act: Act, ticket: Ticket, kind: EventType, changes: dict[str, Change]) -> None:
    sequence = queries.sequence_of(act.session, act.organization_id, ticket.id)
    told(act, [Told(type=kind, changes=changes)], ticket, sequence)


def _notify(act: Act, ticket: Ticket, kind: str, persons: Sequence[Person]) -> None:
    to = dict.fromkeys(one for person in persons for one in person if one is not None)
    notices = [
        NewNotification(
            id=act.new_id(), ticket_id=ticket.id, clock_id=None, kind=kind, user_id=one, team_id=None, rule="approver"
        )
        for one in to
    ]
    if notices:
        insert_notifications(act.session, act.organization_id, notices, act.now)
