"""Measures what authentication, row-level security and the log add to the time of a served read at a steady rate."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace

from bench.limits import environment_of
from bench.load import Load
from bench.report import Figure, percentile, spread
from bench.system import PROJECT, Run, System, generate
from psms.embedded.addresses import free_port, is_free
from tests.support.waiting import eventually

_PER_SECOND = 50.0
_CONNECTIONS = 8
# Of each in turn: at 50 a second, a 95th percentile needs the answers of half a minute and more.
_ROUNDS = 8
_TARGET_MS = 3


def answering(system: System, seconds: float) -> Iterator[Figure]:
    """Yield what all guards add to the 95th percentile, and the median with and without row-level security.

    The owner of the tables must be unbound meanwhile.
    """
    found = _latencies(system, seconds)
    guarded, unguarded = (percentile(found[name], 0.95) for name in ("guarded", "unguarded"))
    yield Figure(
        name=f"what the guards add to reading a ticket at {_PER_SECOND:.0f}/s, p95",
        value=guarded - unguarded,
        unit="ms",
        limits={"the p95 without guards": unguarded},
        target=f"<= {_TARGET_MS} ms",
        details={f"{name} {share}": ms for name, taken in found.items() for share, ms in spread(taken).items()},
    )
    yield Figure(
        name=f"reading a ticket at {_PER_SECOND:.0f}/s, p50",
        value=percentile(found["guarded"], 0.5),
        unit="ms",
        limits={"the same without row-level security": percentile(found["unwalled"], 0.5)},
        target="<= 110%",
    )


def _latencies(system: System, seconds: float) -> dict[str, list[float]]:
    guarded = system.load(system.some_tickets(), connections=_CONNECTIONS, seconds=seconds, rate=_PER_SECOND)
    with ExitStack() as stack:
        loads = {"guarded": guarded}
        for name in ("unguarded", "unwalled"):
            loads[name] = replace(guarded, port=stack.enter_context(_serving(system, name)))
        for load in loads.values():
            _answered(load)
        # In turns, so that a disturbance of the machine meets all of them alike.
        rounds = [{name: _answered(load) for name, load in loads.items()} for _ in range(_ROUNDS)]
    return {name: sorted(ms for one in rounds for ms in one[name]) for name in loads}


def _answered(load: Load) -> list[float]:
    return Run(outcome=generate(load), cpu_s={}).expect("200").outcome.latencies_ms


@contextmanager
def _serving(system: System, name: str) -> Iterator[int]:
    """Serve an application of `unguarded_app` as the product is served; lend its port."""
    port = free_port()
    serve = ("--interface", "wsgi", "--workers", "2", "--blocking-threads", "1", "--port", str(port))
    application = ("--backpressure", "4096", "--no-log", "--factory", f"bench.unguarded_app:{name}")
    variables = {"DATABASE_URL": system.owner_url, "BENCH_TOKEN": system.token}
    with ExitStack() as stack:
        server = subprocess.Popen(
            (sys.executable, "-m", "granian", *serve, *application),
            cwd=PROJECT,
            env=os.environ | environment_of(system) | variables,
            stderr=subprocess.DEVNULL,
        )
        stack.callback(server.wait, 20)
        stack.callback(server.terminate)
        eventually(lambda: not is_free("127.0.0.1", port), within=60, what=f"the {name} application")
        yield port
