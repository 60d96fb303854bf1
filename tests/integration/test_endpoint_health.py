"""How endpoints fare over days, by a clock that is moved: who is told when, and when one is disabled."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from prometheus_client import REGISTRY
from redis import Redis

from psms.adapters.broker import CeleryNudger
from psms.domain.access import Role
from psms.domain.accounts import Edit
from psms.domain.attempts import Outcome, SendResult
from psms.domain.events import ENDPOINT_EVENTS
from psms.domain.webhooks import DeliveryState, EndpointState
from psms.runtime import Runtime
from tests.support.answers import ACCEPTED, HOOK, REFUSED
from tests.support.databases import MigratedDatabase
from tests.support.partners import answer_all, publish, shown
from tests.support.post_office import PostOffice
from tests.support.receiver import Answer, Receiver
from tests.support.servers import ValkeyServer
from tests.support.tenants import Tenant, add_endpoint
from tests.support.told import add_person, with_post
from workflows import endpoints
from workflows.deliveries import deliver_due
from workflows.endpoint_health import get_in_full
from workflows.endpoint_watch import watch_endpoints
from workflows.names import QUEUE_OF
from workflows.notifications import send_notifications
from workflows.relay import relay_outbox

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
BLOCKED = replace(REFUSED, outcome=Outcome.EGRESS_BLOCKED, status=None, error="Not called.")
HEALTH = "SELECT state, disabled_reason, failing_since, failed_attempts FROM webhook_endpoints WHERE id = %s"
TOLD = """SELECT p.url, array_agg(d.event_type ORDER BY d.sequence) FROM webhook_deliveries d
    JOIN webhook_endpoints p ON p.id = d.endpoint_id WHERE d.event_type LIKE 'webhook.%%' GROUP BY p.url"""
KINDS = "SELECT array_agg(kind ORDER BY created_at, id) FROM notifications"


@pytest.fixture
def office() -> Iterator[PostOffice]:
    """A mail server."""
    with PostOffice() as post:
        yield post


class Days:
    """An endpoint of a partner, what it answers as days go by, and who is told of it."""

    def __init__(self, rt: Runtime, tenant: Tenant, database: MigratedDatabase) -> None:
        self.rt, self._tenant, self._database = rt, tenant, database
        self.endpoint_id, _ = add_endpoint(rt, tenant.actor, HOOK)

    def pass_to(self, ahead: timedelta, result: SendResult) -> None:
        """Let it be so much later, let an event happen, let all that is tried get this answer, look after health."""
        self._database.move_clock(ahead)
        publish(self.rt, self._tenant, 1)
        answer_all(self.rt, lambda job: result if job.endpoint_id == self.endpoint_id else ACCEPTED)
        self.look()

    def look(self) -> int:
        """Look after health, tell who is to be told, and return how many notices that were."""
        given = watch_endpoints(self.rt)
        relay_outbox(self.rt)
        send_notifications(self.rt)
        return given

    def health(self) -> tuple[object, ...]:
        """Return state, reason, failing since and failed attempts."""
        (row,) = self._database.rows(HEALTH, self.endpoint_id)
        return row

    def kinds(self) -> list[str] | None:
        """Return the kinds of all notifications, oldest first."""
        ((kinds,),) = self._database.rows(KINDS)
        assert kinds is None or isinstance(kinds, list)
        return kinds


def disabled_for(reason: str) -> float:
    """Return how many endpoints this process has counted as disabled for *reason*."""
    return REGISTRY.get_sample_value("psms_webhook_endpoints_disabled_total", {"reason": reason}) or 0.0


def subjects(office: PostOffice) -> list[tuple[str, str]]:
    """Return the address and the first words of the subject of each mail."""
    found = [(taken.message["To"].addresses[0].addr_spec, taken.message["Subject"]) for taken in office.taken]
    return [(address, subject.partition(":")[0]) for address, subject in found]


def test_w22_an_endpoint_that_fails_for_five_days_is_told_of_and_disabled(
    rt: Runtime, acme: Tenant, database: MigratedDatabase, office: PostOffice, valkey: ValkeyServer
) -> None:
    nudger = CeleryNudger(valkey.url, {task.value: queue.value for task, queue in QUEUE_OF.items()})
    days = Days(replace(with_post(rt, office), nudger=nudger), acme, database)
    add_endpoint(rt, acme.actor, f"{HOOK}/told", tuple(one.value for one in ENDPOINT_EVENTS))
    add_endpoint(rt, acme.actor, f"{HOOK}/everything")
    add_person(rt, acme.actor, "Boss", Role.ADMIN)
    add_person(rt, acme.actor, "Ada")
    days.pass_to(timedelta(), REFUSED)
    assert (days.look(), subjects(office)) == (0, [])

    given = {}
    for hours in (0.9, 1.05, 2, *range(6, 120, 6)):
        days.pass_to(hours * HOUR, REFUSED)
        assert days.look() == 0
        given[hours] = len(office.taken)
        if hours == 72:
            with Redis.from_url(valkey.url) as redis:
                redis.flushall()
    assert days.health()[:2] == ("active", None)
    before = disabled_for("failing")
    days.pass_to(5 * DAY + HOUR, REFUSED)
    nudger.close()

    assert [given[at] for at in (0.9, 1.05, 2, 18, 24, 66, 72, 114)] == [0, 1, 1, 1, 2, 2, 3, 3]
    assert subjects(office) == [("boss@example.com", "Webhook endpoint fails")] * 3 + [
        ("boss@example.com", "Webhook endpoint disabled")
    ]
    assert "answered nothing with 2xx for five days" in office.taken[-1].message.get_content()
    assert "/hook" not in office.taken[-1].message["Subject"] + office.taken[-1].message.get_content()
    assert days.health()[:2] == ("disabled", "failing")
    assert disabled_for("failing") == before + 1
    told = ["webhook.endpoint_failing"] * 3 + ["webhook.endpoint_disabled"]
    # The one that fails hears nothing of itself, and who takes everything hears nothing of others.
    assert database.rows(TOLD) == [(f"{HOOK}/told", told)]
    # What comes later is held.
    publish(rt, acme, 1)
    assert days.endpoint_id not in {job.endpoint_id for job in answer_all(rt)}
    assert get_in_full(rt, acme.actor, days.endpoint_id).held > 0


def test_w22_one_success_on_the_fourth_day_begins_the_count_anew(
    rt: Runtime, acme: Tenant, database: MigratedDatabase, office: PostOffice
) -> None:
    days = Days(with_post(rt, office), acme, database)
    add_person(rt, acme.actor, "Boss", Role.ADMIN)
    for hours in range(0, 96, 12):
        days.pass_to(hours * HOUR, REFUSED)
    days.pass_to(4 * DAY, ACCEPTED)
    recovered = days.health()
    for hours in range(97, 97 + 119, 7):
        days.pass_to(hours * HOUR, REFUSED)

    assert recovered == ("active", None, None, 0)
    assert days.health()[0] == "active"
    failing_since = days.health()[2]
    assert isinstance(failing_since, datetime)
    assert (
        days.kinds()
        == ["webhook.endpoint_failing"] * 3 + ["webhook.endpoint_recovered"] + ["webhook.endpoint_failing"] * 3
    )
    assert subjects(office)[3] == ("boss@example.com", "Webhook endpoint works again")


def test_a_standstill_of_days_is_told_of_once(rt: Runtime, acme: Tenant, database: MigratedDatabase) -> None:
    days = Days(rt, acme, database)
    days.pass_to(timedelta(), REFUSED)

    database.move_clock(4 * DAY)

    assert (days.look(), days.look()) == (1, 0)
    assert days.kinds() == ["webhook.endpoint_failing"]


def test_a_paused_endpoint_is_not_told_of_and_activating_it_begins_anew(
    rt: Runtime, acme: Tenant, database: MigratedDatabase
) -> None:
    days = Days(rt, acme, database)
    days.pass_to(timedelta(), REFUSED)
    for state in (EndpointState.PAUSED, EndpointState.ACTIVE):
        endpoints.edit_endpoint(rt, acme.actor, days.endpoint_id, Edit(fields={"state": state}))
        database.move_clock(2 * HOUR)
        assert days.look() == 0
    assert days.health() == ("active", None, None, 0)


def test_what_egress_refuses_for_a_day_is_disabled_and_an_answer_in_between_resets(
    rt: Runtime, acme: Tenant, database: MigratedDatabase
) -> None:
    days = Days(rt, acme, database)
    for hours, result in ((0, BLOCKED), (20, REFUSED), (21, BLOCKED), (44, BLOCKED)):
        days.pass_to(hours * HOUR, result)
        assert days.health()[0] == "active"

    before = disabled_for("blocked")
    days.pass_to(46 * HOUR, BLOCKED)

    assert days.health()[:2] == ("disabled", "blocked")
    assert disabled_for("blocked") == before + 1
    # Of the failures none was the rules'.
    assert days.health()[3] == 2
    kinds = days.kinds()
    assert kinds is not None
    assert kinds[-1] == "webhook.endpoint_disabled"


def test_w09_after_a_410_what_waits_is_held_and_the_notice_is_given_once(
    rt: Runtime, acme: Tenant, database: MigratedDatabase
) -> None:
    before = disabled_for("gone")
    with Receiver() as partner:
        partner.answer("/hook", Answer(status=410))
        endpoint_id, _ = add_endpoint(rt, acme.actor, partner.url("/hook"))
        publish(rt, acme, 50)
        deliver_due(rt)
        asked = len(partner.received)
        publish(rt, acme, 1)
        relay_outbox(rt)
        deliver_due(rt)
        database.move_clock(DAY)
        deliver_due(rt)

        # Those under way when the first was answered; then nothing more.
        assert 1 <= asked <= 16
        assert len(partner.received) == asked
    held = [one.state for one in shown(rt, acme, endpoint_id)]
    endpoint = get_in_full(rt, acme.actor, endpoint_id)
    assert held == [DeliveryState.HELD] * 51
    assert (endpoint.state, endpoint.disabled_reason, endpoint.held) == (EndpointState.DISABLED, "gone", 51)
    assert disabled_for("gone") == before + 1
    assert database.rows(KINDS) == [(["webhook.endpoint_disabled"],)]
    assert database.rows("SELECT count(*) FROM events WHERE type = 'webhook.endpoint_disabled'") == [(1,)]
    assert database.rows("SELECT count(*) FROM logs WHERE action = 'webhook_endpoint.disabled'") == [(1,)]
