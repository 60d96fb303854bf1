"""A46: too many requests get 429, counted by client, address and organization; nobody pays for a neighbour's noise."""

import dataclasses

import pytest

from api.app import create_app
from psms.domain.access import Role
from psms.domain.rates import Rate
from psms.settings_groups import EdgeSettings, RateLimits
from tests.api.conftest import ApiClient
from tests.support.tenants import add_caller, make_tenant

# No test lives to see the end of this window.
DAY = 86_400
GRANT = {"grant_type": "client_credentials"}


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


def asked(caller, times, **options):
    """Return how many of so many requests were answered, and how many refused."""
    statuses = [caller.get("/v1/teams", **options).status_code for _ in range(times)]
    assert set(statuses) <= {200, 429}
    return statuses.count(200), statuses.count(429)


def test_a46_a_refusal_says_what_was_too_much_and_when_to_come_back(limited, demo, snapshot):
    caller = ApiClient(limited(client=2), demo.token)
    asked(caller, 2)
    before = snapshot()

    answer = caller.post("/v1/tickets", json={"subject": "x"})

    assert (answer.status_code, answer.content_type) == (429, "application/problem+json")
    assert (answer.json["code"], answer.json["limit"]) == ("rate_limited", "client")
    assert answer.headers["Retry-After"] == str(answer.json["retry_after"])
    assert 1 <= int(answer.headers["Retry-After"]) <= 2 * DAY
    assert answer.headers["RateLimit-Policy"].startswith(f'"client";q=2;w={DAY}, "organization";q=100000;w={DAY}')
    assert answer.headers["RateLimit"].startswith('"client";r=0;t=')
    # But for the entry that tells of it.
    assert {name for name, content in snapshot().items() if content != before[name]} == {"logs"}


def test_a46_answers_tell_what_is_left_and_nothing_of_waiting(limited, demo):
    answer = ApiClient(limited(client=10), demo.token).get("/v1/teams")

    left = [part.partition(";t=")[0] for part in answer.headers["RateLimit"].split(", ")]
    assert left == ['"client";r=9', '"organization";r=99999', '"address";r=99999']
    assert "Retry-After" not in answer.headers


def test_a46_a_noisy_client_costs_nobody_else_a_request(limited, rt, demo, other):
    http = limited(client=10, organization=15, address=40)
    noisy = ApiClient(http, demo.token)
    colleague = ApiClient(http, add_caller(rt, demo.organization_id, Role.AGENT).token)
    neighbour = ApiClient(http, other.token)

    assert asked(noisy, 200) == (10, 190)
    assert asked(colleague, 5) == (5, 0)
    assert asked(neighbour, 10) == (10, 0)


def test_a46_a_noisy_organization_costs_no_other_a_request(limited, rt, demo, other):
    http = limited(client=10, organization=15, address=40)
    noisy = [ApiClient(http, add_caller(rt, demo.organization_id, Role.AGENT).token) for _ in range(4)]

    answered = sum(asked(caller, 50)[0] for caller in noisy)

    assert answered == 15
    assert asked(ApiClient(http, other.token), 10) == (10, 0)


def test_a46_an_address_is_limited_whoever_calls_from_it_and_no_other_address(limited, demo, other, anonymous):
    http = limited(address=10)
    here, there = {"X-Forwarded-For": "192.0.2.1"}, {"X-Forwarded-For": "192.0.2.2"}

    assert asked(ApiClient(http, demo.token), 7, headers=here) == (7, 0)
    assert asked(ApiClient(http, other.token), 7, headers=here) == (3, 4)
    assert asked(ApiClient(http, other.token), 7, headers=there) == (7, 0)


@pytest.mark.parametrize(
    ("path", "status"), [("/v1/teams", 401), ("/nowhere", 404), ("/docs", 200), ("/openapi.json", 200)]
)
def test_a46_strangers_are_counted_on_their_address(limited, path, status):
    stranger = limited(address=4)

    assert [stranger.get(path).status_code for _ in range(6)] == [status] * 4 + [429] * 2


def test_all_of_a_customers_ipv6_addresses_are_one(limited, demo):
    http = limited(address=3)
    network = [{"X-Forwarded-For": f"2001:db8:1:2::{number}"} for number in range(1, 6)]

    statuses = [http.get("/openapi.json", headers=headers).status_code for headers in network]

    assert statuses == [200] * 3 + [429] * 2
    assert http.get("/openapi.json", headers={"X-Forwarded-For": "2001:db8:1:3::1"}).status_code == 200


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_operators_are_never_refused(limited, path):
    http = limited(address=1)

    assert [http.get(path).status_code for _ in range(5)] == [200] * 5


def failing(http, client_id, times, **options):
    form = {**GRANT, "client_id": client_id, "client_secret": "wrong"}
    return [http.post("/oauth/token", data=form, **options).status_code for _ in range(times)]


def test_a46_wrong_secrets_are_limited_more_strictly_and_the_right_one_works_elsewhere(limited, demo, count_rows):
    http = limited(failures=3)
    right = {**GRANT, "client_id": demo.client.client_id, "client_secret": demo.client_secret}
    tokens = count_rows("oauth_tokens")

    assert failing(http, demo.client.client_id, 5) == [401] * 3 + [429] * 2
    refused = http.post("/oauth/token", data=right)
    elsewhere = http.post("/oauth/token", data=right, headers={"X-Forwarded-For": "192.0.2.9"})

    assert (refused.status_code, refused.json["code"], refused.json["limit"]) == (429, "rate_limited", "failures")
    assert refused.headers["Cache-Control"] == "no-store"
    assert int(refused.headers["Retry-After"]) >= 1
    assert (elsewhere.status_code, count_rows("oauth_tokens")) == (200, tokens + 1)


def test_wrong_secrets_for_many_clients_are_counted_together(limited):
    http = limited(failures=3)

    assert [failing(http, f"client_{number}", 1)[0] for number in range(5)] == [401] * 3 + [429] * 2


def test_right_secrets_are_not_counted_as_failures(limited, demo):
    http = limited(failures=1)
    right = {**GRANT, "client_id": demo.client.client_id, "client_secret": demo.client_secret}

    assert [http.post("/oauth/token", data=right).status_code for _ in range(4)] == [200] * 4


def test_a_forwarded_address_is_not_believed_without_a_proxy(rt, demo):
    limits = dataclasses.replace(rt.settings.edge.limits, address=Rate(quota=2, window_s=DAY))
    edge = dataclasses.replace(rt.settings.edge, limits=limits)
    settings = dataclasses.replace(rt.settings, edge=edge)
    http = create_app(dataclasses.replace(rt, settings=settings)).test_client()

    statuses = [
        http.get("/openapi.json", headers={"X-Forwarded-For": f"192.0.2.{number}"}).status_code for number in range(4)
    ]

    assert statuses == [200, 200, 429, 429]


def test_another_organization_is_no_poorer_for_being_founded_late(limited, rt, demo):
    http = limited(organization=3)
    assert asked(ApiClient(http, demo.token), 5) == (3, 2)

    assert asked(ApiClient(http, make_tenant(rt, "Late").token), 3) == (3, 0)
