"""What follows from time alone while a ticket waits for approval, and votes at once: each takes effect exactly once."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from uuid import UUID

import pytest

from psms.domain.access import Actor, Role
from psms.domain.access.roles import RoleChoice
from psms.domain.accounts import NewUser
from psms.domain.approvals import (
    ApprovalFilter,
    ApprovalState,
    ApprovalStep,
    Decision,
    NewDelegation,
    OnExpiry,
    Quorum,
    Vote,
)
from psms.domain.lifecycle import Action
from psms.domain.pages import PageRequest
from psms.domain.tickets import Level, OpenTicket, TicketType
from psms.errors import ActionNotAllowed
from psms.runtime import Runtime
from tests.support.databases import MigratedDatabase
from tests.support.tenants import Tenant, add_caller
from workflows import approvals, catalogue, deletions, directory, tickets
from workflows.approval_chains import put_chain
from workflows.approval_delegations import add_delegation
from workflows.changes import edit_change
from workflows.mail_fan_out import fan_out_notifications
from workflows.run_drain import advance_runs

AN_HOUR = 3600
NOTICES = "SELECT kind, user_id FROM notifications ORDER BY created_at, id"
STATES = "SELECT state FROM approvals ORDER BY id"
TICKET = "SELECT status, stage FROM tickets"
RUNS = "SELECT state FROM workflow_runs WHERE kind = 'ticket.approval'"


def people(rt: Runtime, acme: Tenant, count: int) -> list[Actor]:
    return [add_caller(rt, acme.organization_id, Role.AGENT).actor for _ in range(count)]


def filed(rt: Runtime, acme: Tenant, *steps: ApprovalStep) -> UUID:
    """File a request of a service that asks for these steps."""
    (service,) = catalogue.list_services(rt, acme.actor, PageRequest()).items
    put_chain(rt, acme.actor, service.id, steps, None)
    requester = add_caller(rt, acme.organization_id, Role.REQUESTER).actor
    created = tickets.open_ticket(rt, requester, OpenTicket(subject="A laptop", type=TicketType.REQUEST), None)
    return UUID(json.loads(created.body)["id"])


def waiting_for(rt: Runtime, actor: Actor) -> UUID:
    wanted = ApprovalFilter(state=ApprovalState.PENDING, mine=True)
    (found,) = approvals.list_approvals(rt, actor, wanted, PageRequest()).items
    return found.id


def test_who_is_silent_is_reminded_and_then_it_is_too_late(
    rt: Runtime, acme: Tenant, database: MigratedDatabase
) -> None:
    silent, voter = people(rt, acme, 2)
    step = ApprovalStep(
        name="Consent",
        user_ids=(silent.user_id, voter.user_id),
        quorum=Quorum.ALL,
        remind_after_seconds=AN_HOUR,
        expire_after_seconds=3 * AN_HOUR,
    )
    filed(rt, acme, step)
    approvals.vote(rt, voter, waiting_for(rt, voter), Vote(decision=Decision.APPROVE))
    told = [("approval.requested", one) for one in sorted((silent.user_id, voter.user_id))]

    assert advance_runs(rt) == 1
    assert sorted(database.rows(NOTICES)) == told
    for hours in (1, 2):
        database.move_clock(timedelta(hours=hours, minutes=1))
        assert advance_runs(rt) == 1
        assert advance_runs(rt) == 0
        assert database.rows(NOTICES)[2:] == [("approval.reminder", silent.user_id)] * hours
    # As after a night in which nothing ran.
    database.move_clock(timedelta(hours=9))
    assert advance_runs(rt) == 1

    assert database.rows(NOTICES)[4:] == [("approval.expired", silent.user_id)]
    assert database.rows(STATES) == [("expired",)]
    assert database.rows(TICKET) == [("cancelled", None)]
    assert database.rows(RUNS) == [("finished",)]
    assert database.count("approval_seats") == 2


def test_what_is_not_decided_in_time_is_put_to_somebody_else_once(
    rt: Runtime, acme: Tenant, database: MigratedDatabase
) -> None:
    silent, other, last = people(rt, acme, 3)
    step = ApprovalStep(
        name="Consent",
        user_ids=(silent.user_id,),
        expire_after_seconds=AN_HOUR,
        on_expiry=OnExpiry.ESCALATE,
        escalate_to=other.user_id,
    )
    filed(rt, acme, step, ApprovalStep(name="Last", user_ids=(last.user_id,)))
    approval_id = waiting_for(rt, silent)
    database.move_clock(timedelta(hours=2))
    advance_runs(rt)

    with pytest.raises(ActionNotAllowed):
        approvals.vote(rt, silent, approval_id, Vote(decision=Decision.APPROVE))
    assert approvals.vote(rt, other, approval_id, Vote(decision=Decision.APPROVE)).state is ApprovalState.APPROVED
    approvals.vote(rt, last, waiting_for(rt, last), Vote(decision=Decision.APPROVE))

    # What was due for the first step concerns the second no more.
    database.move_clock(timedelta(hours=9))
    advance_runs(rt)
    assert database.rows(STATES) == [("approved",)] * 2
    assert database.rows(TICKET) == [("open", None)]
    assert database.rows(RUNS) == [("finished",)]


def test_of_many_votes_at_once_and_an_expiry_exactly_one_decides(
    rt: Runtime, acme: Tenant, database: MigratedDatabase
) -> None:
    voters = people(rt, acme, 6)
    asked = tuple(voter.user_id for voter in voters)
    step = ApprovalStep(name="Consent", user_ids=asked, quorum=Quorum.COUNT, count=3, expire_after_seconds=AN_HOUR)
    filed(rt, acme, step)
    approval_id, start = waiting_for(rt, voters[0]), Barrier(len(voters) + 1)
    database.move_clock(timedelta(hours=2))

    def vote(number: int) -> bool:
        decision = Decision.APPROVE if number % 2 else Decision.REJECT
        start.wait(30)
        try:
            approvals.vote(rt, voters[number], approval_id, Vote(decision=decision, comment="So it is."))
        except ActionNotAllowed:
            return False
        return True

    def expire() -> bool:
        start.wait(30)
        return advance_runs(rt) > 0

    with ThreadPoolExecutor(len(voters) + 1) as pool:
        futures = [pool.submit(vote, number) for number in range(len(voters))] + [pool.submit(expire)]
        done = [one.result() for one in futures]

    advance_runs(rt)
    ((state,),) = database.rows(STATES)
    assert database.rows(TICKET) == [("open" if state == "approved" else "cancelled", None)]
    assert database.rows("SELECT count(*) FROM events WHERE type = 'ticket.approval_decided'") == [(1,)]
    ((counted,),) = database.rows("SELECT count(decision) FROM approval_seats")
    assert counted == sum(done[:-1])
    assert database.rows(RUNS) == [("finished",)]


def test_a_mail_goes_to_each_approver_and_to_who_stands_in(
    rt: Runtime, acme: Tenant, database: MigratedDatabase
) -> None:
    away, stand_in = (added(rt, acme, name) for name in ("away", "here"))
    now = rt.db.ask(rt.clock.now)
    span = NewDelegation(user_id=away, delegate_id=stand_in, since=now, until=now + timedelta(hours=1))
    add_delegation(rt, acme.actor, span, None)
    filed(rt, acme, ApprovalStep(name="Consent", user_ids=(away,)))

    assert fan_out_notifications(rt) == 2
    assert database.rows("SELECT user_id, reason FROM mails ORDER BY user_id") == [
        (user_id, "approver") for user_id in sorted((away, stand_in))
    ]


def added(rt: Runtime, acme: Tenant, name: str) -> UUID:
    person = NewUser(email=f"{name}@example.com", name=name, role=RoleChoice(role=Role.AGENT))
    return UUID(json.loads(directory.add_user(rt, acme.actor, person, None).body)["id"])


def test_a_window_is_told_of_when_it_opens_and_when_it_is_over(
    rt: Runtime, acme: Tenant, database: MigratedDatabase
) -> None:
    command = OpenTicket(subject="New disks", type=TicketType.CHANGE)
    ticket_id = UUID(json.loads(tickets.open_ticket(rt, acme.actor, command, None).body)["id"])
    tickets.transition(rt, acme.actor, ticket_id, Action.PLAN, None)
    plan = {"plan": "Swap the disks.", "backout_plan": "Swap them back.", "risk": Level.LOW}
    edit_change(rt, acme.actor, ticket_id, plan, None)
    now = rt.db.ask(rt.clock.now)
    for hours in (9, 1):
        start = now + timedelta(hours=hours)
        window = {"planned_start": start, "planned_end": start + timedelta(hours=2)}
        tickets.transition(rt, acme.actor, ticket_id, Action.SCHEDULE, None, given=window)
    told = "SELECT type FROM events WHERE type LIKE 'change.%%' ORDER BY sequence"

    for hours, count in ((0, 0), (2, 1), (4, 2), (12, 2)):
        database.move_clock(timedelta(hours=hours))
        advance_runs(rt)
        assert database.rows(told) == [("change.due",), ("change.overdue",)][:count]

    assert sorted(database.rows("SELECT state FROM workflow_runs")) == [("cancelled",), ("finished",)]


def test_nothing_falls_due_while_the_ticket_is_deleted(rt: Runtime, acme: Tenant, database: MigratedDatabase) -> None:
    (silent,) = people(rt, acme, 1)
    ticket = filed(rt, acme, ApprovalStep(name="Consent", user_ids=(silent.user_id,), expire_after_seconds=AN_HOUR))
    deletions.delete_ticket(rt, acme.actor, ticket, None)
    database.move_clock(timedelta(hours=2))
    advance_runs(rt)
    assert database.rows(NOTICES) == [("approval.requested", silent.user_id)]
    assert database.rows(STATES) == [("withdrawn",)]

    # It is asked for again, and with that its time begins again.
    deletions.restore_ticket(rt, acme.actor, ticket, None)
    advance_runs(rt)
    assert sorted(database.rows(STATES)) == [("pending",), ("withdrawn",)]
    database.move_clock(timedelta(hours=4))
    advance_runs(rt)

    assert sorted(database.rows(STATES)) == [("expired",), ("withdrawn",)]
