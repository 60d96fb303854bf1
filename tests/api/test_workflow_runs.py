"""Workflow runs over the API: listed, read with their steps and signals, cancelled, tried again."""

from datetime import timedelta
from uuid import uuid4

import pytest

from psms.domain.access import Role
from psms.domain.runs import MOST_TRIES
from tests.support.played_runs import advanced, begin, effects, errand, errand_run, raising, tell, two_steps
from tests.support.tenants import file_ticket

RUNS = "/v1/workflow-runs"


def failed(rt, tenant, database, **more):
    """Return the id of a run whose step failed as often as it is tried."""
    definition = errand(ask=raising(ZeroDivisionError()))
    run_id = begin(rt, tenant, definition, "failed", **more)
    for hours in range(1, MOST_TRIES + 1):
        advanced(rt, definition)
        database.move_clock(timedelta(minutes=40 * hours))
    database.move_clock(timedelta(0))
    return run_id


def test_a_run_is_read_with_the_steps_it_took_and_the_signals_it_was_sent(client, demo, rt):
    run_id = errand_run(rt, demo)

    story = client.get(f"{RUNS}/{run_id}").json

    shown = {"id": str(run_id), "kind": "test.errand", "version": 1, "business_key": "one", "state": "waiting"}
    shown |= {"step": "listen", "steps_done": 1, "tries": 0, "ticket_id": None, "input": {}, "result": None}
    assert {name: story["run"][name] for name in shown} == shown
    (step,), (signal,) = story["steps"], story["signals"]
    assert (step["seq"], step["name"], step["state"], step["tries"], step["error"]) == (1, "ask", "done", 1, None)
    assert step["result"] == {"next": "listen", "until": None}
    assert (signal["name"], signal["payload"], signal["consumed_by"]) == ("hello", {"by": "somebody"}, None)


def test_runs_are_listed_newest_first_by_kind_state_and_ticket(client, demo, rt):
    tickets = [str(file_ticket(rt, demo.actor)) for _ in range(3)]
    runs = [str(begin(rt, demo, two_steps(), ticket_id, ticket_id=ticket_id)) for ticket_id in tickets]
    client.post(f"{RUNS}/{runs[0]}/cancel", json={"reason": "Not needed"})

    def listed(query=""):
        page = client.get(f"{RUNS}?{query}").json
        return [run["id"] for run in page["items"]], page["next_cursor"]

    first, cursor = listed("limit=2")
    assert (first, listed(f"limit=2&cursor={cursor}")) == (runs[:0:-1], (runs[:1], None))
    assert listed("state=cancelled&kind=test.errand")[0] == runs[:1]
    assert listed(f"ticket_id={tickets[1]}")[0] == [runs[1]]
    assert listed("kind=unheard.of")[0] == listed(f"ticket_id={uuid4()}")[0] == []
    refused = client.get(f"{RUNS}?state=asleep")
    assert (refused.status_code, refused.json["errors"][0]["field"]) == (422, "state")


def test_people_see_the_runs_of_the_tickets_that_they_see(client, as_role, demo, rt):
    team = client.post("/v1/teams", json={"name": "Others"}).json["id"]
    hidden = client.post("/v1/tickets", json={"subject": "Theirs", "team_id": team}).json["id"]
    open_to_all = str(file_ticket(rt, demo.actor))
    of_hidden, of_open, of_none = (
        str(begin(rt, demo, two_steps(), str(ticket), ticket_id=ticket)) for ticket in (hidden, open_to_all, None)
    )
    agent, auditor = as_role(Role.AGENT), as_role(Role.AUDITOR)

    assert [run["id"] for run in agent.get(RUNS).json["items"]] == [of_open]
    assert [run["id"] for run in auditor.get(RUNS).json["items"]] == [of_none, of_open, of_hidden]
    assert [agent.get(f"{RUNS}/{run}").status_code for run in (of_hidden, of_none, of_open)] == [404, 404, 200]
    assert agent.post(f"{RUNS}/{of_open}/cancel", json={"reason": "x"}).status_code == 403


def test_a_cancelled_run_does_nothing_more_and_is_cancelled_once(client, demo, rt, database):
    run_id = begin(rt, demo, two_steps())

    cancelled = client.post(f"{RUNS}/{run_id}/cancel", json={"reason": "Not needed"})
    again = client.post(f"{RUNS}/{run_id}/cancel", json={"reason": "Once more"})
    tell(rt, demo, run_id, "too late", "1")

    told = {name: cancelled.json[name] for name in ("state", "reason", "due_at")}
    assert (cancelled.status_code, told) == (200, {"state": "cancelled", "reason": "Not needed", "due_at": None})
    assert (again.status_code, again.json["code"], again.json["state"]) == (409, "run_is_over", "cancelled")
    assert (advanced(rt, two_steps()), effects(database), database.count("workflow_signals")) == (0, [], 0)
    entries = "SELECT after FROM logs WHERE action = 'run.cancelled'"
    assert database.rows(entries) == [({"reason": "Not needed"},)]


@pytest.mark.parametrize("body", [{}, {"reason": ""}, {"reason": "  "}, {"reason": "x" * 501}, {"reason": 1}])
def test_a_run_is_not_cancelled_without_a_reason(client, demo, rt, snapshot, body):
    run_id = begin(rt, demo, two_steps())
    before = snapshot()

    refused = client.post(f"{RUNS}/{run_id}/cancel", json=body)

    assert (refused.status_code, refused.json["errors"][0]["field"]) == (422, "reason")
    assert snapshot() == before


def test_a_run_that_failed_is_tried_again_and_no_other(client, demo, rt, database):
    run_id = failed(rt, demo, database)
    ended = client.get(f"{RUNS}/{run_id}").json
    assert (ended["run"]["state"], ended["run"]["error"]) == ("failed", "ZeroDivisionError")
    assert [(one["state"], one["tries"]) for one in ended["steps"]] == [("failed", MOST_TRIES)]

    retried = client.post(f"{RUNS}/{run_id}/retry", json={})
    again = client.post(f"{RUNS}/{run_id}/retry", json={})

    assert (retried.status_code, retried.json["state"], retried.json["tries"]) == (200, "waiting", 0)
    assert (again.status_code, again.json["code"]) == (409, "run_not_failed")
    assert advanced(rt, two_steps()) == 2
    assert client.get(f"{RUNS}/{run_id}").json["run"]["state"] == "finished"
    assert effects(database) == ["asked 1", "answered 1"]
