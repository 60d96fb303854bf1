"""Looking back at deliveries, and sending one again; the sending itself is in `deliveries`."""

from uuid import UUID

from psms.db.queries import delivery_views as views
from psms.db.queries import endpoints as queries
from psms.db.queries import lanes
from psms.domain.access import Actor, Permission, require
from psms.domain.deliveries import Delivery, DeliveryFilter, DeliveryWithAttempts
from psms.domain.pages import Page, PageRequest
from psms.domain.retry import EXPIRES_AFTER
from psms.errors import DeliveryInFlight
from psms.runtime import Runtime
from workflows import trail
from workflows.act import act_of
from workflows.names import Task


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


def resend(rt: Runtime, actor: Actor, endpoint_id: UUID, delivery_id: UUID) -> Delivery:
    """Make a delivery due now, whatever became of it, with the same `webhook-id` and the same body.

    Where the endpoint's deliveries go out in order, this one does not wait for its turn.
    Raises DeliveryInFlight while it is being sent.
    """
    require(actor, Permission.WEBHOOK_MANAGE)
    with rt.db.begin(actor.organization_id) as session:
        # The lane first, as everywhere.
        lanes.lock(session, actor.organization_id, [endpoint_id])
        endpoint = queries.get(session, endpoint_id)
        views.get(session, endpoint, delivery_id)
        act = act_of(rt, session, actor)
        if not queries.retry(session, endpoint_id, [delivery_id], now=act.now, expires_after=EXPIRES_AFTER):
            raise DeliveryInFlight
        lanes.serve_now(session, act.organization_id, endpoint_id, act.now)
        trail.note(act, "delivery.resent", ("delivery", delivery_id))
        delivery = views.get(session, endpoint, delivery_id)
    rt.nudger.nudge(Task.DELIVER_WEBHOOKS)
    return delivery
