"""What a replay may not do, and what becomes of one that cannot go on; what it sends is in `test_replays`."""

from datetime import UTC, datetime, timedelta

import pytest
from psycopg import sql

from psms.domain.accounts import Edit
from psms.domain.pages import PageRequest
from psms.domain.replay_errors import ReplayOver, ReplayRunning
from psms.domain.replays import NewReplay, ReplayMode, ReplayState
from psms.errors import FieldError, NotFound
from psms.runtime import Runtime
from tests.support.answers import HOOK
from tests.support.backlogs import lay_deliveries
from tests.support.databases import MigratedDatabase
from tests.support.replaying import asked
from tests.support.tenants import Tenant, add_endpoint
from workflows.endpoint_backlog import discard_backlogs
from workflows.endpoints import edit_endpoint
from workflows.replay_drain import replay_webhooks
from workflows.replays import begin_replay, cancel_replay, get_replay, list_replays
from workflows.upkeep import keep_house


def test_a_dry_run_counts_and_sends_nothing(rt: Runtime, acme: Tenant, database: MigratedDatabase) -> None:
    endpoint_id, _ = add_endpoint(rt, acme.actor, HOOK)
    lay_deliveries(database, acme.organization_id, endpoint_id, 12)

    replay_id = asked(rt, acme, endpoint_id, ReplayMode.FAILED, dry_run=True)
    replay_webhooks(rt, patience_s=0)

    replay = get_replay(rt, acme.actor, endpoint_id, replay_id)
    assert (replay.state, replay.matched, replay.released) == (ReplayState.DONE, 12, 0)
    assert database.rows("SELECT DISTINCT state, trigger FROM webhook_deliveries") == [("dead", "auto")]


def test_one_replay_at_a_time_which_can_be_cancelled_once(
    rt: Runtime, acme: Tenant, stranger: Tenant, database: MigratedDatabase
) -> None:
    endpoint_id, _ = add_endpoint(rt, acme.actor, HOOK)
    lay_deliveries(database, acme.organization_id, endpoint_id, 9)
    replay_id = asked(rt, acme, endpoint_id, ReplayMode.FAILED)
    replay_webhooks(rt, patience_s=0)
    with pytest.raises(ReplayRunning):
        asked(rt, acme, endpoint_id, ReplayMode.ALL)
    with pytest.raises(NotFound):
        cancel_replay(rt, stranger.actor, endpoint_id, replay_id)

    cancelled = cancel_replay(rt, acme.actor, endpoint_id, replay_id)

    with pytest.raises(ReplayOver):
        cancel_replay(rt, acme.actor, endpoint_id, replay_id)
    assert (cancelled.state, cancelled.released, cancelled.done) == (ReplayState.CANCELLED, 3, 0)
    database.move_clock(timedelta(seconds=2))
    assert replay_webhooks(rt, patience_s=0) == 0
    second = asked(rt, acme, endpoint_id, ReplayMode.FAILED)
    assert [one.id for one in list_replays(rt, acme.actor, endpoint_id, PageRequest()).items] == [replay_id, second]


@pytest.mark.parametrize(
    ("since", "until"),
    [(timedelta(days=31), None), (timedelta(days=1), timedelta(days=2)), (timedelta(days=-1), None)],
)
def test_a_span_that_is_empty_or_reaches_too_far_back_is_refused(
    rt: Runtime, acme: Tenant, database: MigratedDatabase, since: timedelta, until: timedelta | None
) -> None:
    endpoint_id, _ = add_endpoint(rt, acme.actor, HOOK)
    now = datetime.now(UTC)
    command = NewReplay(mode=ReplayMode.ALL, since=now - since, until=None if until is None else now - until)

    with pytest.raises(FieldError, match="since"):
        begin_replay(rt, acme.actor, endpoint_id, command, None)

    assert database.count("webhook_replays") == 0


def test_a_replay_of_an_endpoint_that_goes_is_cancelled(rt: Runtime, acme: Tenant, database: MigratedDatabase) -> None:
    endpoint_id, _ = add_endpoint(rt, acme.actor, HOOK)
    lay_deliveries(database, acme.organization_id, endpoint_id, 9)
    asked(rt, acme, endpoint_id, ReplayMode.FAILED)
    database.run(sql.SQL("UPDATE webhook_lanes SET open = false, removed = true"))

    replay_webhooks(rt, patience_s=0)

    assert database.rows("SELECT state, released FROM webhook_replays") == [("cancelled", 0)]


def test_one_replay_that_fails_says_so_and_holds_no_other_up(
    rt: Runtime, acme: Tenant, stranger: Tenant, database: MigratedDatabase
) -> None:
    endpoint_id, _ = add_endpoint(rt, acme.actor, HOOK)
    lay_deliveries(database, acme.organization_id, endpoint_id, 2)
    other_id, _ = add_endpoint(rt, stranger.actor, HOOK)
    lay_deliveries(database, stranger.organization_id, other_id, 2)
    replay_id = asked(rt, acme, endpoint_id, ReplayMode.FAILED)
    asked(rt, stranger, other_id, ReplayMode.FAILED)
    broken = """CREATE FUNCTION broken() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'broken'; END $$;
        CREATE TRIGGER broken BEFORE UPDATE ON webhook_deliveries FOR EACH ROW
        WHEN (NEW.endpoint_id = {}) EXECUTE FUNCTION broken()"""
    database.run(sql.SQL(broken).format(sql.Literal(str(endpoint_id))))

    with pytest.raises(Exception, match="broken"):
        replay_webhooks(rt, patience_s=0)

    assert replay_webhooks(rt, patience_s=0) == 2
    failed = get_replay(rt, acme.actor, endpoint_id, replay_id)
    assert (failed.state, failed.failures, failed.error, failed.released) == (
        ReplayState.RUNNING,
        1,
        "ProgrammingError",
        0,
    )


@pytest.mark.parametrize("mode", [ReplayMode.MISSING, ReplayMode.ALL])
def test_a_replay_that_waited_long_sends_nothing_of_a_time_whose_deliveries_were_removed_meanwhile(
    rt: Runtime, acme: Tenant, database: MigratedDatabase, mode: ReplayMode
) -> None:
    endpoint_id, _ = add_endpoint(rt, acme.actor, HOOK)
    lay_deliveries(database, acme.organization_id, endpoint_id, 3, state="delivered")
    asked(rt, acme, endpoint_id, mode)
    database.run(sql.SQL("UPDATE webhook_lanes SET open = false"))
    replay_webhooks(rt, patience_s=0)
    database.move_clock(timedelta(days=rt.settings.delivery_retention_days))
    keep_house(rt)
    assert database.count("webhook_deliveries") == 0

    # They were delivered: nobody knows any more, but they are not missing.
    database.run(sql.SQL("UPDATE webhook_lanes SET open = true"))
    assert replay_webhooks(rt, patience_s=0) == 0

    assert database.rows("SELECT state, released FROM webhook_replays") == [("done", 0)]
    assert (database.count("webhook_deliveries"), database.rows("SELECT last_sequence FROM webhook_lanes")) == (
        0,
        [(3,)],
    )


@pytest.mark.parametrize("mode", [ReplayMode.FAILED, ReplayMode.ALL])
def test_what_is_on_its_way_already_is_neither_counted_nor_sent_twice(
    rt: Runtime, acme: Tenant, database: MigratedDatabase, mode: ReplayMode
) -> None:
    endpoint_id, _ = add_endpoint(rt, acme.actor, HOOK)
    lay_deliveries(database, acme.organization_id, endpoint_id, 6)
    # Two are due, one of them behind the other, one is out, and one waits for its next try.
    waiting = "UPDATE webhook_deliveries SET finished_at = NULL, state = 'pending'"
    database.run(sql.SQL(f"{waiting}, order_key = endpoint_id, behind = sequence = 2 WHERE sequence < 3"))
    database.run(sql.SQL(f"{waiting}, next_attempt_at = psms_now() + interval '1 hour' WHERE sequence = 4"))
    database.run(sql.SQL("UPDATE webhook_deliveries SET state = 'in_flight' WHERE sequence = 3"))
    replay_id = asked(rt, acme, endpoint_id, mode)

    assert replay_webhooks(rt, patience_s=0) == 3

    assert get_replay(rt, acme.actor, endpoint_id, replay_id).matched == 3
    assert database.rows("SELECT sequence FROM webhook_deliveries WHERE trigger = 'replay' ORDER BY 1") == [
        (4,),
        (5,),
        (6,),
    ]


@pytest.mark.parametrize("mode", [ReplayMode.FAILED, ReplayMode.ALL])
def test_what_was_thrown_away_after_a_replay_was_asked_for_is_not_sent_by_it(
    rt: Runtime, acme: Tenant, database: MigratedDatabase, mode: ReplayMode
) -> None:
    endpoint_id, _ = add_endpoint(rt, acme.actor, HOOK)
    lay_deliveries(database, acme.organization_id, endpoint_id, 4)
    held = "UPDATE webhook_deliveries SET state = 'pending', finished_at = NULL WHERE sequence > 1"
    database.run(sql.SQL(held))
    edit_endpoint(rt, acme.actor, endpoint_id, Edit(fields={"state": "paused"}, if_version=None))
    replay_id = asked(rt, acme, endpoint_id, mode)
    replay_webhooks(rt, patience_s=0)
    fields = {"state": "active", "backlog": "discard"}
    edit_endpoint(rt, acme.actor, endpoint_id, Edit(fields=fields, if_version=None))
    discard_backlogs(rt)
    database.run(sql.SQL("UPDATE webhook_lanes SET in_flight_window = NULL"))
    database.move_clock(timedelta(seconds=6))

    # The last word counts; another replay may still send them.
    assert replay_webhooks(rt, patience_s=0) == 1
    assert get_replay(rt, acme.actor, endpoint_id, replay_id).state is ReplayState.DONE
    database.run(sql.SQL("UPDATE webhook_deliveries SET state = 'delivered' WHERE state = 'pending'"))
    asked(rt, acme, endpoint_id, ReplayMode.FAILED)
    assert replay_webhooks(rt, patience_s=0) == 3
