"""What operators see of workflow runs: what failed, what is due, what a newer release began; and what is removed."""

from datetime import timedelta

from psycopg import sql

from psms.cli.doctor_backlog import of_runs
from psms.embedded.findings import Grade
from psms.runtime import Runtime
from tests.support.databases import MigratedDatabase
from tests.support.played_runs import advanced, begin, effects, errand_run, two_steps
from tests.support.tenants import Tenant
from workflows.operations import backlog
from workflows.upkeep import keep_house
from workflows.work import dead_work, retry_work, waiting_work


def test_operators_see_what_failed_or_is_due_and_have_it_tried_again(
    rt: Runtime, acme: Tenant, database: MigratedDatabase
) -> None:
    calm = backlog(rt)
    failed, due = (begin(rt, acme, two_steps(), key) for key in ("failed", "due"))
    begin(rt, acme, two_steps(), "later", due_at=rt.db.ask(rt.clock.now) + timedelta(hours=1))
    broken = "UPDATE workflow_runs SET state = 'failed', tries = 6, error = 'KeyError' WHERE business_key = 'failed'"
    database.run(sql.SQL(broken))

    (dead,), (waiting,), now = dead_work(rt, 10), waiting_work(rt, 10), backlog(rt)

    assert (dead.id, dead.kind, dead.what, dead.reason) == (failed, "run", "test.errand 1, step ask", "KeyError")
    # No release knows the kind of this test.
    assert (waiting.id, waiting.reason) == (due, "waits for a release that knows it")
    assert (now.runs_failed, now.runs_due, now.runs_unknown) == (1, 0, 1)
    assert [of_runs(one).grade for one in (calm, now)] == [Grade.OK, Grade.WARN]
    assert (retry_work(rt, [due]), retry_work(rt, None), retry_work(rt, None)) == (0, 1, 0)
    assert "newer release" in of_runs(backlog(rt)).sentence
    assert advanced(rt, two_steps()) == 4
    assert effects(database) == ["asked 1", "asked 1", "answered 1", "answered 1"]
    assert database.rows("SELECT target_id FROM logs WHERE action = 'run.retried'") == [(failed,)]


def test_runs_that_are_over_are_removed_with_all_that_is_kept_of_them_and_others_stay(
    rt: Runtime, acme: Tenant, database: MigratedDatabase
) -> None:
    errand_run(rt, acme)
    done = two_steps(2)
    begin(rt, acme, done, "done")
    begin(rt, acme, done, "failed")
    database.run(sql.SQL("UPDATE workflow_runs SET state = 'failed' WHERE business_key = 'failed'"))
    advanced(rt, done)
    left = [database.count(table) for table in ("workflow_runs", "workflow_steps", "workflow_signals")]
    database.move_clock(timedelta(days=rt.settings.delivery_retention_days + 1))

    keep_house(rt)

    assert left == [3, 3, 1]
    assert [database.count(table) for table in ("workflow_runs", "workflow_steps", "workflow_signals")] == [2, 1, 1]
    assert database.rows("SELECT DISTINCT state FROM workflow_runs ORDER BY 1") == [("failed",), ("waiting",)]
