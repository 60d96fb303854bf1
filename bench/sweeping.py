"""Measures the sweep: what 500 due timers cost among few and among very many open ones."""

import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from bench.desks import AT_RISK, TIMERS_EACH, Desk, running_desk
from bench.report import Figure
from tests.support.databases import make_template
from tests.support.servers import running_postgres
from workflows.sla_sweep import BATCH, fire_due_timers

_DUE = BATCH
_ROUNDS = 9
# Of 8 KiB each, of tables and indexes.
_BLOCKS = """
    SELECT CAST(sum(heap_blks_hit + heap_blks_read + COALESCE(idx_blks_hit + idx_blks_read, 0)) AS bigint)
    FROM pg_statio_user_tables
"""
# One round more warms up, and one is for counting blocks.
FEWEST = (_ROUNDS + 2) * _DUE * TIMERS_EACH
_LOWEST, _HIGHEST = 0.8, 1.2


def sweep(few: int, many: int) -> Iterator[Figure]:
    """Yield the time of a sweep among *few* and *many* open timers, measured in turns, and their ratio."""
    assert few >= FEWEST, f"the rounds use up {FEWEST} timers"
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="psms-bench-sweep-")))
        directory.chmod(0o755)
        server = stack.enter_context(running_postgres(directory / "postgres"))
        make_template(server)
        desks = {timers: stack.enter_context(running_desk(server, timers)) for timers in (few, many)}
        took: dict[int, list[float]] = {timers: [] for timers in desks}
        # The first round only warms up; who begins a round changes, so that what drifts meets both alike.
        for turn in range(_ROUNDS + 1):
            order = list(desks) if turn % 2 else list(reversed(desks))
            for timers in order:
                seconds = _swept(desks[timers], turn)
                took[timers] += [seconds] if turn else []
        blocks = {timers: _blocks(desk) for timers, desk in desks.items()}
    for timers, seconds_each in took.items():
        details = {"blocks": float(blocks[timers])}
        name = f"sweep of {_DUE} due among {timers:,} open timers"
        yield Figure(name=name, value=min(seconds_each), unit="s", details=details)
    yield _ratio(took, few, many)


def _ratio(took: dict[int, list[float]], few: int, many: int) -> Figure:
    # Of the rounds the best: a disturbance only ever adds.
    ratio = min(took[many]) / min(took[few])
    return Figure(
        name=f"sweep among {many:,} as a share of that among {few:,}",
        value=ratio,
        unit="ratio",
        target=f"{_LOWEST} to {_HIGHEST}: {'pass' if _LOWEST <= ratio <= _HIGHEST else 'FAIL'}",
    )


def _swept(desk: Desk, turn: int) -> float:
    desk.stand_at((turn + 1) * _DUE, AT_RISK)
    began = time.monotonic()
    fired = fire_due_timers(desk.rt)
    seconds = time.monotonic() - began
    assert fired == _DUE, f"{fired} timers took effect instead of {_DUE}"
    return seconds


def _blocks(desk: Desk) -> int:
    """Return how many blocks one sweep more looks at: what it costs, whatever else the machine does."""

    def looked_at() -> int:
        # A connection tells what it did when it ends.
        desk.rt.db.close()
        ((count,),) = desk.database.rows(_BLOCKS)
        assert isinstance(count, int)
        return count

    before = looked_at()
    _swept(desk, _ROUNDS + 1)
    return looked_at() - before
