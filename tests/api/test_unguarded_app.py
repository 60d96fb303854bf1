"""A62: what the guards are measured against, in `bench.answering`, is the product, and has none of its guards."""

import pytest

from api.app import create_app
from bench.unguarded_app import make_app
from tests.support.tenants import file_ticket


@pytest.fixture
def unguarded(rt, demo):
    return make_app(rt, demo.token)


def test_a62_the_same_is_answered_with_and_without_the_guards(rt, demo, unguarded):
    path = f"/v1/tickets/{file_ticket(rt, demo.actor)}"
    guarded = create_app(rt)

    with_token = guarded.test_client().get(path, headers={"Authorization": f"Bearer {demo.token}"})
    without = unguarded.test_client().get(path)

    assert guarded.test_client().get(path).status_code == 401
    assert (with_token.status_code, without.status_code) == (200, 200)
    assert with_token.data == without.data


def test_a62_without_the_guards_no_request_is_logged(rt, demo, unguarded, capsys):
    path = f"/v1/tickets/{file_ticket(rt, demo.actor)}"
    capsys.readouterr()

    unguarded.test_client().get(path)
    silent = capsys.readouterr()
    create_app(rt).test_client().get(path, headers={"Authorization": f"Bearer {demo.token}"})

    assert "route=" not in silent.out + silent.err
    assert "route=" in "".join(capsys.readouterr())
