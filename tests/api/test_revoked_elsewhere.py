"""A63 over two servers on one database: what one of them takes away is gone with the very next request to the other."""

import pytest
import requests

from psms.domain.access import Role
from tests.api.standing import runtime_on
from tests.support.api_process import running_api
from tests.support.databases import fresh_database
from tests.support.keys import TEST_KEK
from tests.support.tenants import add_caller, make_tenant


@pytest.fixture(scope="module")
def served(postgres, tmp_path_factory):
    """Two servers of one process each, so that it is known who is asked; an organization; and a maker of callers."""
    with fresh_database(postgres) as database, runtime_on(database) as rt:
        homes = [tmp_path_factory.mktemp("api") for _ in range(2)]
        variables = {"PSMS_KEK": TEST_KEK, "PSMS_API_WORKERS": "1"}
        with running_api(database, homes[0], **variables) as one, running_api(database, homes[1], **variables) as two:
            assert not set(one.workers()) & set(two.workers())
            boss = make_tenant(rt)
            yield (one, two), boss, lambda role: add_caller(rt, boss.organization_id, role)


@pytest.fixture(params=["first", "second"])
def pair(request, served):
    """Where something is taken away, and where it is noticed; each way round."""
    servers, _, _ = served
    return servers if request.param == "first" else servers[::-1]


def asked(server, token, path="/v1/tickets"):
    return requests.get(server.url(path), headers={"Authorization": f"Bearer {token}"}, timeout=20)


def changed(server, boss, client_id, fields):
    headers = {"Authorization": f"Bearer {boss.token}"}
    answer = requests.patch(server.url(f"/v1/clients/{client_id}"), json=fields, headers=headers, timeout=20)
    assert answer.status_code == 200, answer.text


def test_a63_a_token_that_is_revoked_at_one_server_is_refused_by_the_other_at_once(pair, served):
    _, _, added = served
    here, there = pair
    for _ in range(5):
        caller = added(Role.AGENT)
        # Often enough that whatever keeps tokens in mind has this one.
        assert [asked(server, caller.token).status_code for server in (*pair, *pair)] == [200] * 4
        form = {"token": caller.token, "client_id": caller.client.client_id, "client_secret": caller.client_secret}

        assert requests.post(here.url("/oauth/revoke"), data=form, timeout=20).status_code == 200

        refused = asked(there, caller.token)
        assert (refused.status_code, refused.json()["code"]) == (401, "not_authenticated")
        assert 'error="invalid_token"' in refused.headers["WWW-Authenticate"]
        assert asked(here, caller.token).status_code == 401


def test_a63_a_client_that_is_switched_off_at_one_server_is_refused_by_the_other_at_once(pair, served):
    _, boss, added = served
    here, there = pair
    caller = added(Role.AGENT)
    assert [asked(server, caller.token).status_code for server in pair] == [200, 200]

    changed(here, boss, caller.client.id, {"active": False})

    assert [asked(server, caller.token).status_code for server in (there, here)] == [401, 401]


def test_a63_a_role_that_is_taken_away_at_one_server_is_gone_at_the_other_at_once(pair, served):
    _, boss, added = served
    here, there = pair
    caller = added(Role.AUDITOR)
    assert [asked(server, caller.token, "/v1/logs").status_code for server in pair] == [200, 200]

    changed(here, boss, caller.client.id, {"role": "requester"})

    assert [asked(server, caller.token, "/v1/logs").status_code for server in (there, here)] == [403, 403]
