"""What makes levels happen once, in order, and late where they are, taken out: tests of disturbed sweeps see it."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from psms.runtime import Runtime
from tests.support.databases import MigratedDatabase
from tests.support.sabotage import until_waiting, without_all
from tests.support.sla_engines import Mutant
from tests.support.sla_siege import Siege, quiet_afternoon
from tests.support.sla_sweeps import faulty_sweep
from tests.support.waiting import eventually
from workflows.sla_sweep import fire_due_timers

OUTAGE = timedelta(hours=19)
LOCKS = {"FOR UPDATE SKIP LOCKED": ""}
KEY = {"ON CONFLICT DO NOTHING RETURNING clock_id, level": "RETURNING clock_id, level"}
NO_KEY = "ALTER TABLE sla_fires DROP CONSTRAINT sla_fires_pkey"
ORDER, COUNT = "events out of order", "tickets that count their events wrongly"
DOUBLED = {"levels recorded twice", "calls and levels differ", "notifications and levels differ"}

MUTANTS = {
    "notifications and levels differ": Mutant(
        name="people hear of every level of an outage",
        module="sla_effects",
        old="{one.clock_id: one.notifications for one in writes.outcomes if one.notifications}",
        new="dict(enumerate(one.notifications for one in writes.outcomes))",
    ),
    "events and levels differ": Mutant(
        name="what is late is not marked",
        module="sla_actions",
        old="late=instant_of(act.now) - one.fire.at > LATE_S * SECOND",
        new="late=False",
    ),
    ORDER: Mutant(
        name="tickets are told of one after the other",
        module="sla_effects",
        old="sorted(reached, key=lambda found: found[1].fire.at)",
        new="reached",
    ),
    "log entries and levels differ": Mutant(
        name="levels are dated by when somebody looked",
        module="sla_actions",
        old="at=moment_of(one.fire.at)",
        new="at=act.now",
    ),
}


@pytest.fixture
def siege(rt: Runtime, database: MigratedDatabase) -> Siege:
    """Tickets of two organizations in an outage of the sweep."""
    siege = Siege(rt=rt, database=database, began=quiet_afternoon(1))
    siege.prepare(4)
    siege.go_to(OUTAGE)
    return siege


@pytest.mark.parametrize(
    ("harm", "guard", "sweeping", "wrong"),
    [
        ("", {}, 1, set()),
        ("", LOCKS, 2, {COUNT}),
        (NO_KEY, LOCKS | KEY, 2, DOUBLED),
    ],
    ids=["guarded", "without the row locks", "without them and the key of a level"],
)
def test_two_sweeps_at_once_record_each_level_once(rt, database, siege, *, harm, guard, sweeping, wrong):
    database.run(sql.SQL(harm))
    with (
        without_all(guard) if guard else nullcontext(),
        ThreadPoolExecutor(2) as pool,
        psycopg.connect(database.superuser_url) as holding,
    ):
        # Whoever has found the tickets due comes as far as the levels' rows.
        holding.execute(b"LOCK TABLE sla_fires IN SHARE MODE")
        sweeps = [pool.submit(fire_due_timers, rt) for _ in range(2)]
        until_waiting(database, sweeping)
        eventually(lambda: sum(sweep.done() for sweep in sweeps) == 2 - sweeping)
        holding.commit()
        assert all(sweep.exception() is None for sweep in sweeps)

    assert wrong <= set(siege.wrong()) if wrong else siege.wrong() == {}


@pytest.mark.parametrize("wrong", MUTANTS)
def test_a_sweep_with_a_fault_in_it_is_seen(rt: Runtime, siege: Siege, tmp_path: Path, wrong: str) -> None:
    with faulty_sweep(MUTANTS[wrong], tmp_path) as sweep:
        assert sweep(rt) == siege.tickets

    assert wrong in siege.wrong()


def test_a_sweep_without_a_fault_is_not(rt: Runtime, siege: Siege) -> None:
    assert fire_due_timers(rt) == siege.tickets
    assert siege.wrong() == {}
