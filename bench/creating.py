"""Measures the creation of tickets at 1, 8 and 32 callers, and reading and listing them."""

from collections.abc import Callable, Iterator
from statistics import median

from bench.limits import Limits
from bench.report import Figure, spread
from bench.system import CREATE, LIST, Run, System

_ROUNDS = 3
_CALLERS = (1, 8, 32)
_USUAL = 8
_SMALL, _LARGE = 10_000, 100_000


def creation(system: System, limits: Limits, seconds: float) -> Iterator[Figure]:
    """Yield tickets a second at each number of callers, beside the limits, measured in turns."""
    _warm_up(system, limits)
    for callers in _CALLERS:
        runs = _created(system, limits, callers, seconds)
        bare = {"bare psycopg x2, same SQL": limits.bare("create", seconds=seconds)} if callers == _USUAL else {}
        target = ">= 50% of bare Flask, >= 90% of Core, <= 4 ms CPU" if callers == _USUAL else ""
        yield _throughput(f"create a ticket, {callers} callers", runs, bare, target)


def _created(system: System, limits: Limits, callers: int, seconds: float) -> dict[str, list[Run]]:
    return _in_turns(
        {
            "psms": lambda: system.run(system.load([CREATE], connections=callers, seconds=seconds)).expect("201"),
            "bare Flask, same SQL": lambda: limits.flask("create", connections=callers, seconds=seconds),
            "Core variant": lambda: limits.core(connections=callers, seconds=seconds),
        }
    )


def reading(system: System, limits: Limits, seconds: float) -> Iterator[Figure]:
    """Yield reads and lists a second, lists at both sizes; the system must hold fewer tickets than the first."""
    listed = {}
    for size in (_SMALL, _LARGE):
        system.seed(size)
        if size == _SMALL:
            yield _read(system, limits, seconds)
        variants = {
            "psms": lambda: system.run(system.load([LIST], connections=_USUAL, seconds=seconds)).expect("200"),
            "bare Flask, same SQL": lambda: limits.flask("list", connections=_USUAL, seconds=seconds),
        }
        runs = _in_turns(variants)
        bare = {"bare psycopg x2, same SQL": limits.bare("list", seconds=seconds)}
        figure = _throughput(f"list 50 of {size:,} tickets, {_USUAL} callers", runs, bare, ">= 650/s")
        listed[size] = figure.value
        yield figure
    yield Figure(
        name="list at 100,000 tickets as a share of that at 10,000",
        value=listed[_LARGE] / listed[_SMALL],
        unit="ratio",
        target=">= 0.8",
    )


def _read(system: System, limits: Limits, seconds: float) -> Figure:
    requests = system.some_tickets()
    variants = {
        "psms": lambda: system.run(system.load(requests, connections=_USUAL, seconds=seconds)).expect("200"),
        "bare Flask, same SQL": lambda: limits.flask("read", connections=_USUAL, seconds=seconds),
        "hello, no SQL": lambda: limits.hello(connections=_USUAL, seconds=seconds),
    }
    bare = {"bare psycopg x2, same SQL": limits.bare("read", seconds=seconds)}
    return _throughput(f"read a ticket, {_USUAL} callers", _in_turns(variants), bare, ">= 1,000/s")


def _warm_up(system: System, limits: Limits) -> None:
    system.run(system.load([CREATE], connections=_USUAL, seconds=1)).expect("201")
    limits.flask("create", connections=_USUAL, seconds=0.5)
    limits.core(connections=_USUAL, seconds=0.5)


def _in_turns(variants: dict[str, Callable[[], Run]]) -> dict[str, list[Run]]:
    # Round by round, so that a disturbance of the machine meets all of them alike.
    rounds = [{name: run() for name, run in variants.items()} for _ in range(_ROUNDS)]
    return {name: [one[name] for one in rounds] for name in variants}


def _throughput(name: str, runs: dict[str, list[Run]], bare: dict[str, float], target: str) -> Figure:
    own, others = runs["psms"], {variant: found for variant, found in runs.items() if variant != "psms"}
    latencies = sorted(ms for run in own for ms in run.outcome.latencies_ms)
    answered = sum(run.outcome.answered for run in own)
    kinds = {kind for run in own for kind in run.cpu_s}
    cpu = {f"cpu_ms {kind}": sum(r.cpu_s.get(kind, 0) for r in own) * 1000 / answered for kind in sorted(kinds)}
    return Figure(
        name=name,
        value=median(run.per_second for run in own),
        unit="/s",
        limits={v: median(run.per_second for run in found) for v, found in others.items()} | bare,
        target=target,
        details=spread(latencies)
        | {"cpu_ms_each": median(run.cpu_ms_each for run in own)}
        | {f"cpu_ms_each of {v}": median(run.cpu_ms_each for run in found) for v, found in others.items()}
        | {"generator_cpu_share": sum(r.outcome.cpu_s for r in own) / sum(r.outcome.elapsed_s for r in own)}
        | cpu,
    )
