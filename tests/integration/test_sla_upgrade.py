"""From a release whose policies had no versions: what they promised, and the clocks that run, stay word for word."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import psycopg
import pytest

from psms.db import schema
from psms.domain.pages import PageRequest
from psms.domain.sla.definitions import Target
from psms.domain.sla.policy_checks import check_policy
from psms.domain.sla.policy_documents import policy_document_of, policy_of
from psms.domain.sla.shelf import Shelf
from psms.domain.sla.terms import Metric
from psms.domain.sla_policies import EditSlaPolicy, MatchQuestion, NewSlaPolicy
from psms.domain.tickets import Priority, Status
from psms.ids import uuid7
from psms.runtime import Runtime
from tests.support.databases import MigratedDatabase
from tests.support.tenants import Tenant, file_ticket, make_tenant
from workflows.sla_matching import match
from workflows.sla_policies import add_policy, edit_policy, get_policy, list_policies
from workflows.sla_standing import sla_of_ticket
from workflows.sla_sweep import fire_due_timers
from workflows.sla_verification import verify_clocks

NOW = datetime.now(UTC)
HIGH, OTHERS, OFF = (uuid7(NOW, number) for number in (1, 2, 3))
POLICIES = [
    # id, priority, first response, resolution, active, version
    (HIGH, "high", 900, 14_400, True, 3),
    (OTHERS, None, 600, None, True, 1),
    (OFF, "low", None, 60, False, 2),
]
CLOCKS = [
    # metric, policy, its version, target, how long ago it started
    ("first_response", HIGH, 3, "15 minutes", "20 minutes"),
    ("resolution", HIGH, 3, "4 hours", "20 minutes"),
    ("first_response", HIGH, 2, "10 minutes", "1 minute"),
    ("resolution", HIGH, 2, "2 hours", "1 minute"),
    ("first_response", HIGH, 1, "5 minutes", "1 minute"),
]
_POLICIES = """
    SELECT id, priority, first_response_seconds, resolution_seconds, active, version FROM sla_policies ORDER BY id
"""
_CLOCKS = """
    SELECT id, metric, policy_id, policy_version, target, state, due_at, started_at FROM sla_clocks ORDER BY id
"""


@pytest.fixture
def former(rt: Runtime, database: MigratedDatabase) -> tuple[Tenant, list[UUID]]:
    """A database of the former release, with policies and the clocks of three tickets."""
    acme = make_tenant(rt)
    # By another process: whoever migrates starts every process anew, which then has no book at hand.
    other = replace(rt, shelf=Shelf(rt.shelf.zones))
    tickets = [file_ticket(other, acme.actor) for _ in range(3)]
    schema.downgrade(database.owner_url, "0005")
    with psycopg.connect(database.superuser_url) as connection:
        for row in POLICIES:
            connection.execute(
                "INSERT INTO sla_policies (organization_id, id, name, priority, first_response_seconds, "
                "resolution_seconds, active, version, created_at, updated_at) "
                "VALUES (%s, %s, 'P', %s, %s, %s, %s, %s, now(), now())",
                (acme.organization_id, *row),
            )
        for number, (metric, policy_id, version, target, ago) in enumerate(CLOCKS):
            clock = {"organization": acme.organization_id, "id": uuid7(NOW, 10 + number), "metric": metric}
            clock |= {"ticket": tickets[number // 2], "policy": policy_id, "version": version}
            connection.execute(
                "INSERT INTO sla_clocks (organization_id, id, ticket_id, metric, policy_id, policy_version, target, "
                "segment_started_at, state, due_at, started_at) "
                "VALUES (%(organization)s, %(id)s, %(ticket)s, %(metric)s, %(policy)s, %(version)s, "
                "%(target)s::interval, now() - %(ago)s::interval, 'running', "
                "now() - %(ago)s::interval + %(target)s::interval, now() - %(ago)s::interval)",
                {**clock, "target": target, "ago": ago},
            )
            connection.execute(
                "INSERT INTO sla_timers (organization_id, clock_id, ticket_id, next_at) "
                "SELECT organization_id, id, ticket_id, due_at FROM sla_clocks WHERE id = %(id)s",
                clock,
            )
    return acme, tickets


def test_policies_become_versions_word_for_word(
    rt: Runtime, database: MigratedDatabase, former: tuple[Tenant, list[UUID]]
) -> None:
    acme, _ = former
    schema.upgrade(database.owner_url, database.app_url)

    shown = [get_policy(rt, acme.actor, row[0]) for row in POLICIES]
    assert [
        (one.id, one.priority, one.first_response_seconds, one.resolution_seconds, one.active, one.version)
        for one in shown
    ] == POLICIES
    assert [one.definition_version for one in shown] == [3, 1, 2]
    kept = database.rows("SELECT policy_id, version, definition FROM sla_policy_versions ORDER BY 1, 2")
    assert [row[:2] for row in kept] == [(HIGH, 1), (HIGH, 2), (HIGH, 3), (OTHERS, 1), (OFF, 2)]
    for _, _, document in kept:
        definition = policy_of(document)  # type: ignore[arg-type]
        check_policy(definition)
        assert policy_document_of(definition) == document
    found = [policy_of(row[2]).targets for row in kept]  # type: ignore[arg-type]
    assert [{metric: target.seconds for metric, target in targets.items()} for targets in found[:3]] == [
        {Metric.FIRST_RESPONSE: 300},
        {Metric.FIRST_RESPONSE: 600, Metric.RESOLUTION: 7200},
        {Metric.FIRST_RESPONSE: 900, Metric.RESOLUTION: 14_400},
    ]
    assert found[2][Metric.RESOLUTION] == Target(
        seconds=14_400, pause_on=frozenset({Status.PENDING, Status.ON_HOLD}), reopen_floor_percent=0
    )


def test_policies_are_asked_in_the_order_of_the_former_release(
    rt: Runtime, database: MigratedDatabase, former: tuple[Tenant, list[UUID]]
) -> None:
    acme, _ = former
    schema.upgrade(database.owner_url, database.app_url)

    assert match(rt, acme.actor, MatchQuestion(priority=Priority.HIGH)).policy_id == HIGH
    assert match(rt, acme.actor, MatchQuestion(priority=Priority.LOW)).policy_id == OTHERS
    assert [one.position for one in list_policies(rt, acme.actor, PageRequest()).items] == [1000, 2000, 1000]


def test_clocks_that_run_are_neither_lost_nor_moved(
    rt: Runtime, database: MigratedDatabase, former: tuple[Tenant, list[UUID]]
) -> None:
    acme, tickets = former
    before = database.rows(_CLOCKS)
    schema.upgrade(database.owner_url, database.app_url)

    assert database.rows(_CLOCKS) == before
    assert fire_due_timers(rt) == 1
    late, *others = [sla_of_ticket(rt, acme.actor, ticket_id).clocks for ticket_id in tickets]
    breached = {clock.metric.value: clock.breached_at for clock in late}
    assert breached == {"first_response": before[0][6], "resolution": None}
    assert {clock.breached_at for clocks in others for clock in clocks} == {None}
    assert {segment.cause for clock in late for segment in clock.segments} == {"adopted"}
    verified = verify_clocks(rt, acme.organization_id)
    # The timers above wait for the due instant, and the levels before it come a little earlier.
    assert (verified.clocks, {one.field for one in verified.differences}) == (len(CLOCKS), {"next_at"})


def test_an_edit_goes_on_counting_where_the_former_release_stopped(
    rt: Runtime, database: MigratedDatabase, former: tuple[Tenant, list[UUID]]
) -> None:
    acme, _ = former
    schema.upgrade(database.owner_url, database.app_url)

    edited = edit_policy(rt, acme.actor, HIGH, EditSlaPolicy(name="Q", position=7))
    assert (edited.version, edited.definition_version) == (4, 3)


def test_going_back_leaves_what_the_former_release_can_say(
    rt: Runtime, database: MigratedDatabase, former: tuple[Tenant, list[UUID]]
) -> None:
    acme, _ = former
    before = database.rows(_POLICIES)
    schema.upgrade(database.owner_url, database.app_url)
    for conditions, targets in (
        ({"tags": ["vip"]}, {"resolution": {"seconds": 5}}),
        ({"priorities": ["low", "high"]}, {"resolution": {"seconds": 6}}),
        ({}, {"next_response": {"seconds": 7}}),
    ):
        command = NewSlaPolicy(name="New", conditions=conditions, targets=targets)  # type: ignore[arg-type]
        add_policy(rt, acme.actor, command, None)

    schema.downgrade(database.owner_url, "0005")

    after = database.rows(_POLICIES)
    assert after[: len(before)] == before
    assert [row[1:5] for row in after[len(before) :]] == [
        (None, None, 5, False),
        ("high", None, 6, False),
        (None, None, 315_360_000, False),
    ]
