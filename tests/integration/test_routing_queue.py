"""What waits to be assigned: every way in which a ticket comes to want an assignee, or wants none any more."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import psycopg
import pytest
from psycopg import sql

from psms.db.session import Database
from psms.domain.accounts import Edit
from psms.domain.lifecycle import Action
from psms.domain.tickets import EditTicket
from psms.runtime import Runtime
from tests.support.databases import MigratedDatabase
from tests.support.routing import Team, make_team, team_of
from tests.support.tenants import Tenant
from tests.support.wire import CountingProxy, counted
from workflows import directory, tickets
from workflows.operations import backlog
from workflows.routing_drain import route_tickets

Wire = tuple[CountingProxy, Runtime]
LARGE = ("tickets", "routing_queue", "routing_wakes", "routing_turns", "routing_decisions", "absences", "users")
QUEUE = "SELECT ticket_id, team_id, waiting FROM routing_queue"


@pytest.fixture
def team(rt: Runtime, database: MigratedDatabase, acme: Tenant) -> Team:
    """Two agents, who get no ticket yet."""
    team = make_team(rt, database, acme, 2)
    team.assign_by(capacity=0)
    route_tickets(rt)
    return team


@pytest.fixture
def wire(rt: Runtime, database: MigratedDatabase) -> Iterator[Wire]:
    """A runtime that reaches the database through a proxy that counts."""
    with counted(database.app_url) as (proxy, url):
        through = Database(url, pool_size=1)
        yield proxy, replace(rt, db=through)
        through.close()


def edit(team: Team, ticket_id: UUID, **fields: object) -> None:
    """Change fields of a ticket."""
    tickets.edit_ticket(team.rt, team.tenant.actor, ticket_id, EditTicket(fields=fields))


def set_directly(team: Team, ticket_id: UUID, column: str, value: object) -> None:
    """Write a column past the workflows, as an import or a later release may."""
    statement = sql.SQL("UPDATE tickets SET {} = {} WHERE id = {}")
    team.database.run(statement.format(sql.Identifier(column), sql.Literal(value), sql.Literal(ticket_id)))


def test_a_ticket_waits_while_it_is_the_teams_and_nobodys(team: Team, rt: Runtime, database: MigratedDatabase) -> None:
    other = team_of(rt, database, team.tenant, team.members, "Scanners")
    ticket_id = team.file(team_id=None)
    assert database.rows(QUEUE) == []

    edit(team, ticket_id, team_id=team.id)
    assert database.rows(QUEUE) == [(ticket_id, team.id, True)]
    edit(team, ticket_id, team_id=other.id)
    assert database.rows(QUEUE) == []
    other.assign_by(capacity=0)
    edit(team, ticket_id, team_id=team.id)
    edit(team, ticket_id, team_id=other.id)
    assert database.rows(QUEUE) == [(ticket_id, other.id, True)]
    edit(team, ticket_id, assignee_id=team.members[0])
    assert database.rows(QUEUE) == []
    edit(team, ticket_id, assignee_id=None)
    assert database.rows(QUEUE) == [(ticket_id, other.id, False)]


def test_what_is_over_does_not_wait_and_what_is_reopened_does(team: Team, rt: Runtime) -> None:
    ticket_id, actor = team.file(), team.tenant.actor
    for action, count in ((Action.HOLD, 1), (Action.RESOLVE, 0), (Action.REOPEN, 1), (Action.CANCEL, 0)):
        tickets.transition(rt, actor, ticket_id, action, None)
        assert len(team.database.rows(QUEUE)) == count, action


@pytest.mark.parametrize(("column", "value"), [("stage", "awaiting_approval"), ("deleted_at", "2026-01-01T00:00:00Z")])
def test_what_waits_for_approval_or_is_deleted_does_not_wait(team: Team, column: str, value: str) -> None:
    ticket_id = team.file()

    set_directly(team, ticket_id, column, value)
    assert team.database.rows(QUEUE) == []
    set_directly(team, ticket_id, column, None)
    assert team.database.rows(QUEUE) == [(ticket_id, team.id, True)]


def test_a_ticket_that_somebody_holds_is_left_and_looked_at_a_second_later(
    team: Team, rt: Runtime, database: MigratedDatabase
) -> None:
    team.assign_by(capacity=5)
    route_tickets(rt)
    held, free = team.file(), team.file()
    with psycopg.connect(database.superuser_url) as somebody:
        somebody.execute("SELECT FROM tickets WHERE id = %s FOR NO KEY UPDATE", (held,))
        assert route_tickets(rt) == 1
    assert (team.assignee(held) is None, team.assignee(free) is None) == (True, False)

    database.move_clock(timedelta(seconds=1))

    assert route_tickets(rt) == 1


def test_who_is_active_again_or_joins_gets_what_waits(team: Team, rt: Runtime) -> None:
    first, second = team.members
    for member in team.members:
        directory.edit_user(rt, team.tenant.actor, member, Edit(fields={"active": False}))
    team.assign_by(capacity=1)
    team.file()
    assert route_tickets(rt) == 0
    directory.edit_user(rt, team.tenant.actor, first, Edit(fields={"active": True}))
    assert route_tickets(rt) == 1

    directory.edit_user(rt, team.tenant.actor, second, Edit(fields={"active": True}))
    directory.edit_team(rt, team.tenant.actor, team.id, Edit(fields={"member_ids": [first]}))
    team.file()
    assert route_tickets(rt) == 0
    directory.edit_team(rt, team.tenant.actor, team.id, Edit(fields={"member_ids": [first, second]}))
    assert route_tickets(rt) == 1


def test_a_team_that_fails_keeps_no_other_from_its_tickets(team: Team, rt: Runtime, database: MigratedDatabase) -> None:
    team.assign_by()
    other = team_of(rt, database, team.tenant, team.members, "Scanners")
    other.assign_by()
    broken, sound = team.file(), other.file()
    change = "UPDATE team_routing SET definition = {} WHERE team_id = {}"
    ((kept,),) = database.rows("SELECT definition::text FROM team_routing WHERE team_id = %s", team.id)
    mended, spoilt = (sql.SQL(change).format(sql.Literal(text), sql.Literal(team.id)) for text in (str(kept), "{}"))
    database.run(spoilt)

    with pytest.raises(KeyError, match="strategy"):
        route_tickets(rt)

    assert (team.assignee(broken) is None, other.assignee(sound) is None) == (True, False)
    assert route_tickets(rt) == 0
    database.run(mended)
    database.move_clock(timedelta(seconds=30))
    assert route_tickets(rt) == 1


def test_a_team_that_waits_is_not_looked_at_before_something_may_have_changed(
    team: Team, database: MigratedDatabase, wire: Wire
) -> None:
    proxy, through = wire
    team.file()
    assert backlog(through).routing_due_s > 0
    assert route_tickets(through) == 0
    assert backlog(through).routing_due_s == 0
    ((due, now),) = database.rows("SELECT due_at, psms_now() FROM routing_wakes")
    assert str(due) > str(now)

    before = proxy.statements
    assert route_tickets(through) == 0

    # Begin, as whom, the clock, the teams, commit.
    assert proxy.statements - before == 5


def test_a_batch_takes_as_many_statements_as_a_single_ticket(team: Team, wire: Wire) -> None:
    proxy, through = wire
    team.assign_by()
    route_tickets(through)
    taken = []
    for count, since in ((1, 1), (2, 11), (150, 101)):
        team.file_many(count, since=since)
        before = proxy.statements
        assert route_tickets(through) == count
        taken.append(proxy.statements - before)

    assert taken[1] == taken[2] == 23


def test_no_large_table_is_read_as_a_whole(team: Team, database: MigratedDatabase, rt: Runtime) -> None:
    # So small a table PostgreSQL would read as a whole, though it has an index.
    database.run(sql.SQL("ALTER DATABASE {} SET enable_seqscan = off").format(sql.Identifier(database.name)))
    team.assign_by()
    team.file_many(3)
    rt.db.close()
    before = read_whole(database)

    assert route_tickets(rt) == 3

    rt.db.close()
    assert read_whole(database) == before


def read_whole(database: MigratedDatabase) -> dict[str, int]:
    """Return how often each large table was read from one end to the other."""
    rows = database.rows("SELECT relname, seq_scan FROM pg_stat_user_tables WHERE relname = ANY (%s)", [*LARGE])
    return {str(table): int(str(count)) for table, count in rows}
