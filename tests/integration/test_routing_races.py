"""Automatic assignment by many at once, beside people, and by a worker that is killed: one assignee, one decision."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from threading import Barrier

import psycopg
import pytest

from psms.crash import CrashPoint
from psms.domain.access import Role
from psms.domain.routing.config import Strategy
from psms.errors import AlreadyTaken
from psms.runtime import Runtime
from tests.support.commands import environment_on, run_psms
from tests.support.databases import MigratedDatabase
from tests.support.routing import make_team, team_of
from tests.support.sabotage import until_waiting, without
from tests.support.tenants import Tenant, add_caller
from workflows import tickets
from workflows.routing_drain import route_tickets

KILLED = -9
MEMBERS_HELD = "ORDER BY u.id FOR NO KEY UPDATE OF u"
DOUBLED = """
    SELECT t.id FROM tickets t
    LEFT JOIN events e ON e.ticket_id = t.id AND e.type = 'ticket.assigned'
    LEFT JOIN routing_decisions d ON d.ticket_id = t.id
    GROUP BY t.id, t.assignee_id, t.version, t.sequence
    HAVING count(DISTINCT e.id) <> 1 OR count(DISTINCT d.id) <> 1 OR t.assignee_id IS NULL
        OR t.assignee_id <> (array_agg(d.user_id))[1] OR (t.version, t.sequence) <> (2, 2)
"""


def at_once(rt: Runtime, drains: int) -> int:
    """Run so many drains at the same time and return how many tickets they assigned."""
    start = Barrier(drains)

    def drain() -> int:
        start.wait(10)
        done = 0
        # A drain leaves a team to the one that is at it, and comes again.
        while found := route_tickets(rt):
            done += found
        return done

    with ThreadPoolExecutor(drains) as pool:
        return sum(one.result() for one in [pool.submit(drain) for _ in range(drains)])


@pytest.mark.parametrize(("strategy", "burst"), [(Strategy.LEAST_LOADED, 1000), (Strategy.ROUND_ROBIN, 100)])
def test_a_burst_leaves_loads_within_one_of_each_other(
    rt: Runtime, database: MigratedDatabase, acme: Tenant, strategy: Strategy, burst: int
) -> None:
    team = make_team(rt, database, acme, 10)
    team.assign_by(strategy)
    team.file_many(burst)

    assert at_once(rt, 4) == burst
    assert team.loads() == [burst // 10] * 10
    assert database.rows(DOUBLED) == []
    assert (database.count("routing_queue"), database.count("routing_wakes")) == (0, 0)


def test_nobody_of_two_teams_gets_more_than_they_have_room_for(
    rt: Runtime, database: MigratedDatabase, acme: Tenant
) -> None:
    first = make_team(rt, database, acme, 5)
    second = team_of(rt, database, acme, first.members, "Scanners")
    for team in (first, second):
        team.assign_by(capacity=6)
    first.file_many(30, since=1)
    second.file_many(30, since=31)

    assert at_once(rt, 4) == 30
    assert first.loads() == [6] * 5


@pytest.mark.parametrize(("guard", "assigned"), [(nullcontext(), 1), (without(MEMBERS_HELD, "ORDER BY u.id"), 2)])
def test_of_two_teams_of_one_person_the_second_waits_for_the_first_and_unguarded_it_gives_too_much(
    rt: Runtime, database: MigratedDatabase, acme: Tenant, guard: AbstractContextManager[None], assigned: int
) -> None:
    first = make_team(rt, database, acme, 1)
    for team in (first, team_of(rt, database, acme, first.members, "Scanners")):
        team.assign_by(capacity=1)
        team.file()
    with ThreadPoolExecutor(2) as pool, guard:
        with psycopg.connect(database.superuser_url) as stopper:
            # Both have chosen, if they may, and cannot write it yet.
            stopper.execute("LOCK TABLE routing_decisions IN SHARE MODE")
            drains = [pool.submit(route_tickets, rt) for _ in range(2)]
            until_waiting(database, 2)
        done = sum(drain.result() for drain in drains)

    assert (done, first.loads()) == (assigned, [assigned])


def test_a_ticket_that_leaves_while_its_team_becomes_automatic_waits_with_the_team_that_it_went_to(
    rt: Runtime, database: MigratedDatabase, acme: Tenant
) -> None:
    team = make_team(rt, database, acme, 1)
    other = team_of(rt, database, acme, team.members, "Scanners")
    ticket_id = team.file()
    for one in (team, other):
        one.assign_by(capacity=0)
    with ThreadPoolExecutor(1) as pool:
        with psycopg.connect(database.superuser_url) as editor:
            editor.execute("UPDATE tickets SET team_id = %s WHERE id = %s", (other.id, ticket_id))
            drain = pool.submit(route_tickets, rt)
            until_waiting(database, 1)
        drain.result()

    assert database.rows("SELECT ticket_id, team_id FROM routing_queue") == [(ticket_id, other.id)]


def test_two_takers_and_the_router_leave_one_assignee_and_the_others_are_told_who(
    rt: Runtime, database: MigratedDatabase, acme: Tenant
) -> None:
    team = make_team(rt, database, acme, 1)
    team.assign_by()
    takers = [add_caller(rt, acme.organization_id, Role.MANAGER).actor for _ in range(2)]
    for _ in range(5):
        ticket_id = team.file()
        start = Barrier(3)

        def route(start: Barrier = start) -> None:
            start.wait(10)
            route_tickets(rt)

        def take(taker: int, start: Barrier = start) -> object:
            start.wait(10)
            try:
                tickets.take_ticket(rt, takers[taker], ticket_id, None)  # noqa: B023  (awaited within the round)
            except AlreadyTaken as refused:
                return refused.context["assignee_id"]
            return takers[taker].user_id

        with ThreadPoolExecutor(3) as pool:
            router, *taken = [pool.submit(route), pool.submit(take, 0), pool.submit(take, 1)]
            router.result()
            told = {one.result() for one in taken}

        assert told == {team.assignee(ticket_id)}
    route_tickets(rt)
    assert database.count("routing_queue") == 0


@pytest.mark.parametrize("point", [CrashPoint.ROUTE_UNCOMMITTED, CrashPoint.ROUTE_COMMITTED])
def test_a_killed_drain_leaves_a_batch_whole_or_not_at_all(
    rt: Runtime, database: MigratedDatabase, acme: Tenant, tmp_path: Path, point: CrashPoint
) -> None:
    assigned = 20 if point is CrashPoint.ROUTE_COMMITTED else 0
    team = make_team(rt, database, acme, 4)
    team.assign_by()
    team.file_many(20)
    environment = environment_on(database, tmp_path / "other", PSMS_HOME=str(rt.settings.home))

    killed = run_psms(environment | {"PSMS_CRASH_AT": point}, "drain")

    assert killed.returncode == KILLED
    assert sum(team.loads()) == assigned
    assert route_tickets(rt) == 20 - assigned
    assert team.loads() == [5] * 4
    assert database.rows(DOUBLED) == []
