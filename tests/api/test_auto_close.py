"""Resolved tickets close by themselves, and what the customer's side writes meanwhile reopens them."""

from datetime import datetime, timedelta

import pytest
from psycopg import sql

from psms.domain.access import Role
from workflows.run_drain import advance_runs

DAY = 86_400
LASTING = sql.SQL("UPDATE oauth_tokens SET expires_at = 'infinity'")
ACTIONS = "SELECT action, actor_id FROM logs WHERE target_id = %s ORDER BY at, id"
EVENTS = "SELECT type, sequence FROM events WHERE ticket_id = %s ORDER BY sequence"


def closing_after(client, seconds):
    """Set after which time tickets close, and return the answer."""
    organization = client.get("/v1/organizations").json["items"][0]["id"]
    return client.patch(f"/v1/organizations/{organization}", json={"auto_close_after_seconds": seconds})


def moved(client, ticket_id, action):
    answer = client.post(f"/v1/tickets/{ticket_id}/transitions", json={"action": action})
    assert answer.status_code == 200, answer.text
    return answer.json


def resolved(client, caller=None):
    """File a ticket as *caller*, resolve it, and return it."""
    ticket = (caller or client).post("/v1/tickets", json={"subject": "Printer on fire"}).json
    return moved(client, ticket["id"], "resolve")


def status(client, ticket):
    return client.get(f"/v1/tickets/{ticket['id']}").json["status"]


def runs(client, ticket):
    return client.get(f"/v1/workflow-runs?ticket_id={ticket['id']}").json["items"]


def after(database, rt, seconds):
    """Let time pass, have the drain look, and return how many steps it did."""
    database.run(LASTING)
    database.move_clock(timedelta(seconds=seconds))
    return advance_runs(rt)


def test_a_resolved_ticket_closes_by_itself_after_seven_days_as_a_person_would_close_it(client, rt, demo, database):
    ticket = resolved(client)
    by_hand = resolved(client)
    (run,) = runs(client, ticket)
    due_at = datetime.fromisoformat(run["due_at"])
    assert due_at - datetime.fromisoformat(ticket["resolved_at"]) == timedelta(days=7)

    assert after(database, rt, 7 * DAY - 30) == 0
    moved(client, by_hand["id"], "close")
    assert status(client, ticket) == "resolved"
    assert after(database, rt, 7 * DAY + 30) == 1

    assert status(client, ticket) == "closed"
    ((closed,), (cancelled,)) = runs(client, ticket), runs(client, by_hand)
    assert (closed["state"], closed["result"]) == ("finished", {"closed": True})
    assert (cancelled["state"], cancelled["reason"]) == ("cancelled", "The ticket is closed.")
    # PSMS itself did it; otherwise it is told as it is of the other ticket.
    events = [database.rows(EVENTS, one["id"]) for one in (ticket, by_hand)]
    assert events[0] == events[1]
    assert [kind for kind, _ in events[0][-2:]] == ["ticket.status_changed", "ticket.closed"]
    user = demo.actor.user_id
    assert database.rows(ACTIONS, ticket["id"])[-1] == ("ticket.status_changed", None)
    assert database.rows(ACTIONS, by_hand["id"])[-1] == ("ticket.status_changed", user)


def test_a_reopened_ticket_waits_anew_once_it_is_resolved_again(client, rt, database):
    ticket = resolved(client)
    moved(client, ticket["id"], "reopen")
    assert after(database, rt, 8 * DAY) == 0
    moved(client, ticket["id"], "resolve")

    assert after(database, rt, 14 * DAY) == 0
    assert [run["state"] for run in runs(client, ticket)] == ["waiting", "cancelled"]
    assert after(database, rt, 16 * DAY) == 1
    assert status(client, ticket) == "closed"


def test_the_time_is_the_organizations_to_set_and_null_is_never(client, rt, database):
    assert closing_after(client, 2 * DAY).json["auto_close_after_seconds"] == 2 * DAY
    early, late = resolved(client), resolved(client)
    moved(client, early["id"], "reopen")
    assert closing_after(client, 4 * DAY).status_code == 200
    # More time holds for those that wait already.
    assert after(database, rt, 3 * DAY) == 1
    assert status(client, late) == "resolved"
    assert after(database, rt, 5 * DAY) == 1
    assert status(client, late) == "closed"

    moved(client, early["id"], "resolve")
    assert closing_after(client, None).json["auto_close_after_seconds"] is None
    never = resolved(client)
    assert after(database, rt, 400 * DAY) == 1
    assert (status(client, early), status(client, never), runs(client, never)) == ("resolved", "resolved", [])
    assert runs(client, early)[0]["result"] == {"closed": False, "because": "switched off"}


@pytest.mark.parametrize("seconds", [0, -1, 59, 365 * DAY + 1, 1.5, "60", True, []])
def test_a_time_out_of_range_is_refused(client, snapshot, seconds):
    before = snapshot()

    refused = closing_after(client, seconds)

    assert (refused.status_code, refused.json["errors"][0]["field"]) == (422, "auto_close_after_seconds")
    assert snapshot() == before


def test_what_the_customer_writes_reopens_a_resolved_ticket_and_what_the_desk_writes_does_not(
    client, as_role, rt, database
):
    customer, agent = as_role(Role.REQUESTER), as_role(Role.AGENT)
    ticket = resolved(client, customer)
    comments = f"/v1/tickets/{ticket['id']}/comments"
    agent.post(comments, json={"body": "Glad it works"})
    agent.post(comments, json={"body": "Between us", "visibility": "internal"})
    assert status(client, ticket) == "resolved"

    written = customer.post(comments, json={"body": "It does not"}, headers={"Idempotency-Key": "one"})
    again = customer.post(comments, json={"body": "It does not"}, headers={"Idempotency-Key": "one"})

    assert (written.status_code, again.status_code, again.json) == (201, 201, written.json)
    reopened = client.get(f"/v1/tickets/{ticket['id']}").json
    assert (reopened["status"], reopened["resolved_at"]) == ("open", None)
    assert reopened["version"] == ticket["version"] + 1
    # 1 filed, 2 and 3 resolved, 4 and 5 the desk's.
    assert database.rows(EVENTS, ticket["id"])[5:] == [("ticket.commented", 6), ("ticket.status_changed", 7)]
    assert [run["state"] for run in runs(client, ticket)] == ["cancelled"]
    assert after(database, rt, 8 * DAY) == 0


def test_a_closed_ticket_takes_a_comment_and_stays_closed(client, as_role):
    customer = as_role(Role.REQUESTER)
    ticket = resolved(client, customer)
    moved(client, ticket["id"], "close")

    assert customer.post(f"/v1/tickets/{ticket['id']}/comments", json={"body": "Thanks"}).status_code == 201
    assert status(client, ticket) == "closed"


def test_the_clocks_of_a_ticket_that_a_customer_reopens_go_on_and_they_wait_for_an_answer(client, as_role):
    targets = {metric: {"seconds": 10 * DAY} for metric in ("first_response", "next_response", "resolution")}
    assert client.post("/v1/sla-policies", json={"name": "All", "targets": targets}).status_code == 201
    customer = as_role(Role.REQUESTER)
    unanswered, answered = (customer.post("/v1/tickets", json={"subject": "x"}).json for _ in range(2))
    client.post(f"/v1/tickets/{answered['id']}/comments", json={"body": "We look into it"})
    for ticket in (unanswered, answered):
        moved(client, ticket["id"], "resolve")
        customer.post(f"/v1/tickets/{ticket['id']}/comments", json={"body": "No, it does not work"})

    def clocks(ticket):
        shown = client.get(f"/v1/tickets/{ticket['id']}/sla").json["clocks"]
        return {clock["metric"]: clock["state"] for clock in shown}

    assert clocks(unanswered) == {"first_response": "running", "resolution": "running"}
    assert clocks(answered) == {"first_response": "met", "next_response": "running", "resolution": "running"}


def test_a_deleted_ticket_is_not_closed_until_it_is_restored(client, rt, database):
    ticket = resolved(client)
    database.run(sql.SQL("UPDATE tickets SET deleted_at = now()"))
    events = database.rows(EVENTS, ticket["id"])

    assert after(database, rt, 7 * DAY + 1) == 1
    assert database.rows(EVENTS, ticket["id"]) == events

    database.run(sql.SQL("UPDATE tickets SET deleted_at = NULL"))
    assert after(database, rt, 8 * DAY) == 0
    assert after(database, rt, 8 * DAY + 60) == 1
    assert status(client, ticket) == "closed"
