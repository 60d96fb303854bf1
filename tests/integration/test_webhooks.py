"""From a committed ticket to the partner's answer, step by step, with a real partner and a real database."""

import json
from datetime import timedelta
from uuid import UUID

from psycopg import sql
from standardwebhooks import Webhook

from psms.domain.deliveries import DeliveryWithAttempts
from psms.domain.pages import PageRequest
from psms.domain.webhooks import DeliveryState
from psms.runtime import Runtime
from tests.support.databases import LEASE_OVER, MigratedDatabase
from tests.support.receiver import Answer, Receiver
from tests.support.tenants import Tenant, add_endpoint, claim, file_ticket, make_tenant
from workflows import delivery_history
from workflows.deliveries import deliver_due, reap_leases
from workflows.relay import relay_outbox
from workflows.work import dead_work, retry_work


def only_delivery(rt: Runtime, tenant: Tenant, endpoint_id: UUID) -> DeliveryWithAttempts:
    """Return the endpoint's one delivery with its attempts."""
    page = delivery_history.list_deliveries(rt, tenant.actor, endpoint_id, PageRequest(), None)
    assert len(page.items) == 1
    return delivery_history.get_delivery(rt, tenant.actor, endpoint_id, page.items[0].id)


def test_a_filed_ticket_reaches_the_partner_signed_and_is_recorded(rt: Runtime, acme: Tenant) -> None:
    with Receiver() as partner:
        endpoint_id, secret = add_endpoint(rt, acme.actor, partner.url("/hook"))
        ticket_id = file_ticket(rt, acme.actor)

        assert relay_outbox(rt) == 1
        assert deliver_due(rt) == 1

        request = partner.received[0]
    verified = Webhook(secret).verify(request.body, dict(request.headers))
    found = only_delivery(rt, acme, endpoint_id)
    assert verified["type"] == "ticket.created"
    assert verified["data"]["ticket"]["id"] == str(ticket_id)
    assert request.headers["webhook-id"] == str(found.delivery.event_id) == verified["id"]
    assert found.delivery.state is DeliveryState.DELIVERED
    assert [(a.number, a.outcome, a.status) for a in found.attempts] == [(1, "success", 200)]


def test_a_refused_delivery_is_tried_again_after_the_back_off_with_the_same_id_and_body(
    rt: Runtime, acme: Tenant, database: MigratedDatabase
) -> None:
    with Receiver() as partner:
        partner.answer("/hook", Answer(status=503), Answer(status=200))
        endpoint_id, _ = add_endpoint(rt, acme.actor, partner.url("/hook"))
        file_ticket(rt, acme.actor)
        relay_outbox(rt)

        assert deliver_due(rt) == 1
        waiting = only_delivery(rt, acme, endpoint_id)
        assert deliver_due(rt) == 0
        database.move_clock(timedelta(seconds=7))
        assert deliver_due(rt) == 1

        first, second = partner.received
    found = only_delivery(rt, acme, endpoint_id)
    assert waiting.delivery.state is DeliveryState.PENDING
    assert (waiting.delivery.attempts, waiting.delivery.last_status) == (1, 503)
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.body == second.body
    assert found.delivery.state is DeliveryState.DELIVERED
    assert [(a.number, a.outcome, a.status) for a in found.attempts] == [
        (1, "http_error", 503),
        (2, "success", 200),
    ]


def test_a_lease_that_ends_is_taken_back_and_the_delivery_is_sent_again(
    rt: Runtime, acme: Tenant, database: MigratedDatabase
) -> None:
    with Receiver() as partner:
        endpoint_id, _ = add_endpoint(rt, acme.actor, partner.url("/hook"))
        file_ticket(rt, acme.actor)
        relay_outbox(rt)
        lose_a_lease(rt)
        assert (reap_leases(rt), deliver_due(rt)) == (0, 0)

        database.move_clock(LEASE_OVER)

        assert (reap_leases(rt), deliver_due(rt)) == (1, 1)
        assert len(partner.received) == 1
    found = only_delivery(rt, acme, endpoint_id)
    assert [(a.number, a.outcome) for a in found.attempts] == [(1, "unknown"), (2, "success")]
    assert (found.delivery.state, found.delivery.attempts) == (DeliveryState.DELIVERED, 2)
    assert database.rows("SELECT failures FROM webhook_deliveries") == [(0,)]


def test_five_leases_lost_in_a_row_make_a_delivery_dead_and_it_can_be_retried(
    rt: Runtime, acme: Tenant, database: MigratedDatabase
) -> None:
    with Receiver() as partner:
        endpoint_id, _ = add_endpoint(rt, acme.actor, partner.url("/hook"))
        file_ticket(rt, acme.actor)
        relay_outbox(rt)
        for lost in range(1, 6):
            lose_a_lease(rt)
            database.move_clock(lost * LEASE_OVER)
            assert reap_leases(rt) == 1

        dead = dead_work(rt, 10)
        assert [(item.kind, item.state, item.reason) for item in dead] == [("delivery", "dead", "leases_lost")]
        assert deliver_due(rt) == 0
        assert retry_work(rt, [dead[0].id]) == 1
        assert deliver_due(rt) == 1
        assert len(partner.received) == 1
    assert only_delivery(rt, acme, endpoint_id).delivery.state is DeliveryState.DELIVERED


def test_sequences_of_an_endpoint_have_no_gap_and_follow_the_order_of_commits(
    rt: Runtime, acme: Tenant, database: MigratedDatabase
) -> None:
    with Receiver() as partner:
        add_endpoint(rt, acme.actor, partner.url("/hook"))
        numbers = [file_ticket(rt, acme.actor, f"Ticket {n}") for n in range(20)]
        assert relay_outbox(rt) == 20
        deliver_due(rt)
    rows = database.rows("SELECT sequence, ticket_id FROM webhook_deliveries ORDER BY sequence")
    assert rows == list(enumerate(numbers, start=1))


def test_an_endpoint_gets_only_the_types_that_it_asked_for(rt: Runtime, acme: Tenant) -> None:
    with Receiver() as partner:
        add_endpoint(rt, acme.actor, partner.url("/hook"), ("ticket.closed",))
        file_ticket(rt, acme.actor)

        assert (relay_outbox(rt), deliver_due(rt)) == (1, 0)
        assert partner.received == []


def test_another_organizations_endpoint_hears_nothing(rt: Runtime, acme: Tenant) -> None:
    stranger = make_tenant(rt, "Stranger")
    with Receiver() as partner:
        add_endpoint(rt, stranger.actor, partner.url("/hook"))
        file_ticket(rt, acme.actor)
        relay_outbox(rt)

        assert deliver_due(rt) == 0
        assert partner.received == []


def test_a_url_that_became_private_is_refused_at_the_send(
    rt: Runtime, acme: Tenant, database: MigratedDatabase
) -> None:
    with Receiver() as partner:
        endpoint_id, _ = add_endpoint(rt, acme.actor, partner.url("/hook"))
        database.run(sql.SQL("UPDATE webhook_endpoints SET url = 'https://10.0.0.1/hook'"))
        file_ticket(rt, acme.actor)
        relay_outbox(rt)
        deliver_due(rt)
    found = only_delivery(rt, acme, endpoint_id)
    assert [a.outcome for a in found.attempts] == ["egress_blocked"]
    assert "10.0.0.1" not in json.dumps([a.error for a in found.attempts])


def lose_a_lease(rt: Runtime) -> None:
    """Claim what is due as a worker would that is killed before it sends."""
    assert len(claim(rt)) == 1
