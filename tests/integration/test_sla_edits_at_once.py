"""A rebase that comes late does what one at once would have done, whatever happened to the tickets meanwhile."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from psycopg import sql

from psms.domain.access import Role
from psms.domain.lifecycle import Action
from psms.domain.sla.calendar_definitions import CalendarFields
from psms.domain.sla.edits import Applies
from psms.domain.sla.policy_edits import PolicyFields
from psms.domain.sla_calendars import EditCalendar, NewCalendar
from psms.domain.sla_policies import EditSlaPolicy, NewSlaPolicy
from psms.domain.tickets import EditTicket, NewComment, Priority
from psms.errors import ActionNotAllowed
from psms.runtime import Runtime
from tests.support.databases import MigratedDatabase
from tests.support.tenants import Tenant, add_caller, file_ticket, make_tenant
from workflows import comments, tickets
from workflows.calendars import add_calendar, edit_calendar
from workflows.sla_policies import add_policy, edit_policy
from workflows.sla_rebase import rebase_tickets
from workflows.sla_sweep import fire_due_timers
from workflows.sla_verification import verify_clocks

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
OPENINGS = ([["00:00", "24:00"]], [["00:00", "06:00"], ["08:00", "12:00"]], [["09:00", "17:00"]], [["20:00", "04:00"]])
# Levels that do nothing but be recorded: what raises a priority does so when it is noticed, which is another matter.
LEVELS = [{"id": "half", "percent": 50, "actions": []}, {"id": "breach", "percent": 100, "actions": []}]
LEDGER = """
    SELECT t.number, c.metric, c.cycle, c.state, c.target, c.consumed, c.due_at, c.breached_at, c.completed_at,
        c.calendar_version, c.policy_version, t.sla_policy_version,
        ARRAY(SELECT (f.level, f.at) FROM sla_fires f WHERE f.clock_id = c.id ORDER BY f.at, f.level),
        ARRAY(SELECT (s.cause, s.state, s.began_at, s.ended_at, s.consumed, s.counted, s.target, s.calendar_version,
            s.policy_version) FROM sla_segments s WHERE s.clock_id = c.id ORDER BY s.number)
    FROM sla_clocks c JOIN tickets t ON t.id = c.ticket_id
    WHERE c.organization_id = %s ORDER BY t.number, c.metric, c.cycle
"""
Step = tuple[int, tuple[str, Any]]

APPLIES = st.sampled_from([Applies.OPEN_TICKETS, Applies.OPEN_TICKETS, Applies.RECOMPUTE, Applies.NEW_TICKETS])
HAPPENING = st.one_of(
    st.tuples(st.just("policy"), st.tuples(st.sampled_from([0, 1]), st.integers(10, 900), APPLIES)),
    st.tuples(st.just("calendar"), st.tuples(st.sampled_from(OPENINGS), APPLIES)),
    st.tuples(st.sampled_from(["file", "reply", "write", "sweep", "rebase"]), st.just(0)),
    st.tuples(
        st.just("move"), st.sampled_from([Action.OPEN, Action.PEND, Action.RESUME, Action.RESOLVE, Action.REOPEN])
    ),
    st.tuples(st.just("priority"), st.sampled_from([Priority.HIGH, Priority.LOW])),
)
STEPS = st.lists(st.tuples(st.integers(1, 300), HAPPENING), min_size=3, max_size=14)


@dataclass
class Desk:
    """An organization with two policies by one calendar, and how soon it rebases."""

    rt: Runtime
    tenant: Tenant
    customer: Tenant
    at_once: bool

    def open(self) -> None:
        rt, actor = self.rt, self.tenant.actor
        fields = CalendarFields(time_zone="UTC", weekly=dict.fromkeys(DAYS, OPENINGS[0]))
        made = json.loads(add_calendar(rt, actor, NewCalendar(name="C", fields=fields), None).body)
        self.calendar_id = UUID(made["id"])
        self.policies = [self._policy("high", {"priorities": ["high"]}), self._policy("rest", {})]
        self.tickets = [file_ticket(rt, self.customer.actor)]

    def _policy(self, name: str, conditions: Any) -> UUID:
        target = {"seconds": 14400, "calendar_id": str(self.calendar_id), "levels": LEVELS}
        command = NewSlaPolicy(name=name, conditions=conditions, targets=self._targets(target))
        return UUID(json.loads(add_policy(self.rt, self.tenant.actor, command, None).body)["id"])

    def _targets(self, target: Any) -> Any:
        return dict.fromkeys(("first_response", "next_response", "periodic_update", "resolution"), target)

    def do(self, what: str, how: Any) -> None:
        getattr(self, f"do_{what}")(how)
        if what in ("policy", "calendar") and self.at_once:
            rebase_tickets(self.rt)

    def do_policy(self, how: tuple[int, int, Applies]) -> None:
        place, minutes, applies = how
        target = {"seconds": minutes * 60, "calendar_id": str(self.calendar_id), "levels": LEVELS}
        edit = EditSlaPolicy(fields=PolicyFields(targets=self._targets(target)), applies=applies)
        edit_policy(self.rt, self.tenant.actor, self.policies[place], edit)

    def do_calendar(self, how: tuple[Any, Applies]) -> None:
        opening, applies = how
        fields = CalendarFields(weekly=dict.fromkeys(DAYS, opening))
        edit_calendar(
            self.rt, self.tenant.actor, self.calendar_id, EditCalendar(name=None, fields=fields, applies=applies)
        )

    def do_file(self, _: Any) -> None:
        self.tickets.append(file_ticket(self.rt, self.customer.actor))

    def do_reply(self, _: Any) -> None:
        comments.add_comment(self.rt, self.tenant.actor, self.tickets[0], NewComment(body="We look."), None)

    def do_write(self, _: Any) -> None:
        comments.add_comment(self.rt, self.customer.actor, self.tickets[0], NewComment(body="And?"), None)

    def do_move(self, action: Action) -> None:
        try:
            tickets.transition(self.rt, self.tenant.actor, self.tickets[0], action, None)
        except ActionNotAllowed:
            return

    def do_priority(self, priority: Priority) -> None:
        tickets.edit_ticket(self.rt, self.tenant.actor, self.tickets[0], EditTicket(fields={"priority": priority}))

    def do_sweep(self, _: Any) -> None:
        fire_due_timers(self.rt)

    def do_rebase(self, _: Any) -> None:
        rebase_tickets(self.rt, page=1)


def stop_clock(database: MigratedDatabase, at: datetime) -> None:
    """Let it be exactly *at*, until it is told otherwise."""
    database.run(
        sql.SQL(
            "CREATE OR REPLACE FUNCTION psms_now() RETURNS timestamptz LANGUAGE sql VOLATILE PARALLEL SAFE RETURN {}"
        ).format(sql.Literal(at))
    )


def ledger_after(rt: Runtime, database: MigratedDatabase, steps: list[Step], *, at_once: bool) -> list[Any]:
    """Return all that is kept of the clocks of an organization that went through *steps*."""
    at = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    stop_clock(database, at)
    tenant = make_tenant(rt)
    desk = Desk(rt, tenant, add_caller(rt, tenant.organization_id, Role.REQUESTER), at_once)
    desk.open()
    for minutes, (what, how) in steps:
        at += timedelta(minutes=minutes, microseconds=minutes)
        stop_clock(database, at)
        desk.do(what, how)
    stop_clock(database, at + timedelta(hours=5))
    rebase_tickets(rt)
    fire_due_timers(rt)
    assert verify_clocks(rt, tenant.organization_id).differences == []
    return database.rows(LEDGER, tenant.organization_id)


@settings(
    max_examples=12,
    deadline=None,
    # Shrinking would cost minutes: each example is some thirty transactions.
    phases=(Phase.reuse, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(steps=STEPS)
def test_a_rebase_that_comes_late_does_what_one_at_once_does(
    rt: Runtime, database: MigratedDatabase, steps: list[Step]
) -> None:
    assert ledger_after(rt, database, steps, at_once=False) == ledger_after(rt, database, steps, at_once=True)
