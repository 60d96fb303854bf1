"""Webhooks held against what must always be true: nothing is found after all kinds of acts, and what is harmed is."""

import json
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import psycopg
import pytest
from psycopg import sql

from psms.domain.accounts import Edit
from psms.domain.webhook_proof import Verified, Wrong, advice
from psms.domain.webhooks import Backlog, EndpointState
from psms.runtime import Runtime
from tests.support.answers import ACCEPTED, GONE, HOOK, REFUSED
from tests.support.commands import environment_on, run_psms
from tests.support.databases import MigratedDatabase
from tests.support.lanes import answered, pile_up, set_lane
from tests.support.partners import answer_all, publish
from tests.support.tenants import Tenant, add_endpoint, claim, file_ticket, make_tenant
from workflows.endpoints import edit_endpoint, remove_endpoint
from workflows.lane_reconciliation import reconcile_lanes
from workflows.sla_verification import organizations
from workflows.upkeep import keep_house
from workflows.webhook_verification import verify_webhooks

# What is done to an endpoint that has had three deliveries removed at retention, and has four that wait in line.
HARMS = (
    ("DELETE FROM webhook_deliveries WHERE sequence = 6", Wrong.UNACCOUNTED, "6 are accounted for"),
    ("UPDATE webhook_lanes SET last_sequence = last_sequence + 1 WHERE true", Wrong.UNACCOUNTED, "8 sequences"),
    ("UPDATE webhook_deliveries SET sequence = 99 WHERE sequence = 7", Wrong.UNACCOUNTED, "the highest of them 99"),
    ("DELETE FROM webhook_ledger_days WHERE true", Wrong.UNACCOUNTED, "and 0 were counted"),
    ("UPDATE webhook_lanes SET open = false WHERE true", Wrong.LANE, "it is active, and its lane is closed"),
    ("UPDATE webhook_lanes SET discard_before = psms_now() WHERE true", Wrong.LANE, "active, and its lane is open"),
    ("UPDATE webhook_lanes SET removed = true WHERE true", Wrong.LANE, "it is active, and its lane says removed"),
    ("UPDATE webhook_lanes SET next_due_at = 'infinity' WHERE true", Wrong.LATE_HINT, "looked at later, or never"),
    ("UPDATE webhook_deliveries SET behind = true WHERE state = 'pending'", Wrong.LINE, "in 1 lines everybody waits"),
    ("UPDATE webhook_deliveries SET lease_expires_at = '2020-01-01' WHERE state = 'in_flight'",
        Wrong.LEASE, "deliveries are over"),
    ("UPDATE webhook_lanes SET not_before = psms_now() + interval '3 h' WHERE true", Wrong.FAR_AWAY, "nothing is sent"),
    ("UPDATE webhook_lanes SET circuit = 'open', probe_at = psms_now() + interval '3 h' WHERE true",
        Wrong.FAR_AWAY, "nothing is sent before"),
    ("UPDATE webhook_deliveries SET next_attempt_at = psms_now() + interval '26 h' WHERE NOT behind",
        Wrong.FAR_AWAY, "1 deliveries are put off"),
)  # fmt: skip
PATHS = ("well", "failing", "gone", "paused", "discarding", "deleted", "lined", "out")


@pytest.fixture
def endpoints(rt: Runtime, database: MigratedDatabase, acme: Tenant) -> dict[str, UUID]:
    """Endpoints of all kinds: what is their name has happened to each, or is under way."""
    ids = {path: add_endpoint(rt, acme.actor, f"{HOOK}/{path}")[0] for path in PATHS}
    set_lane(database, ids["lined"], ordering="endpoint")
    publish(rt, acme, 3)
    answers = {f"{HOOK}/well": ACCEPTED, f"{HOOK}/gone": GONE}
    answer_all(rt, lambda job: answers.get(job.url, REFUSED))
    database.move_clock(timedelta(days=20))
    publish(rt, acme, 1)
    answer_all(rt, lambda job: answers.get(job.url, REFUSED))
    database.move_clock(timedelta(days=31))
    # Removed at retention, and counted, of the well one.
    keep_house(replace(rt, settings=replace(rt.settings, delivery_retention_days=10)))
    edit_endpoint(rt, acme.actor, ids["paused"], Edit(fields={"state": EndpointState.PAUSED}))
    edit_endpoint(rt, acme.actor, ids["discarding"], Edit(fields={"state": EndpointState.PAUSED}))
    fields = {"state": EndpointState.ACTIVE, "backlog": Backlog.DISCARD}
    edit_endpoint(rt, acme.actor, ids["discarding"], Edit(fields=fields))
    remove_endpoint(rt, acme.actor, ids["deleted"])
    publish(rt, acme, 4)
    jobs = claim(rt)
    answered(rt, [job for job in jobs if job.endpoint_id != ids["out"]], REFUSED)
    assert {job.endpoint_id for job in jobs} > {ids["out"]}
    return ids


def verified(rt: Runtime, tenant: Tenant) -> Verified:
    """Return what is found in an organization."""
    (found,) = verify_webhooks(rt, [tenant.organization_id])
    return found


def test_nothing_is_wrong_with_endpoints_of_all_kinds_and_each_sequence_is_accounted_for(
    rt: Runtime, database: MigratedDatabase, acme: Tenant, endpoints: dict[str, UUID]
) -> None:
    found = verified(rt, acme)

    assert found.findings == []
    assert found.endpoints == len(endpoints)
    ((given_out,),) = database.rows("SELECT sum(last_sequence)::int FROM webhook_lanes")
    assert found.given_out == found.kept + found.counted == given_out
    assert found.counted > 0
    assert found.waiting > 0


def test_what_is_harmed_is_named_with_its_endpoint_and_what_to_do(
    rt: Runtime, database: MigratedDatabase, acme: Tenant
) -> None:
    ids = [add_endpoint(rt, acme.actor, f"{HOOK}/{number}")[0] for number in range(len(HARMS))]
    for endpoint_id in ids:
        set_lane(database, endpoint_id, ordering="endpoint")
    publish(rt, acme, 3)
    answer_all(rt)
    database.move_clock(timedelta(days=20))
    keep_house(replace(rt, settings=replace(rt.settings, delivery_retention_days=10)))
    publish(rt, acme, 4)
    jobs = claim(rt)
    left = next(endpoint_id for endpoint_id, (harm, _, _) in zip(ids, HARMS, strict=True) if "in_flight" in harm)
    answered(rt, [job for job in jobs if job.endpoint_id != left], REFUSED)
    assert verified(rt, acme).findings == []
    with psycopg.connect(database.superuser_url) as connection:
        for endpoint_id, (harm, _, _) in zip(ids, HARMS, strict=True):
            assert connection.execute(f"{harm} AND endpoint_id = '{endpoint_id}'".encode()).rowcount > 0, harm

    findings = {one.endpoint_id: one for one in verified(rt, acme).findings}

    assert [findings[endpoint_id].kind for endpoint_id in ids] == [named for _, named, _ in HARMS]
    for endpoint_id, (_, named, told) in zip(ids, HARMS, strict=True):
        assert told in findings[endpoint_id].detail
        assert advice(named)


def test_a_deleted_endpoint_whose_line_is_cancelled_in_pieces_is_nothing_wrong_nor_to_be_put_right(
    rt: Runtime, database: MigratedDatabase, acme: Tenant
) -> None:
    endpoint_id, _ = add_endpoint(rt, acme.actor, HOOK)
    set_lane(database, endpoint_id, ordering="endpoint")
    publish(rt, acme, 3)
    remove_endpoint(rt, acme.actor, endpoint_id)
    first = sql.SQL("UPDATE webhook_deliveries SET state = 'cancelled', finished_at = psms_now() WHERE NOT behind")
    database.run(first)

    assert verified(rt, acme).findings == []
    assert reconcile_lanes(rt) == 0


def test_what_waits_in_the_outbox_for_longer_than_a_minute_is_named(
    rt: Runtime, database: MigratedDatabase, acme: Tenant
) -> None:
    add_endpoint(rt, acme.actor, HOOK)
    file_ticket(rt, acme.actor)
    database.move_clock(timedelta(seconds=50))
    assert verified(rt, acme).findings == []

    database.move_clock(timedelta(seconds=70))

    (finding,) = verified(rt, acme).findings
    assert (finding.kind, finding.endpoint_id) == (Wrong.UNRELAYED, None)
    assert finding.detail.startswith("1 events are not fanned out, the oldest of ")


def test_the_command_ends_with_one_and_names_organization_endpoint_and_what_to_do(
    rt: Runtime, database: MigratedDatabase, acme: Tenant
) -> None:
    other = make_tenant(rt, "Other")
    spared_id, endpoint_id = (add_endpoint(rt, tenant.actor, HOOK)[0] for tenant in (acme, other))
    for tenant in (acme, other):
        publish(rt, tenant, 1)
    pile_up(database, [spared_id, endpoint_id], 4)
    environment = environment_on(database, rt.settings.home)
    well = run_psms(environment, "webhooks", "verify")
    with psycopg.connect(database.superuser_url) as connection:
        connection.execute(
            f"DELETE FROM webhook_deliveries WHERE endpoint_id = '{endpoint_id}' AND sequence = 3".encode()
        )
    harmed = run_psms(environment, "webhooks", "verify")
    spared = run_psms(environment, "webhooks", "verify", "--organization", str(acme.organization_id))
    unknown = run_psms(environment, "webhooks", "verify", "--organization", str(endpoint_id))
    report = run_psms(environment, "webhooks", "verify", "--json")

    assert (well.returncode, well.stderr, well.stdout.count("nothing wrong")) == (0, "", 2)
    assert (harmed.returncode, harmed.stdout.count("nothing wrong")) == (1, 1)
    assert f"organization {other.organization_id}: 1 endpoints, 5 sequences given out, 4 accounted for" in harmed.stdout
    assert f"  endpoint {endpoint_id}, unaccounted: 5 sequences were given out" in harmed.stdout
    assert advice(Wrong.UNACCOUNTED) in harmed.stdout
    assert (unknown.returncode, unknown.stdout) == (2, "")
    assert "there is no such organization" in unknown.stderr
    assert (spared.returncode, spared.stdout.count("\n")) == (0, 1)
    told = json.loads(report.stdout)
    assert (report.returncode, told["verified"]) == (1, False)
    assert [len(one["findings"]) for one in told["organizations"]] == [
        int(one == other.organization_id) for one in organizations(rt)
    ]
