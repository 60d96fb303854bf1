"""Tickets on PostgreSQL: one commit holds all that belongs together, and races have one winner."""

import json
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from uuid import UUID

import pytest
from sqlalchemy import text

from psms.domain.access import Role
from psms.domain.answers import OnceKey
from psms.domain.lifecycle import Action
from psms.domain.tickets import (
    EditTicket,
    Level,
    OpenTicket,
    Priority,
    Status,
)
from psms.errors import (
    ActionNotAllowed,
    FieldError,
    IdempotencyKeyReused,
    NotFound,
    RequestInProgress,
    VersionStale,
)
from psms.guard import TransactionOpenError
from psms.runtime import Runtime
from tests.support.databases import MigratedDatabase
from tests.support.tenants import Tenant, add_caller, file_ticket, make_tenant
from workflows import tickets

TABLES = ("tickets", "logs", "events", "outbox", "idempotency_keys", "comments")


def counts(database: MigratedDatabase) -> dict[str, int]:
    """Return how many rows each table of a ticket has."""
    return {table: database.count(table) for table in TABLES}


def test_ticket_log_event_and_outbox_row_are_committed_together(
    rt: Runtime, acme: Tenant, database: MigratedDatabase
) -> None:
    before = counts(database)
    ticket_id = file_ticket(rt, acme.actor)
    after = counts(database)

    added = {table: after[table] - before[table] for table in TABLES}
    assert added == {"tickets": 1, "logs": 1, "events": 1, "outbox": 1, "idempotency_keys": 0, "comments": 0}
    entry = database.rows(
        "SELECT action, outcome, actor_id, client_id, request_id, after->>'subject' FROM logs WHERE target_id = %s",
        ticket_id,
    )
    who = (acme.actor.user_id, acme.actor.client_id, "test-request")
    assert entry == [("ticket.created", "done", *who, "Printer on fire")]


def test_what_is_refused_leaves_nothing_behind(rt: Runtime, acme: Tenant, database: MigratedDatabase) -> None:
    before = counts(database)
    once = OnceKey(key="key", fingerprint=b"print")
    nobody = OpenTicket(subject="x", assignee_id=UUID(int=7))

    with pytest.raises(FieldError, match="assignee_id: there is nothing with this id in your organization"):
        tickets.open_ticket(rt, acme.actor, nobody, once)

    assert counts(database) == before
    assert tickets.open_ticket(rt, acme.actor, OpenTicket(subject="y"), once).replayed is False


def test_numbers_have_no_gap_and_no_double_under_concurrency(
    rt: Runtime, acme: Tenant, database: MigratedDatabase
) -> None:
    stranger = make_tenant(rt, "Stranger")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: file_ticket(rt, (acme, stranger)[n % 2].actor), range(60)))

    for tenant in (acme, stranger):
        numbers = database.rows(
            "SELECT number FROM tickets WHERE organization_id = %s ORDER BY number", tenant.organization_id
        )
        assert numbers == [(n,) for n in range(1, 31)]


def test_twelve_requests_with_one_key_create_one_ticket(rt: Runtime, acme: Tenant, database: MigratedDatabase) -> None:
    once = OnceKey(key="same", fingerprint=b"print")
    barrier = Barrier(12)

    def request(_: int) -> str:
        barrier.wait()
        try:
            return "replayed" if tickets.open_ticket(rt, acme.actor, OpenTicket(subject="x"), once).replayed else "made"
        except RequestInProgress:
            return "in progress"

    with ThreadPoolExecutor(12) as pool:
        outcomes = list(pool.map(request, range(12)))

    assert outcomes.count("made") == 1
    assert set(outcomes) <= {"made", "replayed", "in progress"}
    assert (database.count("tickets"), database.count("events")) == (1, 1)


def test_a_repeated_request_gets_the_stored_answer_even_after_a_change(rt: Runtime, acme: Tenant) -> None:
    once = OnceKey(key="key", fingerprint=b"print")
    first = tickets.open_ticket(rt, acme.actor, OpenTicket(subject="x"), once)
    ticket_id = UUID(json.loads(first.body)["id"])
    tickets.edit_ticket(rt, acme.actor, ticket_id, EditTicket(fields={"subject": "changed"}))

    again = tickets.open_ticket(rt, acme.actor, OpenTicket(subject="x"), once)

    assert again.replayed
    assert (again.body, again.location, again.version) == (first.body, first.location, first.version)


def test_a_key_belongs_to_its_client(rt: Runtime, acme: Tenant, database: MigratedDatabase) -> None:
    other = add_caller(rt, acme.organization_id, Role.AGENT)
    once = OnceKey(key="key", fingerprint=b"print")
    for caller in (acme, other):
        assert not tickets.open_ticket(rt, caller.actor, OpenTicket(subject="x"), once).replayed
    assert database.count("tickets") == 2


def test_a_key_with_another_request_is_refused(rt: Runtime, acme: Tenant, database: MigratedDatabase) -> None:
    tickets.open_ticket(rt, acme.actor, OpenTicket(subject="x"), OnceKey(key="k", fingerprint=b"one"))
    before = counts(database)

    with pytest.raises(IdempotencyKeyReused):
        tickets.open_ticket(rt, acme.actor, OpenTicket(subject="y"), OnceKey(key="k", fingerprint=b"two"))

    assert counts(database) == before


def test_an_edit_counts_one_version_and_tells_what_changed(
    rt: Runtime, acme: Tenant, database: MigratedDatabase
) -> None:
    ticket_id = file_ticket(rt, acme.actor)
    wanted = {"impact": Level.HIGH, "assignee_id": acme.actor.user_id}

    after = tickets.edit_ticket(rt, acme.actor, ticket_id, EditTicket(fields=wanted, if_version=1))

    events = database.rows("SELECT type, sequence, body FROM events WHERE sequence > 1 ORDER BY sequence")
    told = [(kind, sequence, json.loads(bytes(body))["data"]) for kind, sequence, body in events]  # type: ignore[call-overload]
    assert (after.version, after.priority) == (2, Priority.HIGH)
    assert [(kind, sequence) for kind, sequence, _ in told] == [("ticket.updated", 2), ("ticket.assigned", 3)]
    assert told[0][2]["changes"] == {
        "impact": {"before": "medium", "after": "high"},
        "priority": {"before": "medium", "after": "high"},
    }
    assert told[1][2]["changes"] == {"assignee_id": {"before": None, "after": str(acme.actor.user_id)}}
    assert all(data["ticket"]["version"] == 2 for _, _, data in told)


def test_an_edit_that_changes_nothing_writes_nothing(rt: Runtime, acme: Tenant, database: MigratedDatabase) -> None:
    ticket_id = file_ticket(rt, acme.actor)
    before = counts(database)

    after = tickets.edit_ticket(rt, acme.actor, ticket_id, EditTicket(fields={"subject": "Printer on fire"}))

    assert after.version == 1
    assert counts(database) == before


def test_of_two_edits_of_the_same_version_one_wins(rt: Runtime, acme: Tenant) -> None:
    ticket_id = file_ticket(rt, acme.actor)
    barrier = Barrier(2)

    def edit(subject: str) -> str:
        barrier.wait()
        try:
            return tickets.edit_ticket(
                rt, acme.actor, ticket_id, EditTicket(fields={"subject": subject}, if_version=1)
            ).subject
        except VersionStale:
            return "stale"

    with ThreadPoolExecutor(2) as pool:
        outcomes = sorted(pool.map(edit, ("first", "second")))

    assert outcomes[1] == "stale" or outcomes[0] == "stale"
    won = next(outcome for outcome in outcomes if outcome != "stale")
    assert tickets.get_ticket(rt, acme.actor, ticket_id).subject == won


def test_a_life_from_open_to_closed(rt: Runtime, acme: Tenant) -> None:
    ticket_id = file_ticket(rt, acme.actor)
    for action, status in (("open", Status.OPEN), ("hold", Status.ON_HOLD), ("resolve", Status.RESOLVED)):
        assert tickets.transition(rt, acme.actor, ticket_id, Action(action), None).status is status
    reopened = tickets.transition(rt, acme.actor, ticket_id, Action.REOPEN, None)
    resolved = tickets.transition(rt, acme.actor, ticket_id, Action.RESOLVE, None)
    closed = tickets.transition(rt, acme.actor, ticket_id, Action.CLOSE, None)

    assert (reopened.resolved_at, reopened.closed_at) == (None, None)
    assert closed.resolved_at == resolved.resolved_at == resolved.updated_at
    assert closed.closed_at == closed.updated_at


def test_an_illegal_transition_changes_nothing(rt: Runtime, acme: Tenant, database: MigratedDatabase) -> None:
    ticket_id = file_ticket(rt, acme.actor)
    before = (counts(database), tickets.get_ticket(rt, acme.actor, ticket_id))

    with pytest.raises(ActionNotAllowed):
        tickets.transition(rt, acme.actor, ticket_id, Action.CLOSE, None)

    assert (counts(database), tickets.get_ticket(rt, acme.actor, ticket_id)) == before


def test_a_transaction_inside_a_transaction_is_a_mistake(rt: Runtime, acme: Tenant) -> None:
    with rt.db.begin(acme.organization_id) as session:
        assert session.execute(text("SELECT 1")).scalar_one() == 1
        with pytest.raises(TransactionOpenError):
            file_ticket(rt, acme.actor)


def test_an_exception_takes_everything_back(rt: Runtime, acme: Tenant, database: MigratedDatabase) -> None:
    before = database.count("services")
    insert = text(
        "INSERT INTO services (organization_id, id, name, created_at, updated_at)"
        " VALUES (:organization, gen_random_uuid(), 'x', now(), now())"
    )

    def insert_and_fail() -> None:
        with rt.db.begin(acme.organization_id) as session:
            session.execute(insert, {"organization": acme.organization_id})
            assert session.execute(text("SELECT count(*) FROM services WHERE name = 'x'")).scalar_one() == 1
            raise NotFound

    with pytest.raises(NotFound):
        insert_and_fail()

    assert database.count("services") == before
