"""An organization with very many open timers, whose clock stands still until it is moved. Nothing is measured here."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import psycopg
from psycopg import sql

from bench.seeding import refresh_statistics, seed_tickets
from psms.domain.sla.calendar_definitions import CalendarFields
from psms.domain.sla.policy_documents import TargetDocument
from psms.domain.sla_calendars import NewCalendar
from psms.domain.sla_policies import NewSlaPolicy
from psms.runtime import Runtime
from psms.settings import Settings
from tests.support.databases import MigratedDatabase, fresh_database
from tests.support.fakes import RecordingNudger
from tests.support.keys import TEST_KEK
from tests.support.servers import PostgresServer
from tests.support.tenants import Tenant, make_tenant
from workflows.boot import runtime_for
from workflows.calendars import add_calendar
from workflows.sla_policies import add_policy

TIMERS_EACH = 2
# Of the first responses, which come due before the resolutions are at risk.
TARGET = timedelta(days=10)
AT_RISK = TARGET * 0.8
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
# After what is due at that very instant: an event there would come first.
_JUST_AFTER = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """An organization's database, and a runtime to sweep it."""

    database: MigratedDatabase
    tenant: Tenant
    rt: Runtime

    def stand_at(self, number: int, consumed: timedelta) -> None:
        """Let the clock stand where the tickets up to *number*, and no others, have *consumed* so much."""
        ((filed_at,),) = self.database.rows("SELECT created_at FROM tickets WHERE number = %s", number)
        assert isinstance(filed_at, datetime)
        self.database.run(
            sql.SQL(
                "CREATE OR REPLACE FUNCTION psms_now() RETURNS timestamptz LANGUAGE sql VOLATILE PARALLEL SAFE "
                "RETURN CAST({} AS timestamptz)"
            ).format(sql.Literal((filed_at + consumed + _JUST_AFTER).isoformat()))
        )


@contextmanager
def running_desk(server: PostgresServer, timers: int) -> Iterator[Desk]:
    """Found an organization with so many open timers, measured by a calendar with a version and a zone."""
    with ExitStack() as stack:
        database = stack.enter_context(fresh_database(server))
        rt = runtime_on(database.app_url)
        stack.callback(rt.db.close)
        tenant = make_tenant(rt)
        promise_always_open(rt, tenant)
        with psycopg.connect(database.superuser_url) as connection:
            # The rows are right by their making: checking a million of them once more takes minutes.
            connection.execute("SET session_replication_role = replica")
            connection.commit()
            tickets = timers // TIMERS_EACH
            seed_tickets(connection, tenant.organization_id, tickets, rt.shelf.zones.version)
            refresh_statistics(connection)
        yield Desk(database=database, tenant=tenant, rt=rt)


def runtime_on(url: str) -> Runtime:
    """Return a runtime on the database of *url*; there is nobody to nudge."""
    settings = Settings.from_env({"DATABASE_URL": url, "REDIS_URL": "redis://127.0.0.1:1/0", "PSMS_KEK": TEST_KEK})
    return replace(runtime_for(settings), nudger=RecordingNudger())


def promise_always_open(rt: Runtime, tenant: Tenant) -> None:
    """Promise a first response and a resolution by a calendar that never closes, with the default levels."""
    # Never closed, so that a due date is the date of filing and the target; counted like any other all the same.
    fields = CalendarFields(time_zone="Europe/Paris", weekly={day: [("00:00", "24:00")] for day in _DAYS})
    calendar = add_calendar(rt, tenant.actor, NewCalendar(name="Never closed", fields=fields), None)
    calendar_id = calendar.location.rpartition("/")[2]
    first, last = (int(days * TARGET.total_seconds()) for days in (1, 2))
    targets = {
        "first_response": TargetDocument(seconds=first, calendar_id=calendar_id),
        "resolution": TargetDocument(seconds=last, calendar_id=calendar_id),
    }
    add_policy(rt, tenant.actor, NewSlaPolicy(name="Bench", targets=targets), None)
