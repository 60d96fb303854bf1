"""What a look at a replay reads, whatever the tables hold besides. What it sends is in `test_replays`."""

import psycopg
import pytest
from psycopg import sql
from psycopg.abc import Params

from psms.domain.replays import ReplayMode
from psms.runtime import Runtime
from tests.support.answers import HOOK
from tests.support.backlogs import lay_deliveries
from tests.support.databases import MigratedDatabase
from tests.support.replaying import asked
from tests.support.statements import heard
from tests.support.tenants import Tenant, add_endpoint
from workflows.replay_drain import replay_webhooks


def plans_of(rt: Runtime, tenant: Tenant, database: MigratedDatabase) -> tuple[str, str]:
    """Let the drain run, and return how it looked for what to send, and how it counted."""
    found: dict[bool, tuple[str, Params | None]] = {}

    def note(statement: str, params: Params | None) -> None:
        if "FROM events e" in statement:
            found.setdefault("MATERIALIZED" in statement, (statement, params))

    with heard(lambda statement: statement, note):
        replay_webhooks(rt, patience_s=0)
    with psycopg.connect(database.app_url) as connection:
        connection.execute(f"SELECT set_config('psms.organization_id', '{tenant.organization_id}', true)".encode())
        plans = {
            page: "\n".join(line for (line,) in connection.execute(f"EXPLAIN {statement}".encode(), params))
            for page, (statement, params) in found.items()
        }
    return plans[True], plans[False]


@pytest.mark.parametrize("mode", [ReplayMode.MISSING, ReplayMode.ALL])
def test_a_look_reads_the_deliveries_of_the_events_at_hand_alone_and_the_outbox_once(
    rt: Runtime, acme: Tenant, database: MigratedDatabase, mode: ReplayMode
) -> None:
    endpoint_id, _ = add_endpoint(rt, acme.actor, HOOK)
    lay_deliveries(database, acme.organization_id, endpoint_id, 500)
    database.run(sql.SQL("ANALYZE webhook_deliveries, events, outbox"))
    asked(rt, acme, endpoint_id, mode)

    page, count = plans_of(rt, acme, database)

    assert "uq_webhook_deliveries_event" in page
    assert "(event_id = e.event_id)" in page, page
    # Once for each event would be for ever, where the relay stands still.
    assert [("Anti Join" in plan, "hashed SubPlan" in plan) for plan in (page, count)] == [(False, True)] * 2, page
