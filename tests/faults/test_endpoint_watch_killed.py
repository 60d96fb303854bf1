"""Whoever looks after endpoints dies by SIGKILL between two steps: each notice is given once, no backlog comes back."""

import signal
from datetime import timedelta
from pathlib import Path

import pytest
from psycopg import sql

from psms.crash import CrashPoint
from psms.domain.accounts import Edit
from psms.domain.webhooks import Backlog, EndpointState
from psms.runtime import Runtime
from tests.support.answers import HOOK, REFUSED
from tests.support.commands import environment_on, run_psms
from tests.support.databases import MigratedDatabase
from tests.support.partners import answer_all, publish
from tests.support.tenants import add_endpoint, make_tenant
from workflows import endpoints
from workflows.endpoint_backlog import BATCH
from workflows.endpoint_watch import watch_endpoints

# Three pieces: two whole ones and a rest.
HELD = 2 * BATCH + 5
GIVEN = """SELECT (SELECT count(*) FROM notifications),
    (SELECT count(*) FROM events WHERE type = 'webhook.endpoint_failing')"""
STANDING = """SELECT l.open, count(*) FILTER (WHERE d.state = 'cancelled'), count(*) FROM webhook_lanes l
    JOIN webhook_deliveries d ON d.endpoint_id = l.endpoint_id GROUP BY l.open"""
BACKLOG = sql.SQL("""
    INSERT INTO webhook_deliveries (organization_id, id, event_id, event_type, endpoint_id, sequence, state,
        next_attempt_at, expires_at, occurred_at, created_at)
    SELECT organization_id, gen_random_uuid(), gen_random_uuid(), 'ticket.created', endpoint_id, number, 'pending',
        now(), now() + interval '7 days', now(), now()
    FROM webhook_lanes, generate_series(1, {}) AS number
""").format(sql.Literal(HELD))


def killed_at(database: MigratedDatabase, home: Path, point: CrashPoint) -> bool:
    """Run all drains once in a process that dies at *point*; tell whether it did."""
    environment = environment_on(database, home, PSMS_CRASH_AT=point)
    return run_psms(environment, "drain").returncode == -signal.SIGKILL


@pytest.mark.parametrize(("point", "given"), [(CrashPoint.NOTICE_UNCOMMITTED, 0), (CrashPoint.NOTICE_COMMITTED, 1)])
def test_a_notice_is_given_once_whatever_is_killed(
    rt: Runtime, database: MigratedDatabase, *, point: CrashPoint, given: int
) -> None:
    acme = make_tenant(rt)
    add_endpoint(rt, acme.actor, HOOK)
    publish(rt, acme, 1)
    answer_all(rt, lambda _: REFUSED)
    database.move_clock(timedelta(hours=1, minutes=1))

    assert killed_at(database, rt.settings.home, point)
    assert database.rows(GIVEN) == [(given, given)]

    assert watch_endpoints(rt) == 1 - given
    assert watch_endpoints(rt) == 0
    assert database.rows(GIVEN) == [(1, 1)]


@pytest.mark.parametrize(
    ("point", "done"), [(CrashPoint.DISCARD_UNCOMMITTED, 0), (CrashPoint.DISCARD_COMMITTED, BATCH)]
)
def test_a_backlog_that_is_thrown_away_goes_on_where_it_stopped(
    rt: Runtime, database: MigratedDatabase, *, point: CrashPoint, done: int
) -> None:
    acme = make_tenant(rt)
    endpoint_id, _ = add_endpoint(rt, acme.actor, HOOK)
    endpoints.edit_endpoint(rt, acme.actor, endpoint_id, Edit(fields={"state": EndpointState.PAUSED}))
    database.run(BACKLOG)
    database.move_clock(timedelta(minutes=1))
    fields = {"state": EndpointState.ACTIVE, "backlog": Backlog.DISCARD}
    endpoints.edit_endpoint(rt, acme.actor, endpoint_id, Edit(fields=fields))

    assert killed_at(database, rt.settings.home, point)
    assert database.rows(STANDING) == [(False, done, HELD)]

    assert watch_endpoints(rt) == HELD - done
    assert database.rows(STANDING) == [(True, HELD, HELD)]
    assert answer_all(rt) == []
