"""Measures the latency of mixed requests over many kept-alive connections, and the memory of every process."""

from collections.abc import Iterator

from bench.load import Asked
from bench.processes import memory_by_kind
from bench.report import Figure, spread
from bench.system import CREATE, LIST, System

_RATES = (500, 1000)
_WARM_UP_CALLERS = 8
_TARGET = {500: "p95 < 200 ms, no failed request"}
# Of twenty requests: mostly reads, as a desk's are.
_READS, _LISTS, _CREATIONS = 16, 2, 2


def connections(system: System, seconds: float, count: int) -> Iterator[Figure]:
    """Yield the latency, from the scheduled time, at both rates over *count* connections."""
    mix = _mixed(system)
    # What is prepared once for each process is not what is measured.
    system.run(system.load(mix, connections=_WARM_UP_CALLERS, seconds=1))
    for rate in _RATES:
        run = system.run(system.load(mix, connections=count, seconds=seconds, rate=rate))
        outcome = run.outcome
        good = sum(n for status, n in outcome.by_status.items() if status in {"200", "201"})
        shares = spread(outcome.latencies_ms)
        details = {
            **shares,
            "answered": outcome.answered,
            "failed": outcome.answered - good + outcome.lost,
            "connect_s": outcome.connected_s,
            "cpu_ms_each": run.cpu_ms_each,
            "generator_cpu_share": outcome.cpu_s / outcome.elapsed_s,
        }
        name = f"{count:,} connections, {rate} mixed requests a second: p95"
        yield Figure(name=name, value=shares["p95_ms"], unit="ms", target=_TARGET.get(rate, ""), details=details)


def memory(system: System, when: str) -> Figure:
    """Return the memory of the system's processes now, pages that are shared counted once."""
    held = memory_by_kind(system.processes())
    return Figure(name=f"memory of all processes, {when} (PSS)", value=sum(held.values()), unit="MiB", details=held)


def _mixed(system: System) -> list[Asked]:
    reads = system.some_tickets()
    mix = []
    for place in range(0, len(reads), _READS):
        mix += [*reads[place : place + _READS], *[LIST] * _LISTS, *[CREATE] * _CREATIONS]
    return mix
