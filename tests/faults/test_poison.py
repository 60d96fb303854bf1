"""A delivery that kills whoever sends it: given up after five lost leases, and everybody else is served meanwhile."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.support.extras import one_more
from tests.support.scene import Scene, running_stage, scene_on
from tests.support.waiting import eventually

LEASES_UNTIL_DEAD = 5
VARIABLES = {"PSMS_CRASH_AT": "delivery_claimed:/poison", "PSMS_LEASE_SECONDS": "2"}
TICKETS = 24
PER_SECOND = 2
# They die as well, and nobody starts them again: with them the test need not wait for the supervisor's longer pauses.
SPARES = 2
ENDED = "SELECT state, dead_reason, leases_lost FROM webhook_deliveries WHERE endpoint_id = %s"
TAKEN_ALONG = "SELECT max(leases_lost) FROM webhook_deliveries WHERE endpoint_id = %s"


def deaths(home: Path) -> int:
    """Return how many workers died of it."""
    mark = home / "run" / "crashes" / "delivery_claimed"
    return len(mark.read_text(encoding="ascii").split()) if mark.exists() else 0


@contextmanager
def spare_workers(home: Path) -> Iterator[None]:
    """Run more workers beside the stack's own."""
    with ExitStack() as spares:
        for name in (f"spare-{number}" for number in range(SPARES)):
            spares.enter_context(
                one_more(home, name, "worker", "--queues", "webhooks", "--name", name, **VARIABLES),
            )
        yield


def swallow_poison(scene: Scene) -> None:
    """Have a poisonous delivery made beside others, and see that it ends dead."""
    stage, before = scene.stage, deaths(scene.stage.home)
    poison = stage.desk.add_endpoint(scene.partner.url("/poison"), ["ticket.commented"])
    ticket_id = scene.filing.file(scene.subject)
    answer = stage.desk.call("POST", f"/v1/tickets/{ticket_id}/comments", json={"body": "Poison"})
    assert answer.status_code == 201
    scene.file(TICKETS - 1, per_second=PER_SECOND)
    over = [("dead", "leases_lost", LEASES_UNTIL_DEAD)]
    eventually(lambda: stage.ledger.rows(ENDED, poison["id"]) == over, within=240, what="the end of the poison row")
    assert deaths(stage.home) == before + LEASES_UNTIL_DEAD
    assert stage.desk.call("DELETE", f"/v1/webhook-endpoints/{poison['id']}").status_code == 204


def test_a_poison_row_ends_dead_and_takes_nobody_along(tmp_path, rounds):
    home = tmp_path / "desk"
    with running_stage(home, **VARIABLES) as stage, scene_on(stage) as scene:
        for _ in range(rounds):
            with spare_workers(home):
                swallow_poison(scene)
        scene.assert_nothing_lost_or_doubled(TICKETS * rounds)

        # Deliveries that were in the air when a worker died, before it was known of what.
        assert stage.ledger.rows(TAKEN_ALONG, scene.endpoint_id)[0][0] in (0, 1, 2)
        assert not [request for request in scene.partner.received if request.path == "/poison"]
