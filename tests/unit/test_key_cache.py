"""Keyrings kept in a process: for ten minutes at most, so many at most, loaded once by whoever comes first."""

import threading
from uuid import UUID

from psms.adapters.cipher import AesGcm
from psms.adapters.key_cache import KeyCache
from psms.adapters.keyring import Keyring
from psms.adapters.system import SystemChance
from tests.support.waiting import eventually

ACME = UUID(int=1)


class Loader:
    """Counts how often it is asked for a keyring."""

    def __init__(self) -> None:
        self.loads = 0

    def __call__(self) -> Keyring:
        self.loads += 1
        return Keyring(ACME, [], AesGcm, SystemChance())


def test_a_keyring_is_loaded_anew_after_ten_minutes():
    now = [0.0]
    cache, load = KeyCache(now=lambda: now[0]), Loader()

    first = cache.keyring(ACME, load)
    now[0] = 599.9
    assert cache.keyring(ACME, load) is first
    now[0] = 600.0
    assert cache.keyring(ACME, load) is not first
    assert load.loads == 2


def test_the_organizations_that_were_used_last_are_kept():
    cache, load = KeyCache(most=2), Loader()
    for number in (1, 2, 1, 3, 1, 2):
        cache.keyring(UUID(int=number), load)

    # 1, 2 and 3, and 2 again, which was used the longest ago when 3 came.
    assert load.loads == 4


def test_of_many_threads_one_loads():
    cache, began, go_on = KeyCache(), threading.Event(), threading.Event()
    load, found = Loader(), []

    def slowly():
        began.set()
        go_on.wait(10)
        return load()

    threads = [threading.Thread(target=lambda: found.append(cache.keyring(ACME, slowly))) for _ in range(8)]
    for thread in threads:
        thread.start()
    eventually(began.is_set, what="the first to load")
    go_on.set()
    for thread in threads:
        thread.join()

    assert (load.loads, len(found), len(set(map(id, found)))) == (1, 8, 1)


def test_what_is_put_or_forgotten_takes_effect_at_once():
    cache, load = KeyCache(), Loader()
    first, second = cache.keyring(ACME, load), load()

    assert cache.put(ACME, second) is cache.keyring(ACME, load) is second is not first
    cache.forget(ACME)
    assert cache.keyring(ACME, load) is not second
