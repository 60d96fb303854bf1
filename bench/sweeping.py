"""Measures the sweep: what 500 due timers cost among few and among very many open ones."""

import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import psycopg

from bench.report import Figure
from bench.seeding import refresh_statistics, seed_tickets
from psms.domain.sla_policies import NewSlaPolicy
from psms.runtime import Runtime
from psms.settings import Settings
from tests.support.databases import MigratedDatabase, fresh_database, make_template
from tests.support.fakes import RecordingNudger
from tests.support.keys import TEST_KEK
from tests.support.servers import PostgresServer, running_postgres
from tests.support.tenants import Tenant, make_tenant
from workflows.boot import runtime_for
from workflows.sla_policies import add_policy
from workflows.sla_sweep import fire_due_timers

_DUE = 500
_ROUNDS = 5
_TIMERS_EACH = 2
FEWEST = (_ROUNDS + 1) * _DUE * _TIMERS_EACH
# The first response's clock of these tickets ran out a second ago.
_RUN_OUT = """
    WITH ticket AS (
        SELECT id FROM tickets WHERE number BETWEEN %(first)s AND %(last)s
    ), clock AS (
        UPDATE sla_clocks c SET since = psms_now() - c.target - interval '1 s',
            started_at = psms_now() - c.target - interval '1 s', due_at = psms_now() - interval '1 s'
        FROM ticket t WHERE c.ticket_id = t.id AND c.metric = 'first_response' RETURNING c.id
    )
    UPDATE sla_timers t SET next_at = psms_now() - interval '1 s' FROM clock c WHERE t.clock_id = c.id
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Desk:
    database: MigratedDatabase
    tenant: Tenant
    rt: Runtime


def sweep(few: int, many: int) -> Iterator[Figure]:
    """Yield the time of a sweep among *few* and *many* open timers, measured in turns, and their ratio."""
    assert few >= FEWEST, f"the rounds use up {FEWEST} timers"
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="psms-bench-sweep-")))
        directory.chmod(0o755)
        server = stack.enter_context(running_postgres(directory / "postgres"))
        make_template(server)
        desks = {timers: stack.enter_context(_desk(server, timers)) for timers in (few, many)}
        took: dict[int, list[float]] = {timers: [] for timers in desks}
        # The first round only warms up.
        for turn in range(_ROUNDS + 1):
            for timers, desk in desks.items():
                seconds = _swept(desk, turn)
                took[timers] += [seconds] if turn else []
    for timers, seconds_each in took.items():
        yield Figure(name=f"sweep of {_DUE} due among {timers:,} open timers", value=min(seconds_each), unit="s")
    # Of the rounds the best: a disturbance only ever adds.
    ratio = min(took[many]) / min(took[few])
    yield Figure(name=f"sweep among {many:,} as a share of that among {few:,}", value=ratio, unit="ratio",
        target="0.8 to 1.2")  # fmt: skip


@contextmanager
def _desk(server: PostgresServer, timers: int) -> Iterator[_Desk]:
    with ExitStack() as stack:
        database = stack.enter_context(fresh_database(server))
        settings = Settings.from_env(
            {"DATABASE_URL": database.app_url, "REDIS_URL": "redis://127.0.0.1:1/0", "PSMS_KEK": TEST_KEK}
        )
        # There is nobody to nudge.
        rt = replace(runtime_for(settings), nudger=RecordingNudger())
        stack.callback(rt.db.close)
        tenant = make_tenant(rt)
        days = 86_400
        policy = NewSlaPolicy(name="Bench", first_response_seconds=10 * days, resolution_seconds=20 * days)
        add_policy(rt, tenant.actor, policy, None)
        with psycopg.connect(database.superuser_url) as connection:
            # The rows are right by their making: checking a million of them once more takes minutes.
            connection.execute("SET session_replication_role = replica")
            connection.commit()
            seed_tickets(connection, tenant.organization_id, timers // _TIMERS_EACH)
            refresh_statistics(connection)
        yield _Desk(database=database, tenant=tenant, rt=rt)


def _swept(desk: _Desk, turn: int) -> float:
    with psycopg.connect(desk.database.superuser_url) as connection:
        connection.execute(_RUN_OUT, {"first": turn * _DUE + 1, "last": (turn + 1) * _DUE})
    began = time.monotonic()
    fired = fire_due_timers(desk.rt)
    seconds = time.monotonic() - began
    assert fired == _DUE, f"{fired} timers took effect instead of {_DUE}"
    return seconds
