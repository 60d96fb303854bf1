"""A15: a HEAD asks for as much as the GET of the same address, and shows as little to whoever may not ask."""

from collections.abc import Iterator

import pytest

from tests.api.matrix import EXPECT
from tests.api.matrix_rows import ROLES
from tests.api.matrix_world import World, make_world
from tests.api.standing import runtime_on
from tests.support.databases import fresh_database

# An export is written down, also when only its head is asked for.
READING = {rule: row for (method, rule), row in EXPECT.items() if method == "GET" and not rule.endswith("/export")}


@pytest.fixture(scope="module")
def world(postgres) -> Iterator[World]:
    with fresh_database(postgres) as database, runtime_on(database) as rt:
        yield make_world(rt, database)


@pytest.mark.parametrize("role", ROLES)
def test_a15_head_gives_each_role_the_status_that_get_gives(world, role):
    for rule, row in READING.items():
        answer = world.call(world.callers[role], "HEAD", rule, row, world.own)
        assert (answer.status_code, answer.data) == (row.status(role), b""), rule
        if row.elsewhere:
            answer = world.call(world.callers[role], "HEAD", rule, row, world.elsewhere)
            assert (answer.status_code, answer.data) == (row.status(role, elsewhere=True), b""), rule


@pytest.mark.parametrize("token", ["anonymous", "expired", "revoked", "made up"])
def test_a15_head_without_a_live_token_is_401(world, token):
    for rule, row in READING.items():
        answer = world.call(world.no_good[token], "HEAD", rule, row, world.own)
        assert (answer.status_code, answer.data) == (401, b""), rule


def test_a17_head_of_what_is_another_organizations_is_404(world):
    for rule, row in READING.items():
        if "<" in rule:
            assert world.call(world.callers["admin"], "HEAD", rule, row, world.foreign).status_code == 404, rule
