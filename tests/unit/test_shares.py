"""How slots are shared among lanes, and what a rate allows, against figures counted by hand and for any lanes."""

from hypothesis import given
from hypothesis import strategies as st

from psms.domain.shares import Pool, Room, Wanting, allowance_now, quotas, room

lanes = st.lists(
    st.builds(
        Wanting,
        pool=st.sampled_from(list(Pool)),
        allowed=st.none() | st.integers(0, 9),
    ),
    max_size=80,
)
sizes = st.integers(1, 200)


def wanting(pool, count, allowed=None):
    return [Wanting(pool=pool, allowed=allowed)] * count


def test_slow_lanes_have_a_quarter_of_the_slots_and_new_ones_half():
    assert room(size=128, free=128, new=0, slow=0) == Room(free=128, new=64, slow=32)
    assert room(size=128, free=20, new=60, slow=32) == Room(free=20, new=4, slow=0)
    assert room(size=128, free=3, new=0, slow=0) == Room(free=3, new=3, slow=3)
    assert room(size=1, free=1, new=0, slow=0) == Room(free=1, new=1, slow=1)
    assert room(size=128, free=0, new=0, slow=200) == Room(free=0, new=0, slow=0)


def test_slow_lanes_have_one_at_a_time_until_their_share_is_used():
    assert quotas(wanting(Pool.SLOW, 4), Room(free=16, new=8, slow=3)) == [1, 1, 1, 0]


def test_lanes_share_what_is_free_and_those_that_answer_have_four_at_the_least():
    assert quotas(wanting(Pool.FAST, 2), Room(free=128, new=64, slow=32)) == [64, 64]
    assert quotas(wanting(Pool.FAST, 3), Room(free=6, new=3, slow=1)) == [4, 4, 4]
    assert quotas(wanting(Pool.NEW, 3), Room(free=16, new=8, slow=4)) == [2, 2, 2]


def test_a_lane_has_no_more_than_its_rate_allows():
    assert quotas(wanting(Pool.FAST, 1, allowed=2), Room(free=16, new=8, slow=4)) == [2]
    assert quotas(wanting(Pool.SLOW, 1, allowed=0), Room(free=16, new=8, slow=4)) == [0]


@given(lanes, sizes, sizes, sizes, sizes)
def test_no_pool_ever_gets_more_than_its_share(wanting, size, free, new, slow):
    left = room(size=size, free=min(free, size), new=new, slow=slow)
    given_out = quotas(wanting, left)
    by_pool = {pool: sum(n for lane, n in zip(wanting, given_out, strict=True) if lane.pool is pool) for pool in Pool}
    assert by_pool[Pool.SLOW] <= left.slow <= max(1, size // 4)
    assert by_pool[Pool.NEW] <= left.new <= max(1, size // 2)
    assert all(
        n >= 0 and (lane.allowed is None or n <= lane.allowed) for lane, n in zip(wanting, given_out, strict=True)
    )


@given(st.integers(1, 60_000), st.lists(st.floats(0, 30), min_size=1, max_size=50))
def test_a_rate_is_kept_whatever_the_rhythm(rate, waits):
    allowance, made = 0.0, 0
    for wait in waits:
        allowance = allowance_now(rate, allowance, wait)
        made += int(allowance)
        allowance -= int(allowance)
    assert made <= sum(waits) * rate / 60 + 1e-6


def test_who_was_silent_gets_a_second_s_worth_at_once():
    assert allowance_now(600, 0.0, 3600.0) == 10.0
    assert allowance_now(6, 0.0, 3600.0) == 1.0
    assert allowance_now(6, 0.5, 2.5) == 0.75
    assert allowance_now(600, 3.0, -5.0) == 3.0
