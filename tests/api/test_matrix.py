"""Every route, tried by every role, on what is theirs, another team's, another organization's and nothing at all.

What is expected stands in `matrix`; whoever adds a route adds its row there.
"""

from collections.abc import Iterator

import pytest

from tests.api.matrix import EXPECT, PUBLIC
from tests.api.matrix_rows import ROLES, Row
from tests.api.matrix_world import World, make_world, parameters_of, scope_of
from tests.api.standing import contents, runtime_on
from tests.support.databases import fresh_database
from tests.support.servers import PostgresServer

# What may differ between two answers to two addresses: the request's own id, and the length of the address in it.
OWN_HEADERS = {"X-Request-ID", "Content-Length", "RateLimit"}
ANYBODY = Row(own="")


@pytest.fixture(scope="module")
def world(postgres: PostgresServer) -> Iterator[World]:
    with fresh_database(postgres) as database, runtime_on(database) as rt:
        yield make_world(rt, database)


@pytest.fixture
def unchanged(world: World) -> Iterator[World]:
    """Whatever the test does is refused: no row of any table changes, save that the log tells of each refusal."""
    before = contents(world.database)
    yield world
    after = contents(world.database)
    assert {table for table in before if before[table] != after[table]} <= {"logs"}


def comparable(answer):
    headers = {name: value for name, value in answer.headers if name not in OWN_HEADERS}
    return answer.status_code, {**answer.json, "instance": "", "request_id": ""}, headers


def test_a15_every_route_has_its_row(world):
    served = {
        (method, rule.rule)
        for rule in world.http.application.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }

    assert set(EXPECT) | set(PUBLIC) == served
    assert not set(EXPECT) & set(PUBLIC)


@pytest.mark.parametrize("role", ROLES)
def test_a15_what_a_role_may_not_do_is_refused_once_and_changes_nothing(unchanged, role):
    world: World = unchanged
    before, forbidden = world.denials(), 0
    for (method, rule), row in EXPECT.items():
        for elsewhere, ids in ((False, world.own), (True, world.elsewhere)):
            if (elsewhere and not row.elsewhere) or (expected := row.status(role, elsewhere=elsewhere)) < 400:
                continue
            answer = world.call(world.callers[role], method, rule, row, ids)
            assert answer.status_code == expected, (method, rule, answer.json)
            forbidden += expected == 403

    # A denial is logged once, wherever it was noticed; that there is nothing is no denial.
    assert world.denials() - before == forbidden


@pytest.mark.parametrize("role", ROLES)
def test_a17_another_organizations_ids_answer_as_unknown_ones_and_change_nothing(unchanged, role):
    world: World = unchanged
    for (method, rule), row in EXPECT.items():
        names = parameters_of(rule)
        if not names:
            continue
        expected = 403 if row.status(role) == 403 and role not in row.not_theirs else 404
        last = row.of or names[-1]
        # Both ids of another organization, and its id below one's own.
        for foreign in (world.foreign, world.own | {last: world.foreign[last]}):
            theirs = world.call(world.callers[role], method, rule, row, foreign)
            nobodys = world.call(world.callers[role], method, rule, row, world.unknown)
            assert comparable(theirs) == comparable(nobodys), (method, rule)
            assert theirs.status_code == expected, (method, rule, theirs.json)


@pytest.mark.parametrize("token", ["anonymous", "expired", "revoked", "made up"])
def test_a15_without_a_live_token_every_guarded_route_is_shut(unchanged, token):
    world: World = unchanged
    for (method, rule), row in EXPECT.items():
        answer = world.call(world.no_good[token], method, rule, row, world.own)
        assert (answer.status_code, answer.json["code"]) == (401, "not_authenticated"), (method, rule)

    # One for a token that was somebody's, however often it comes back; none for one that nobody knows.
    whose = "SELECT after ->> 'reason' FROM logs WHERE action = 'token.refused'"
    expected = [(f"{token} token",)] if token in {"expired", "revoked"} else []
    assert [row for row in world.database.rows(whose) if token in str(row[0])] == expected


def test_a15_without_the_scope_no_role_helps(unchanged):
    world: World = unchanged
    views = world.http.application.view_functions
    rules = {
        (method, rule.rule): rule.endpoint
        for rule in world.http.application.url_map.iter_rules()
        for method in (rule.methods or set())
    }
    for (method, rule), row in EXPECT.items():
        scope = scope_of(views[rules[method, rule]])
        answer = world.call(world.without_scope[scope], method, rule, row, world.own)
        assert answer.status_code == 403, (method, rule)
        assert answer.json["detail"] == f"The access token lacks the scope {scope}.", (method, rule)


@pytest.mark.parametrize("role", ROLES)
def test_a15_what_a_role_may_do_it_can(world, role):
    for (method, rule), row in EXPECT.items():
        for elsewhere in (False, True):
            if (elsewhere and not row.elsewhere) or (expected := row.status(role, elsewhere=elsewhere)) >= 400:
                continue
            ids = world.elsewhere if elsewhere and not row.fresh else world.renewed(row.fresh)
            answer = world.call(world.callers[role], method, rule, row, ids)
            assert answer.status_code == expected, (method, rule, answer.data)


@pytest.mark.parametrize("route", PUBLIC, ids=" ".join)
def test_a15_a_public_route_asks_nobody_who_they_are(unchanged, route):
    for caller in unchanged.no_good.values():
        assert unchanged.call(caller, *route, ANYBODY, unchanged.own).status_code == PUBLIC[route]


def test_a19_no_header_leads_into_another_organization(unchanged):
    world: World = unchanged
    theirs = world.foreign["organization_id"]
    for name in ("X-Organization", "X-Organization-Id", "X-Tenant", "X-Tenant-Id"):
        listed = world.callers["admin"].get("/v1/organizations", headers={name: theirs})
        assert [one["id"] for one in listed.json["items"]] == [world.own["organization_id"]]
