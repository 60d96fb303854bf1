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
_APPLICATION = ("--no-log", "--factory", "bench.unguarded_app:served")


def answering(system: System, seconds: float) -> Iterator[Figure]:
    """Yield what the guards add to the 95th percentile; the owner of the tables must be unbound meanwhile."""
    with _serving_unguarded(system) as port:
        guarded = system.load(system.some_tickets(), connections=_CONNECTIONS, seconds=seconds, rate=_PER_SECOND)
        variants = {"guarded": guarded, "unguarded": replace(guarded, port=port)}
        for load in variants.values():
            _answered(load)
        rounds = [{name: _answered(load) for name, load in variants.items()} for _ in range(_ROUNDS)]
    found = {name: sorted(ms for one in rounds for ms in one[name]) for name in variants}
    yield Figure(
        name=f"what the guards add to reading a ticket at {_PER_SECOND:.0f}/s, p95",
        value=percentile(found["guarded"], 0.95) - percentile(found["unguarded"], 0.95),
        unit="ms",
        limits={"the p95 without guards": percentile(found["unguarded"], 0.95)},
        target=f"<= {_TARGET_MS} ms",
        details={f"{name} {share}": ms for name, taken in found.items() for share, ms in spread(taken).items()},
    )


def _answered(load: Load) -> list[float]:
    return Run(outcome=generate(load), cpu_s={}).expect("200").outcome.latencies_ms


@contextmanager
def _serving_unguarded(system: System) -> Iterator[int]:
    """Serve the product without its guards as the product is served; lend its port."""
    port = free_port()
    serve = ("--interface", "wsgi", "--workers", "2", "--blocking-threads", "1", "--port", str(port))
    variables = {"DATABASE_URL": system.owner_url, "BENCH_TOKEN": system.token}
    with ExitStack() as stack:
        server = subprocess.Popen(
            (sys.executable, "-m", "granian", *serve, "--backpressure", "4096", *_APPLICATION),
            cwd=PROJECT,
            env=os.environ | environment_of(system) | variables,
        )
        stack.callback(server.wait, 20)
        stack.callback(server.terminate)
        eventually(lambda: not is_free("127.0.0.1", port), within=60, what="the application without guards")
        yield port
