"""A46 over the API's real processes and a real Valkey, which is frozen and killed: limits hold, and nobody waits."""

import re
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from tests.api.standing import runtime_on
from tests.support.api_process import running_api
from tests.support.databases import fresh_database
from tests.support.tenants import make_tenant
from tests.support.waiting import eventually, paced

QUOTA = 60
# No test lives to see the end of this window.
DAY = 86_400


@pytest.fixture(scope="module")
def served(postgres, valkey, tmp_path_factory):
    """Two API processes that share a Valkey; each client may ask for little, all together for plenty."""
    limits = {"PSMS_RATE_CLIENT": f"{QUOTA}/{DAY}", "PSMS_RATE_FAILURES": f"5/{DAY}"}
    with fresh_database(postgres) as database, runtime_on(database) as rt:
        home = tmp_path_factory.mktemp("api")
        with running_api(database, home, REDIS_URL=valkey.url, **limits) as api:
            yield api, lambda: make_tenant(rt)
    valkey.stop()
    valkey.start()


def asked(api, token, times, *, per_second=150.0):
    """Ask at a steady pace, a new connection each time so that both processes are asked; return the statuses."""

    def ask(_number):
        headers = {"Authorization": f"Bearer {token}", "Connection": "close"}
        return requests.get(api.url("/v1/teams"), headers=headers, timeout=20).status_code

    with ThreadPoolExecutor(8) as pool:
        return Counter(answer.result() for answer in [pool.submit(ask, n) for n in paced(times, per_second)])


def milliseconds(api, since):
    """Return, sorted, how long each request took since the log had *since* characters; connecting apart."""
    return sorted(float(took) for took in re.findall(r" ms=([0-9.]+)", api.log.read_text()[since:]))


def test_a46_a_client_s_quota_is_used_up_in_all_processes_together(served):
    api, founded = served
    noisy, quiet = founded(), founded()

    statuses = asked(api, noisy.token, 4 * QUOTA)

    assert set(statuses) == {200, 429}
    # One process would admit the quota, two that know nothing of each other twice as many.
    assert QUOTA <= statuses[200] <= QUOTA * 1.5
    assert asked(api, quiet.token, QUOTA // 2) == {200: QUOTA // 2}


def test_a46_wrong_secrets_are_counted_in_all_processes_together(served):
    api, founded = served
    form = {"grant_type": "client_credentials", "client_id": founded().client.client_id, "client_secret": "wrong"}

    def tried():
        headers = {"Connection": "close"}
        return requests.post(api.url("/oauth/token"), data=form, headers=headers, timeout=20).status_code

    statuses = [tried() for _ in range(30)]

    assert 5 <= statuses.count(401) <= 10
    eventually(lambda: [tried() for _ in range(4)] == [429] * 4)


def test_a46_a_frozen_valkey_delays_nobody_and_limits_go_on(served, valkey):
    api, founded = served
    client = founded()
    asked(api, client.token, 5)
    since = len(api.log.read_text())
    valkey.freeze()
    try:
        statuses = asked(api, client.token, 4 * QUOTA)
        others = asked(api, founded().token, QUOTA // 2)
    finally:
        valkey.thaw()

    assert set(statuses) == {200, 429}
    assert QUOTA - 5 <= statuses[200] <= 2 * QUOTA
    assert others == {200: QUOTA // 2}
    took = milliseconds(api, since)
    assert took[int(len(took) * 0.99)] < 500


def test_a46_a_killed_valkey_delays_nobody_and_limits_go_on(served, valkey):
    api, founded = served
    valkey.kill()
    since = len(api.log.read_text())
    statuses = asked(api, founded().token, 4 * QUOTA)
    took = milliseconds(api, since)
    ready = requests.get(api.url("/readyz"), timeout=20)
    valkey.start()

    assert set(statuses) == {200, 429}
    assert QUOTA <= statuses[200] <= 2 * QUOTA
    assert (ready.status_code, ready.json()["status"]) == (200, "degraded")
    assert took[int(len(took) * 0.99)] < 500


def test_a46_when_it_is_back_the_processes_count_together_again(served):
    api, founded = served

    def used_together():
        return asked(api, founded().token, 4 * QUOTA)[200] <= QUOTA * 1.5

    eventually(used_together, within=60)
