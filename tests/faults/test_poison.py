"""A delivery that kills whoever sends it: given up after five lost leases, and everybody else is served meanwhile."""

from tests.support.scene import running_stage, scene_on
from tests.support.waiting import eventually

LEASES_UNTIL_DEAD = 5
TICKETS = 30


def test_a_poison_row_ends_dead_and_takes_nobody_along(tmp_path):
    home = tmp_path / "desk"
    with (
        running_stage(home, PSMS_CRASH_AT="delivery_claimed:/poison", PSMS_LEASE_SECONDS="2") as stage,
        scene_on(stage) as scene,
    ):
        poison = stage.desk.add_endpoint(scene.partner.url("/poison"), ["ticket.commented"])
        ticket_id = scene.filing.file(scene.subject)
        answer = stage.desk.call("POST", f"/v1/tickets/{ticket_id}/comments", json={"body": "Poison"})
        assert answer.status_code == 201
        scene.file(TICKETS - 1, per_second=1.5)
        query = "SELECT state, dead_reason, leases_lost FROM webhook_deliveries WHERE endpoint_id = %s"
        over = [("dead", "leases_lost", LEASES_UNTIL_DEAD)]
        eventually(lambda: stage.ledger.rows(query, poison["id"]) == over, within=90, what="the end of the poison row")
        scene.assert_nothing_lost_or_doubled(TICKETS)

        others = """SELECT max(leases_lost) FROM webhook_deliveries WHERE endpoint_id = %s"""
        assert (home / "run" / "crashes" / "delivery_claimed").read_text(encoding="ascii").count(
            "\n"
        ) == LEASES_UNTIL_DEAD
        assert stage.ledger.rows(others, scene.endpoint_id)[0][0] in (0, 1, 2)
        assert not [request for request in scene.partner.received if request.path == "/poison"]
