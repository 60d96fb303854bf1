"""Measures what the log costs a ticket's creation: the same statements with and without it, in turns."""

import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

from bench import processes
from bench.recording import Statement, recorded, save
from bench.report import Figure
from bench.system import PROJECT
from psms.domain.sla_policies import NewSlaPolicy
from psms.settings import Settings
from tests.support.databases import fresh_database, make_template
from tests.support.fakes import RecordingNudger
from tests.support.servers import PostgresServer, running_postgres
from tests.support.tenants import file_ticket, make_tenant
from workflows.boot import runtime_for
from workflows.sla_policies import add_policy

_PAIRS = 7
_WRITERS = 16
_PROGRAMS = 2
_WITH, _WITHOUT = "create", "create without the log"
# The part of the one statement that files a ticket.
_ENTRY = re.compile(r", entry AS \(\s*INSERT INTO logs .*?\)\s*\)(?=, event AS)", re.DOTALL)


def auditing(seconds: float) -> Iterator[Figure]:
    """Yield by which share 16 writers of one organization file fewer tickets because each leaves an entry.

    On a server of its own, where nobody relays or seals: what is done later is not what a caller waits for.
    """
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="psms-bench-log-")))
        directory.chmod(0o755)
        server = stack.enter_context(running_postgres(directory / "postgres"))
        make_template(server)
        database = stack.enter_context(fresh_database(server))
        writing = _Writing(server=server, url=database.app_url, recordings=directory / "recordings")
        _record(writing)
        for variant in (_WITH, _WITHOUT):
            writing.run(variant, 1.0)
        pairs = []
        for turn in range(_PAIRS):
            # The first of a pair is now the one, now the other: what drifts meets both alike.
            order = (_WITH, _WITHOUT) if turn % 2 else (_WITHOUT, _WITH)
            pairs.append({variant: writing.run(variant, seconds) for variant in order})
    yield _figure(pairs)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Writing:
    server: PostgresServer
    url: str
    recordings: Path

    def run(self, variant: str, seconds: float) -> tuple[float, float]:
        """Return tickets a second, and the server's CPU time in milliseconds for each."""
        command = (sys.executable, "-m", "bench.writers", self.url, str(self.recordings), variant, str(seconds))
        before = processes.cpu_seconds(processes.descendants(self.server.pid))
        programs = [
            subprocess.Popen((*command, str(_WRITERS // _PROGRAMS)), cwd=PROJECT, stdout=subprocess.PIPE, text=True)
            for _ in range(_PROGRAMS)
        ]
        count = sum(int(program.communicate()[0]) for program in programs)
        cpu_s = processes.cpu_seconds(processes.descendants(self.server.pid)) - before
        return count / seconds, cpu_s * 1000 / count


def _record(writing: _Writing) -> None:
    settings = Settings.from_env({"DATABASE_URL": writing.url, "REDIS_URL": "redis://127.0.0.1:1/0"})
    rt = replace(runtime_for(settings), nudger=RecordingNudger())
    tenant = make_tenant(rt)
    policy = NewSlaPolicy(name="Bench", first_response_seconds=864_000, resolution_seconds=1_728_000)
    add_policy(rt, tenant.actor, policy, None)
    statements = recorded(lambda: file_ticket(rt, tenant.actor))
    rt.db.close()
    save(writing.recordings, {_WITH: statements, _WITHOUT: [_without_entry(one) for one in statements]})


def _without_entry(statement: Statement) -> Statement:
    if "INSERT INTO logs" not in statement.sql:
        return statement
    sql, removed = _ENTRY.subn("", statement.sql)
    assert removed == 1, "the statement that files a ticket no longer has the part that this takes out"
    return replace(statement, sql=sql)


def _figure(pairs: list[dict[str, tuple[float, float]]]) -> Figure:
    rates = {variant: median(pair[variant][0] for pair in pairs) for variant in (_WITH, _WITHOUT)}
    cpu = {variant: median(pair[variant][1] for pair in pairs) for variant in (_WITH, _WITHOUT)}
    return Figure(
        name=f"what the log costs {_WRITERS} writers of one organization",
        value=1 - median(pair[_WITH][0] / pair[_WITHOUT][0] for pair in pairs),
        unit="share",
        target="<= 0.10",
        details={
            "created_per_s": rates[_WITH],
            "created_per_s without": rates[_WITHOUT],
            "postgres_cpu_ms": cpu[_WITH],
            "postgres_cpu_ms without": cpu[_WITHOUT],
        },
    )
