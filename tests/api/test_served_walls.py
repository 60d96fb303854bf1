"""A17 and A19 on the real server: another organization's ids answer as unknown ones, byte for byte, whatever is sent.

The same for every role, in less time and less exactly, is in `test_matrix`.
"""

import re
from typing import NamedTuple
from uuid import UUID

import pytest
import requests

from psms.domain.access import Role
from tests.api.matrix import EXPECT
from tests.api.matrix_rows import Row, filled
from tests.api.matrix_world import make_world, parameters_of
from tests.api.standing import contents, runtime_on
from tests.support.api_process import ApiProcess, running_api
from tests.support.databases import fresh_database
from tests.support.keys import TEST_KEK
from tests.support.tenants import add_caller

PLENTY = dict.fromkeys(("PSMS_RATE_CLIENT", "PSMS_RATE_ORGANIZATION", "PSMS_RATE_ADDRESS"), "100000000/60")
ROLES = (Role.ADMIN, Role.AGENT, Role.REQUESTER)
UNKNOWN = "0192f0c1-0000-7000-8000-000000000001"
# When it was answered, and what is left of a rate, which is less with each request, whatever it asks for.
OWN_HEADERS = {"date", "ratelimit"}
CONDITIONS: tuple[dict[str, str], ...] = ({}, {"If-Match": '"1"'}, {"If-Match": '"7"'}, {"If-None-Match": '"1"'})
NAMING_ANOTHER = (
    "PSMS-Organization",
    "X-PSMS-Organization",
    "X-Organization-Id",
    "X-Tenant",
    "X-Tenant-Id",
    "X-Forwarded-Host",
)


def body_of(row: Row, ids: dict[str, str]) -> dict[str, object] | None:
    """Return a body made of a row's."""
    return None if row.body is None else filled(row.body, {**ids, "n": 0})


class Line(NamedTuple):
    """The API's processes, and connections to them that are kept open."""

    process: ApiProcess
    session: requests.Session


@pytest.fixture(scope="module")
def served(postgres, tmp_path_factory):
    """The API's processes, two organizations below, and a token for each role in the first."""
    with fresh_database(postgres) as database:
        with runtime_on(database) as rt:
            world = make_world(rt, database)
            organization_id = UUID(world.own["organization_id"])
            tokens = {role: add_caller(rt, organization_id, role).token for role in ROLES}
        home = tmp_path_factory.mktemp("api")
        with running_api(database, home, PSMS_KEK=TEST_KEK, **PLENTY) as api, requests.Session() as session:
            # A proxy of this machine has no part in it, and to look for one takes longer than most of the rest.
            session.trust_env = False
            yield Line(api, session), world, tokens


@pytest.fixture
def unchanged(served):
    """Nothing that the test does changes a row, save that the log tells of refusals."""
    api, world, tokens = served
    before = contents(world.database)
    yield api, world, tokens
    after = contents(world.database)
    assert {table for table in before if before[table] != after[table]} <= {"logs"}


def sent(api, token, method, path, body=None, **headers):
    headers |= {"Authorization": f"Bearer {token}", "X-Request-ID": "the-same"}
    address = api.process.url(path)
    return api.session.request(method, address, json=body, headers=headers, timeout=20, allow_redirects=False)


def addressed(rule, ids):
    return re.sub(r"<\w+:(\w+)>", lambda found: ids[found[1]], rule)


def told(answer, ids):
    """Return all that an answer tells: status, headers in their order, and its bytes but for the ids asked for."""
    headers = [(name, value) for name, value in answer.raw.headers.items() if name.lower() not in OWN_HEADERS]
    body = answer.content
    for identifier in ids.values():
        body = body.replace(identifier.encode(), b"ID")
    return answer.status_code, headers, body


def object_routes():
    return [(method, rule, row) for (method, rule), row in EXPECT.items() if parameters_of(rule)]


@pytest.mark.parametrize("role", ROLES)
def test_a17_another_organizations_id_is_answered_as_an_unknown_one_to_the_byte(unchanged, role):
    api, world, tokens = unchanged
    unknown = dict.fromkeys(world.own, UNKNOWN)
    for method, rule, row in object_routes():
        body = body_of(row, world.own)
        for condition in CONDITIONS:
            theirs = sent(api, tokens[role], method, addressed(rule, world.foreign), body, **condition)
            nobodys = sent(api, tokens[role], method, addressed(rule, unknown), body, **condition)
            assert told(theirs, world.foreign) == told(nobodys, unknown), (method, rule, condition)
            assert theirs.status_code in {403, 404}, (method, rule, condition)
            never = row.status(role) == 403 and role not in row.not_theirs
            assert (theirs.status_code == 403) == never, (method, rule, condition)
    assert len(object_routes()) > 20


def test_a17_what_is_compared_can_differ(served):
    api, world, tokens = served
    unknown = dict.fromkeys(world.own, UNKNOWN)

    own = sent(api, tokens[Role.ADMIN], "GET", f"/v1/tickets/{world.own['ticket_id']}")
    nobodys = sent(api, tokens[Role.ADMIN], "GET", f"/v1/tickets/{UNKNOWN}")

    assert own.status_code == 200
    assert all(mine != other for mine, other in zip(told(own, world.own), told(nobodys, unknown), strict=True))


def test_a19_no_header_leads_to_what_another_organizations_address_names(unchanged):
    api, world, tokens = unchanged
    theirs = world.foreign["organization_id"]
    for method, rule, row in object_routes():
        body = body_of(row, world.own)
        for name in NAMING_ANOTHER:
            answer = sent(api, tokens[Role.ADMIN], method, addressed(rule, world.foreign), body, **{name: theirs})
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), (method, rule, name)


# What remains of a target, and the instant of a report, change with the time.
TIMED = ("/sla", "/attainment", "/time-in-status", "-reports", "/preview")


def lists():
    return [
        (rule + row.query).replace("<uuid:ticket_id>", f"<uuid:{row.of or 'ticket_id'}>")
        for (method, rule), row in EXPECT.items()
        if method == "GET" and not rule.endswith(("_id>", "/export"))
    ]


def test_a19_no_header_changes_what_a_list_shows(unchanged):
    api, world, tokens = unchanged
    theirs = world.foreign["organization_id"]
    for rule in lists():
        if rule.partition("?")[0].endswith(TIMED):
            continue
        path = addressed(rule, world.own)
        plain = sent(api, tokens[Role.ADMIN], "GET", path)
        assert plain.status_code == 200, rule
        for name in NAMING_ANOTHER:
            assert sent(api, tokens[Role.ADMIN], "GET", path, **{name: theirs}).content == plain.content, (rule, name)
    assert len(lists()) > 10


@pytest.mark.parametrize("name", ["organization_id", "organization", "tenant", "tenant_id"])
def test_a19_no_parameter_names_an_organization(unchanged, name):
    api, world, tokens = unchanged
    for rule in lists():
        joint = "&" if "?" in rule else "?"
        path = f"{addressed(rule, world.own)}{joint}{name}={world.foreign['organization_id']}"
        answer = sent(api, tokens[Role.ADMIN], "GET", path)
        assert (answer.status_code, [error["field"] for error in answer.json()["errors"]]) == (422, [name]), rule


def test_a19_what_is_filed_with_such_a_header_is_ones_own(served):
    api, world, tokens = served
    owner = "SELECT organization_id FROM tickets WHERE id = %s"
    for name in NAMING_ANOTHER:
        header = {name: world.foreign["organization_id"]}
        created = sent(api, tokens[Role.ADMIN], "POST", "/v1/tickets", {"subject": "Mine"}, **header)
        ((organization_id,),) = world.database.rows(owner, created.json()["id"])
        assert (created.status_code, str(organization_id)) == (201, world.own["organization_id"]), name
