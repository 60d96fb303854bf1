"""Results that cannot be recorded: the drain keeps them while their leases hold, and asks a few times a second."""

from dataclasses import replace

import psycopg
import pytest
from psycopg import sql

from psms.domain.attempts import SendResult, WebhookRequest
from psms.runtime import Runtime
from tests.support.answers import ACCEPTED, HOOK
from tests.support.databases import MigratedDatabase
from tests.support.tenants import Tenant, add_endpoint, file_ticket
from workflows.deliveries import deliver_due
from workflows.relay import relay_outbox

AWAY = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}")
END = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()"


class LastWord:
    """A sender whose partner answers when the database has just gone away, in a process that is told to stop."""

    def __init__(self, rt: Runtime, database: MigratedDatabase) -> None:
        self._rt, self._database = rt, database

    def send(self, request: WebhookRequest, /) -> SendResult:
        """Answer."""
        assert request.body
        self._rt.stopping.set()
        with psycopg.connect(self._database.superuser_url, dbname="postgres", autocommit=True) as connection:
            connection.execute(AWAY.format(sql.Identifier(self._database.name), sql.SQL("false")))
            connection.execute(END, (self._database.name,))
        return ACCEPTED


def test_a_process_that_stops_while_the_database_is_away_does_not_ask_it_without_a_pause(
    rt: Runtime, acme: Tenant, database: MigratedDatabase, capsys: pytest.CaptureFixture[str]
) -> None:
    add_endpoint(rt, acme.actor, HOOK)
    file_ticket(rt, acme.actor)
    relay_outbox(rt)

    assert deliver_due(replace(rt, sender=LastWord(rt, database))) == 1

    # The lease is two seconds.
    assert 1 <= capsys.readouterr().out.count("results_not_recorded") <= 12
