"""What depends on the ticket and not on the role alone, and what must hold of every request, whoever makes it."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from psycopg import sql
from sqlalchemy import text

from api.app import create_app
from psms.db.session import Database
from psms.domain.access import Role
from tests.api.conftest import ApiClient
from tests.support.tenants import make_tenant

# As a full disk would, in the middle of a transaction.
_REFUSING = """CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql
    AS $$ BEGIN RAISE EXCEPTION 'no room' USING ERRCODE = '53100'; END $$;
    CREATE TRIGGER refuse BEFORE INSERT ON comments FOR EACH ROW EXECUTE FUNCTION refuse()"""


@pytest.fixture
def own(as_role):
    """A requester, and the address of a new ticket of theirs."""
    requester = as_role(Role.REQUESTER)
    return requester, requester.post("/v1/tickets", json={"subject": "own"}).headers["Location"]


def denials(client):
    entries = client.get("/v1/logs").json["items"]
    return [(entry["action"], entry["request_id"]) for entry in entries if entry["outcome"] == "denied"]


def test_a_requester_edits_while_the_ticket_is_new(client, own, snapshot):
    requester, path = own
    assert requester.patch(path, json={"subject": "better", "description": "more"}).json["subject"] == "better"
    client.post(f"{path}/transitions", json={"action": "open"})
    before = snapshot()

    refused = requester.patch(path, json={"subject": "too late"})

    after = snapshot()
    assert (refused.status_code, refused.json["code"]) == (403, "not_allowed")
    assert "while it is new" in refused.json["detail"]
    assert {table for table in before if before[table] != after[table]} == {"logs"}
    assert client.get(path).json["subject"] == "better"


def test_a_requester_closes_and_reopens_what_is_resolved(client, own):
    requester, path = own
    steps = f"{path}/transitions"

    assert [requester.post(steps, json={"action": action}).status_code for action in ("resolve", "cancel", "open")] == [
        403
    ] * 3
    assert requester.post(steps, json={"action": "close"}).status_code == 409
    client.post(steps, json={"action": "resolve"})
    assert requester.post(steps, json={"action": "reopen"}).json["status"] == "open"
    client.post(steps, json={"action": "resolve"})
    assert requester.post(steps, json={"action": "close"}).json["status"] == "closed"


def test_what_a_requester_does_not_see_is_404_even_where_they_could_not_do_it(client, own):
    requester, _ = own
    theirs = client.post("/v1/tickets", json={"subject": "theirs"}).headers["Location"]

    assert requester.patch(theirs, json={"subject": "mine"}).status_code == 404
    assert requester.post(f"{theirs}/transitions", json={"action": "resolve"}).status_code == 404


@pytest.mark.parametrize(
    "case",
    [
        # By the guard, by the workflow before it looks, and by the workflow under the row's lock.
        (Role.AUDITOR, "/v1/tickets", {"subject": "x"}, "ticket.create"),
        (Role.REQUESTER, "{own}/comments", {"body": "x", "visibility": "internal"}, "comment.internal.create"),
        (Role.REQUESTER, "{own}/transitions", {"action": "resolve"}, "ticket.transition"),
        (Role.MANAGER, "/v1/users", {"email": "a@b.example", "name": "A", "role": "admin"}, "role.assign"),
    ],
)
def test_a_denial_is_written_down_once(client, own, as_role, case):
    role, path, body, action = case
    requester, address = own
    caller = requester if role is Role.REQUESTER else as_role(role)

    answer = caller.post(path.format(own=address), json=body, headers={"X-Request-ID": "the-one"})

    assert answer.status_code == 403
    assert denials(client) == [(action, "the-one")]


def test_a16_a_route_that_says_no_permission_is_shut_for_an_admin_with_every_scope(rt, demo):
    app = create_app(rt)
    app.add_url_rule("/v1/forgotten", "forgotten", lambda: "open to the world")

    answer = app.test_client().get("/v1/forgotten", headers={"Authorization": f"Bearer {demo.token}"})

    assert (answer.status_code, json.loads(answer.data)["code"]) == (403, "not_allowed")


def test_a18_nothing_of_one_organization_stays_on_the_connection_for_the_next(rt, database):
    one = Database(database.app_url, pool_size=1)
    tenants = [make_tenant(rt, name) for name in "AB"]
    app = create_app(replace(rt, db=one))
    first, second = (ApiClient(app.test_client(), tenant.token) for tenant in tenants)
    backends = set()
    for _ in range(3):
        for caller, subject in ((first, "of A"), (second, "of B")):
            assert caller.post("/v1/tickets", json={"subject": subject}).status_code == 201
            assert {ticket["subject"] for ticket in caller.get("/v1/tickets").json["items"]} == {subject}
            backends.add(one.ask(lambda connection: connection.execute(text("SELECT pg_backend_pid()")).scalar_one()))
    with one.begin(tenants[1].organization_id) as session:
        backends.add(session.execute(text("SELECT pg_backend_pid()")).scalar_one())
        seen = set(session.execute(text("SELECT organization_id FROM tickets")).scalars())
    outside = one.ask(lambda connection: connection.execute(text("SELECT count(*) FROM tickets")).scalar_one())
    one.close()

    assert len(backends) == 1
    assert seen == {tenants[1].organization_id}
    assert outside == 0


def test_a18_nor_after_a_request_that_failed_halfway(rt, database):
    one = Database(database.app_url, pool_size=1)
    tenants = [make_tenant(rt, name) for name in "AB"]
    app = create_app(replace(rt, db=one))
    first, second = (ApiClient(app.test_client(), tenant.token) for tenant in tenants)
    path = first.post("/v1/tickets", json={"subject": "of A"}).headers["Location"]
    raw = text("SELECT pg_backend_pid(), current_setting('psms.organization_id', true), (SELECT count(*) FROM tickets)")
    database.run(sql.SQL(_REFUSING))
    failing = [
        (422, lambda: first.post("/v1/tickets", json={"subject": "x", "service_id": str(tenants[0].client.id)})),
        (409, lambda: first.post(f"{path}/transitions", json={"action": "reopen"})),
        (412, lambda: first.patch(path, json={"subject": "y"}, headers={"If-Match": '"7"'})),
        (503, lambda: first.post(f"{path}/comments", json={"body": "x"})),
    ]
    found = []
    for status, call in failing:
        assert call().status_code == status
        found.append(tuple(one.ask(lambda connection: connection.execute(raw).one())))
        assert second.get("/v1/tickets").json["items"] == []
        assert second.get(path).status_code == 404
    one.close()

    assert {row[1:] for row in found} == {("", 0)}
    # Whatever fails, the connection is the same: what was on it would still be there.
    assert len({row[0] for row in found}) == 1


def test_a15_a_token_is_good_until_it_says_and_no_longer(http, demo, client, database):
    credentials = {"client_id": demo.client.client_id, "client_secret": demo.client_secret}
    issued = http.post("/oauth/token", data={"grant_type": "client_credentials", **credentials}).json
    caller = ApiClient(http, issued["access_token"])

    database.move_clock(timedelta(seconds=issued["expires_in"] - 30))
    assert caller.get("/v1/tickets").status_code == 200
    database.move_clock(timedelta(seconds=issued["expires_in"]))

    for method, path in (("GET", "/v1/tickets"), ("POST", "/v1/tickets"), ("GET", "/v1/logs")):
        answer = caller.call(method, path, json={"subject": "x"} if method == "POST" else None)
        assert (answer.status_code, answer.json["code"]) == (401, "not_authenticated")
    assert database.count("tickets") == 0


def test_a63_a_revoked_token_is_refused_with_the_next_request(http, demo, client):
    assert client.get("/v1/tickets").status_code == 200
    credentials = {"client_id": demo.client.client_id, "client_secret": demo.client_secret}

    http.post("/oauth/revoke", data={"token": demo.token, **credentials})

    for method, path in (("GET", "/v1/tickets"), ("POST", "/v1/tickets"), ("GET", "/v1/logs")):
        answer = client.call(method, path, json={"subject": "x"} if method == "POST" else None)
        assert (answer.status_code, answer.json["code"]) == (401, "not_authenticated")


def test_a63_a_role_that_is_taken_away_is_gone_with_the_next_request(client, as_role):
    manager = as_role(Role.MANAGER)
    (found,) = [one for one in client.get("/v1/clients").json["items"] if one["role"] == "manager"]
    assert manager.post("/v1/teams", json={"name": "A"}).status_code == 201

    client.patch(f"/v1/clients/{found['id']}", json={"role": "auditor"})

    assert manager.post("/v1/teams", json={"name": "B"}).status_code == 403
    assert manager.get("/v1/logs").status_code == 200
