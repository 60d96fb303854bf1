"""Keyrings kept in this process for a while: at most so many, each for ten minutes at most. Loads none itself."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from uuid import UUID

from psms.adapters.keyring import Keyring

_LIFE_S = 600.0
_MOST = 1000
_STRIPES = 32


class KeyCache:
    """The unwrapped data keys of the organizations that were used last; for any number of threads."""

    def __init__(
        self, *, most: int = _MOST, life_s: float = _LIFE_S, now: Callable[[], float] = time.monotonic
    ) -> None:
        """Keep *most* keyrings, each for *life_s* seconds by *now*."""
        self._most, self._life_s, self._now = most, life_s, now
        self._kept: OrderedDict[UUID, tuple[float, Keyring]] = OrderedDict()
        self._lock = threading.Lock()
        self._turns = [threading.Lock() for _ in range(_STRIPES)]

    def keyring(self, organization_id: UUID, load: Callable[[], Keyring]) -> Keyring:
        """Return an organization's keyring, by *load* where none is kept. One thread loads; the others wait for it."""
        kept = self._found(organization_id)
        if kept is not None:
            return kept
        with self._turns[hash(organization_id) % _STRIPES]:
            kept = self._found(organization_id)
            return self.put(organization_id, load()) if kept is None else kept

    def put(self, organization_id: UUID, keyring: Keyring) -> Keyring:
        """Keep *keyring* from now on, in place of a former one, and return it."""
        with self._lock:
            self._kept[organization_id] = (self._now() + self._life_s, keyring)
            self._kept.move_to_end(organization_id)
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)
        return keyring

    def forget(self, organization_id: UUID) -> None:
        """Keep an organization's keyring no longer."""
        with self._lock:
            self._kept.pop(organization_id, None)

    def _found(self, organization_id: UUID) -> Keyring | None:
        with self._lock:
            until, keyring = self._kept.get(organization_id, (0.0, None))
            if keyring is None:
                return None
            if self._now() >= until:
                del self._kept[organization_id]
                return None
            self._kept.move_to_end(organization_id)
            return keyring
