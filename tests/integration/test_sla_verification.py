"""Clocks held against their ledgers: nothing differs after all kinds of acts, and what is tampered with is named."""

import json
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import psycopg
import pytest
from psycopg import sql

from psms.domain.access import Role
from psms.domain.lifecycle import Action
from psms.domain.sla_policies import NewSlaPolicy
from psms.domain.tickets import EditTicket, NewComment, Priority
from psms.runtime import Runtime
from tests.support.commands import environment_on, run_psms
from tests.support.databases import MigratedDatabase
from tests.support.keys import TEST_KEK
from tests.support.tenants import Tenant, add_caller, file_ticket
from workflows import comments, tickets
from workflows.sla_policies import add_policy
from workflows.sla_sweep import fire_due_timers
from workflows.sla_verification import verify_clocks

MINUTE = 60
RUNNING = "metric = 'resolution' AND state = 'running'"


@pytest.fixture
def lived(rt: Runtime, database: MigratedDatabase, acme: Tenant) -> Tenant:
    """An organization whose tickets were answered, edited, paused, resolved, reopened and breached."""
    targets = {"first_response": 10, "next_response": 20, "periodic_update": 30, "resolution": 60}
    promise = NewSlaPolicy(name="All", targets={name: {"seconds": n * MINUTE} for name, n in targets.items()})
    add_policy(rt, acme.actor, promise, None)
    add_policy(rt, acme.actor, NewSlaPolicy(name="C", priority=Priority.CRITICAL, resolution_seconds=1800), None)
    requester = add_caller(rt, acme.organization_id, Role.REQUESTER)
    first, second, _ = (file_ticket(rt, requester.actor) for _ in range(3))
    database.move_clock(timedelta(minutes=5))
    for caller in (acme, requester, acme, acme, requester):
        comments.add_comment(rt, caller.actor, first, NewComment(body="Hm."), None)
    tickets.transition(rt, acme.actor, first, Action.PEND, None)
    tickets.edit_ticket(rt, acme.actor, second, EditTicket(fields={"priority": Priority.CRITICAL}))
    database.move_clock(timedelta(minutes=25))
    for action in (Action.RESUME, Action.RESOLVE, Action.REOPEN):
        tickets.transition(rt, acme.actor, first, action, None)
    fire_due_timers(rt)
    database.move_clock(timedelta(minutes=70))
    tickets.transition(rt, acme.actor, second, Action.CANCEL, None)
    file_ticket(rt, requester.actor)
    return acme


def fields(rt: Runtime, tenant: Tenant) -> set[str]:
    """Return what differs."""
    return {one.field for one in verify_clocks(rt, tenant.organization_id).differences}


def test_nothing_differs_whether_or_not_the_sweep_has_come(rt: Runtime, lived: Tenant) -> None:
    before = verify_clocks(rt, lived.organization_id)
    assert fire_due_timers(rt) > 0
    after = verify_clocks(rt, lived.organization_id)

    assert (before.differences, after.differences) == ([], [])
    assert before.clocks == after.clocks > 8


@pytest.mark.parametrize(
    ("harm", "named"),
    [
        (f"UPDATE sla_clocks SET due_at = due_at + interval '1 us' WHERE {RUNNING}", {"due_at"}),
        (f"UPDATE sla_clocks SET consumed = '1 s' WHERE {RUNNING}", {"consumed", "next_at"}),
        (f"UPDATE sla_clocks SET target = '9 d' WHERE {RUNNING}", {"target", "next_at"}),
        (f"UPDATE sla_clocks SET state = 'paused' WHERE {RUNNING}", {"state", "next_at"}),
        ("UPDATE sla_clocks SET breached_at = NULL", {"breached_at", "next_at"}),
        ("UPDATE sla_timers SET next_at = NULL", {"next_at"}),
        ("UPDATE sla_fires SET at = at + interval '1 s' WHERE level = 'at_risk'", {"fires.at_risk"}),
        ("DELETE FROM sla_fires WHERE level = '(breach)'", {"fires.(breach)"}),
        ("UPDATE sla_segments SET counted = counted + interval '1 us' WHERE number = 1 AND ended_at IS NOT NULL",
            {"segments"}),
        ("UPDATE sla_segments SET consumed = '1 us' WHERE number = 2", {"segments.2.consumed", "segments.3.consumed"}),
        ("DELETE FROM sla_segments WHERE number = 2", {"segments"}),
    ],
)  # fmt: skip
def test_what_is_tampered_with_is_named(
    rt: Runtime, database: MigratedDatabase, lived: Tenant, *, harm: str, named: set[str]
) -> None:
    while fire_due_timers(rt):
        pass
    assert fields(rt, lived) == set()
    with psycopg.connect(database.superuser_url) as connection:
        connection.execute("ALTER TABLE sla_segments DISABLE TRIGGER sla_segments_stay")
        changed = connection.execute(harm.encode()).rowcount

    found = fields(rt, lived)
    assert changed > 0
    assert {field for field in found if not field.startswith("segments")} <= named
    assert found & named


def test_the_command_ends_with_one_and_names_ticket_clock_and_field(
    rt: Runtime, database: MigratedDatabase, lived: Tenant, tmp_path: Path
) -> None:
    while fire_due_timers(rt):
        pass
    environment = environment_on(database, tmp_path, PSMS_KEK=TEST_KEK)
    well = run_psms(environment, "sla", "verify")
    ((clock_id, ticket_id),) = database.rows(f"SELECT id, ticket_id FROM sla_clocks WHERE {RUNNING} LIMIT 1")
    database.run(sql.SQL("UPDATE sla_clocks SET due_at = '2020-01-01' WHERE id = {}").format(sql.Literal(clock_id)))
    harmed = run_psms(environment, "sla", "verify", "--organization", str(lived.organization_id))
    report = run_psms(environment, "sla", "verify", "--json")
    nobody = run_psms(environment, "sla", "verify", "--organization", str(clock_id))

    assert (well.returncode, well.stderr) == (0, "")
    assert well.stdout.startswith(f"organization {lived.organization_id}: ")
    assert (nobody.returncode, nobody.stdout) == (2, "")
    assert "there is no such organization" in nobody.stderr
    assert harmed.returncode == 1
    assert f"ticket {ticket_id}, clock {clock_id}, due_at: kept is 2020-01-01" in harmed.stdout
    told = json.loads(report.stdout)
    assert (report.returncode, told["verified"]) == (1, False)
    assert UUID(told["organizations"][0]["differences"][0]["clock_id"]) == clock_id


def test_nobody_changes_a_segment_that_has_ended(rt: Runtime, database: MigratedDatabase, lived: Tenant) -> None:
    before = database.rows("SELECT * FROM sla_segments ORDER BY clock_id, number")
    harms = (
        "UPDATE sla_segments SET counted = '1 d' WHERE ended_at IS NOT NULL",
        "UPDATE sla_segments SET began_at = began_at - interval '1 d' WHERE ended_at IS NULL",
        "DELETE FROM sla_segments",
    )
    for harm in harms:
        with psycopg.connect(database.app_url) as connection:
            connection.execute("SELECT set_config('psms.organization_id', %s, true)", [str(lived.organization_id)])
            with pytest.raises(psycopg.Error, match=r"permission denied|only appended to"):
                connection.execute(harm.encode())

    assert database.rows("SELECT * FROM sla_segments ORDER BY clock_id, number") == before
