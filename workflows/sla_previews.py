"""What an edit of a calendar or a policy would do to open tickets: it is made, looked at, and taken back."""

from collections.abc import Callable
from dataclasses import replace
from uuid import UUID

from psms.db.queries import sla_rebases as queries
from psms.db.queries import tickets as ticket_queries
from psms.domain.access import Actor, Permission, require
from psms.domain.sla.clock import Clock
from psms.domain.sla.edits import Applies
from psms.domain.sla.instants import instant_of
from psms.domain.sla.previews import Preview, preview_of
from psms.domain.sla.shelf import Shelf
from psms.domain.sla_calendars import EditCalendar
from psms.domain.sla_policies import EditSlaPolicy
from psms.runtime import Runtime
from workflows.act import Act, act_of
from workflows.calendars import asked, saved_calendar
from workflows.sla_clocks import Case, cases_of
from workflows.sla_policies import saved_policy
from workflows.sla_rebase import under_policy

# So many open tickets are looked at, a few thousand a second; the answer says where there are more.
MOST_TICKETS = 5000

Follow = Callable[[Act, Case], Case]


def preview_policy(rt: Runtime, actor: Actor, policy_id: UUID, command: EditSlaPolicy) -> Preview:
    """Return what an edit of a policy would do; raise what the edit would raise."""

    def save(act: Act) -> None:
        saved_policy(act.rt, act.session, actor, policy_id, command)

    def follow(act: Act, case: Case) -> Case:
        return case if command.applies is Applies.NEW_TICKETS else under_policy(act, case, policy_id, command.applies)

    return _tried(rt, actor, save, follow)


def preview_calendar(rt: Runtime, actor: Actor, calendar_id: UUID, command: EditCalendar) -> Preview:
    """Return what an edit of a calendar would do; raise what the edit would raise."""
    computed = asked(rt, command.holiday_source)

    def save(act: Act) -> None:
        saved_calendar(act, calendar_id, command, computed)

    return _tried(rt, actor, save, lambda _, case: case)


def _tried(rt: Runtime, actor: Actor, save: Callable[[Act], None], follow: Follow) -> Preview:
    require(actor, Permission.SLA_MANAGE)
    # What is read of the edit must not stay at hand once it is taken back.
    trial = replace(rt, shelf=Shelf(rt.shelf.zones))
    with rt.db.begin_trial(actor.organization_id) as session:
        act = act_of(trial, session, actor)
        ticket_ids = queries.open_tickets(session, actor.organization_id, UUID(int=0), MOST_TICKETS + 1)
        complete = len(ticket_ids) <= MOST_TICKETS
        before = _clocks(act, ticket_ids[:MOST_TICKETS], lambda _, case: case)
        save(act)
        after = _clocks(act, ticket_ids[:MOST_TICKETS], follow)
    # A ticket may have gone on between the two.
    pairs = [(clock, after[clock_id]) for clock_id, clock in before.items() if clock_id in after]
    count = min(len(ticket_ids), MOST_TICKETS)
    return preview_of(pairs, at=instant_of(act.now), tickets=count, complete=complete)


def _clocks(act: Act, ticket_ids: list[UUID], follow: Follow) -> dict[UUID, Clock]:
    cases = cases_of(act, ticket_queries.read_all(act.session, ticket_ids))
    return {kept.id: kept.clock for case in cases for kept in follow(act, case).clocks}
