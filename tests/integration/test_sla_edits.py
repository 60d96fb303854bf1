"""Edits of calendars and policies while clocks run: for whom they hold, from when on, and no breach that they undo."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from psycopg import sql
from sqlalchemy.exc import IntegrityError

from psms.cli.doctor_backlog import of_rebases
from psms.domain.lifecycle import Action
from psms.domain.pages import PageRequest
from psms.domain.sla.calendar_definitions import CalendarFields
from psms.domain.sla.edits import Applies
from psms.domain.sla.policy_edits import PolicyFields
from psms.domain.sla.previews import Preview
from psms.domain.sla.terms import Metric
from psms.domain.sla_calendars import EditCalendar, NewCalendar
from psms.domain.sla_policies import EditSlaPolicy, NewSlaPolicy
from psms.domain.sla_rebases import RebaseState
from psms.domain.sla_standing import ClockView
from psms.embedded.findings import Grade
from psms.runtime import Runtime
from tests.support.databases import MigratedDatabase
from tests.support.tenants import Tenant, file_ticket
from workflows.calendars import add_calendar, edit_calendar
from workflows.operations import backlog
from workflows.sla_policies import add_policy, edit_policy
from workflows.sla_previews import Pace, preview_calendar, preview_policy
from workflows.sla_rebase import rebase_tickets
from workflows.sla_rebase_views import get_rebase, list_rebases
from workflows.sla_standing import sla_of_ticket
from workflows.sla_sweep import fire_due_timers
from workflows.sla_verification import verify_clocks
from workflows.tickets import transition

EVERY_DAY = {day: [["00:00", "24:00"]] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}
SEGMENTS = "SELECT count(*), count(ended_at) FROM sla_segments"


@pytest.fixture
def calendar_id(rt: Runtime, acme: Tenant) -> UUID:
    """A calendar that is open day and night, by which a resolution within an hour is promised."""
    fields = CalendarFields(time_zone="UTC", weekly=EVERY_DAY)
    made = json.loads(add_calendar(rt, acme.actor, NewCalendar(name="Always", fields=fields), None).body)
    targets: dict[str, Any] = {"resolution": {"seconds": 3600, "calendar_id": made["id"]}}
    add_policy(rt, acme.actor, NewSlaPolicy(name="An hour", targets=targets), None)
    return UUID(made["id"])


def close(rt: Runtime, acme: Tenant, calendar_id: UUID, applies: Applies) -> None:
    """Close the calendar from now on, but for one day in a long time."""
    fields = CalendarFields(weekly={}, exceptions=[{"date": "2027-06-01", "hours": [["00:00", "24:00"]]}])
    edit_calendar(rt, acme.actor, calendar_id, EditCalendar(name=None, fields=fields, applies=applies))


def resolution(rt: Runtime, acme: Tenant, ticket_id: UUID) -> ClockView:
    """Return the ticket's resolution clock."""
    (clock,) = [one for one in sla_of_ticket(rt, acme.actor, ticket_id).clocks if one.metric is Metric.RESOLUTION]
    return clock


def breaches(database: MigratedDatabase) -> int:
    """Return how many breaches were told."""
    return len(database.rows("SELECT FROM events WHERE type = 'sla.breached'"))


@pytest.mark.parametrize(("applies", "breached"), [(Applies.OPEN_TICKETS, 0), (Applies.NEW_TICKETS, 1)])
def test_a_sweep_before_the_rebase_breaches_nothing_that_the_edited_calendar_does_not(
    rt: Runtime, database: MigratedDatabase, acme: Tenant, calendar_id: UUID, *, applies: Applies, breached: int
) -> None:
    ticket_id = file_ticket(rt, acme.actor)
    database.move_clock(timedelta(minutes=50))
    fire_due_timers(rt)
    close(rt, acme, calendar_id, applies)
    database.move_clock(timedelta(minutes=70))
    fire_due_timers(rt)

    clock = resolution(rt, acme, ticket_id)
    assert breaches(database) == breached
    assert clock.calendar_version == 2 - breached
    # What was counted before the edit is kept; since then the calendar is closed.
    assert (clock.consumed_seconds // 60 == 50) is (applies is Applies.OPEN_TICKETS)
    assert verify_clocks(rt, acme.organization_id).differences == []


def test_what_was_due_before_the_edit_is_breached_however_late_somebody_looks(
    rt: Runtime, database: MigratedDatabase, acme: Tenant, calendar_id: UUID
) -> None:
    ticket_id = file_ticket(rt, acme.actor)
    database.move_clock(timedelta(minutes=61))
    close(rt, acme, calendar_id, Applies.OPEN_TICKETS)
    database.move_clock(timedelta(minutes=90))
    assert rebase_tickets(rt) == 1

    clock = resolution(rt, acme, ticket_id)
    assert clock.breached_at == clock.started_at + timedelta(hours=1)
    assert breaches(database) == 1
    assert verify_clocks(rt, acme.organization_id).differences == []


def test_recompute_counts_again_what_was_counted_before(
    rt: Runtime, database: MigratedDatabase, acme: Tenant, calendar_id: UUID
) -> None:
    ticket_id = file_ticket(rt, acme.actor)
    database.move_clock(timedelta(minutes=40))
    close(rt, acme, calendar_id, Applies.RECOMPUTE)
    assert rebase_tickets(rt) == 1

    clock = resolution(rt, acme, ticket_id)
    assert (clock.consumed_seconds, [one.cause for one in clock.segments]) == (0, ["start", "retroactive"])
    assert verify_clocks(rt, acme.organization_id).differences == []


@pytest.mark.parametrize(
    ("applies", "target"), [(Applies.NEW_TICKETS, 3600), (Applies.OPEN_TICKETS, 7200), (Applies.RECOMPUTE, 7200)]
)
def test_an_edited_policy_holds_for_open_tickets_where_the_edit_says_so(
    rt: Runtime, database: MigratedDatabase, acme: Tenant, *, applies: Applies, target: int
) -> None:
    made = json.loads(add_policy(rt, acme.actor, NewSlaPolicy(name="P", resolution_seconds=3600), None).body)
    ticket_id = file_ticket(rt, acme.actor)
    database.move_clock(timedelta(minutes=10))
    edit = EditSlaPolicy(fields=PolicyFields(resolution_seconds=7200), applies=applies)
    edit_policy(rt, acme.actor, UUID(made["id"]), edit)
    looked_at = rebase_tickets(rt)

    clock = resolution(rt, acme, ticket_id)
    assert looked_at == (0 if applies is Applies.NEW_TICKETS else 1)
    assert (clock.target_seconds, clock.consumed_seconds // 60) == (target, 10)
    assert clock.policy_version == (1 if applies is Applies.NEW_TICKETS else 2)
    assert rebase_tickets(rt) == 0
    assert verify_clocks(rt, acme.organization_id).differences == []


def test_an_edit_goes_page_by_page_and_says_how_far_it_has_got(
    rt: Runtime, database: MigratedDatabase, acme: Tenant, calendar_id: UUID
) -> None:
    for _ in range(5):
        file_ticket(rt, acme.actor)
    database.move_clock(timedelta(minutes=1))
    close(rt, acme, calendar_id, Applies.OPEN_TICKETS)

    assert rebase_tickets(rt, page=2) == 5
    assert database.rows("SELECT state, tickets FROM sla_rebases") == [("done", 5)]
    assert database.rows(SEGMENTS) == [(10, 5)]
    assert rebase_tickets(rt, page=2) == 0
    assert database.rows(SEGMENTS) == [(10, 5)]


@pytest.mark.parametrize(
    ("applies", "moved", "would_breach"),
    [(Applies.NEW_TICKETS, 0, 0), (Applies.OPEN_TICKETS, 3, 2), (Applies.RECOMPUTE, 3, 2)],
)
def test_a_preview_counts_what_an_edit_of_a_policy_would_do_and_changes_nothing(
    rt: Runtime, database: MigratedDatabase, acme: Tenant, *, applies: Applies, moved: int, would_breach: int
) -> None:
    made = json.loads(add_policy(rt, acme.actor, NewSlaPolicy(name="P", resolution_seconds=3600), None).body)
    for minutes in (0, 5, 30):
        database.move_clock(timedelta(minutes=minutes))
        file_ticket(rt, acme.actor)
    before = database.rows("SELECT * FROM sla_clocks, sla_policies, organizations, sla_segments ORDER BY 1, 2, 3")
    edit = EditSlaPolicy(fields=PolicyFields(resolution_seconds=20 * 60), applies=applies)
    preview = preview_policy(rt, acme.actor, UUID(made["id"]), edit)

    assert preview == Preview(tickets=3, clocks=3, moved=moved, would_breach=would_breach, complete=True)
    after = database.rows("SELECT * FROM sla_clocks, sla_policies, organizations, sla_segments ORDER BY 1, 2, 3")
    assert after == before
    assert (database.count("sla_policy_versions"), database.count("sla_rebases")) == (1, 0)
    # What was tried is not at hand afterwards: a ticket is promised what is kept.
    assert resolution(rt, acme, file_ticket(rt, acme.actor)).target_seconds == 3600


def test_a_preview_that_runs_out_of_time_says_so_and_how_many_tickets_it_counted(
    rt: Runtime, database: MigratedDatabase, acme: Tenant, calendar_id: UUID
) -> None:
    for _ in range(3):
        file_ticket(rt, acme.actor)
    closed = CalendarFields(weekly={}, exceptions=[{"date": "2027-06-01", "hours": [["00:00", "24:00"]]}])
    edit = EditCalendar(name=None, fields=closed)

    hasty = preview_calendar(rt, acme.actor, calendar_id, edit, Pace(page=1, least=2, patience=timedelta(0)))
    assert hasty == Preview(tickets=2, clocks=2, moved=2, would_breach=0, complete=False)
    paged = preview_calendar(rt, acme.actor, calendar_id, edit, Pace(page=1))
    assert paged == Preview(tickets=3, clocks=3, moved=3, would_breach=0, complete=True)
    # The calendar that was tried is not at hand for whoever asks next.
    assert resolution(rt, acme, file_ticket(rt, acme.actor)).calendar_version == 1


def test_a_preview_counts_what_an_edit_of_a_calendar_would_do_and_changes_nothing(
    rt: Runtime, database: MigratedDatabase, acme: Tenant, calendar_id: UUID
) -> None:
    ticket_id = file_ticket(rt, acme.actor)
    closed = CalendarFields(weekly={}, exceptions=[{"date": "2027-06-01", "hours": [["00:00", "24:00"]]}])
    preview = preview_calendar(rt, acme.actor, calendar_id, EditCalendar(name=None, fields=closed))

    assert preview == Preview(tickets=1, clocks=1, moved=1, would_breach=0, complete=True)
    assert (database.count("calendar_versions"), database.count("sla_rebases")) == (1, 0)
    assert resolution(rt, acme, ticket_id).calendar_version == 1


def test_newer_zone_data_measure_a_clock_anew_from_its_last_event_on(
    rt: Runtime, database: MigratedDatabase, acme: Tenant, calendar_id: UUID
) -> None:
    ticket_id = file_ticket(rt, acme.actor)
    for table in ("sla_clocks", "sla_segments"):
        database.run(
            sql.SQL("SET session_replication_role = replica; UPDATE {} SET zone_data = '2000a'").format(
                sql.Identifier(table)
            )
        )
    verified = verify_clocks(rt, acme.organization_id)
    assert (verified.alike, verified.unmeasured) == (1, 0)
    database.move_clock(timedelta(minutes=61))
    fire_due_timers(rt)

    clock = resolution(rt, acme, ticket_id)
    assert clock.breached_at == clock.started_at + timedelta(hours=1)
    assert [(one.cause, one.began_at, one.counted_seconds // 60) for one in clock.segments] == [
        ("start", clock.started_at, 0),
        ("carry", clock.started_at, 61),
    ]
    assert [one.zone_data for one in clock.segments] == ["2000a", rt.shelf.zones.version]


def test_a_rebase_that_fails_says_so_and_lets_the_others_go_first(
    rt: Runtime, database: MigratedDatabase, acme: Tenant, calendar_id: UUID
) -> None:
    file_ticket(rt, acme.actor)
    database.move_clock(timedelta(minutes=1))
    close(rt, acme, calendar_id, Applies.OPEN_TICKETS)
    close_again = CalendarFields(weekly={"mon": [["00:00", "24:00"]]})
    edit_calendar(rt, acme.actor, calendar_id, EditCalendar(name=None, fields=close_again))
    # A ledger that was tampered with: its open segment cannot be closed.
    database.run(sql.SQL("ALTER TABLE sla_segments ADD CONSTRAINT broken CHECK (ended_at IS NULL) NOT VALID"))
    with pytest.raises(IntegrityError):
        rebase_tickets(rt)

    first, second = list_rebases(rt, acme.actor, PageRequest(limit=10)).items
    assert (first.state, first.failures, first.error) == (RebaseState.RUNNING, 1, "IntegrityError")
    assert (second.state, second.started_at) == (RebaseState.WAITING, None)
    waiting = backlog(rt)
    assert (waiting.rebases, waiting.rebases_failing, waiting.rebases_oldest_s >= 0) == (2, 1, True)
    failing, slow = of_rebases(waiting), of_rebases(replace(waiting, rebases_failing=0, rebases_oldest_s=1200))
    assert (failing.grade, failing.sentence.split(":")[0]) == (
        Grade.WARN,
        "1 of 2 edits fail where open tickets follow them",
    )
    assert (slow.grade, slow.sentence.split(":")[0]) == (
        Grade.WARN,
        "open tickets have not followed an edit for 20 minutes",
    )
    database.run(sql.SQL("ALTER TABLE sla_segments DROP CONSTRAINT broken"))

    # The second comes first, and lets the ticket follow both; nothing is left for the first once it is tried again.
    assert rebase_tickets(rt) == 1
    database.move_clock(timedelta(minutes=2))
    assert rebase_tickets(rt) == 0
    assert of_rebases(backlog(rt)).grade is Grade.OK
    done = [get_rebase(rt, acme.actor, one.id) for one in (first, second)]
    assert [(one.state, one.tickets, one.error) for one in done] == [
        (RebaseState.DONE, 0, None),
        (RebaseState.DONE, 1, None),
    ]
    assert verify_clocks(rt, acme.organization_id).differences == []


def test_an_edit_that_comes_while_a_ticket_is_resolved_holds_when_it_is_reopened(
    rt: Runtime, database: MigratedDatabase, acme: Tenant
) -> None:
    made = json.loads(add_policy(rt, acme.actor, NewSlaPolicy(name="P", resolution_seconds=3600), None).body)
    ticket_id = file_ticket(rt, acme.actor)
    database.move_clock(timedelta(minutes=10))
    transition(rt, acme.actor, ticket_id, Action.RESOLVE, None)
    for seconds, applies in ((7200, Applies.OPEN_TICKETS), (9000, Applies.NEW_TICKETS)):
        edit = EditSlaPolicy(fields=PolicyFields(resolution_seconds=seconds), applies=applies)
        edit_policy(rt, acme.actor, UUID(made["id"]), edit)
    assert rebase_tickets(rt) == 0
    assert resolution(rt, acme, ticket_id).target_seconds == 3600

    transition(rt, acme.actor, ticket_id, Action.REOPEN, None)
    clock = resolution(rt, acme, ticket_id)
    assert (clock.target_seconds, clock.policy_version, clock.consumed_seconds // 60) == (7200, 2, 10)
    assert verify_clocks(rt, acme.organization_id).differences == []
