"""SLA clocks of tickets: started, followed through every change, and what their levels lead to.

Every step here runs in the transaction of the change, under the ticket's row lock, which is the one lock of a
ticket's clocks.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from psms.db.queries import sla as queries
from psms.db.queries.sla import KeptClock
from psms.domain import sla
from psms.domain.calendars import ALWAYS_OPEN
from psms.domain.sla import Clock, ClockState, Metric
from psms.domain.sla_policies import Promise
from psms.domain.tickets import Status, Ticket
from workflows.act import Act, Moment
from workflows.sla_clocks import Case, retargeted, settled_case, write_clocks
from workflows.sla_effects import take_effect


def started_clocks(act: Moment, ticket_id: UUID, promise: Promise | None) -> dict[str, Any]:
    """Start the clocks that *promise* asks for; return them to be written with the ticket that is being filed."""
    if promise is None:
        return {}
    kept = [
        KeptClock(
            id=act.new_id(),
            ticket_id=ticket_id,
            metric=metric,
            policy_id=promise.policy_id,
            policy_version=promise.policy_version,
            started_at=act.now,
            clock=sla.started(target, ALWAYS_OPEN, act.now),
        )
        for metric, target in promise.targets.items()
    ]
    return queries.clock_values(kept, [sla.next_at(k.clock, ALWAYS_OPEN) for k in kept])


def caught_up(act: Act, ticket: Ticket, sequence: int) -> Case:
    """Record whatever a locked ticket's clocks reached before this instant, before anything else changes.

    So the outcome does not depend on whether the sweep came in time.
    """
    clocks = queries.clocks_of(act.session, act.organization_id, [ticket.id])
    case = settled_case(act, ticket, sequence, clocks)
    return take_effect(act, [case])[0] if case.reached else case


def follow_status(act: Act, case: Case, status: Status) -> None:
    """Let the clocks of a ticket follow its new status."""

    def follow(kept: KeptClock) -> Clock:
        return _after_status(kept, status, act)

    _follow(act, case.clocks, follow)


def _after_status(kept: KeptClock, status: Status, act: Act) -> Clock:
    clock, now = kept.clock, act.now
    if status in (Status.CLOSED, Status.CANCELLED):
        return sla.cancelled(clock, ALWAYS_OPEN, now)[0]
    if status is Status.RESOLVED:
        end = sla.completed if kept.metric is Metric.RESOLUTION else sla.cancelled
        return end(clock, ALWAYS_OPEN, now)[0]
    if clock.state is ClockState.MET and kept.metric is Metric.FIRST_RESPONSE:
        # Answered is answered, whatever becomes of the ticket.
        return clock
    if clock.is_over:
        # From resolved there is one way on: reopened.
        clock = sla.reopened(clock)
    step = sla.paused if status in sla.PAUSED_BY[kept.metric] else sla.resumed
    return step(clock, ALWAYS_OPEN, now)[0]


def follow_reply(act: Act, case: Case) -> None:
    """End the first response's clock: somebody who works on the ticket has answered in public."""

    def follow(kept: KeptClock) -> Clock:
        if kept.metric is not Metric.FIRST_RESPONSE:
            return kept.clock
        return sla.completed(kept.clock, ALWAYS_OPEN, act.now)[0]

    _follow(act, case.clocks, follow)


def follow_priority(act: Act, case: Case, ticket: Ticket) -> None:
    """Let the clocks of a ticket follow its new priority; what was consumed so far is carried."""
    promise = queries.promises(act.session, [ticket.priority.value]).get(ticket.priority.value)
    kept = [retargeted(act, kept, promise) for kept in case.clocks]
    _write(act, case.clocks, kept)


def _follow(act: Act, before: Sequence[KeptClock], follow: Callable[[KeptClock], Clock]) -> None:
    _write(act, before, [replace(kept, clock=follow(kept)) for kept in before])


def _write(act: Act, before: Sequence[KeptClock], after: Sequence[KeptClock]) -> None:
    write_clocks(act, [new for old, new in zip(before, after, strict=True) if new != old])
