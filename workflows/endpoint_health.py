"""How endpoints fare: healthy, failing since, disabled. What becomes of each delivery is in `delivery_results`."""

from collections.abc import Sequence
from uuid import UUID

from psms.db.queries import results
from psms.domain.retry import Delivered, DisableEndpoint, GiveUp, counts_against_endpoint
from workflows import trail
from workflows.act import Act
from workflows.delivery_jobs import Judged


def note(act: Act, judged: Sequence[Judged]) -> None:
    """Remember who answered and who failed, disable whoever asked for it, and log what is given up.

    The lanes of all of them are locked.
    """
    healthy = {j.settlement.endpoint_id for j in judged if isinstance(j.decision, Delivered)}
    blamed = {j.settlement.endpoint_id for j in judged if counts_against_endpoint(j.finished.result.outcome)}
    if healthy:
        results.mark_healthy(act.session, act.organization_id, sorted(healthy), act.now)
    if blamed - healthy:
        results.mark_failing(act.session, act.organization_id, sorted(blamed - healthy), act.now)
    for one in judged:
        if isinstance(one.decision, DisableEndpoint):
            _disable(act, one.settlement.endpoint_id, one.decision.reason)
        elif isinstance(one.decision, GiveUp):
            shown = {"reason": one.decision.reason, "endpoint_id": one.settlement.endpoint_id}
            target = ("delivery", one.settlement.delivery_id)
            trail.note(act, "delivery.dead", target, trail.added(shown))


def _disable(act: Act, endpoint_id: UUID, reason: str) -> None:
    if results.disable(act.session, act.organization_id, endpoint_id, reason, act.now):
        target = ("webhook_endpoint", endpoint_id)
        trail.note(act, "webhook_endpoint.disabled", target, trail.added({"reason": reason}))
