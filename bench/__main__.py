"""`make bench`: measures everything, or what --only names, prints a table as it goes, and the JSON at the end.

The table goes to standard error, the one JSON document to standard output.
"""

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack

from bench.auditing import auditing
from bench.breaching import breaches
from bench.connecting import connections, memory
from bench.counting import counting
from bench.creating import creation, reading
from bench.delivering import delivery
from bench.delivering_beside import fairness, ledger, throughput
from bench.encrypting import encryption
from bench.guarding import guarding
from bench.limits import Limits, running_limits
from bench.report import Figure, write_json, write_table
from bench.sweeping import FEWEST, sweep
from bench.system import System, running_system
from psms.telemetry import set_up_logs

_LIMITED = ("read", "create", "guard")
# On servers of their own, or on none.
_ALONE = {"log", "sweep", "breaches", "sla"}
_OF_WEBHOOKS = ("webhooks", "throughput", "fairness", "ledger")
_ALL = ("memory", *_LIMITED, *_OF_WEBHOOKS, "encryption", "connections", "log", "sweep", "breaches", "sla")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--only", default=",".join(_ALL), help="some of " + ",".join(_ALL))
    parser.add_argument("--seconds", type=float, default=3.0, help="length of each of the three rounds of a point")
    parser.add_argument("--connections", type=int, default=10_000, help="kept-alive connections")
    parser.add_argument("--timers", type=int, default=1_000_000, help="open timers of the larger sweep")
    parser.add_argument("--breaches", type=int, default=40_000, help="timers that are due at once")
    parser.add_argument("--deliveries", type=int, default=10_000, help="webhooks sent as fast as it goes")
    parser.add_argument("--backlog", type=int, default=100_000, help="webhooks that wait for an endpoint that hangs")
    parser.add_argument("--ledger-seconds", type=float, default=60.0, help="length of the ledger run; 600 proves it")
    arguments = parser.parse_args()
    unknown = set(arguments.only.split(",")) - set(_ALL)
    if unknown:
        parser.error(f"--only knows {', '.join(_ALL)}, not {', '.join(sorted(unknown))}")
    return arguments


def _measured(wanted: set[str], arguments: argparse.Namespace) -> Iterator[Figure]:
    if wanted - _ALONE:
        with running_system() as system:
            yield from _of_the_system(system, wanted, arguments)
    if "log" in wanted:
        yield from auditing(arguments.seconds)
    if "sweep" in wanted:
        yield from sweep(max(FEWEST, arguments.timers // 10), arguments.timers)
    if "breaches" in wanted:
        yield from breaches(arguments.breaches)
    if "sla" in wanted:
        yield from counting()


def _of_the_system(system: System, wanted: set[str], arguments: argparse.Namespace) -> Iterator[Figure]:
    seconds: float = arguments.seconds
    if "memory" in wanted:
        yield memory(system, "idle")
    if wanted & set(_LIMITED):
        yield from _limited(system, wanted, seconds)
    yield from _of_webhooks(system, wanted, arguments)
    if "encryption" in wanted:
        yield from encryption(system)
    if "connections" in wanted:
        # Enough to read, where the reads were not measured.
        system.seed(1_000)
        yield from connections(system, 3 * seconds, arguments.connections)
    if "memory" in wanted:
        yield memory(system, "after the load")


def _of_webhooks(system: System, wanted: set[str], arguments: argparse.Namespace) -> Iterator[Figure]:
    if "webhooks" in wanted:
        yield from delivery(system, 3 * arguments.seconds)
    if "throughput" in wanted:
        yield from throughput(system, arguments.deliveries)
    if "fairness" in wanted:
        yield from fairness(system, 3 * arguments.seconds, arguments.backlog)
    if "ledger" in wanted:
        yield from ledger(system, arguments.ledger_seconds)


def _limited(system: System, wanted: set[str], seconds: float) -> Iterator[Figure]:
    steps: dict[str, Callable[[System, Limits, float], Iterator[Figure]]] = {
        "read": reading,
        "create": creation,
        "guard": guarding,
    }
    with ExitStack() as stack:
        limits = stack.enter_context(running_limits(system))
        for name in _LIMITED:
            if name in wanted:
                yield from steps[name](system, limits, seconds)


def _main() -> None:
    arguments = _arguments()
    # Standard output is for the JSON document.
    set_up_logs(as_json=False, service="bench")
    figures = []
    for figure in _measured(set(arguments.only.split(",")), arguments):
        figures.append(figure)
        write_table([figure], sys.stderr)
    write_json(figures, sys.stdout)


if __name__ == "__main__":
    _main()
