"""Policies tried on the past: what was really in force comes out as it really was, and nothing is changed."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from psms.db.queries import sla_history
from psms.domain.access import Actor, Role
from psms.domain.lifecycle import Action
from psms.domain.sla.calendar_definitions import CalendarFields
from psms.domain.sla.instants import moment_of
from psms.domain.sla.past import past_ticket
from psms.domain.sla.simulation import Comparison, Different, Outcomes, Verdict, replay
from psms.domain.sla.terms import Metric
from psms.domain.sla_calendars import NewCalendar
from psms.domain.sla_policies import Matched, NewSlaPolicy, SimulatePolicy
from psms.domain.tickets import EditTicket, NewComment, Priority
from psms.errors import FieldError, NotAllowed
from psms.runtime import Runtime
from tests.api.standing import contents
from tests.support.databases import MigratedDatabase
from tests.support.tenants import Tenant, add_caller, file_ticket
from workflows import sla_simulations, tickets
from workflows.act import act_of
from workflows.calendars import add_calendar
from workflows.comments import add_comment
from workflows.sla_policies import add_policy
from workflows.sla_simulations import simulate
from workflows.sla_sweep import fire_due_timers

SPLIT_DAYS = {
    day: [["00:00", "07:30"], ["08:10", "24:00"]] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
}


def span() -> tuple[datetime, datetime]:
    """Return the days around now."""
    now = datetime.now(UTC)
    return now - timedelta(days=1), now + timedelta(days=1)


def tried(policy: NewSlaPolicy, match: Matched = Matched.CONDITIONS) -> SimulatePolicy:
    """Return the command to try a policy on the days around now."""
    since, until = span()
    return SimulatePolicy(policy=policy, since=since, until=until, match=match)


def act_on(rt: Runtime, actor: Actor, ticket_id: UUID, what: str) -> None:
    """Do one thing to a ticket: `reply`, a priority, or an action."""
    if what == "reply":
        add_comment(rt, actor, ticket_id, NewComment(body="Hello"), None)
    elif what in set(Priority):
        tickets.edit_ticket(rt, actor, ticket_id, EditTicket(fields={"priority": Priority(what)}))
    else:
        tickets.transition(rt, actor, ticket_id, Action(what), None)


# What happens to each ticket, with the hours since the first was filed; d: the desk, c: the customer.
LIVES: tuple[tuple[tuple[float, str, str], ...], ...] = (
    ((0.2, "d", "reply"), (5.0, "d", "resolve")),
    ((2.0, "d", "open"), (9.0, "d", "resolve"), (10.0, "d", "reopen"), (11.0, "d", "resolve")),
    ((0.5, "d", "reply"), (1.0, "c", "reply"), (6.0, "d", "pend"), (20.0, "d", "resume"), (50.0, "d", "reply")),
    (
        (0.3, "d", "reply"),
        (1.0, "c", "reply"),
        (2.0, "d", "resolve"),
        (3.0, "c", "reopen"),
        (30.0, "d", "resolve"),
        (31.0, "c", "close"),
    ),
    ((3.0, "d", "critical"), (4.0, "d", "reply"), (30.0, "d", "resolve")),
    ((1.0, "d", "cancel"),),
    ((1.0, "d", "hold"), (2.0, "d", "low"), (40.0, "d", "resume")),
    ((7.0, "c", "reply"), (8.0, "d", "high")),
    (),
)


@pytest.fixture
def lived(rt: Runtime, database: MigratedDatabase, acme: Tenant) -> list[UUID]:
    """Tickets that lived sixty hours under one policy with a calendar, the sweep looking in between."""
    calendar = add_calendar(
        rt, acme.actor, NewCalendar(name="C", fields=CalendarFields(time_zone="Europe/Paris", weekly=SPLIT_DAYS)), None
    )
    add_policy(rt, acme.actor, promise(json.loads(calendar.body)["id"]), None)
    customer = add_caller(rt, acme.organization_id, Role.REQUESTER).actor
    made = [file_ticket(rt, customer) for _ in LIVES]
    acts = sorted((hours, n, who, what) for n, life in enumerate(LIVES) for hours, who, what in life)
    for hours, n, who, what in acts:
        database.move_clock(timedelta(hours=hours))
        if n % 2:
            fire_due_timers(rt)
        act_on(rt, acme.actor if who == "d" else customer, made[n], what)
    database.move_clock(timedelta(hours=60))
    fire_due_timers(rt)
    return made


def promise(calendar_id: str | None, resolution: int = 8 * 3600, **conditions: Any) -> NewSlaPolicy:
    """Return a policy that promises each metric."""
    seconds = {"first_response": 3600, "next_response": 2 * 3600, "periodic_update": 4 * 3600, "resolution": resolution}
    targets: dict[str, Any] = {
        name: {"seconds": target, "calendar_id": calendar_id, "reopen_floor_percent": 30}
        for name, target in seconds.items()
    }
    return NewSlaPolicy(name="All", targets=targets, conditions=conditions or None)  # type: ignore[arg-type]


def policy_in_force(database: MigratedDatabase) -> NewSlaPolicy:
    """Return the one policy that there is, as one would add it."""
    ((definition,),) = database.rows("SELECT definition FROM sla_policy_versions")
    assert isinstance(definition, dict)
    return NewSlaPolicy(name="Again", **definition)


def test_the_policy_that_was_in_force_comes_out_exactly_as_it_really_was(
    rt: Runtime, database: MigratedDatabase, acme: Tenant, lived: list[UUID]
) -> None:
    command = tried(policy_in_force(database))
    with rt.db.begin(acme.organization_id) as session:
        past = sla_simulations._read(act_of(rt, session, acme.actor), command)  # noqa: SLF001
    simulated = {}
    for filed in past.filed:
        history = past_ticket(filed, past.entries[filed.id])
        assert history is not None
        cycles = replay(history, past.proposal, past.hours_of, int(past.now.timestamp() * 1_000_000))
        assert cycles is not None
        for (metric, cycle), clock in cycles.items():
            moments = (clock.due_at, clock.breached_at, clock.completed_at)
            shown = (None if at is None else moment_of(at) for at in moments)
            simulated[filed.id, metric.value, cycle] = (clock.state.value, *shown)
    rows = database.rows(
        "SELECT ticket_id, metric, cycle, state, due_at, breached_at, completed_at FROM sla_clocks ORDER BY 1, 2, 3"
    )

    assert len(past.filed) == len(LIVES)
    assert simulated == {row[:3]: row[3:] for row in rows}
    assert len({row[:1] for row in rows}) == len(LIVES)
    assert {"met", "missed", "cancelled", "running"} == {row[3] for row in rows}


def test_a_simulation_of_what_was_in_force_finds_no_difference(
    rt: Runtime, database: MigratedDatabase, acme: Tenant, lived: list[UUID]
) -> None:
    found = simulate(rt, acme.actor, tried(policy_in_force(database)))

    assert (found.filed, found.tickets, found.without_history) == (len(LIVES), len(LIVES), 0)
    assert (found.different, found.differences) == (0, [])
    assert all(one.really == one.simulated for one in found.metrics.values())
    missed = database.rows("SELECT count(*) FROM sla_clocks WHERE metric = 'resolution' AND breached_at IS NOT NULL")
    assert found.metrics["resolution"].really.missed == missed[0][0]


def test_a_simulation_changes_nothing_but_that_it_leaves_an_entry(
    rt: Runtime, database: MigratedDatabase, acme: Tenant, lived: list[UUID]
) -> None:
    before = contents(database)
    found = simulate(rt, acme.actor, tried(promise(None, resolution=60)))
    after = contents(database)

    changed = {table for table in before if before[table] != after[table]}
    assert {table for table in changed if not table.startswith("log")} == set()
    (entry,) = database.rows("SELECT actor_id, after FROM logs WHERE action = 'sla.simulated'")
    assert entry[0] == acme.actor.user_id
    assert isinstance(entry[1], dict)
    assert (entry[1]["tickets"], entry[1]["different"]) == (len(LIVES), found.different)


def test_tickets_of_which_something_else_would_have_become_are_listed(
    rt: Runtime, database: MigratedDatabase, acme: Tenant
) -> None:
    add_policy(rt, acme.actor, NewSlaPolicy(name="Two hours", resolution_seconds=7200), None)
    slow, quick = file_ticket(rt, acme.actor), file_ticket(rt, acme.actor)
    database.move_clock(timedelta(hours=1))
    act_on(rt, acme.actor, quick, "resolve")
    database.move_clock(timedelta(hours=3))
    act_on(rt, acme.actor, slow, "resolve")
    four_hours = simulate(rt, acme.actor, tried(NewSlaPolicy(name="Four", resolution_seconds=4 * 3600)))
    half_an_hour = simulate(rt, acme.actor, tried(NewSlaPolicy(name="Half", resolution_seconds=1800)))

    assert four_hours.metrics["resolution"] == Comparison(really=Outcomes(met=1, missed=1), simulated=Outcomes(met=2))
    assert four_hours.differences == [_different(slow, 1, Verdict.MISSED, Verdict.MET)]
    assert half_an_hour.metrics["resolution"].simulated == Outcomes(missed=2)
    assert half_an_hour.differences == [_different(quick, 2, Verdict.MET, Verdict.MISSED)]


def _different(ticket_id: UUID, number: int, really: Verdict | None, simulated: Verdict | None) -> Different:
    return Different(ticket_id=ticket_id, number=number, metric=Metric.RESOLUTION, really=really, simulated=simulated)


def test_a_policy_is_tried_on_the_tickets_that_it_is_for_or_on_all(
    rt: Runtime, database: MigratedDatabase, acme: Tenant
) -> None:
    plain, raised = file_ticket(rt, acme.actor), file_ticket(rt, acme.actor)
    database.move_clock(timedelta(hours=4))
    act_on(rt, acme.actor, raised, "critical")
    database.move_clock(timedelta(hours=5))
    policy = NewSlaPolicy(name="Critical", priority=Priority.CRITICAL, resolution_seconds=2 * 3600)
    some, every = (simulate(rt, acme.actor, tried(policy, match)) for match in (Matched.CONDITIONS, Matched.ALL))

    # It was for the ticket for one of its two hours.
    assert (some.filed, some.tickets) == (2, 1)
    assert some.differences == [_different(raised, 2, None, Verdict.RUNNING)]
    assert every.tickets == 2
    assert every.differences == [
        _different(plain, 1, None, Verdict.MISSED),
        _different(raised, 2, None, Verdict.MISSED),
    ]


def test_a_span_of_more_than_a_year_is_refused(rt: Runtime, acme: Tenant) -> None:
    with pytest.raises(FieldError, match="from: at most 366 days"):
        simulate(
            rt,
            acme.actor,
            SimulatePolicy(policy=NewSlaPolicy(name="P"), since=span()[0] - timedelta(days=400), until=span()[1]),
        )


def test_more_tickets_than_can_be_tried_at_once_are_refused(
    rt: Runtime, database: MigratedDatabase, acme: Tenant
) -> None:
    for _ in range(2):
        file_ticket(rt, acme.actor)
    before = contents(database)
    command = tried(NewSlaPolicy(name="P", resolution_seconds=60))

    with pytest.raises(FieldError, match="from: more than 1 tickets were filed in this span"):
        simulate(rt, acme.actor, command, most=1)
    assert contents(database) == before
    assert simulate(rt, acme.actor, command, most=2).tickets == 2


def test_who_may_not_manage_policies_may_not_try_them(rt: Runtime, acme: Tenant) -> None:
    agent = add_caller(rt, acme.organization_id, Role.AGENT).actor

    with pytest.raises(NotAllowed):
        simulate(rt, agent, tried(NewSlaPolicy(name="P", resolution_seconds=60)))


def test_a_policy_that_could_not_be_added_cannot_be_tried(rt: Runtime, acme: Tenant) -> None:
    with pytest.raises(FieldError):
        simulate(rt, acme.actor, tried(NewSlaPolicy(name="P")))


def test_a_ticket_whose_log_is_gone_is_left_out_and_counted(
    rt: Runtime, database: MigratedDatabase, acme: Tenant
) -> None:
    file_ticket(rt, acme.actor)
    with rt.db.begin(acme.organization_id) as session:
        ids = [one.id for one in sla_history.filed_in(session, acme.organization_id, *span(), 10)]
        # Entries before tomorrow are not looked for, as if their month had been dropped.
        entries = sla_history.entries_of(session, acme.organization_id, ids, span()[1])
        (filed,) = sla_history.filed_in(session, acme.organization_id, *span(), 10)

    assert entries == {}
    assert past_ticket(filed, ()) is None
