"""Replays asked for and run to their end, by the workflows; how they are killed is in the fault tests."""

import json
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import text

from psms.domain.replays import NewReplay, Replay, ReplayMode, ReplayState
from psms.runtime import Runtime
from tests.support.tenants import Tenant
from tests.support.waiting import eventually
from workflows.deliveries import deliver_due
from workflows.replay_drain import replay_webhooks
from workflows.replays import begin_replay, get_replay


def asked(
    rt: Runtime,
    tenant: Tenant,
    endpoint_id: UUID,
    mode: ReplayMode,
    *event_types: str,
    dry_run: bool = False,
) -> UUID:
    """Ask for a replay of the last day, of all types where none are named."""
    since = datetime.now(UTC) - timedelta(days=1)
    command = NewReplay(mode=mode, since=since, event_types=event_types or None, dry_run=dry_run)
    made = begin_replay(rt, tenant.actor, endpoint_id, command, None)
    return UUID(json.loads(made.body)["id"])


def look_back(rt: Runtime, tenant: Tenant, endpoint_id: UUID) -> None:
    """Leave a replay, and the counts of a day whose deliveries were removed."""
    asked(rt, tenant, endpoint_id, ReplayMode.FAILED)
    counts = "INSERT INTO webhook_ledger_days VALUES (:organization_id, :endpoint_id, '2026-01-01', 1, 1, 1, 0, 0)"
    with rt.db.begin_claim() as session:
        session.execute(text(counts), {"organization_id": tenant.organization_id, "endpoint_id": endpoint_id})


def run_out(rt: Runtime, tenant: Tenant, endpoint_id: UUID, replay_id: UUID) -> Replay:
    """Release and deliver until the replay is over and its deliveries too, and return how it stands."""

    def is_over() -> Replay | None:
        replay_webhooks(rt, patience_s=0)
        deliver_due(rt)
        replay = get_replay(rt, tenant.actor, endpoint_id, replay_id)
        return replay if replay.state is not ReplayState.RUNNING and replay.done == replay.released else None

    over = eventually(is_over, within=30, what="the end of the replay")
    assert over is not None
    return over
