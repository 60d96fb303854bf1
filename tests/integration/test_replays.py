"""Replays: what failed, what is missing, or all of it reaches the partner once more; whoever is killed: `faults`."""

from collections import Counter
from datetime import timedelta

import pytest
from psycopg import sql

from psms.domain.replays import ReplayMode, ReplayState
from psms.runtime import Runtime
from tests.support.answers import HOOK
from tests.support.backlogs import lay_deliveries, lay_events
from tests.support.databases import MigratedDatabase
from tests.support.receiver import Answer, Receiver
from tests.support.replaying import asked, run_out
from tests.support.tenants import Tenant, add_endpoint, file_ticket
from workflows.deliveries import deliver_due
from workflows.relay import relay_outbox
from workflows.replay_drain import replay_webhooks
from workflows.replays import get_replay
from workflows.upkeep import keep_house

IN_THE_LANE = """SELECT count(*) FROM webhook_deliveries WHERE trigger = 'replay' AND (state = 'in_flight'
    OR state = 'pending' AND next_attempt_at <= psms_now())"""


def ids_received(partner: Receiver) -> Counter[str]:
    """Return how often each event was received."""
    return Counter(request.headers["webhook-id"] for request in partner.received)


def test_what_failed_is_sent_once_more_with_the_same_id_and_bytes_and_what_was_delivered_is_not(
    rt: Runtime, acme: Tenant, database: MigratedDatabase
) -> None:
    with Receiver() as partner:
        partner.answer("/hook", Answer(), Answer(status=500))
        endpoint_id, _ = add_endpoint(rt, acme.actor, partner.url("/hook"))
        file_ticket(rt, acme.actor)
        relay_outbox(rt)
        deliver_due(rt)
        for _ in range(4):
            file_ticket(rt, acme.actor)
        relay_outbox(rt)
        deliver_due(rt)
        # Two are dead, one is cancelled, one waits for its next try.
        database.run(
            sql.SQL(
                "UPDATE webhook_deliveries SET state = 'dead', finished_at = now() WHERE sequence < 4"
                " AND state = 'pending'"
            )
        )
        database.run(
            sql.SQL("UPDATE webhook_deliveries SET state = 'cancelled', finished_at = now() WHERE sequence = 4")
        )
        first, *failed = list(partner.received)
        partner.answer("/hook", Answer())

        replay = run_out(rt, acme, endpoint_id, asked(rt, acme, endpoint_id, ReplayMode.FAILED))

        again = partner.received[5:]
    assert (replay.matched, replay.released, replay.done, replay.state) == (4, 4, 4, ReplayState.DONE)
    assert {request.headers["webhook-id"]: request.body for request in again} == {
        request.headers["webhook-id"]: request.body for request in failed
    }
    assert len(again) == 4
    assert first.headers["webhook-id"] not in {request.headers["webhook-id"] for request in again}
    assert database.rows("SELECT DISTINCT state, trigger FROM webhook_deliveries WHERE sequence > 1") == [
        ("delivered", "replay")
    ]


@pytest.mark.parametrize("mode", [ReplayMode.MISSING, ReplayMode.ALL])
def test_events_that_there_is_no_delivery_of_get_the_next_numbers_without_a_gap(
    rt: Runtime, acme: Tenant, database: MigratedDatabase, mode: ReplayMode
) -> None:
    with Receiver() as partner:
        lay_events(database, acme.organization_id, 7)
        endpoint_id, _ = add_endpoint(rt, acme.actor, partner.url("/hook"))
        file_ticket(rt, acme.actor)
        relay_outbox(rt)
        deliver_due(rt)
        # In the outbox still: the relay will number it.
        file_ticket(rt, acme.actor)

        replay = run_out(rt, acme, endpoint_id, asked(rt, acme, endpoint_id, mode))
        relay_outbox(rt)
        deliver_due(rt)

        received = [(int(one.headers["webhook-sequence"]), one.headers["webhook-id"]) for one in partner.received]
    missing = [str(event_id) for (event_id,) in database.rows("SELECT id FROM events ORDER BY id LIMIT 7")]
    expected = 7 if mode is ReplayMode.MISSING else 8
    assert (replay.matched, replay.released, replay.done) == (expected, expected, expected)
    assert sorted({sequence for sequence, _ in received}) == list(range(1, 10))
    assert [event_id for _, event_id in sorted(received) if event_id in missing] == missing
    assert Counter(event_id for _, event_id in received).most_common(1)[0][1] == (
        1 if mode is ReplayMode.MISSING else 2
    )


def test_an_endpoint_is_not_sent_what_it_does_not_subscribe_to_or_what_was_a_test_of_another(
    rt: Runtime, acme: Tenant, database: MigratedDatabase
) -> None:
    with Receiver() as partner:
        lay_events(database, acme.organization_id, 3)
        database.run(sql.SQL("ALTER TABLE events DISABLE TRIGGER USER"))
        database.run(
            sql.SQL("UPDATE events SET type = 'webhook.test' WHERE id = (SELECT min(id::text)::uuid FROM events)")
        )
        every, _ = add_endpoint(rt, acme.actor, partner.url("/hook"))
        narrow, _ = add_endpoint(rt, acme.actor, partner.url("/hook"), ("ticket.created",))

        of_every = run_out(rt, acme, every, asked(rt, acme, every, ReplayMode.MISSING))
        of_narrow = run_out(rt, acme, narrow, asked(rt, acme, narrow, ReplayMode.ALL))

    assert (of_every.released, of_narrow.matched, of_narrow.released) == (2, 0, 0)


@pytest.mark.parametrize("mode", [ReplayMode.FAILED, ReplayMode.MISSING])
def test_w25_what_was_never_tried_because_the_endpoint_was_disabled_is_replayed(
    rt: Runtime, acme: Tenant, database: MigratedDatabase, mode: ReplayMode
) -> None:
    with Receiver() as partner:
        endpoint_id, _ = add_endpoint(rt, acme.actor, partner.url("/hook"))
        database.run(sql.SQL("UPDATE webhook_endpoints SET state = 'disabled'; UPDATE webhook_lanes SET open = false"))
        for _ in range(5):
            file_ticket(rt, acme.actor)
        relay_outbox(rt)
        if mode is ReplayMode.MISSING:
            # As if it had been registered, or had subscribed, after they happened.
            database.run(sql.SQL("DELETE FROM webhook_deliveries; UPDATE webhook_lanes SET last_sequence = 0"))
        counted = asked(rt, acme, endpoint_id, mode, dry_run=True)
        replay_webhooks(rt, patience_s=0)
        assert get_replay(rt, acme.actor, endpoint_id, counted).matched == 5
        replay_id = asked(rt, acme, endpoint_id, mode)
        replay_webhooks(rt, patience_s=0)
        assert (deliver_due(rt), get_replay(rt, acme.actor, endpoint_id, replay_id).released) == (0, 0)

        # Enabled, and what was held is thrown away.
        database.run(sql.SQL("UPDATE webhook_deliveries SET state = 'cancelled', finished_at = now()"))
        database.run(sql.SQL("UPDATE webhook_endpoints SET state = 'active'; UPDATE webhook_lanes SET open = true"))
        database.move_clock(timedelta(seconds=6))
        replay = run_out(rt, acme, endpoint_id, replay_id)

        assert (replay.matched, replay.released, replay.done) == (5, 5, 5)
        assert len(partner.received) == 5
    events = {str(event_id) for (event_id,) in database.rows("SELECT id FROM events")}
    assert ids_received(partner) == dict.fromkeys(events, 1)
    assert database.rows("SELECT sequence, state FROM webhook_deliveries ORDER BY 1") == [
        (number, "delivered") for number in range(1, 6)
    ]


def test_a_replay_has_a_fifth_of_the_lane_and_never_more(rt: Runtime, acme: Tenant, database: MigratedDatabase) -> None:
    with Receiver() as partner:
        partner.answer("/hook", Answer(hang=True))
        endpoint_id, _ = add_endpoint(rt, acme.actor, partner.url("/hook"))
        lay_deliveries(database, acme.organization_id, endpoint_id, 50)
        asked(rt, acme, endpoint_id, ReplayMode.FAILED)
        for _ in range(3):
            replay_webhooks(rt, patience_s=0)
            database.move_clock(timedelta(seconds=1))
            assert database.rows(IN_THE_LANE) == [(3,)]
        database.run(sql.SQL("UPDATE webhook_lanes SET max_in_flight = 40, in_flight_window = 25"))
        database.move_clock(timedelta(seconds=2))
        replay_webhooks(rt, patience_s=0)
    assert database.rows(IN_THE_LANE) == [(5,)]


def test_in_an_ordered_lane_what_is_replayed_goes_out_of_order(
    rt: Runtime, acme: Tenant, database: MigratedDatabase
) -> None:
    endpoint_id, _ = add_endpoint(rt, acme.actor, HOOK)
    lay_deliveries(database, acme.organization_id, endpoint_id, 3)
    key = "UPDATE webhook_deliveries SET order_key = endpoint_id, behind = sequence > 1"
    waiting = ", state = 'pending', finished_at = NULL, next_attempt_at = psms_now() + interval '1 hour'"
    database.run(sql.SQL(f"{key}; {key}{waiting} WHERE sequence < 3"))
    asked(rt, acme, endpoint_id, ReplayMode.FAILED)

    assert replay_webhooks(rt, patience_s=0) == 3

    # Others wait for the first: it keeps its place.
    rows = database.rows("SELECT sequence, order_key IS NULL, behind, state FROM webhook_deliveries ORDER BY 1")
    assert rows == [(1, False, False, "pending"), (2, True, False, "pending"), (3, True, False, "pending")]


def test_a_replay_is_not_hurt_by_upkeep(rt: Runtime, acme: Tenant, database: MigratedDatabase) -> None:
    endpoint_id, _ = add_endpoint(rt, acme.actor, HOOK)
    lay_deliveries(database, acme.organization_id, endpoint_id, 3)
    asked(rt, acme, endpoint_id, ReplayMode.FAILED)
    replay_webhooks(rt, patience_s=0)
    database.move_clock(timedelta(days=200))

    keep_house(rt)

    assert database.rows("SELECT DISTINCT state FROM webhook_deliveries") == [("pending",)]
