"""SLA clocks of tickets: begun with the ticket, and told whatever happens to it. How they move is in `sla_clocks`.

Every step here runs in the transaction of the change, under the ticket's row lock, which is the one lock of a
ticket's clocks.
"""

from dataclasses import replace
from typing import Any

from psms.db.direct import Direct
from psms.db.queries.sla_filing import filed_values
from psms.db.queries.tickets import LockedTicket, remember_policy
from psms.domain.sla.book import BookedPromise
from psms.domain.sla.clock import Clock
from psms.domain.sla.facts import CustomerWrote, Fact, Filed, Replied, Restored, StatusChanged, Withdrawn
from psms.domain.sla.instants import instant_of
from psms.domain.sla.kept import KeptClock
from psms.domain.sla.levels import next_at
from psms.domain.sla.metrics import OVER, TicketClocks, follow
from psms.domain.sla.terms import Metric
from psms.domain.tickets import Status, Ticket
from workflows import pages
from workflows.act import Act, Moment
from workflows.sla_books import book_of, hours_in
from workflows.sla_cases import cases_of
from workflows.sla_clocks import Case, followed, promised, written
from workflows.sla_effects import take_effect
from workflows.sla_handovers import agreed, endings, handed_over
from workflows.sla_measures import subject_of_ticket

# The fields of a ticket that policies ask for.
ASKED_BY_POLICIES = frozenset({"service_id", "type", "priority", "tags", "custom_fields"})
FOLLOWED = ASKED_BY_POLICIES | {"team_id"}
"""The fields of a ticket whose changes its clocks follow."""


def filed_clocks(act: Moment, way: Direct, revision: int, ticket: Ticket) -> dict[str, Any]:
    """Begin the clocks that the organization's book of *revision* promises for a ticket that is being filed.

    Return them to be written with it. Without a query while the process has the book at hand.
    """
    book = book_of(act.rt, way, act.organization_id, revision)
    subject = subject_of_ticket(ticket)
    promise, agreement = book.promise_for(subject), book.agreement_for(subject)
    sources = [one for one in (promise, agreement) if one is not None]
    if not sources:
        return filed_values(book.revision, None, (), ())
    now = instant_of(act.now)
    hours_of = hours_in(act.rt, way, [book], (), now)
    source_of = {metric: one for one in sources for metric in one.terms}
    terms = {metric: one.terms[metric] for metric, one in source_of.items()}
    empty = TicketClocks(promise=terms, status=ticket.status)
    steps = follow(empty, Filed(at=now), hours_of).steps
    # Levels that are reached at once take effect when the sweep comes.
    kept = [
        _begun(act, ticket, source_of[metric], metric, replace(step.clock, fired=frozenset())) for metric, step in steps
    ]
    looks = [next_at(one.clock, hours_of(one.clock.terms.calendar)) for one in kept]
    promised_by = None if promise is None else (promise.policy_id, promise.policy_version)
    return filed_values(book.revision, promised_by, kept, looks)


def _begun(act: Moment, ticket: Ticket, promise: BookedPromise, metric: Metric, clock: Clock) -> KeptClock:
    return KeptClock(
        id=act.new_id(),
        ticket_id=ticket.id,
        metric=metric,
        policy_id=promise.policy_id,
        policy_version=promise.policy_version,
        team_id=ticket.team_id if metric.is_operational else None,
        clock=clock,
    )


def caught_up(act: Act, locked: LockedTicket) -> Case:
    """Record whatever a locked ticket's clocks reached before this instant, before anything else changes.

    So the outcome does not depend on whether the sweep came in time.
    """
    (case,) = cases_of(act, [locked])
    return take_effect(act, [case])[0] if case.reached else case


def follow_status(act: Act, case: Case, after: Ticket) -> None:
    """Let the clocks of a ticket follow its new status."""
    _follow(act, case, after, StatusChanged(at=instant_of(act.now), to=after.status))
    if after.status is Status.OPEN:
        taken(act, case, after)


def stopped(act: Act, case: Case, after: Ticket) -> None:
    """Stop the clocks of a ticket that goes on as part of another one: none of its targets was met by that."""
    _follow(act, case, after, StatusChanged(at=instant_of(act.now), to=Status.CANCELLED))


def withdrawn(act: Act, case: Case) -> None:
    """Hold the clocks of a ticket that is deleted; nobody need come for it any more."""
    written(act, [followed(act, case, Withdrawn(at=instant_of(act.now)))])
    if case.clocks:
        pages.resolve(act, case.ticket)


def restored(act: Act, case: Case) -> None:
    """Let the clocks of a ticket that was deleted go on, as after a hold."""
    written(act, [followed(act, case, Restored(at=instant_of(act.now)))])


def follow_reply(act: Act, case: Case) -> None:
    """Tell the clocks that somebody who works on the ticket, and is not its requester, has written in public."""
    _follow(act, case, case.ticket, Replied(at=instant_of(act.now)))
    taken(act, case, case.ticket)


def follow_customer(act: Act, case: Case) -> None:
    """Tell the clocks that the requester's side has written."""
    _follow(act, case, case.ticket, CustomerWrote(at=instant_of(act.now)))


def taken(act: Act, case: Case, ticket: Ticket) -> None:
    """Tell who is called for a ticket that somebody has taken it. Without clocks nobody was ever called."""
    if case.clocks:
        pages.acknowledge(act, ticket)


def follow_fields(act: Act, case: Case, after: Ticket) -> None:
    """Let the clocks of a ticket follow the change of its fields to *after*.

    With another team another stay begins. With other fields that policies ask for, the policies that are for it now
    hold; what was consumed is carried.
    """
    before, former = case.locked.policy, case.ticket
    moved = replace(case, locked=replace(case.locked, ticket=after))
    if former.team_id != after.team_id:
        moved = handed_over(act, case, after)
    if any(getattr(former, name) != getattr(after, name) for name in ASKED_BY_POLICIES):
        moved = agreed(act, promised(act, moved))
    (moved,) = written(act, [moved])
    if moved.locked.policy != before:
        remember_policy(act.session, after.id, moved.locked.policy)
    pages.resolve_all(act, endings(case, moved))


def _follow(act: Act, case: Case, ticket: Ticket, fact: Fact) -> None:
    (after,) = written(act, [followed(act, case, fact)])
    if ticket.status in OVER and case.clocks:
        # Also who is called for a stay that had ended before.
        pages.resolve(act, ticket)
    else:
        now = replace(after, locked=replace(after.locked, ticket=ticket))
        pages.resolve_all(act, endings(case, now))
