"""A breach that is declared void counts in no report, and nothing of it is deleted."""

from dataclasses import replace
from datetime import timedelta

import pytest
from psycopg import sql

from psms.domain.access import Role
from psms.settings import Settings
from tests.api.sla_past import span
from workflows.sla_sweep import fire_due_timers
from workflows.sla_verification import verify_clocks

REASON = {"reason": "The customer's own network was down."}
LEDGER = "SELECT * FROM sla_segments ORDER BY clock_id, number"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Settings under which tokens outlive the hour that goes by here."""
    return replace(settings, token_lifetime_s=86_400)


@pytest.fixture
def clock(client, database):
    """The path of a clock that was due a minute ago; nobody has looked since."""
    client.post("/v1/sla-policies", json={"name": "Usual", "resolution_seconds": 1800})
    ticket = client.post("/v1/tickets", json={"subject": "Printer on fire"}).json["id"]
    database.move_clock(timedelta(minutes=31))
    (found,) = client.get(f"/v1/tickets/{ticket}/sla").json["clocks"]
    return f"/v1/tickets/{ticket}/sla/{found['id']}/void"


def figures(client):
    """Return how many clocks the report counts as met, missed and voided, and the share."""
    total = client.get(f"/v1/sla-reports/attainment?{span(by='metric')}").json["total"]
    opened = len(client.get(total["voided"]["opens"]).json["items"])
    assert opened == total["voided"]["tickets"]
    return total["met"]["clocks"], total["missed"]["clocks"], total["voided"]["clocks"], total["attainment"]


def test_a_voided_breach_is_counted_apart_and_stays_what_it_was(client, rt, demo, database, clock):
    fire_due_timers(rt)
    assert figures(client) == (0, 1, 0, 0.0)
    ledger, fires = database.rows(LEDGER), database.rows("SELECT * FROM sla_fires ORDER BY level")

    (shown,) = client.post(clock, json=REASON).json["clocks"]
    assert (shown["void_reason"], shown["voided_by"]) == (REASON["reason"], str(demo.actor.user_id))
    assert (shown["breached_at"], shown["state"]) == (shown["due_at"], "running")
    assert figures(client) == (0, 0, 1, None)
    assert (database.rows(LEDGER), database.rows("SELECT * FROM sla_fires ORDER BY level")) == (ledger, fires)
    verified = verify_clocks(rt, demo.organization_id)
    assert (verified.differences, verified.voided) == ([], 1)

    (shown,) = client.delete(clock).json["clocks"]
    assert (shown["voided_at"], shown["voided_by"], shown["void_reason"]) == (None, None, None)
    assert figures(client) == (0, 1, 0, 0.0)


def test_voiding_twice_keeps_the_first_reason_and_is_told_once(client, database, clock):
    first = client.post(clock, json=REASON).json["clocks"][0]
    again = client.post(clock, json={"reason": "Another one."}).json["clocks"][0]

    assert (again["voided_at"], again["void_reason"]) == (first["voided_at"], REASON["reason"])
    for _ in range(2):
        assert client.delete(clock).status_code == 200
    told = [("sla.restored",), ("sla.voided",)]
    assert database.rows("SELECT type FROM events WHERE type ~ 'void|restored' ORDER BY type") == told
    noted = (
        "SELECT action, after ->> 'reason', before ->> 'reason' FROM logs WHERE action ~ 'void|restored' ORDER BY id"
    )
    assert database.rows(noted) == [("sla.voided", REASON["reason"], None), ("sla.restored", None, REASON["reason"])]


def test_what_was_due_and_not_swept_can_be_voided_and_is_recorded_first(client, database, clock):
    assert database.rows("SELECT breached_at FROM sla_clocks") == [(None,)]

    assert client.post(clock, json=REASON).status_code == 200
    assert database.rows("SELECT breached_at = due_at, voided_at > breached_at FROM sla_clocks") == [(True, True)]
    assert database.rows("SELECT type FROM events WHERE type ~ 'breached'") == [("sla.breached",)]


def test_a_clock_that_is_not_breached_cannot_be_voided(client, database, snapshot):
    client.post("/v1/sla-policies", json={"name": "Usual", "resolution_seconds": 1800})
    ticket = client.post("/v1/tickets", json={"subject": "Printer on fire"}).json["id"]
    clock = client.get(f"/v1/tickets/{ticket}/sla").json["clocks"][0]["id"]
    before = snapshot()

    answer = client.post(f"/v1/tickets/{ticket}/sla/{clock}/void", json=REASON)
    assert (answer.status_code, answer.json["code"]) == (409, "not_breached")
    assert client.post(f"/v1/tickets/{ticket}/sla/{ticket}/void", json=REASON).status_code == 404
    assert snapshot() == before


def test_a_manager_may_not_void(as_role, database, clock):
    assert as_role(Role.MANAGER).post(clock, json=REASON).status_code == 403
    assert database.rows("SELECT voided_at FROM sla_clocks") == [(None,)]


def test_a_void_without_a_breach_is_named_by_verify(client, rt, demo, database):
    client.post("/v1/sla-policies", json={"name": "Usual", "resolution_seconds": 1800})
    client.post("/v1/tickets", json={"subject": "Printer on fire"})
    void = "UPDATE sla_clocks SET breached_at = due_at, voided_at = due_at, voided_by = ticket_id, void_reason = 'No'"
    database.run(sql.SQL(void))

    found = verify_clocks(rt, demo.organization_id).differences
    assert {one.field for one in found} >= {"voided_at", "breached_at"}
