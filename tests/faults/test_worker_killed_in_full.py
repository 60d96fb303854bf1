"""Thousands of webhooks whose worker is killed again and again after their partner answered: the full size of w03."""

import signal
from collections import Counter
from pathlib import Path

import pytest

from psms.runtime import Runtime
from tests.support.commands import Running, environment_on, run_psms
from tests.support.databases import MigratedDatabase
from tests.support.lanes import pile_up
from tests.support.receiver import Receiver
from tests.support.tenants import add_endpoint, file_ticket, known_to_answer, make_tenant
from tests.support.waiting import eventually
from workflows.relay import relay_outbox
from workflows.webhook_verification import verify_webhooks

ENDPOINTS, EACH = 50, 200
COUNT = ENDPOINTS * EACH
SLOTS = 128
KILL_AFTER = 400
LEFT = "SELECT count(*) FROM webhook_deliveries WHERE state <> 'delivered'"
# How often each was sent for all that is known: once, and once more for each worker that was lost with it.
TRIED = """SELECT d.id::text, count(a.id) FILTER (WHERE a.outcome = 'success'),
    count(a.id) FILTER (WHERE a.outcome = 'unknown'), count(a.id) FROM webhook_deliveries d
    JOIN webhook_attempts a ON a.delivery_id = d.id GROUP BY 1"""

pytestmark = pytest.mark.soak


@pytest.mark.timeout(3600)
def test_w03_of_ten_thousand_none_is_lost_and_each_comes_at_most_once_more_for_each_worker_that_died_with_it(
    rt: Runtime, database: MigratedDatabase, tmp_path: Path
) -> None:
    acme = make_tenant(rt)
    environment = environment_on(database, rt.settings.home, PSMS_LEASE_SECONDS="8", PSMS_DELIVERY_SLOTS=str(SLOTS))
    with Receiver() as partner:
        ids = [add_endpoint(rt, acme.actor, partner.url(f"/{number}"))[0] for number in range(ENDPOINTS)]
        file_ticket(rt, acme.actor)
        relay_outbox(rt)
        pile_up(database, ids, EACH - 1)
        known_to_answer(database)
        kills = 0
        while len(partner.received) < COUNT:
            kills += killed_after_answers(environment, partner, tmp_path)
        eventually(lambda: drained(environment, database), within=1800, what="every delivery")
        received = Counter(request.headers["webhook-delivery-id"] for request in partner.received)

    tried = {str(row[0]): [int(str(count)) for count in row[1:]] for row in database.rows(TRIED)}
    assert (len(tried), set(tried)) == (COUNT, set(received))
    assert kills >= COUNT // KILL_AFTER // 2
    assert {(successes, all_of_it - unknown) for successes, unknown, all_of_it in tried.values()} == {(1, 1)}
    # Who was lost with the worker may have been sent before, and need not.
    assert [one for one, count in received.items() if count > 1 + tried[one][1]] == []
    doubled, lost = received.total() - COUNT, sum(unknown for _, unknown, _ in tried.values())
    assert 0 < doubled <= lost <= kills * SLOTS
    assert verify_webhooks(rt, [acme.organization_id])[0].findings == []


def killed_after_answers(environment: dict[str, str], partner: Receiver, folder: Path) -> bool:
    """Have a process deliver, kill it when its partner has answered some more requests, and tell whether it lived."""
    enough = min(COUNT, len(partner.received) + KILL_AFTER)
    process = Running(environment, ("drain",), (folder / "out", folder / "err"))
    eventually(lambda: len(partner.received) >= enough or process.poll() is not None, within=120, what="answers")
    process.kill()
    return process.wait(10) == -signal.SIGKILL


def drained(environment: dict[str, str], database: MigratedDatabase) -> bool:
    """Have another process do what is due, and tell whether everything is delivered."""
    assert run_psms(environment, "drain").returncode == 0
    return database.rows(LEFT) == [(0,)]
