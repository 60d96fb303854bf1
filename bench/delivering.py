"""Measures how long after its commit a ticket's webhook is received, and whether any is lost."""

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime

from bench.report import Figure, spread
from bench.system import CREATE, System
from tests.support.receiver import Receiver
from tests.support.waiting import eventually

_CALLERS = 16
_USUAL, _BUSY = 50, 200
_PATIENCE_S = 60.0


def delivery(system: System, seconds: float) -> Iterator[Figure]:
    """Yield the delays at both rates, and at the lower one while Valkey is stopped."""
    _delay(system, _USUAL, 1.0)
    for rate in (_USUAL, _BUSY):
        target = "p95 < 300 ms" if rate == _BUSY else ""
        yield _figure(f"commit to webhook, {rate} a second: p95", _delay(system, rate, seconds), target)
    with ExitStack() as stack:
        stack.callback(system.valkey.start)
        system.valkey.stop()
        delays = _delay(system, _USUAL, seconds)
    yield _figure(f"commit to webhook, {_USUAL} a second, Valkey stopped: p95", delays, "max < 2,500 ms")


def _figure(name: str, delays: list[float], target: str) -> Figure:
    shares = spread(delays)
    return Figure(
        name=name, value=shares["p95_ms"], unit="ms", target=target, details=shares | {"received": len(delays)}
    )


def _delay(system: System, rate: float, seconds: float) -> list[float]:
    """Return the sorted delays in ms; an AssertionError when one did not arrive."""
    with Receiver() as partner:
        endpoint = system.desk.add_endpoint(partner.url("/hook"), ["ticket.created"])
        run = system.run(system.load([CREATE], connections=_CALLERS, seconds=seconds, rate=rate)).expect("201")
        filed = run.outcome.answered
        eventually(lambda: len(partner.distinct_ids()) >= filed, within=_PATIENCE_S, what=f"{filed} webhooks")
        assert len(partner.distinct_ids()) == filed, f"{len(partner.distinct_ids())} events of {filed} tickets"
        answer = system.desk.call("DELETE", f"/v1/webhook-endpoints/{endpoint['id']}")
        assert answer.status_code == 204, answer.text
        # The event's instant is taken under the counter's lock, a few milliseconds before the commit.
        to_wall_clock = time.time() - time.monotonic()
        first = {request.headers["webhook-id"]: request for request in reversed(partner.received)}
        return sorted((r.at + to_wall_clock - _told_at(r.body)) * 1000 for r in first.values())


def _told_at(body: bytes) -> float:
    return datetime.fromisoformat(json.loads(body)["timestamp"]).timestamp()
