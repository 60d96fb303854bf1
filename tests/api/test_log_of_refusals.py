"""What refusals leave in the log: dead tokens and too many requests once for a while, made-up tokens nothing."""

import dataclasses
from datetime import timedelta

import pytest
from prometheus_client import REGISTRY

from api.app import create_app
from psms.adapters.rates import LocalRates
from psms.domain.access import Role
from psms.domain.credentials import token_from
from psms.domain.rates import Rate
from psms.settings_groups import EdgeSettings, RateLimits
from tests.api.conftest import ApiClient
from tests.support.tenants import add_caller
from workflows import accounts

DAY = 86_400
TIMES = 5
INSTALLATION = "00000000-0000-0000-0000-000000000000"
# Whatever was written while the test was prepared is not about a refusal.
REFUSED = """
    SELECT organization_id::text, action, outcome, actor_id, address, target_type, target_id, after FROM logs
    WHERE action IN ('token.refused', 'rate.exceeded') ORDER BY id
"""


@pytest.fixture
def limited(rt):
    """Make the application with some rates, in requests a day; the others are plenty."""

    def make(**quotas):
        names = ("client", "organization", "address", "failures")
        rates = {name: Rate(quota=quotas.get(name, 100_000), window_s=DAY) for name in names}
        edge = EdgeSettings(limits=RateLimits(**rates), trusted_hosts=("localhost",), proxy_hops=1)
        settings = dataclasses.replace(rt.settings, edge=edge)
        return create_app(dataclasses.replace(rt, settings=settings)).test_client()

    return make


def counted(reason):
    return REGISTRY.get_sample_value("psms_tokens_refused_total", {"reason": reason}) or 0


def end_client(database, demo):
    database.rows("UPDATE oauth_clients SET active = false WHERE id = %s RETURNING id", demo.client.id)


def end_user(database, demo):
    database.rows("UPDATE users SET active = false WHERE id = %s RETURNING id", demo.actor.user_id)


def expire(database, _demo):
    database.move_clock(timedelta(hours=1))


def revoke(database, demo):
    database.rows("UPDATE oauth_tokens SET revoked_at = psms_now() WHERE client_id = %s RETURNING id", demo.client.id)


@pytest.mark.parametrize(
    ("reason", "end"),
    [
        ("expired token", expire),
        ("revoked token", revoke),
        ("disabled client", end_client),
        ("disabled user", end_user),
    ],
)
def test_a39_a_token_that_is_refused_leaves_one_entry_in_its_organization(client, demo, database, reason, end):
    end(database, demo)
    before = counted(reason)

    assert [client.get("/v1/teams").status_code for _ in range(TIMES)] == [401] * TIMES

    ((token_id,),) = database.rows("SELECT id::text FROM oauth_tokens WHERE client_id = %s", demo.client.id)
    found = (str(demo.organization_id), "token.refused", "denied", None, "127.0.0.1", "client", demo.client.id)
    assert database.rows(REFUSED) == [(*found, {"reason": reason, "token_id": token_id})]
    assert counted(reason) - before == TIMES


def test_a39_another_token_of_the_same_client_leaves_its_own_entry(http, rt, client, demo, database):
    other = accounts.issue_token(rt, demo.client, demo.client.scopes).access_token
    revoke(database, demo)

    assert client.get("/v1/teams").status_code == 401
    assert ApiClient(http, other).get("/v1/teams").status_code == 401

    assert len(database.rows(REFUSED)) == 2


def test_a39_a_client_that_asks_for_scopes_of_others_leaves_one_entry(http, rt, demo, database):
    agent = add_caller(rt, demo.organization_id, Role.AGENT, ("tickets:read",))
    credentials = {"client_id": agent.client.client_id, "client_secret": agent.client_secret}
    body = {"grant_type": "client_credentials", "scope": "users:write tickets:read made-up", **credentials}

    assert [http.post("/oauth/token", data=body).status_code for _ in range(TIMES)] == [400] * TIMES

    facts = {"reason": "scopes not granted", "client_id": agent.client.client_id, "scopes": ["users:write"]}
    whose = (str(demo.organization_id), "token.refused", "denied", None, "127.0.0.1", "client", agent.client.id)
    assert database.rows(REFUSED) == [(*whose, facts)]


def test_a39_a_token_that_nobody_knows_is_counted_and_leaves_nothing(http, snapshot):
    before, contents = counted("unknown token"), snapshot()

    for number in range(TIMES):
        assert ApiClient(http, token_from(bytes([number]) * 32)).get("/v1/teams").status_code == 401

    assert counted("unknown token") - before == TIMES
    assert snapshot() == contents


@pytest.mark.parametrize("limit", ["client", "organization"])
def test_a39_a_client_that_asks_too_much_leaves_one_entry(limited, demo, other, database, limit):
    http = limited(**{limit: 1})
    noisy, neighbour = ApiClient(http, demo.token), ApiClient(http, other.token)

    assert [noisy.get("/v1/teams").status_code for _ in range(TIMES)] == [200, *[429] * (TIMES - 1)]
    assert [neighbour.get("/v1/teams").status_code for _ in range(2)] == [200, 429]

    facts = {"limit": limit, "requests": 1, "seconds": DAY}
    denied = ("rate.exceeded", "denied", None, "127.0.0.1", "client")
    assert database.rows(REFUSED) == [
        (str(one.organization_id), *denied, one.client.id, {**facts, "of": f"client:{one.client.id}"})
        for one in (demo, other)
    ]


def test_a39_an_address_that_asks_too_much_leaves_one_entry_of_the_installation(limited, database):
    anonymous = ApiClient(limited(address=1), None)

    assert [anonymous.get("/v1/teams").status_code for _ in range(TIMES)] == [401, *[429] * (TIMES - 1)]

    facts = {"limit": "address", "of": "address:127.0.0.1", "requests": 1, "seconds": DAY}
    expected = (INSTALLATION, "rate.exceeded", "denied", None, "127.0.0.1", "address", None, facts)
    assert database.rows(REFUSED) == [expected]


def test_a39_addresses_of_one_network_leave_one_entry(limited, database):
    http = limited(address=1)

    def status(address):
        return http.get("/v1/teams", environ_overrides={"REMOTE_ADDR": address}).status_code

    assert [status(f"2001:db8:1:2::{n}") for n in range(1, 5)] == [401, 429, 429, 429]

    (entry,) = database.rows(REFUSED)
    assert (entry[4], entry[7]["of"]) == ("2001:db8:1:2::2", "address:2001:db8:1:2::/64")


def test_a39_guessing_at_secrets_leaves_an_entry_for_each_guess_and_one_for_the_block(limited, demo, database):
    http = limited(failures=2)
    guess = {"grant_type": "client_credentials", "client_id": demo.client.client_id, "client_secret": "wrong"}

    assert [http.post("/oauth/token", data=guess).status_code for _ in range(TIMES)] == [401, 401, 429, 429, 429]

    assert [(row[1], row[7]) for row in database.rows(REFUSED)] == [
        ("token.refused", {"reason": "wrong secret"}),
        ("token.refused", {"reason": "wrong secret"}),
        ("rate.exceeded", {"limit": "failures", "of": "failures:127.0.0.1", "requests": 2, "seconds": DAY}),
    ]


def test_a39_processes_leave_one_entry_together_and_another_when_the_window_is_over(rt, demo, database):
    def answer():
        # Another process, that shares no counts with those before.
        http = create_app(dataclasses.replace(rt, rates=LocalRates())).test_client()
        return ApiClient(http, demo.token).get("/v1/teams").status_code

    revoke(database, demo)
    assert [answer() for _ in range(3)] == [401] * 3
    assert len(database.rows(REFUSED)) == 1

    database.move_clock(timedelta(minutes=2))
    assert [answer() for _ in range(3)] == [401] * 3

    assert len(database.rows(REFUSED)) == 2
