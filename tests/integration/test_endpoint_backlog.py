"""What becomes of what was held: delivered, thrown away, split at an instant, or given up after a month."""

from dataclasses import replace
from datetime import datetime, timedelta
from operator import attrgetter
from uuid import UUID, uuid4

import pytest
from psycopg import sql

from psms.db.queries import orders
from psms.domain.accounts import Edit
from psms.domain.endpoint_settings import Ordering
from psms.domain.webhooks import Backlog, DeliveryState, EndpointState
from psms.errors import FieldError
from psms.runtime import Runtime
from tests.support.answers import ACCEPTED, GONE, HOOK, REFUSED
from tests.support.databases import MigratedDatabase
from tests.support.fakes import RecordingNudger
from tests.support.lanes import answered, set_lane
from tests.support.partners import answer_all, publish, shown
from tests.support.tenants import Tenant, add_endpoint, claim, known_to_answer
from workflows import delivery_history, endpoints
from workflows.endpoint_watch import watch_endpoints
from workflows.names import Task
from workflows.upkeep import keep_house

EVERYTHING = "SELECT to_jsonb(p), to_jsonb(l) FROM webhook_endpoints p, webhook_lanes l"
LANE = "SELECT open, discard_before, discarded_to FROM webhook_lanes"
KEPT, GONE_FOR_GOOD = (DeliveryState.DELIVERED, None), (DeliveryState.CANCELLED, "discarded")


def disabled(rt: Runtime, tenant: Tenant) -> UUID:
    """Return an endpoint that has answered 410 to its first event."""
    endpoint_id, _ = add_endpoint(rt, tenant.actor, HOOK)
    publish(rt, tenant, 1)
    answer_all(rt, lambda _: GONE)
    return endpoint_id


def enable(rt: Runtime, tenant: Tenant, endpoint_id: UUID, backlog: Backlog, since: datetime | None = None) -> None:
    """Make an endpoint active with this choice."""
    fields = {"state": EndpointState.ACTIVE, "backlog": backlog, "backlog_since": since}
    endpoints.edit_endpoint(rt, tenant.actor, endpoint_id, Edit(fields=fields))


def fates(rt: Runtime, tenant: Tenant, endpoint_id: UUID) -> list[tuple[DeliveryState, str | None]]:
    """Return what became of each delivery, by its sequence."""
    return [(one.state, one.dead_reason) for one in shown(rt, tenant, endpoint_id)]


def test_w23_a_backlog_is_delivered_in_order_and_none_is_missing(rt: Runtime, acme: Tenant) -> None:
    endpoint_id = disabled(rt, acme)
    publish(rt, acme, 300)

    enable(rt, acme, endpoint_id, Backlog.DELIVER)

    assert watch_endpoints(rt) == 0
    sequences = [job.sequence for job in answer_all(rt)]
    # The first had failed once: its turn comes after those that never did.
    assert sorted(sequences) == list(range(1, 302))
    assert [sequence for sequence in sequences if sequence > 1] == list(range(2, 302))
    assert fates(rt, acme, endpoint_id) == [KEPT] * 301


def test_w23_a_discarded_backlog_is_cancelled_and_visible_and_what_comes_later_is_delivered(
    rt: Runtime, acme: Tenant, database: MigratedDatabase
) -> None:
    endpoint_id = disabled(rt, acme)
    publish(rt, acme, 300)

    enable(rt, acme, endpoint_id, Backlog.DISCARD)
    assert answer_all(rt) == []
    nudger = RecordingNudger()
    assert watch_endpoints(replace(rt, nudger=nudger)) == 301
    assert nudger.nudges == [Task.DELIVER_WEBHOOKS]
    publish(rt, acme, 2)

    assert [job.sequence for job in answer_all(rt)] == [302, 303]
    assert fates(rt, acme, endpoint_id) == [GONE_FOR_GOOD] * 301 + [KEPT] * 2
    assert database.rows(LANE) == [(True, None, 0)]
    # What was thrown away by mistake can be sent all the same.
    first = shown(rt, acme, endpoint_id)[0]
    delivery_history.resend(rt, acme.actor, endpoint_id, first.id)
    assert [job.sequence for job in answer_all(rt)] == [1]


def test_w23_since_splits_a_backlog_exactly(rt: Runtime, acme: Tenant, database: MigratedDatabase) -> None:
    endpoint_id = disabled(rt, acme)
    database.move_clock(timedelta(minutes=1))
    instants = publish(rt, acme, 300)

    enable(rt, acme, endpoint_id, Backlog.SINCE, instants[119])
    assert watch_endpoints(rt) == 120

    assert [job.sequence for job in answer_all(rt)] == list(range(121, 302))
    assert fates(rt, acme, endpoint_id) == [GONE_FOR_GOOD] * 120 + [KEPT] * 181


def test_of_each_ticket_the_first_that_is_kept_goes_first(
    rt: Runtime, acme: Tenant, database: MigratedDatabase
) -> None:
    endpoint_id = disabled(rt, acme)
    database.move_clock(timedelta(minutes=1))
    instants = publish(rt, acme, 9)
    keys = [str(uuid4()) for _ in range(3)]
    database.run(sql.SQL("UPDATE webhook_lanes SET ordering = 'ticket'"))
    keyed = "UPDATE webhook_deliveries SET order_key = ({}::uuid[])[1 + sequence % 3], behind = sequence > 3"
    database.run(sql.SQL(keyed).format(sql.Literal(keys)))

    enable(rt, acme, endpoint_id, Backlog.SINCE, instants[3])
    watch_endpoints(rt)

    pending = "SELECT sequence, behind FROM webhook_deliveries WHERE state = 'pending' ORDER BY sequence"
    assert database.rows(pending) == [(5, False), (6, False), (7, False), (8, True), (9, True), (10, True)]


def test_the_last_word_counts_while_a_backlog_is_thrown_away(
    rt: Runtime, acme: Tenant, database: MigratedDatabase
) -> None:
    endpoint_id = disabled(rt, acme)
    publish(rt, acme, 3)
    enable(rt, acme, endpoint_id, Backlog.DISCARD)
    endpoints.edit_endpoint(rt, acme.actor, endpoint_id, Edit(fields={"state": EndpointState.PAUSED}))

    enable(rt, acme, endpoint_id, Backlog.DELIVER)

    assert watch_endpoints(rt) == 0
    assert database.rows(LANE) == [(True, None, 0)]
    assert len(answer_all(rt)) == 4


def test_a_backlog_is_thrown_away_of_a_paused_endpoint_too_and_its_lane_stays_closed(
    rt: Runtime, acme: Tenant, database: MigratedDatabase
) -> None:
    endpoint_id = disabled(rt, acme)
    enable(rt, acme, endpoint_id, Backlog.DISCARD)
    endpoints.edit_endpoint(rt, acme.actor, endpoint_id, Edit(fields={"state": EndpointState.PAUSED}))

    assert watch_endpoints(rt) == 1
    assert database.rows(LANE) == [(False, None, 0)]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"backlog": Backlog.DISCARD}, "backlog"),
        ({"state": EndpointState.PAUSED, "backlog": Backlog.DELIVER}, "backlog"),
        ({"state": EndpointState.ACTIVE, "backlog": Backlog.SINCE}, "backlog_since"),
        ({"state": EndpointState.ACTIVE, "backlog": Backlog.DISCARD, "backlog_since": "now"}, "backlog_since"),
        ({"state": EndpointState.ACTIVE, "backlog_since": "now"}, "backlog_since"),
        ({"state": EndpointState.ACTIVE, "backlog": Backlog.SINCE, "backlog_since": "tomorrow"}, "backlog_since"),
    ],
)
def test_a_choice_that_cannot_be_followed_changes_nothing(
    rt: Runtime, acme: Tenant, database: MigratedDatabase, fields: dict[str, object], field: str
) -> None:
    endpoint_id = disabled(rt, acme)
    before = database.rows(EVERYTHING)
    now = rt.db.ask(rt.clock.now)
    instants = {"now": now, "tomorrow": now + timedelta(days=1)}
    said = {name: instants.get(str(value), value) for name, value in fields.items()}

    with pytest.raises(FieldError) as refused:
        endpoints.edit_endpoint(rt, acme.actor, endpoint_id, Edit(fields=said))

    assert refused.value.context["errors"][0]["field"] == field  # type: ignore[index]
    assert database.rows(EVERYTHING) == before


def test_nothing_of_an_endpoint_that_was_active_all_the_time_is_thrown_away(
    rt: Runtime, acme: Tenant, database: MigratedDatabase
) -> None:
    endpoint_id, _ = add_endpoint(rt, acme.actor, HOOK)
    with pytest.raises(FieldError):
        enable(rt, acme, endpoint_id, Backlog.DISCARD)
    assert database.rows(LANE) == [(True, None, 0)]


def test_what_was_held_for_a_month_is_given_up_and_can_be_sent_all_the_same(
    rt: Runtime, acme: Tenant, database: MigratedDatabase
) -> None:
    endpoint_id = disabled(rt, acme)
    publish(rt, acme, 2)
    database.run(sql.SQL("UPDATE webhook_deliveries SET order_key = endpoint_id, behind = sequence > 1"))
    database.move_clock(timedelta(days=29))
    keep_house(rt)
    publish(rt, acme, 1)
    assert {state for state, _ in fates(rt, acme, endpoint_id)} == {DeliveryState.HELD}

    database.move_clock(timedelta(days=30, hours=2))
    keep_house(rt)

    given_up = (DeliveryState.DEAD, "expired_while_held")
    assert fates(rt, acme, endpoint_id) == [given_up] * 3 + [(DeliveryState.HELD, None)]
    enable(rt, acme, endpoint_id, Backlog.DELIVER)
    delivery_history.resend(rt, acme.actor, endpoint_id, shown(rt, acme, endpoint_id)[1].id)
    assert {job.sequence for job in answer_all(rt)} == {2, 4}


@pytest.mark.parametrize(("active_from", "paused_on"), [(29, 31), (1, 40)])
def test_what_waited_for_a_month_in_an_endpoint_that_was_active_meanwhile_was_not_held_for_a_month(
    rt: Runtime, acme: Tenant, database: MigratedDatabase, active_from: int, paused_on: int
) -> None:
    endpoint_id = disabled(rt, acme)
    publish(rt, acme, 2)
    database.run(sql.SQL("UPDATE webhook_deliveries SET order_key = endpoint_id, behind = sequence > 1"))
    database.move_clock(timedelta(days=active_from))
    enable(rt, acme, endpoint_id, Backlog.DELIVER)
    database.move_clock(timedelta(days=paused_on))
    endpoints.edit_endpoint(rt, acme.actor, endpoint_id, Edit(fields={"state": EndpointState.PAUSED}))

    keep_house(rt)

    assert fates(rt, acme, endpoint_id) == [(DeliveryState.HELD, None)] * 3


def test_nobody_is_let_go_while_a_later_one_is_still_out(rt: Runtime, acme: Tenant, database: MigratedDatabase) -> None:
    endpoint_id, _ = add_endpoint(rt, acme.actor, HOOK)
    known_to_answer(database)
    instants = publish(rt, acme, 3)
    jobs = sorted(claim(rt), key=attrgetter("sequence"))
    answered(rt, jobs[:2], REFUSED)
    with rt.db.begin(acme.organization_id) as session:
        orders.set_ordering(session, acme.organization_id, endpoint_id, Ordering.ENDPOINT, rt.clock.now(session))
    endpoints.edit_endpoint(rt, acme.actor, endpoint_id, Edit(fields={"state": EndpointState.PAUSED}))
    enable(rt, acme, endpoint_id, Backlog.SINCE, instants[1])
    assert watch_endpoints(rt) == 1
    # Not for want of room.
    set_lane(database, endpoint_id, in_flight_window=16)
    database.move_clock(timedelta(seconds=10))

    assert claim(rt) == []
    answered(rt, jobs[2:], ACCEPTED)
    assert [job.sequence for job in claim(rt)] == [2]
