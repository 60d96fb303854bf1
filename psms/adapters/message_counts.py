"""How many values this process may still encrypt under each data key before it counts them in the database again.

Counting there is in `workflows.data_keys`; the bound on all processes together is `psms.domain.data_keys`'.
"""

import threading
from collections import OrderedDict
from collections.abc import Iterable
from uuid import UUID

_MOST = 10_000


class MessageCounts:
    """What was reserved under each data key and not used yet; for any number of threads."""

    def __init__(self, *, most: int = _MOST) -> None:
        """Remember *most* data keys; what was reserved under one that is forgotten is never used."""
        self._most = most
        self._left: OrderedDict[tuple[UUID, int], int] = OrderedDict()
        self._lock = threading.Lock()

    def spend(self, organization_id: UUID, key_id: int) -> None:
        """Note that a value was encrypted. What was not reserved is owed, and paid with the next reservation."""
        key = (organization_id, key_id)
        with self._lock:
            self._left[key] = self._left.get(key, 0) - 1

    def short(self, organization_id: UUID, key_ids: Iterable[int], least: int) -> dict[int, int]:
        """Return which keys have fewer than *least* left, with how many are left; negative where some are owed."""
        with self._lock:
            lefts = {key_id: self._left.get((organization_id, key_id), 0) for key_id in key_ids}
        return {key_id: left for key_id, left in lefts.items() if left < least}

    def grant(self, organization_id: UUID, key_id: int, count: int) -> None:
        """Note that *count* more were reserved; call it once that is committed."""
        key = (organization_id, key_id)
        with self._lock:
            self._left[key] = self._left.get(key, 0) + count
            self._left.move_to_end(key)
            while len(self._left) > self._most:
                self._left.popitem(last=False)
