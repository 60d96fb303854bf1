"""Workflow runs: each step once with all its effects, whoever fails, waits, is late or is of another release."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

from psms.domain.runs import MOST_TRIES, Finish, Run, Wait
from psms.runtime import Runtime
from tests.support.databases import MigratedDatabase
from tests.support.played_runs import (
    AN_HOUR,
    STEPS,
    advanced,
    begin,
    effects,
    errand,
    listening,
    raising,
    run_of,
    saying,
    tell,
    two_steps,
)
from tests.support.tenants import Tenant, file_ticket
from workflows.act import Act, act_of
from workflows.run_drain import BATCH, advance, claim_due
from workflows.runs import cancel_runs, known


def test_each_step_is_done_once_with_its_effects_and_a_key_begins_one_run(
    rt: Runtime, acme: Tenant, stranger: Tenant, database: MigratedDatabase
) -> None:
    steps = two_steps()
    first, again = (begin(rt, acme, steps) for _ in range(2))
    other = begin(rt, stranger, steps)

    assert (first == again, first == other) == (True, False)
    assert advanced(rt, steps) == 4
    assert advanced(rt, steps) == 0
    assert effects(database) == ["asked 1", "asked 1", "answered 1", "answered 1"]
    assert database.rows("SELECT DISTINCT state, data->'asked', result->'version' FROM workflow_runs") == [
        ("finished", True, 1)
    ]
    assert [row[:4] for row in database.rows(STEPS)] == [(1, "ask", "done", 1), (2, "answer", "done", 1)] * 2


def test_six_drains_at_once_do_each_step_once(rt: Runtime, acme: Tenant, database: MigratedDatabase) -> None:
    steps, start = two_steps(), Barrier(6)
    for number in range(3 * BATCH):
        begin(rt, acme, steps, f"run {number}")

    def drain() -> int:
        start.wait(10)
        return advanced(rt, steps)

    with ThreadPoolExecutor(6) as pool:
        done = [one.result() for one in [pool.submit(drain) for _ in range(6)]]

    assert sum(done) == 6 * BATCH
    assert sorted(effects(database)) == sorted(["asked 1", "answered 1"] * 3 * BATCH)
    assert database.rows("SELECT DISTINCT state, tries, steps_done FROM workflow_runs") == [("finished", 1, 2)]


def test_a_step_that_fails_is_taken_back_tried_again_and_given_up_while_others_go_on(
    rt: Runtime, acme: Tenant, stranger: Tenant, database: MigratedDatabase
) -> None:
    failing, steps = errand(2, ask=raising(ZeroDivisionError("secret"))), two_steps()
    begin(rt, acme, failing)
    begin(rt, stranger, steps)

    assert advanced(rt, failing, steps) == 2
    for hours in range(1, MOST_TRIES):
        (tries,) = database.rows("SELECT state, tries, error FROM workflow_runs WHERE version = 2")
        assert tries == ("waiting", hours, "ZeroDivisionError")
        assert advanced(rt, failing) == 0
        database.move_clock(timedelta(hours=hours))
        assert advanced(rt, failing) == 0

    assert effects(database) == ["asked 1", "answered 1"]
    assert database.rows("SELECT state, tries, due_at FROM workflow_runs WHERE version = 2") == [
        ("failed", MOST_TRIES, None)
    ]
    assert database.rows(STEPS)[0] == (1, "ask", "failed", MOST_TRIES, "ZeroDivisionError")
    assert database.rows("SELECT after FROM logs WHERE action = 'run.failed'") == [
        ({"kind": "test.errand", "reason": "ZeroDivisionError"},)
    ]


def test_a_wait_ends_at_its_instant_or_by_signals_which_count_once(
    rt: Runtime, acme: Tenant, database: MigratedDatabase
) -> None:
    waiting = errand(ask=saying("asked", Wait("listen")), listen=listening)
    run_id = begin(rt, acme, waiting)
    # It comes before anybody waits for it, and is kept until then.
    tell(rt, acme, run_id, "early", "1")

    assert advanced(rt, waiting) == 2
    for key in ("2", "3", "2"):
        tell(rt, acme, run_id, f"call {key}", key)
    assert (advanced(rt, waiting), advanced(rt, waiting)) == (1, 0)
    database.move_clock(AN_HOUR)
    assert advanced(rt, waiting) == 1
    tell(rt, acme, run_id, "stop", "4")
    assert advanced(rt, waiting) == 1
    tell(rt, acme, run_id, "too late", "5")
    assert advanced(rt, waiting) == 0

    assert effects(database) == [
        "asked", "heard ['early']", "heard ['call 2', 'call 3']", "heard []", "heard ['stop']",
    ]  # fmt: skip
    assert run_of(database) | {"data": None} == {
        "state": "finished", "step": "listen", "steps_done": 5, "tries": 1, "error": None, "data": None,
        "result": {"heard": ["stop"]},
    }  # fmt: skip
    assert database.rows("SELECT name, consumed_by FROM workflow_signals ORDER BY created_at") == [
        ("early", 2), ("call 2", 3), ("call 3", 3), ("stop", 5),
    ]  # fmt: skip


def test_a_signal_is_kept_where_its_step_fails_and_hurries_no_pause(
    rt: Runtime, acme: Tenant, database: MigratedDatabase
) -> None:
    broken = errand(listen=raising(ZeroDivisionError()))
    run_id = begin(rt, acme, broken, due_at=rt.db.ask(rt.clock.now) + AN_HOUR)
    assert advanced(rt, broken) == 0
    tell(rt, acme, run_id, "stop", "1")
    advanced(rt, broken)
    tell(rt, acme, run_id, "again", "2")
    assert run_of(database)["tries"] == 1
    advanced(rt, broken)
    assert run_of(database)["tries"] == 1

    database.move_clock(timedelta(minutes=1))
    mended = errand(listen=listening)
    assert advanced(rt, mended) == 1
    assert effects(database) == ["heard ['stop', 'again']"]


def test_what_a_lost_worker_held_is_tried_again_when_its_lease_ends_and_it_changes_nothing_any_more(
    rt: Runtime, acme: Tenant, database: MigratedDatabase
) -> None:
    steps = two_steps()
    begin(rt, acme, steps)
    (lost,) = claim_due(rt, known([steps]))
    assert advanced(rt, steps) == 0
    database.move_clock(timedelta(seconds=rt.settings.lease_seconds))
    (job,) = claim_due(rt, known([steps]))
    before = database.rows("SELECT * FROM workflow_runs")

    assert advance(rt, lost) is False
    assert database.rows("SELECT * FROM workflow_runs") == before
    assert advance(rt, job) is True
    assert advance(rt, job) is False
    assert effects(database) == ["asked 1"]
    assert (lost.tries, job.tries) == (1, 2)


def test_a_run_that_loses_its_worker_time_and_again_has_failed_and_takes_nobody_along(
    rt: Runtime, acme: Tenant, database: MigratedDatabase
) -> None:
    steps = two_steps()
    begin(rt, acme, steps, "poison")
    for lost in range(1, MOST_TRIES + 1):
        assert [job.tries for job in claim_due(rt, known([steps]))] == [lost]
        database.move_clock(timedelta(seconds=lost * rt.settings.lease_seconds))
    begin(rt, acme, steps, "other")
    # What is suspect comes last, and one at a time.
    assert [job.tries for job in claim_due(rt, known([steps]))] == [1, MOST_TRIES + 1]
    database.move_clock(timedelta(hours=1))
    assert advanced(rt, steps) == 2

    rows = "SELECT business_key, state, error FROM workflow_runs ORDER BY business_key"
    assert database.rows(rows) == [("other", "finished", None), ("poison", "failed", "worker_lost")]
    assert effects(database) == ["asked 1", "answered 1"]


def test_a_cancelled_run_does_nothing_more_also_where_a_worker_has_it_and_its_own_step_goes_on(
    rt: Runtime, acme: Tenant, database: MigratedDatabase
) -> None:
    ticket_id, steps = file_ticket(rt, acme.actor), two_steps()
    begin(rt, acme, steps, ticket_id=ticket_id)
    (job,) = claim_due(rt, known([steps]))
    with rt.db.begin(acme.organization_id) as session:
        act = act_of(rt, session, acme.actor)
        cancelled = [cancel_runs(act, ticket_id=ticket_id, kind=steps.kind, reason="Over.") for _ in range(2)]
    assert (cancelled, advance(rt, job), effects(database)) == ([1, 0], False, [])
    assert database.rows("SELECT state, reason FROM workflow_runs") == [("cancelled", "Over.")]

    def last(act: Act, run: Run) -> Finish:
        return Finish({"others": cancel_runs(act, ticket_id=ticket_id, kind=run.kind, reason="By itself.")})

    alone = errand(3, last=last)
    begin(rt, acme, alone, "by itself", ticket_id=ticket_id)
    assert advanced(rt, alone) == 1
    assert database.rows("SELECT result FROM workflow_runs WHERE version = 3") == [({"others": 0},)]


def test_a_release_finishes_what_the_one_before_began_and_leaves_alone_what_a_newer_one_did(
    rt: Runtime, acme: Tenant, database: MigratedDatabase
) -> None:
    old, new = two_steps(1), two_steps(2)
    begin(rt, acme, old, "before")
    # One step under the old release, which is killed then; the new one knows both.
    (job,) = claim_due(rt, known([old]))
    assert advance(rt, job)
    begin(rt, acme, new, "after")
    waiting = "SELECT version, step, tries, due_at <= psms_now(), lease_token FROM workflow_runs WHERE version = 2"
    before = database.rows(waiting)
    assert claim_due(rt, known([])) == []
    assert advanced(rt, two_steps(3)) == 0

    # An old process beside the new ones does its own alone.
    assert advanced(rt, old) == 1
    assert before == database.rows(waiting) == [(2, "ask", 0, True, None)]
    begin(rt, acme, old, "left over")
    assert advanced(rt, old, new) == 4

    assert database.rows("SELECT business_key, version, result->'version' FROM workflow_runs ORDER BY 1") == [
        ("after", 2, 2), ("before", 1, 1), ("left over", 1, 1),
    ]  # fmt: skip
