"""Measures how long after its commit an event is received, with Valkey and without, and whether any is lost."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack

from bench.receiving import Partner, running_partner
from bench.report import Figure, spread
from bench.system import PROJECT, System
from tests.support.extras import environment_of
from tests.support.waiting import eventually

_USUAL, _BUSY = 50, 200
_PATIENCE_S = 60.0
_MOST_MS = {"p50_ms": 100.0, "p95_ms": 300.0, "p99_ms": 1000.0}
_WITHOUT_VALKEY_MS = 2500.0


def delivery(system: System, seconds: float) -> Iterator[Figure]:
    """Yield the delays at both rates, to one endpoint, and at the lower one while Valkey is stopped."""
    with running_partner() as partner:
        delays(system, partner, _USUAL, 1.0)
        yield _figure(f"commit to webhook, {_USUAL} a second", delays(system, partner, _USUAL, seconds), _MOST_MS)
        yield _figure(f"commit to webhook, {_BUSY} a second", delays(system, partner, _BUSY, seconds), _MOST_MS)
        with ExitStack() as stack:
            stack.callback(system.valkey.start)
            system.valkey.stop()
            found = delays(system, partner, _USUAL, seconds)
    yield _figure(f"commit to webhook, {_USUAL} a second, Valkey stopped", found, {"p99_ms": _WITHOUT_VALKEY_MS})


def _figure(name: str, found: list[float], most_ms: dict[str, float]) -> Figure:
    shares = spread(found)
    wanted = ", ".join(f"{share.removesuffix('_ms')} <= {most:,.0f} ms" for share, most in most_ms.items())
    passed = all(shares[share] <= most for share, most in most_ms.items())
    return Figure(
        name=f"{name}: p95",
        value=shares["p95_ms"],
        unit="ms",
        target=f"{wanted}, none lost: {verdict(passed=passed)}",
        details=shares | {"received": len(found)},
    )


def verdict(*, passed: bool) -> str:
    """Return the word at the end of a target."""
    return "PASS" if passed else "FAIL"


def delays(system: System, partner: Partner, rate: float, seconds: float) -> list[float]:
    """Commit events at *rate* for so long; return the sorted delays in ms; an AssertionError when one is lost."""
    count = int(rate * seconds)
    before = set(partner.got("/hook").ids)
    endpoint = system.desk.add_endpoint(partner.url("/hook"), ["ticket.created"])
    with committing(system, count, rate) as program:
        assert program.wait(seconds + _PATIENCE_S) == 0
    until = count + len(before)
    eventually(lambda: len(partner.got("/hook").ids) >= until, within=_PATIENCE_S, what=f"{count} webhooks")
    got = partner.got("/hook", without=before)
    remove(system, str(endpoint["id"]))
    assert len(got.ids) == count, f"{len(got.ids)} events of {count} tickets"
    return got.delays_ms


def committing(system: System, count: int, rate: float) -> "subprocess.Popen[bytes]":
    """Start a process that commits events at a steady rate, by the product's use cases, without HTTP."""
    command = (sys.executable, "-m", "bench.committing", system.token, str(count), str(rate))
    environment = {**os.environ, **environment_of(system.home), "PSMS_HOME": str(system.home)}
    return subprocess.Popen(command, cwd=PROJECT, env=environment, stdout=subprocess.DEVNULL)


def remove(system: System, endpoint_id: str) -> None:
    """Delete an endpoint."""
    answer = system.desk.call("DELETE", f"/v1/webhook-endpoints/{endpoint_id}")
    assert answer.status_code == 204, answer.text
