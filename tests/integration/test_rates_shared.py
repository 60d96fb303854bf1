"""Counts of requests that processes share through a real Valkey, and what they do while it is away."""

import time
from collections.abc import Iterator
from uuid import uuid4

import pytest
from redis import Redis

from psms.adapters.rates import SharedRates
from psms.domain.rates import Meter, Rate
from tests.support.servers import ValkeyServer
from tests.support.waiting import eventually, paced

# No test lives to see the end of this window.
DAY = 86_400


@pytest.fixture
def pair(valkey: ValkeyServer) -> Iterator[tuple[SharedRates, SharedRates]]:
    """Two processes' counts, as far as Valkey can tell."""
    both = SharedRates(valkey.url), SharedRates(valkey.url)
    yield both
    for counts in both:
        counts.close()


@pytest.fixture
def own_valkey(valkey: ValkeyServer) -> Iterator[ValkeyServer]:
    """The Valkey, which a test may freeze or kill; it runs again afterwards."""
    yield valkey
    valkey.stop()
    valkey.start()


def client(quota: int) -> list[Meter]:
    return [Meter(name="client", key=f"client:{uuid4()}", rate=Rate(quota=quota, window_s=DAY))]


def remaining(counts: SharedRates, meters: list[Meter]) -> int:
    return counts.look(meters).readings[0].remaining


def test_what_one_process_admits_the_other_counts(pair):
    one, two = pair
    meters = client(100)
    for _ in range(30):
        one.take(meters)
    two.take(meters)

    eventually(lambda: remaining(two, meters) == 69)


def test_a_quota_is_used_up_by_all_together(pair):
    meters = client(40)
    admitted = sum(counts.take(meters).refused_by is None for _ in paced(120, 150) for counts in pair)

    # What comes to one while the other is not told of it yet goes beyond.
    assert 40 <= admitted <= 50
    eventually(lambda: all(counts.take(meters).refused_by == "client" for counts in pair))


def test_nothing_is_lost_while_valkey_is_frozen_and_nobody_waits(pair, own_valkey):
    one, two = pair
    meters = client(1000)
    one.take(meters)
    eventually(lambda: not one.untold)
    own_valkey.freeze()
    took = []
    for _ in paced(400, 400):
        began = time.monotonic()
        one.take(meters)
        took.append(time.monotonic() - began)
    own_valkey.thaw()

    assert sorted(took)[395] < 0.005
    eventually(lambda: not one.untold, within=10)
    two.take(meters)
    eventually(lambda: remaining(two, meters) <= 1000 - 402)
    # What was under way when it froze is counted twice, and nothing else.
    assert remaining(two, meters) >= 1000 - 402 - 150


def test_without_valkey_each_process_keeps_to_the_quota_by_itself(pair, own_valkey):
    own_valkey.kill()
    meters = client(25)

    admitted = [sum(counts.take(meters).refused_by is None for _ in range(100)) for counts in pair]

    assert admitted == [25, 25]


def test_an_emptied_valkey_forgets_and_the_counts_go_on(pair, valkey):
    one, two = pair
    meters = client(1000)
    one.take(meters)
    eventually(lambda: not one.untold)
    with Redis.from_url(valkey.url) as redis:
        redis.flushall()
    one.take(meters)
    two.take(meters)

    eventually(lambda: remaining(two, meters) == 998)


def test_a_key_in_redis_does_not_outlive_its_window_by_much(pair, valkey):
    one, _ = pair
    meters = [Meter(name="client", key=f"client:{uuid4()}", rate=Rate(quota=5, window_s=60))]
    one.take(meters)
    eventually(lambda: not one.untold)

    with Redis.from_url(valkey.url) as redis:
        (key,) = redis.keys(f"psms:rate:{meters[0].key}:*")
        assert 0 < redis.ttl(key) <= 120
