"""The sweep killed, Redis emptied, Beat stopped or doubled, while tickets of two organizations reach their levels."""

import random
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count

import psycopg
import pytest
from psycopg import sql
from redis import Redis

from psms.crash import CrashPoint
from psms.runtime import Runtime
from tests.api.standing import runtime_on
from tests.support.crew import NO_FALLBACK, Crew, Member, assert_clocks_follow_from_their_ledgers
from tests.support.databases import MigratedDatabase, fresh_database
from tests.support.extras import frozen
from tests.support.sabotage import until_waiting
from tests.support.servers import PostgresServer, ValkeyServer
from tests.support.sla_siege import LEVELS, NOTIFIED, Siege, quiet_afternoon
from tests.support.waiting import eventually
from workflows.names import Queue

EACH = 8
CAUGHT_UP_S, PATIENCE_S = 60.0, 60.0
NUDGES = f"psms:{Queue.TIMERS}"
# Each brings levels that the one before did not.
WAVES = [timedelta(minutes=m) for m in (5.5, 8.5, 10.5, 2 * 60 + 11, 4 * 60 + 11, 18 * 60 + 11)]
STOPPED, A_SECOND = timedelta(minutes=10, seconds=30), timedelta(seconds=1)
# What a sweep writes, in its order: whoever keeps a table shut holds the sweep in the middle.
WRITTEN = ("sla_fires", "sla_clocks", "logs", "events", "notifications")


@dataclass
class Stage:
    """A database and a Redis with one worker and one Beat on them, and everything that ever began here."""

    rt: Runtime
    database: MigratedDatabase
    redis: Redis
    crew: Crew
    core: Member
    beat: Member
    weeks: Iterator[int] = field(default_factory=lambda: count(1))
    tickets: int = 0

    def besiege(self, each: int = EACH) -> Siege:
        """File tickets in two new organizations, later than all that was before."""
        siege = Siege(rt=self.rt, database=self.database, began=quiet_afternoon(next(self.weeks)))
        siege.prepare(each)
        self.tickets += siege.tickets
        return siege

    def waiting_nudges(self) -> int:
        """Return how many messages wait for a worker that sweeps."""
        return int(self.redis.llen(NUDGES))


@pytest.fixture(scope="module")
def stage(postgres: PostgresServer, valkey: ValkeyServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    home = tmp_path_factory.mktemp("crew")
    with ExitStack() as lent:
        database = lent.enter_context(fresh_database(postgres))
        rt = lent.enter_context(runtime_on(database))
        redis = lent.enter_context(Redis.from_url(valkey.url))
        crew = Crew(database, valkey.url, home)
        core = lent.enter_context(crew.with_worker("core", **NO_FALLBACK))
        beat = lent.enter_context(crew.with_beat())
        for member in (core, beat):
            member.until_ready()
        yield Stage(rt=rt, database=database, redis=redis, crew=crew, core=core, beat=beat)


def until_caught_up(siege: Siege, after: timedelta) -> None:
    """Return when all that has come by now was recorded; each of it must have had its effect once."""
    eventually(lambda: len(siege.fires()) == siege.come_by(after), within=CAUGHT_UP_S, what=f"all levels by {after}")
    assert siege.wrong() == {}


def through(siege: Siege, waves: list[timedelta]) -> None:
    """Let the clock pass the waves, each of which must be caught up before the next comes."""
    for after in waves:
        siege.go_to(after)
        until_caught_up(siege, after)


@contextmanager
def sweep_held(stage: Stage, table: str) -> Iterator[None]:
    """Hold the sweep that comes now in the middle of its transaction, just before it writes to *table*."""
    with psycopg.connect(stage.database.superuser_url) as holding:
        holding.execute(sql.SQL("LOCK TABLE {} IN SHARE MODE").format(sql.Identifier(table)))
        yield
        holding.rollback()


def died_at(stage: Stage, point: CrashPoint) -> list[str]:
    mark = stage.crew.home / "run" / "crashes" / point
    return mark.read_text(encoding="ascii").split() if mark.exists() else []


def test_a_sweep_killed_at_any_moment_is_swept_again_once(stage, rounds):
    siege = stage.besiege(EACH * rounds)
    doomed_at = {"PSMS_CRASH_AT": f"{CrashPoint.SWEEP_UNCOMMITTED},{CrashPoint.SWEEP_COMMITTED}"}
    with frozen(stage.core.pid), stage.crew.with_worker("doomed", **NO_FALLBACK, **doomed_at) as doomed:
        siege.go_to(WAVES[0])
        for point, recorded in {
            CrashPoint.SWEEP_UNCOMMITTED: 0,
            CrashPoint.SWEEP_COMMITTED: siege.come_by(WAVES[0]),
        }.items():
            doomed.until_killed()
            assert died_at(stage, point) == [str(doomed.pid)]
            assert len(siege.fires()) == recorded
            doomed.start_again()
        for after in WAVES[1:3]:
            before = len(siege.fires())
            with sweep_held(stage, random.choice(WRITTEN)):
                siege.go_to(after)
                until_waiting(stage.database, 1, within=PATIENCE_S)
                doomed.kill()
                assert len(siege.fires()) == before < siege.come_by(after)
            if after is WAVES[1]:
                doomed.start_again()
                until_caught_up(siege, after)
    # What the last death left undone is for others.
    through(siege, WAVES[2:])
    assert len(siege.fires()) == LEVELS * siege.tickets


def test_a_redis_emptied_in_every_sweep_loses_no_level(stage, rounds):
    for _ in range(rounds):
        siege = stage.besiege()
        for after in WAVES[::2]:
            with sweep_held(stage, "sla_fires"):
                with frozen(stage.core.pid):
                    siege.go_to(after)
                    eventually(stage.waiting_nudges, within=PATIENCE_S, what="a nudge to lose")
                    stage.redis.flushall()
                    assert stage.waiting_nudges() == 0
                until_waiting(stage.database, 1, within=PATIENCE_S)
                stage.redis.flushall()
            until_caught_up(siege, after)
        through(siege, WAVES[-1:])
        assert len(siege.fires()) == LEVELS * siege.tickets


def test_a_beat_stopped_for_ten_minutes_makes_levels_late_and_people_hear_of_the_highest(stage, rounds):
    for _ in range(rounds):
        siege = stage.besiege()
        stage.beat.end()
        eventually(lambda: not stage.waiting_nudges(), within=PATIENCE_S, what="the last nudge to be taken")
        siege.go_to(STOPPED)
        assert (stage.beat.is_running(), siege.fires()) == (False, [])
        siege.go_to(STOPPED + A_SECOND)
        stage.beat.start_again()
        until_caught_up(siege, STOPPED)

        fires = siege.fires()
        assert {one.level for one in fires} == {"half", "most", "(breach)", "breach"}
        # By nobody before: what was noticed was noticed when it had been started again.
        assert {one.noticed_at - siege.began for one in fires} == {STOPPED + A_SECOND}
        assert all(one.late for one in fires)
        assert kinds_of_notifications(stage, siege) == [NOTIFIED["breach"]] * siege.tickets
        through(siege, WAVES[3:])


def kinds_of_notifications(stage: Stage, siege: Siege) -> list[object]:
    """Return what people were told of, once for each thing that they were told."""
    query = "SELECT kind FROM notifications WHERE organization_id = ANY (%s)"
    return [kind for (kind,) in stage.database.rows(query, list(siege.organizations))]


def test_without_any_beat_workers_look_by_themselves(stage, rounds):
    with stage.crew.with_worker("spare") as spare, frozen(stage.core.pid):
        spare.until_ready()
        stage.beat.end()
        for _ in range(rounds):
            siege = stage.besiege()
            siege.go_to(STOPPED)
            until_caught_up(siege, STOPPED)
            through(siege, WAVES[3:])
        assert (stage.beat.is_running(), stage.waiting_nudges()) == (False, 0)
    stage.beat.start_again()


def test_two_beats_and_two_workers_record_each_level_once(stage, rounds):
    with stage.crew.with_worker("second", **NO_FALLBACK) as second, stage.crew.with_beat("beat-2") as other:
        second.until_ready()
        other.until_ready()
        with frozen(stage.core.pid), frozen(second.pid):
            for alone, resting in ((stage.beat, other), (other, stage.beat)):
                with frozen(resting.pid):
                    stage.redis.delete(NUDGES)
                    eventually(stage.waiting_nudges, within=PATIENCE_S, what=f"a nudge of process {alone.pid} alone")
        for _ in range(rounds):
            siege = stage.besiege()
            through(siege, WAVES)
            assert len(siege.fires()) == LEVELS * siege.tickets


def test_after_all_that_every_clock_follows_from_its_ledger(stage):
    assert stage.tickets > 0
    assert_clocks_follow_from_their_ledgers(stage.crew.environment, clocks=stage.tickets)
