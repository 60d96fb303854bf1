"""A27: whatever route creates or changes something, no role writes through it what is not its to write.

What each role may write of a ticket, and what of other things an admin may, is tested field by field in `test_fields`.
"""

from collections.abc import Iterator

import pytest

from tests.api.matrix import EXPECT, QUESTIONS
from tests.api.matrix_rows import ROLES, filled
from tests.api.matrix_world import World, make_world
from tests.api.standing import contents, runtime_on
from tests.support.databases import fresh_database

SOME_ID = "0192f0c1-0000-7000-8000-000000000001"
NOBODYS = {
    "organization_id": SOME_ID,
    "id": SOME_ID,
    "created_at": "2020-01-01T00:00:00Z",
    "updated_at": "2020-01-01T00:00:00Z",
    "version": 1,
    "is_admin": True,
    "is_service": True,
    "number": 1,
    "status": "closed",
    "sla_due_at": "2030-01-01T00:00:00Z",
    "due_at": "2030-01-01T00:00:00Z",
    "requester_id": SOME_ID,
    "role": "admin",
}
# What these routes are for; who may give which role is tested in `test_roles`.
TAKEN = {
    ("POST", "/v1/tickets"): {"requester_id"},
    ("POST", "/v1/tickets/<uuid:ticket_id>/split"): {"requester_id"},
    ("POST", "/v1/ticket-states"): {"status"},
    ("POST", "/v1/users"): {"role"},
    ("PATCH", "/v1/users/<uuid:user_id>"): {"role"},
    ("POST", "/v1/clients"): {"role"},
    ("PATCH", "/v1/clients/<uuid:client_id>"): {"role"},
}
WRITING = {route: row for route, row in EXPECT.items() if route[0] in {"POST", "PATCH", "PUT"}}


@pytest.fixture(scope="module")
def world(postgres) -> Iterator[World]:
    with fresh_database(postgres) as database, runtime_on(database) as rt:
        yield make_world(rt, database)


def written(world, caller, route, row, fields):
    """Send the request of *row* with more *fields*; return the answer."""
    ids = world.own | ({"ticket_id": world.own[row.of]} if row.of else {})
    path = route[1].replace("<uuid:", "{").replace(">", "}").format(**ids)
    return caller.call(route[0], path, json={**filled(row.body or {}, {"n": 0, **ids}), **fields})


@pytest.mark.parametrize("role", ROLES)
def test_a27_no_route_takes_what_nobody_writes(world, role):
    before = contents(world.database)
    permitted = 0
    for route, row in WRITING.items():
        fields = {name: value for name, value in NOBODYS.items() if name not in TAKEN.get(route, ())}
        # Each alone as well: one that is let through must not hide behind another that is refused.
        for some in (fields, *({name: value} for name, value in fields.items())):
            answer = written(world, world.callers[role], route, row, some)
            if row.status(role) == 403 and role not in row.not_theirs:
                # Whatever is sent: who may call it is settled before the body is read, with all fields at once as well.
                assert answer.status_code == 403, (route, some)
                break
            permitted += route not in QUESTIONS
            assert answer.status_code == 422, (route, some, answer.json)
            named = {error["field"] for error in answer.json["errors"]}
            assert named == set(some), (route, some, answer.json)

    after = contents(world.database)
    assert {table for table in before if before[table] != after[table]} <= {"logs"}
    # A custom role that only reads, and the auditor, write nothing at all.
    assert (permitted > 0) == (role not in {"auditor", "custom"})


def test_a27_without_what_is_nobodys_the_same_requests_are_taken(world):
    taken = {route: row for route, row in WRITING.items() if not row.fresh}
    for route, row in taken.items():
        answer = written(world, world.callers["admin"], route, row, {})
        assert answer.status_code == row.status("admin"), (route, answer.json)
    assert len(taken) > 10
