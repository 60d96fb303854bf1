"""What the other fault tests find when a guard is set so that it cannot act: a late escalation, a lost delivery."""

import os
import signal
from collections.abc import Iterator
from datetime import timedelta

import pytest

from tests.support.crew import assert_clocks_follow_from_their_ledgers
from tests.support.extras import environment_of, frozen
from tests.support.receiver import Answer
from tests.support.scene import Stage, running_stage, scene_on
from tests.support.stacks import process_of
from tests.support.waiting import eventually

pytestmark = pytest.mark.soak
NEVER_MS, NEVER_S = "600000", "3600"
WITHIN = timedelta(seconds=2)
# How late the first escalation is, or would be at the least if it came now.
LATE_BY = """SELECT COALESCE(min(e.occurred_at), psms_now()) - min(c.due_at) FROM tickets t
    JOIN sla_clocks c ON c.ticket_id = t.id
    LEFT JOIN events e ON e.ticket_id = t.id AND e.type = 'sla.escalated' WHERE starts_with(t.subject, %s)"""
TAKEN_BACK = "SELECT count(*) FROM webhook_deliveries WHERE endpoint_id = %s AND leases_lost > 0"


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    home = tmp_path_factory.mktemp("desk")
    with running_stage(home, PSMS_FALLBACK_AFTER_MS=NEVER_MS, PSMS_LEASE_SECONDS=NEVER_S) as running:
        yield running
        assert_clocks_follow_from_their_ledgers(environment_of(running.home))


def test_without_beat_and_without_the_fallback_an_escalation_is_late(stage):
    promise = {"name": "One second", "first_response_seconds": 1}
    assert stage.desk.call("POST", "/v1/sla-policies", json=promise).status_code == 201
    with scene_on(stage) as scene:
        with frozen(process_of(stage.home, "psms beat")):
            scene.file(1)
            eventually(lambda: stage.ledger.rows(LATE_BY, scene.subject)[0][0] > 2 * WITHIN, within=20)
        scene.until_rest()
        eventually(lambda: len(scene.partner.received) >= 4, within=20, what="what the thawed Beat asked for")


def test_without_an_end_of_leases_a_killed_worker_keeps_what_it_held(stage):
    with scene_on(stage, "/slow") as scene:
        scene.partner.answer("/slow", Answer(hang=True))
        scene.file(1)
        eventually(lambda: scene.partner.received, what="the request in flight")
        victim = process_of(stage.home, "--name webhooks")
        os.kill(victim, signal.SIGKILL)
        stage.stack.until_line("webhooks ended (killed by SIGKILL)")
        scene.partner.answer("/slow", Answer())
        # The worker is back and serves what comes now; what it held before it died stays away.
        scene.file(1)
        eventually(lambda: len(scene.partner.distinct_ids()) >= 2, within=30)
        assert "a delivery is neither over nor held" in stage.ledger.breaches()
        assert stage.ledger.rows(TAKEN_BACK, scene.endpoint_id) == [(0,)]
