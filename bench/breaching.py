"""Measures how fast workers breach what is due, on a PostgreSQL that writes its log to the disk."""

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from bench import processes
from bench.desks import AT_RISK, TARGET, TIMERS_EACH, Desk, running_desk
from bench.replaying import recorded_pages, save_pages
from bench.report import Figure
from bench.seeding import refresh_statistics
from bench.sweepers import Sweepers, running_sweepers
from bench.system import PROJECT
from tests.support.databases import make_template
from tests.support.servers import DURABLE, PostgresServer, running_postgres, running_valkey
from workflows.sla_sweep import BATCH, fire_due_timers

_WORKERS = 4
_LEAST_PER_SECOND = 2_000
# Enough pages for each program of the limit to have several.
_LIMIT_OF = 10_000
# What a breach leaves, each exactly once: rows, and of how many clocks or tickets they are.
_LEFT = {
    "breaches": "count(*), count(DISTINCT ticket_id) FROM sla_clocks WHERE breached_at = due_at",
    "fires of the breach": "count(*), count(DISTINCT clock_id) FROM sla_fires WHERE level = '(breach)'",
    "fires of its level": "count(*), count(DISTINCT clock_id) FROM sla_fires WHERE level = 'breach'",
    "events of the breach": "count(*), count(DISTINCT ticket_id) FROM events WHERE type = 'sla.breached'",
    "events of the escalation": "count(*), count(DISTINCT ticket_id) FROM events WHERE type = 'sla.escalated'",
    "rows for the relay": "count(*), count(DISTINCT ticket_id) FROM outbox WHERE event_type = 'sla.breached'",
    "entries of the breach": "count(*), count(DISTINCT target_id) FROM logs WHERE action = 'sla.breached'",
    "entries of the escalation": "count(*), count(DISTINCT target_id) FROM logs WHERE action = 'sla.escalated'",
    "notifications": "count(*), count(DISTINCT clock_id) FROM notifications WHERE kind = 'sla.breached'",
    "raised priorities": "count(*), count(DISTINCT id) FROM tickets WHERE (priority, version) = ('high', 2)",
}


def breaches(count: int) -> Iterator[Figure]:
    """Yield how many of *count* breaches, due at once, four workers record in a second, beside the bare SQL."""
    with ExitStack() as stack:
        # Not in memory: what is committed is on the disk.
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="psms-bench-breaches-", dir="/var/tmp")))
        home.chmod(0o755)
        server = stack.enter_context(running_postgres(home / "postgres", settings=DURABLE))
        make_template(server)
        redis_url = stack.enter_context(running_valkey(home / "valkey")).url
        cost = _breached(server, home, count, redis_url)
        limit, statements = _limit(server, home / "pages")
    yield _figure(cost, limit, statements)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cost:
    """What a number of breaches took. CPU time is in milliseconds for each, the log in bytes."""

    per_second: float
    workers_cpu_ms: float
    postgres_cpu_ms: float
    wal: float


def _breached(server: PostgresServer, home: Path, count: int, redis_url: str) -> _Cost:
    with ExitStack() as stack:
        desk = stack.enter_context(running_desk(server, count * TIMERS_EACH))
        urls = desk.database.app_url, desk.database.superuser_url, redis_url
        sweepers = stack.enter_context(running_sweepers(_WORKERS, home, *urls))
        # The warning that comes first, which also warms the workers.
        desk.stand_at(count, AT_RISK)
        sweepers.drain()
        with psycopg.connect(desk.database.superuser_url) as connection:
            refresh_statistics(connection)
        desk.stand_at(count, TARGET)
        cost = _measured(server, desk, sweepers, count)
        _check(desk, count)
    return cost


def _measured(server: PostgresServer, desk: Desk, sweepers: Sweepers, count: int) -> _Cost:
    def spent() -> tuple[float, float, int]:
        ((written,),) = desk.database.rows("SELECT (pg_current_wal_lsn() - '0/0')::bigint")
        assert isinstance(written, int)
        return sweepers.cpu_s(), processes.cpu_seconds(processes.descendants(server.pid)), written

    before = spent()
    seconds = sweepers.drain()
    workers, postgres, wal = (then - first for then, first in zip(spent(), before, strict=True))
    return _Cost(
        per_second=count / seconds,
        workers_cpu_ms=workers * 1000 / count,
        postgres_cpu_ms=postgres * 1000 / count,
        wal=wal / count,
    )


def _check(desk: Desk, count: int) -> None:
    found = {what: desk.database.rows(f"SELECT {query}") for what, query in _LEFT.items()}
    wrong = {what: rows for what, rows in found.items() if rows != [(count, count)]}
    assert not wrong, f"instead of {count} each: {wrong}"
    doubled = desk.database.rows("SELECT FROM events GROUP BY ticket_id, sequence HAVING count(*) > 1")
    assert not doubled, f"{len(doubled)} numbers of events are given twice"


def _limit(server: PostgresServer, path: Path) -> tuple[_Cost, float]:
    """Return what the same SQL costs without Python's part in it, and how many statements breach a page."""
    with running_desk(server, _LIMIT_OF * TIMERS_EACH) as desk:
        desk.stand_at(_LIMIT_OF, AT_RISK)
        fire_due_timers(desk.rt)
        desk.stand_at(_LIMIT_OF, TARGET)
        desk.rt.db.close()
        copy = sql.Identifier(f"{desk.database.name}_copy")
        with psycopg.connect(server.superuser_url, autocommit=True) as connection:
            template = sql.Identifier(desk.database.name)
            connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(copy, template))
        pages = [page for page in recorded_pages(lambda: fire_due_timers(desk.rt)) if len(page) > _NOTHING_DUE]
        assert len(pages) == _LIMIT_OF // BATCH
        save_pages(path, pages)
        cost = _replayed(server, f"{desk.database.app_url}_copy", path)
        with psycopg.connect(server.superuser_url, autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE {}").format(copy))
    # And COMMIT, which is not heard.
    return cost, sum(map(len, pages)) / len(pages) + 1


_NOTHING_DUE = 3  # statements: begin, the clock, the claim


def _replayed(server: PostgresServer, url: str, path: Path) -> _Cost:
    command = (sys.executable, "-m", "bench.replaying", url, str(path))
    programs = [
        subprocess.Popen(
            (*command, str(which), str(_WORKERS)),
            cwd=PROJECT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for which in range(_WORKERS)
    ]
    for program in programs:
        assert program.stdout is not None
        assert program.stdout.readline() == "ready\n"
    pids = [program.pid for program in programs]
    before, began = _cpu_s(server, pids), time.monotonic()
    for program in programs:
        assert program.stdin is not None
        program.stdin.write("\n")
        program.stdin.flush()
    for program in programs:
        assert program.stdout is not None
        assert program.stdout.readline() == "done\n"
    seconds = time.monotonic() - began
    workers, postgres = (then - first for then, first in zip(_cpu_s(server, pids), before, strict=True))
    for program in programs:
        program.communicate()
    return _Cost(
        per_second=_LIMIT_OF / seconds,
        workers_cpu_ms=workers * 1000 / _LIMIT_OF,
        postgres_cpu_ms=postgres * 1000 / _LIMIT_OF,
        wal=0,
    )


def _cpu_s(server: PostgresServer, pids: list[int]) -> tuple[float, float]:
    return processes.cpu_seconds(pids), processes.cpu_seconds(processes.descendants(server.pid))


def _figure(cost: _Cost, limit: _Cost, statements: float) -> Figure:
    return Figure(
        name=f"breaches by {_WORKERS} workers",
        value=cost.per_second,
        unit="1/s",
        limits={"the bare SQL": limit.per_second},
        target=f">= {_LEAST_PER_SECOND:,}: {'pass' if cost.per_second >= _LEAST_PER_SECOND else 'FAIL'}",
        details={
            "cpu_ms": cost.workers_cpu_ms + cost.postgres_cpu_ms,
            "workers_cpu_ms": cost.workers_cpu_ms,
            "postgres_cpu_ms": cost.postgres_cpu_ms,
            "bare_cpu_ms": limit.workers_cpu_ms + limit.postgres_cpu_ms,
            "wal_bytes": cost.wal,
            f"statements per {BATCH}": statements,
        },
    )
