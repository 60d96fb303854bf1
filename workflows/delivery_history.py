"""Looking back at deliveries, and sending one again; the sending itself is in `deliveries`."""

from uuid import UUID

from psms.db.queries import delivery_views as views
from psms.db.queries import endpoints as queries
from psms.db.queries import lanes
from psms.domain.access import Actor, Permission, require
from psms.domain.answers import Created, OnceKey
from psms.domain.deliveries import Delivery, DeliveryFilter, DeliveryWithAttempts
from psms.domain.pages import Page, PageRequest
from psms.domain.retry import EXPIRES_AFTER
from psms.encoding import json_bytes
from psms.errors import DeliveryInFlight
from psms.runtime import Runtime
from workflows import trail
from workflows.act import Act
from workflows.names import Task
from workflows.once import Made, create_once


def list_deliveries(
    rt: Runtime, actor: Actor, endpoint_id: UUID, page: PageRequest, wanted: DeliveryFilter | None = None
) -> Page[Delivery]:
    """Return one page of an endpoint's deliveries, all or those *wanted*, newest first; it may be short."""
    require(actor, Permission.WEBHOOK_MANAGE)
    with rt.db.begin(actor.organization_id) as session:
        return views.list_page(session, queries.get(session, endpoint_id), page, wanted or DeliveryFilter())


def get_delivery(rt: Runtime, actor: Actor, endpoint_id: UUID, delivery_id: UUID) -> DeliveryWithAttempts:
    """Return a delivery with every request made for it."""
    require(actor, Permission.WEBHOOK_MANAGE)
    with rt.db.begin(actor.organization_id) as session:
        delivery = views.get(session, queries.get(session, endpoint_id), delivery_id)
        return DeliveryWithAttempts(
            delivery=delivery,
            body=views.body_of(session, delivery.event_id),
            attempts=views.attempts_of(session, delivery_id),
        )


def resend(rt: Runtime, actor: Actor, endpoint_id: UUID, delivery_id: UUID, once: OnceKey | None = None) -> Created:
    """Make a delivery due now, whatever became of it, with the same `webhook-id` and the same body.

    Where the endpoint's deliveries go out in order, this one does not wait for its turn.
    Raises DeliveryInFlight while it is being sent.
    """
    require(actor, Permission.WEBHOOK_MANAGE)

    def send_again(act: Act) -> Made:
        # The lane first, as everywhere.
        now = lanes.lock(act.session, act.organization_id, [endpoint_id])
        endpoint = queries.get(act.session, endpoint_id)
        views.get(act.session, endpoint, delivery_id)
        if not queries.retry(act.session, endpoint_id, [delivery_id], now=now, expires_after=EXPIRES_AFTER):
            raise DeliveryInFlight
        lanes.serve_now(act.session, act.organization_id, endpoint_id, now)
        trail.note(act, "delivery.resent", ("delivery", delivery_id))
        shown = views.get(act.session, endpoint, delivery_id)
        return Made(json_bytes(shown), f"/v1/webhook-endpoints/{endpoint_id}/deliveries/{delivery_id}")

    answer = create_once(rt, actor, once, send_again)
    rt.nudger.nudge(Task.DELIVER_WEBHOOKS)
    return answer
