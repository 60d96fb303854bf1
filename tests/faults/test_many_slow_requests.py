"""One worker process with more than a hundred requests under way that nobody answers: what it weighs."""

from contextlib import ExitStack
from pathlib import Path

from tests.support.crew import Crew
from tests.support.lanes import pile_up
from tests.support.receiver import Answer, Receiver
from tests.support.tenants import add_endpoint, file_ticket, known_to_answer, make_tenant
from tests.support.waiting import eventually
from workflows.relay import relay_outbox

ENDPOINTS, EACH = 8, 16
MOST_MB = 300


def resident_mb(pid: int) -> float:
    """Return how much memory a process holds now."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    (kilobytes,) = [line.split()[1] for line in lines if line.startswith("VmRSS:")]
    return int(kilobytes) / 1024


def test_one_process_carries_128_slow_requests_in_less_than_300_mb(rt, database, tmp_path):
    acme, crew = make_tenant(rt), Crew(database, "redis://127.0.0.1:1/0", tmp_path)
    with ExitStack() as stack:
        partner = stack.enter_context(Receiver())
        partner.answer("/slow", Answer(hang=True))
        endpoints = [add_endpoint(rt, acme.actor, partner.url("/slow"))[0] for _ in range(ENDPOINTS)]
        file_ticket(rt, acme.actor)
        relay_outbox(rt)
        pile_up(database, endpoints, EACH + 4)
        known_to_answer(database)
        # With the key of this runtime, which made the endpoints' secrets.
        alike = {"PSMS_LEASE_SECONDS": "60", "PSMS_KEK": "", "PSMS_HOME": str(rt.settings.home)}
        worker = stack.enter_context(crew.with_worker("slow", "webhooks", **alike))
        # The partner hangs up, and the worker need not wait for its requests when it ends.
        stack.callback(partner.__exit__)
        eventually(lambda: len(partner.received) >= ENDPOINTS * EACH, within=80, what="all slots taken")
        assert database.rows("SELECT count(*) FROM webhook_deliveries WHERE state = 'in_flight'") == [
            (ENDPOINTS * EACH,)
        ]
        assert resident_mb(worker.pid) < MOST_MB, worker.log
        assert len(partner.distinct_ids()) == ENDPOINTS * EACH
