"""Automations under trouble: drains at once, what fails again and again, and tickets that are gone."""

from concurrent.futures import ThreadPoolExecutor

from psycopg import sql

from psms.domain.automations.views import Result
from psms.domain.tickets import NewComment
from psms.runtime import Runtime
from tests.support.databases import MigratedDatabase
from tests.support.rules import RUNS, firings, settle, tag, write_rule
from tests.support.tenants import Tenant, file_ticket
from workflows import tickets, work
from workflows.automation_runs import TRIES, run_automations
from workflows.comments import add_comment
from workflows.relay import relay_outbox


def test_two_drains_at_once_apply_each_rule_to_each_event_once(
    rt: Runtime, acme: Tenant, database: MigratedDatabase
) -> None:
    for name in ("A", "B"):
        write_rule(rt, acme, "ticket.created", {"type": "comment", "visibility": "internal", "body": name}, name=name)
    filed = [file_ticket(rt, acme.actor) for _ in range(12)]
    relay_outbox(rt)

    with ThreadPoolExecutor(2) as pool:
        done = sum(pool.map(lambda _: run_automations(rt), range(2)))
    done += run_automations(rt)

    assert done == len(filed)
    assert database.rows("SELECT count(*), count(DISTINCT ticket_id) FROM comments") == [(24, 12)]
    assert database.rows("SELECT count(*) FROM automation_firings") == [(24,)]


def test_an_event_that_cannot_be_applied_is_given_up_listed_and_tried_again(
    rt: Runtime, acme: Tenant, database: MigratedDatabase
) -> None:
    write_rule(rt, acme, "ticket.created", tag("x"))
    kept = database.rows("SELECT definition::text FROM automation_versions")[0][0]
    break_rule = "UPDATE automation_versions SET definition = definition - 'actions' RETURNING version"
    assert database.rows(break_rule) == [(1,)]
    ticket_id = file_ticket(rt, acme.actor)
    relay_outbox(rt)
    for number in range(1, TRIES + 1):
        assert run_automations(rt) == 0
        assert database.rows("SELECT failures FROM automation_runs") == [(number,)]
        database.rows("UPDATE automation_runs SET next_attempt_at = psms_now() RETURNING state")

    (item,) = work.dead_work(rt, 10)
    assert (item.kind, item.state, item.reason, item.attempts) == ("automation", "dead", "KeyError", TRIES)
    assert run_automations(rt) == 0
    database.rows("UPDATE automation_versions SET definition = %s::jsonb RETURNING version", kept)
    assert work.retry_work(rt, [item.id]) == 1
    assert run_automations(rt) == 1
    assert tickets.get_ticket(rt, acme.actor, ticket_id).tags == ["x"]
    assert (database.rows(RUNS), work.dead_work(rt, 10)) == ([], [])


def test_one_ticket_that_fails_holds_back_its_own_later_events_alone(
    rt: Runtime, acme: Tenant, database: MigratedDatabase
) -> None:
    write_rule(rt, acme, "ticket.commented", {"type": "add_tags", "tags": ["x"]}, comment="public")
    poor, other = file_ticket(rt, acme.actor), file_ticket(rt, acme.actor)
    for ticket_id in (poor, poor, other):
        add_comment(rt, acme.actor, ticket_id, NewComment(body="Hello"), None)
    relay_outbox(rt)
    first = database.rows("SELECT event_id FROM automation_runs ORDER BY position LIMIT 1")[0][0]
    later = (
        "UPDATE automation_runs SET next_attempt_at = psms_now() + interval '1 hour' WHERE event_id = %s RETURNING 1"
    )
    database.rows(later, first)

    assert run_automations(rt) == 1

    assert [len(firings(rt, acme, one)) for one in (poor, other)] == [0, 1]


def test_a_ticket_that_is_deleted_meanwhile_is_left_alone(
    rt: Runtime, acme: Tenant, database: MigratedDatabase
) -> None:
    write_rule(rt, acme, "ticket.created", tag("x"))
    file_ticket(rt, acme.actor)
    relay_outbox(rt)
    database.rows("UPDATE tickets SET deleted_at = psms_now() RETURNING id")

    assert run_automations(rt) == 1

    assert database.rows(RUNS) == []
    assert database.rows("SELECT tags, version FROM tickets") == [([], 1)]
    assert database.rows("SELECT count(*) FROM automation_firings") == [(0,)]


def test_an_event_that_came_twice_all_the_same_has_its_effect_once(
    rt: Runtime, acme: Tenant, database: MigratedDatabase
) -> None:
    write_rule(rt, acme, "ticket.created", {"type": "comment", "visibility": "internal", "body": "Seen"})
    file_ticket(rt, acme.actor)
    relay_outbox(rt)
    again = """INSERT INTO automation_runs (organization_id, event_id, event_type, ticket_id, depth, occurred_at,
            next_attempt_at, created_at)
        SELECT organization_id, event_id, event_type, ticket_id, 0, at, at, at FROM automation_firings
        RETURNING depth"""
    assert run_automations(rt) == 1
    assert database.rows(again) == [(0,)]

    assert run_automations(rt) == 0

    assert database.rows("SELECT failures, error FROM automation_runs") == [(1, "UniqueViolation")]
    assert database.rows("SELECT count(*) FROM comments") == [(1,)]
    assert database.rows("SELECT version, sequence FROM tickets") == [(1, 2)]


def test_an_action_that_the_database_refuses_leaves_nothing_of_itself_behind(
    rt: Runtime, acme: Tenant, database: MigratedDatabase
) -> None:
    # Refused after the ticket is written, by the key of the event's row: as a reference that is gone would be.
    database.run(
        sql.SQL("""CREATE FUNCTION refuse_events() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            IF NEW.event_type = 'ticket.assigned' THEN
                RAISE foreign_key_violation USING CONSTRAINT = 'outbox_organization_id_event_id_fkey';
            END IF; RETURN NEW; END $$""")
    )
    database.run(
        sql.SQL("CREATE TRIGGER refused BEFORE INSERT ON outbox FOR EACH ROW EXECUTE FUNCTION refuse_events()")
    )
    write_rule(rt, acme, "ticket.created", {"type": "assign", "user_id": str(acme.actor.user_id)}, tag("x"))
    ticket_id = file_ticket(rt, acme.actor)

    settle(rt)

    (firing,) = firings(rt, acme, ticket_id)
    assert [one.result for one in firing.actions] == [Result.FAILED, Result.DONE]
    ticket = tickets.get_ticket(rt, acme.actor, ticket_id)
    assert (ticket.assignee_id, ticket.tags, ticket.version) == (None, ["x"], 2)
    assert database.rows("SELECT type FROM events ORDER BY id") == [("ticket.created",), ("ticket.updated",)]
