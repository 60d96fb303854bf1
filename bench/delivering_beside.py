"""Measures deliveries beside what disturbs or bounds them: a bare loop, an endpoint that hangs, errors and deaths."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import cycle
from statistics import median

from bench import processes
from bench.backlogs import add_backlog, close_lane, open_lane
from bench.delivering import committing, delays, remove, verdict
from bench.receiving import Partner, running_partner
from bench.report import Figure, percentile
from bench.system import PROJECT, System
from tests.support.extras import family_of, frozen
from tests.support.ledger import ledger_of
from tests.support.pulling import pulled, totals
from tests.support.waiting import eventually

_RATE, _PAIRS = 50, 5
_SHARE, _MORE_MS = 1.10, 20.0
_LEAST_OF_BARE = 0.4
_BARE_S = 3.0
_PATIENCE_S = 180.0
_LEDGER_RATE = 20
_BETWEEN_BLOWS_S = 5.0
_PAUSE_S = 2.0
_SENDER = "worker webhooks"
_NEWEST = "SELECT COALESCE(max(id::text), '00000000-0000-0000-0000-000000000000') FROM events"
_EVENTS = "SELECT id::text FROM events WHERE type = 'ticket.created' AND id > CAST(%s AS uuid)"


def throughput(system: System, count: int) -> Iterator[Figure]:
    """Yield how many webhooks the workers deliver for each second of their CPU time, beside a bare loop of posts."""
    with running_partner() as partner:
        command = (sys.executable, "-m", "bench.posting", partner.url("/bare"), str(_BARE_S))
        bare = float(subprocess.run(command, cwd=PROJECT, stdout=subprocess.PIPE, check=True, text=True).stdout)
        endpoint_id = _backlogged(system, partner, "/hook", count)
        before, began = processes.cpu_by_kind(system.processes()), time.monotonic()
        open_lane(system, endpoint_id)
        eventually(lambda: len(partner.got("/hook").ids) > count, within=_PATIENCE_S, what=f"{count} webhooks")
        took, after = time.monotonic() - began, processes.cpu_by_kind(system.processes())
        remove(system, endpoint_id)
    each = count / (after[_SENDER] - before[_SENDER])
    yield Figure(
        name="webhooks for each CPU second of the worker",
        value=each,
        unit="1/s",
        limits={"a bare loop of post": bare},
        target=f">= {_LEAST_OF_BARE:.0%} of it: {verdict(passed=each >= _LEAST_OF_BARE * bare)}",
        details={"delivered": count, "per_second": count / took},
    )


def _backlogged(system: System, partner: Partner, path: str, count: int) -> str:
    """Add an endpoint that hears of nothing new, with so many webhooks that wait in its closed lane."""
    endpoint_id = str(system.desk.add_endpoint(partner.url(path), ["ticket.closed"])["id"])
    answer = system.desk.call("POST", f"/v1/webhook-endpoints/{endpoint_id}/test")
    assert answer.ok, answer.text
    eventually(lambda: len(partner.got(path).ids) == 1, within=20, what="the first webhook")
    add_backlog(system, endpoint_id, count)
    return endpoint_id


def fairness(system: System, seconds: float, backlog: int) -> Iterator[Figure]:
    """Yield the p99 of a healthy endpoint beside one that hangs, and without it, by turns."""
    alone: list[float] = []
    beside: list[float] = []
    with running_partner() as partner:
        hanging = _backlogged(system, partner, "/hangs", backlog)
        delays(system, partner, _RATE, 1.0)
        for _ in range(_PAIRS):
            alone.append(percentile(delays(system, partner, _RATE, seconds), 0.99))
            open_lane(system, hanging)
            beside.append(percentile(delays(system, partner, _RATE, seconds), 0.99))
            close_lane(system, hanging)
        got = partner.got("/hangs").requests
    most = median(alone) * _SHARE + _MORE_MS
    yield Figure(
        name=f"p99 beside a hanging endpoint with {backlog:,} webhooks",
        value=median(beside),
        unit="ms",
        target=f"<= {most:.1f} ms, 10 % and 20 ms more than without: {verdict(passed=median(beside) <= most)}",
        details={"without_ms": median(alone), "pairs": _PAIRS, "requests that hung": got},
    )


def ledger(system: System, seconds: float) -> Iterator[Figure]:
    """Yield how many events a partner got while one answer in twenty is an error and workers die and pause."""
    count = int(_LEDGER_RATE * seconds)
    ledger_rows = ledger_of(system.home)
    ((newest,),) = ledger_rows.rows(
        "SELECT COALESCE(max(id::text), '00000000-0000-0000-0000-000000000000') FROM events"
    )
    with running_partner() as partner:
        endpoint_id = str(system.desk.add_endpoint(partner.url("/fails"), ["ticket.created"])["id"])
        with committing(system, count, _LEDGER_RATE) as program:
            blows = _disturbed_until_end(system, program)
        assert program.returncode == 0
        eventually(lambda: len(partner.got("/fails").ids) >= count, within=_PATIENCE_S, what=f"{count} webhooks")
        eventually(lambda: _is_over(system, endpoint_id, count), within=_PATIENCE_S, what="a ledger that is settled")
        got, of_partner = partner.got("/fails"), pulled(system.desk, endpoint_id)
        remove(system, endpoint_id)
    committed = {str(row[0]) for row in ledger_rows.rows(_EVENTS, newest)}
    whole = set(got.ids) == committed and got.sequences == list(range(1, count + 1))
    same = [sequence for sequence, _ in of_partner] == got.sequences and {one for _, one in of_partner} == committed
    yield Figure(
        name=f"ledger run of {seconds:.0f} s: events received of {len(committed)} committed",
        value=len(got.ids),
        unit="events",
        target=f"the same set, pulled and in the ledger too, no gap: {verdict(passed=whole and same)}",
        details={"requests": got.requests, "kills and pauses": blows, "seconds": seconds},
    )


def _is_over(system: System, endpoint_id: str, count: int) -> bool:
    kept = totals(system.desk, endpoint_id)
    return bool(kept["committed"] == kept["delivered"] == count and kept["gapless"])


def _disturbed_until_end(system: System, program: "subprocess.Popen[bytes]") -> int:
    """Kill workers, and have them pause, by turns until *program* ends; return how often."""
    turns = cycle((("webhooks", "kill"), ("core", "pause"), ("core", "kill"), ("webhooks", "pause")))
    for blows, (worker, blow) in enumerate(turns):
        try:
            program.wait(_BETWEEN_BLOWS_S)
        except subprocess.TimeoutExpired:
            _strike(system, worker, blow)
        else:
            return blows
    raise AssertionError


def _strike(system: System, worker: str, blow: str) -> None:
    try:
        victim = family_of(system.home, f"--name {worker}")[0]
    except (AssertionError, FileNotFoundError):
        return  # it is being started anew
    if blow == "kill":
        os.kill(victim, signal.SIGKILL)
        return
    with frozen(victim):
        time.sleep(_PAUSE_S)
