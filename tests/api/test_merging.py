"""Edits from a former version of a ticket, and tickets that several want to take. If-Match is in `test_conditions`.

What is right after any number of edits is told by a model that knows of versions only.
"""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import sql

from psms.domain.access import Role
from tests.api.conftest import ApiClient
from tests.api.standing import contents
from tests.support.tenants import add_caller

WRITERS = 16
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "subject": st.sampled_from(["a", "b", "c"]),
    "description": st.sampled_from(["", "d", "e"]),
    "tags": st.sampled_from([[], ["t"], ["u", "v"]]),
    "custom_fields": st.sampled_from([{}, {"site": "north"}, {"floor": 1}, {"site": "south", "floor": 2}]),
    "priority": st.sampled_from(["critical", "high", "low"]),
}


@pytest.fixture
def client(standing):
    """An admin client of the organization that these tests share."""
    return ApiClient(standing.http, standing.tenant.token)


@pytest.fixture
def snapshot(standing):
    """Return the whole content of its database."""
    return lambda: contents(standing.database)


def filed(client: ApiClient, **ticket: object) -> str:
    """File a ticket and return its address."""
    address: str = client.post("/v1/tickets", json={"subject": "Printer", **ticket}).headers["Location"]
    return address


def test_an_edit_from_a_former_version_keeps_what_others_did_to_other_fields(client):
    path = filed(client)
    client.patch(path, json={"tags": ["printer"]})

    merged = client.patch(path, json={"subject": "Printer on fire", "base_version": 1})

    assert (merged.status_code, merged.json["version"]) == (200, 3)
    assert (merged.json["subject"], merged.json["tags"]) == ("Printer on fire", ["printer"])
    assert "base_version" not in merged.json


def test_an_edit_of_a_field_that_was_changed_since_shows_both_values_and_writes_nothing(client, snapshot):
    path = filed(client)
    client.patch(path, json={"description": "Smoke"})
    client.patch(path, json={"subject": "Theirs"})
    before = snapshot()

    refused = client.patch(path, json={"subject": "Mine", "tags": ["x"], "base_version": 2})

    assert (refused.status_code, refused.json["code"], refused.json["current_version"]) == (409, "edit_conflict", 3)
    assert refused.json["conflicts"] == [
        {"field": "subject", "yours": "Mine", "current": "Theirs", "changed_in_version": 3}
    ]
    assert "subject" in refused.json["detail"]
    assert snapshot() == before


def test_two_who_edit_two_custom_fields_do_not_meet(client):
    path = filed(client, custom_fields={"site": "north", "floor": 1})
    client.patch(path, json={"custom_fields": {"floor": 2}, "base_version": 1})

    merged = client.patch(path, json={"custom_fields": {"site": None, "room": "4"}, "base_version": 1})
    refused = client.patch(path, json={"custom_fields": {"floor": 3, "room": "4"}, "base_version": 1})

    assert (merged.status_code, merged.json["custom_fields"]) == (200, {"floor": 2, "room": "4"})
    assert (refused.status_code, refused.json["conflicts"]) == (
        409,
        [{"field": "custom_fields.floor", "yours": 3, "current": 2, "changed_in_version": 2}],
    )


def test_what_was_noted_of_custom_fields_as_one_holds_for_each(client, standing):
    path = filed(client, custom_fields={"site": "north"})
    client.patch(path, json={"subject": "Fire"})
    noted = sql.SQL("UPDATE tickets SET field_versions = '{{\"custom_fields\": 2}}' WHERE id = {}")
    standing.database.run(noted.format(sql.Literal(path.rpartition("/")[2])))

    assert client.patch(path, json={"custom_fields": {"site": "south"}, "base_version": 1}).status_code == 409
    assert client.patch(path, json={"custom_fields": {"site": "south"}, "base_version": 2}).status_code == 200


def test_two_who_want_the_same_do_not_conflict(client):
    path = filed(client)
    client.patch(path, json={"subject": "Fire"})

    again = client.patch(path, json={"subject": "Fire", "base_version": 1})

    assert (again.status_code, again.json["version"]) == (200, 2)


def test_a_priority_that_follows_follows_from_both_edits_and_one_that_somebody_chose_stays(client):
    both, chosen = filed(client), filed(client)
    client.patch(both, json={"impact": "high"})
    client.patch(chosen, json={"priority": "low"})

    answers = [client.patch(path, json={"urgency": "high", "base_version": 1}) for path in (both, chosen)]

    assert [(answer.status_code, answer.json["priority"]) for answer in answers] == [(200, "critical"), (200, "low")]


def test_a_transition_changes_no_field_that_an_edit_can_meet(client):
    path = filed(client)
    client.post(f"{path}/transitions", json={"action": "open"})

    assert client.patch(path, json={"subject": "Fire", "base_version": 1}).status_code == 200


@pytest.mark.parametrize("version", [0, -1, 2, 1.0, "1", None, True, 10**9], ids=repr)
def test_a_version_that_never_was_is_refused(client, snapshot, version):
    path = filed(client)
    before = snapshot()

    refused = client.patch(path, json={"subject": "Fire", "base_version": version})

    assert (refused.status_code, refused.json["errors"][0]["field"]) == (422, "base_version")
    assert snapshot() == before


def test_a_version_to_merge_from_goes_without_if_match(client, snapshot):
    path = filed(client)
    before = snapshot()

    both = client.patch(path, json={"subject": "Fire", "base_version": 1}, headers={"If-Match": '"1"'})
    opening = client.post("/v1/tickets", json={"subject": "Fire", "base_version": 1})

    assert [(answer.status_code, answer.json["errors"][0]["field"]) for answer in (both, opening)] == [
        (422, "base_version")
    ] * 2
    assert snapshot() == before


EDITS = st.lists(
    st.tuples(
        st.fixed_dictionaries({}, optional=VALUES).filter(bool),
        st.integers(0, 6) | st.none(),
    ),
    min_size=1,
    max_size=12,
)


KEYS = ("site", "floor")


def one_by_one(fields, keys=KEYS):
    """Return *fields* with each of *keys* of the custom fields as a field of its own."""
    flat = {name: value for name, value in fields.items() if name != "custom_fields"}
    own = fields.get("custom_fields")
    return flat if own is None else flat | {f"custom_fields.{key}": own.get(key) for key in keys}


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(edits=EDITS)
def test_any_edits_from_any_versions_end_as_a_model_says(client, edits):
    path = filed(client)
    ticket = client.get(path).json
    current, shown = one_by_one(ticket), [name for name in one_by_one(ticket) if name.partition(".")[0] in VALUES]
    since = dict.fromkeys(shown, 1)
    for fields, behind in edits:
        base = {} if behind is None else {"base_version": max(1, current["version"] - behind)}
        # From a version, what is not named stays; otherwise custom fields are all that they are to be.
        wanted = one_by_one(fields, tuple(fields.get("custom_fields", ())) if base else KEYS)
        changed = {name for name, value in wanted.items() if value != current[name]}
        met = {name for name in changed if base and since[name] > base["base_version"]}
        answer = client.patch(path, json=fields | base)
        if met:
            assert answer.status_code == 409
            assert {conflict["field"] for conflict in answer.json["conflicts"]} == met
            continue
        current |= wanted | {"version": current["version"] + bool(changed)}
        since |= dict.fromkeys(changed, current["version"])
        assert answer.status_code == 200
        told = one_by_one(answer.json)
        assert {name: told[name] for name in (*shown, "version")} == {
            name: current[name] for name in (*shown, "version")
        }


def at_once(acts):
    """Do all of *acts* at the same time and return their answers."""
    start = threading.Barrier(len(acts))

    def act(one):
        start.wait()
        return one()

    with ThreadPoolExecutor(len(acts)) as pool:
        return [answer.result() for answer in [pool.submit(act, one) for one in acts]]


def test_of_sixteen_writers_from_one_version_none_is_lost(client):
    path = filed(client)
    words = {f"w{n}" for n in range(WRITERS)}
    edits = [{"subject": word} for word in sorted(words)] + [{"tags": ["t"]}, {"description": "d"}, {"impact": "low"}]

    answers = at_once([lambda edit=edit: client.patch(path, json=edit | {"base_version": 1}) for edit in edits])

    ticket = client.get(path).json
    won = [answer.json["subject"] for answer in answers[:WRITERS] if answer.status_code == 200]
    assert sorted(answer.status_code for answer in answers) == [200] * 4 + [409] * (WRITERS - 1)
    assert ticket["subject"] in won
    assert (ticket["tags"], ticket["description"], ticket["impact"], ticket["version"]) == (["t"], "d", "low", 5)


@pytest.fixture
def agents(standing):
    """Sixteen agents and their ids."""
    callers = [add_caller(standing.rt, standing.tenant.organization_id, Role.AGENT) for _ in range(WRITERS)]
    return {str(one.actor.user_id): ApiClient(standing.http, one.token) for one in callers}


def test_of_sixteen_who_take_a_ticket_one_gets_it_and_the_others_hear_who(client, agents):
    path = filed(client)

    answers = at_once([lambda agent=agent: agent.post(f"{path}/take") for agent in agents.values()])

    ticket = client.get(path).json
    refused = [answer.json for answer in answers if answer.status_code == 409]
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * (WRITERS - 1)
    assert ticket["assignee_id"] in agents
    assert ticket["version"] == 2
    assert {(told["code"], told["assignee_id"]) for told in refused} == {("already_taken", ticket["assignee_id"])}
    name = client.get(f"/v1/users/{ticket['assignee_id']}").json["name"]
    assert {(told["assignee_name"], told["detail"]) for told in refused} == {
        (name, f"{name} works on this ticket already.")
    }


def test_whoever_has_a_ticket_takes_it_again_without_a_change(client, agents, snapshot):
    path = filed(client)
    agent = next(iter(agents.values()))
    first = agent.post(f"{path}/take")
    before = snapshot()

    again = agent.post(f"{path}/take")

    assert (first.status_code, again.status_code) == (200, 200)
    assert again.json == first.json
    assert snapshot() == before


def test_a_ticket_is_not_taken_at_a_version_that_has_passed(client, agents, snapshot):
    path = filed(client)
    client.patch(path, json={"subject": "Fire"})
    before = snapshot()

    stale = next(iter(agents.values())).post(f"{path}/take", headers={"If-Match": '"1"'})

    assert (stale.status_code, stale.json["code"]) == (412, "version_stale")
    assert snapshot() == before
