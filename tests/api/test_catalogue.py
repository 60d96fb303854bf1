"""Services in the catalogue: who sees them and files for them, what their tickets begin with, and known incidents."""

import pytest

from psms.domain.access import Role

NOWHERE = "0192f0c1-0000-7000-8000-000000000001"


def made(client, path, **body):
    answer = client.post(path, json=body)
    assert answer.status_code == 201, answer.text
    return answer.json["id"]


def filed(client, **ticket):
    return client.post("/v1/tickets", json={"subject": "Printer", **ticket})


def member(client, requester):
    """Return a team of the requester alone."""
    user_id = filed(requester).json["requester_id"]
    return made(client, "/v1/teams", name="Finance", member_ids=[user_id])


@pytest.fixture
def requester(as_role):
    return as_role(Role.REQUESTER)


def test_a_service_says_whose_it_is_and_where_it_stands(client):
    owner = made(client, "/v1/users", email="ada@example.com", name="Ada", role="agent")
    team = made(client, "/v1/teams", name="Desk")
    said = {"name": "Laptops", "category": "Hardware", "position": 5, "owner_id": owner, "default_team_id": team}

    service = client.post("/v1/services", json=said)
    path = service.headers["Location"]

    assert said.items() <= service.json.items()
    assert (service.json["visibility"], service.json["incident"], service.json["form_version"]) == (
        "everyone",
        None,
        None,
    )
    edited = client.patch(path, json={"category": None, "owner_id": None, "position": 9})
    assert (edited.json["category"], edited.json["owner_id"], edited.json["position"]) == (None, None, 9)
    assert edited.json["version"] == 2


REFUSED = {
    "owner_id": NOWHERE,
    "default_team_id": NOWHERE,
    "visible_team_ids": [NOWHERE],
    "sla_policy_id": NOWHERE,
    "form_version": 1,
    "position": 0,
    "visibility": "nobody",
    "category": " ",
}


def test_what_a_service_cannot_be_given_is_named_and_changes_nothing(client, snapshot):
    path = client.post("/v1/services", json={"name": "Laptops"}).headers["Location"]
    before = snapshot()

    for field, value in REFUSED.items():
        answer = client.patch(path, json={field: value})
        assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, field)
    assert snapshot() == before


def test_what_belongs_to_another_organization_is_as_what_there_is_not(client, other_client):
    team = made(other_client, "/v1/teams", name="Theirs")
    policy = made(other_client, "/v1/sla-policies", name="Theirs", resolution_seconds=60)
    for theirs in ({"default_team_id": team}, {"sla_policy_id": policy}, {"visible_team_ids": [team]}):
        answer = client.post("/v1/services", json={"name": "Laptops", **theirs})
        assert (answer.status_code, [one["field"] for one in answer.json["errors"]]) == (422, list(theirs))


def test_services_are_found_by_how_their_names_begin(client):
    for name in ("Mail", "Mailing lists", "Payroll"):
        made(client, "/v1/services", name=name)

    def names(query):
        return [one["name"] for one in client.get(f"/v1/services?name={query}").json["items"]]

    assert names("mAiL") == ["Mail", "Mailing lists"]
    assert names("%25") == []


@pytest.mark.parametrize("hidden", [{"visibility": "agents"}, {"active": False}, {"visibility": "teams"}])
def test_a_service_that_is_not_a_requesters_is_to_them_as_none(client, requester, snapshot, hidden):
    team = made(client, "/v1/teams", name="Finance")
    service = made(client, "/v1/services", name="Payroll", visible_team_ids=[team])
    path = f"/v1/services/{service}"
    client.call("PUT", f"{path}/form", json={"fields": []})
    assert requester.get(path).status_code == 200

    assert client.patch(path, json=hidden).status_code == 200
    before = snapshot()

    assert [one["name"] for one in requester.get("/v1/services").json["items"]] == ["General"]
    for address in (path, f"{path}/form", f"{path}/form-versions"):
        theirs, nobodys = requester.get(address), requester.get(address.replace(service, NOWHERE))
        assert (theirs.status_code, theirs.json["detail"]) == (404, nobodys.json["detail"])
    for more in ({}, {"custom_fields": {"a": 1}}):
        theirs, nobodys = filed(requester, service_id=service, **more), filed(requester, service_id=NOWHERE, **more)
        assert (theirs.status_code, theirs.json["errors"]) == (422, nobodys.json["errors"])
    assert snapshot() == before
    assert client.get(path).status_code == 200
    assert filed(client, service_id=service).status_code == 201


def test_a_service_for_teams_is_for_the_requesters_in_them(client, requester, as_role):
    team = member(client, requester)
    service = made(client, "/v1/services", name="Payroll", visibility="teams", visible_team_ids=[team])

    assert requester.get(f"/v1/services/{service}").status_code == 200
    assert filed(requester, service_id=service).status_code == 201
    assert as_role(Role.REQUESTER).get(f"/v1/services/{service}").status_code == 404
    assert client.patch(f"/v1/services/{service}", json={"visible_team_ids": []}).status_code == 422


def test_the_default_service_is_everybodys_who_names_none(client, requester, demo):
    (service,) = client.get("/v1/services").json["items"]
    client.patch(f"/v1/services/{service['id']}", json={"visibility": "agents"})

    assert filed(requester).json["service_id"] == service["id"]
    assert filed(requester, service_id=service["id"]).status_code == 422


def test_a_ticket_that_names_no_team_gets_its_services_and_keeps_it_when_the_service_changes(client, database):
    desk, other = (made(client, "/v1/teams", name=name) for name in ("Desk", "Other"))
    service = made(client, "/v1/services", name="Laptops", default_team_id=desk)
    plain = made(client, "/v1/services", name="Chairs")

    ticket = filed(client, service_id=service)

    assert ticket.json["team_id"] == desk
    assert filed(client, service_id=service, team_id=other).json["team_id"] == other
    assert filed(client, service_id=plain).json["team_id"] is None
    assert client.patch(ticket.headers["Location"], json={"service_id": plain}).json["team_id"] == desk
    entries = "SELECT after ->> 'team_id' FROM logs WHERE action = 'ticket.created' AND target_id = %s"
    assert database.rows(entries, ticket.json["id"]) == [(desk,)]
    # Known to every process with the next ticket.
    client.patch(f"/v1/services/{service}", json={"default_team_id": other})
    assert filed(client, service_id=service).json["team_id"] == other


def test_a_service_may_name_its_policy_which_is_then_promised_whatever_conditions_say(client):
    usual = made(client, "/v1/sla-policies", name="Usual", resolution_seconds=600)
    gold = made(
        client, "/v1/sla-policies", name="Gold", position=9000, resolution_seconds=60, conditions={"tiers": ["gold"]}
    )
    service = made(client, "/v1/services", name="Shop")
    before = filed(client, service_id=service).json["id"]
    assert client.patch(f"/v1/services/{service}", json={"sla_policy_id": gold}).status_code == 200
    after = filed(client, service_id=service).json["id"]

    def promised(ticket):
        (clock,) = client.get(f"/v1/tickets/{ticket}/sla").json["clocks"]
        return clock["policy_id"]

    def match(**question):
        told = client.post("/v1/sla-policies/match", json=question).json
        return told["policy_id"], told["chosen_by"], [one["name"] for one in told["verdicts"]]

    assert (promised(before), promised(after)) == (usual, gold)
    assert match(service_id=service) == (gold, "service", ["Gold"])
    assert match() == (usual, "conditions", ["Usual"])
    # What policies ask for has changed: then the ticket is judged anew, and its service speaks first.
    client.patch(f"/v1/tickets/{before}", json={"tags": ["vip"]})
    assert promised(before) == gold
    # Switched off, it is no longer asked.
    client.patch(f"/v1/sla-policies/{gold}", json={"active": False})
    assert match(service_id=service) == (usual, "conditions", ["Usual"])


def test_open_tickets_that_follow_a_policys_edit_stay_with_the_policy_of_their_service(client, rt):
    usual = made(client, "/v1/sla-policies", name="Usual", resolution_seconds=600)
    gold = made(client, "/v1/sla-policies", name="Gold", position=9000, resolution_seconds=60)
    service = made(client, "/v1/services", name="Shop", sla_policy_id=gold)
    ticket = filed(client, service_id=service).json["id"]
    for policy in (usual, gold):
        edit = {"resolution_seconds": 6000, "apply": "open_tickets"}
        assert client.patch(f"/v1/sla-policies/{policy}", json=edit).status_code == 200

    client.patch(f"/v1/tickets/{ticket}", json={"subject": "Touched"})

    (clock,) = client.get(f"/v1/tickets/{ticket}/sla").json["clocks"]
    assert (clock["policy_id"], clock["target_seconds"]) == (gold, 6000)


def test_an_incident_is_told_to_everybody_and_its_ticket_to_those_who_may_read_it(client, as_role, requester):
    service = made(client, "/v1/services", name="Mail")
    ticket = filed(client).json
    agent, path = as_role(Role.AGENT), f"/v1/services/{service}"

    told = agent.call("PUT", f"{path}/incident", json={"text": "Mail is late.", "ticket_id": ticket["id"]})

    assert (told.status_code, told.json["version"], told.headers["ETag"]) == (200, 2, '"2"')
    shown = {"text": "Mail is late.", "ticket_id": ticket["id"], "ticket_number": ticket["number"]}
    assert shown.items() <= client.get(path).json["incident"].items()
    since = client.get(path).json["incident"]["since"]
    for seen in (requester.get(path).json, *requester.get("/v1/services?name=mail").json["items"]):
        assert seen["incident"] == {
            "text": "Mail is late.",
            "since": since,
            "ticket_id": None,
            "ticket_number": None,
        }
    # It is the same incident still.
    again = agent.call("PUT", f"{path}/incident", json={"text": "Mail is back soon."})
    assert (again.json["incident"]["since"], again.json["incident"]["ticket_id"]) == (since, None)
    stale = agent.delete(f"{path}/incident", headers={"If-Match": '"2"'})
    assert (stale.status_code, client.get(path).json["version"]) == (412, 3)
    assert agent.delete(f"{path}/incident").status_code == 204
    assert client.get(path).json["incident"] is None


def test_an_incident_names_no_ticket_that_its_teller_cannot_read(client, other_client, snapshot):
    service = made(client, "/v1/services", name="Mail")
    theirs = filed(other_client).json["id"]
    before = snapshot()

    for ticket in (theirs, NOWHERE):
        answer = client.call("PUT", f"/v1/services/{service}/incident", json={"text": "x", "ticket_id": ticket})
        assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "ticket_id")
    assert snapshot() == before


@pytest.mark.parametrize("part", ["skills", "approvals"])
def test_what_a_service_asks_for_is_for_those_who_see_the_service(client, requester, part):
    service = made(client, "/v1/services", name="Payroll")
    path = f"/v1/services/{service}/{part}"
    assert requester.get(path).status_code == 200

    client.patch(f"/v1/services/{service}", json={"visibility": "agents"})

    assert (requester.get(path).status_code, client.get(path).status_code) == (404, 200)
