"""What a process may still encrypt before it counts again: never more than was reserved, whatever is forgotten."""

import threading
from uuid import UUID

from psms.adapters.message_counts import MessageCounts

ACME, STRANGER = UUID(int=1), UUID(int=2)


def test_a_key_is_short_until_enough_was_reserved_and_again_when_it_is_used_up():
    counts = MessageCounts()
    assert counts.short(ACME, [1, 2], 64) == {1: 0, 2: 0}

    counts.grant(ACME, 1, 65)
    assert counts.short(ACME, [1, 2], 64) == {2: 0}
    assert counts.short(STRANGER, [1], 64) == {1: 0}
    counts.spend(ACME, 1)
    assert counts.short(ACME, [1], 64) == {}
    counts.spend(ACME, 1)
    assert counts.short(ACME, [1], 64) == {1: 63}


def test_what_was_not_reserved_is_owed():
    counts = MessageCounts()
    for _ in range(3):
        counts.spend(ACME, 1)

    assert counts.short(ACME, [1], 1) == {1: -3}


def test_what_is_forgotten_is_reserved_anew_and_not_used():
    counts = MessageCounts(most=2)
    for key_id in (1, 2, 3):
        counts.grant(ACME, key_id, 100)

    assert counts.short(ACME, [1, 2, 3], 1) == {1: 0}


def test_no_use_is_lost_among_threads():
    counts = MessageCounts()
    counts.grant(ACME, 1, 8000)

    def spend() -> None:
        for _ in range(1000):
            counts.spend(ACME, 1)

    threads = [threading.Thread(target=spend) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert counts.short(ACME, [1], 1) == {1: 0}
