"""How long after its commit each webhook came, by the event's own instant; what is received is in `receiver`."""

import json
import time
from collections.abc import Iterable
from datetime import datetime

from tests.support.receiver import Received


def delays_of(received: Iterable[Received]) -> list[float]:
    """Return, sorted, how many seconds after its commit each event was first received."""
    # An event's instant is the database's, taken a few milliseconds before its commit.
    to_wall_clock = time.time() - time.monotonic()
    first = {one.headers["webhook-id"]: one for one in reversed(tuple(received))}
    return sorted(one.at + to_wall_clock - _committed_at(one.body) for one in first.values())


def _committed_at(body: bytes) -> float:
    return datetime.fromisoformat(json.loads(body)["timestamp"]).timestamp()
