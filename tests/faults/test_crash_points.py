"""A process dies by SIGKILL between two steps of a promise: every ticket accepted is kept, told and escalated once."""

from pathlib import Path
from uuid import UUID

import pytest

from psms.crash import CrashPoint
from tests.faults.conftest import soaking
from tests.support.crew import assert_clocks_follow_from_their_ledgers
from tests.support.extras import environment_of
from tests.support.ledger import Ledger
from tests.support.scene import Stage, running_stage, scene_on
from tests.support.waiting import eventually

TICKETS = 24
# Passed where a ticket closes by itself.
OF_RUNS = (CrashPoint.RUN_CLAIMED, CrashPoint.STEP_UNCOMMITTED, CrashPoint.STEP_COMMITTED)
# Together on one stack in the short form: a process that dies too often in a row waits ever longer for its start.
TOGETHER = (
    (
        CrashPoint.TICKET_COMMITTED,
        CrashPoint.RELAY_UNCOMMITTED,
        CrashPoint.DELIVERY_CLAIMED,
        CrashPoint.SWEEP_COMMITTED,
        CrashPoint.RUN_CLAIMED,
    ),
    (
        CrashPoint.RELAY_COMMITTED,
        CrashPoint.DELIVERY_SENT,
        CrashPoint.REAP_COMMITTED,
        CrashPoint.STEP_UNCOMMITTED,
        CrashPoint.AUTOMATION_UNCOMMITTED,
    ),
    (
        CrashPoint.SWEEP_UNCOMMITTED,
        CrashPoint.RESULT_UNCOMMITTED,
        CrashPoint.RESULT_COMMITTED,
        CrashPoint.STEP_COMMITTED,
        CrashPoint.AUTOMATION_COMMITTED,
    ),
)
# Passed by `psms keys`: see `test_keys_rotated`.
OF_COMMANDS = {CrashPoint.KEK_ROTATED, CrashPoint.REENCRYPTION_UNCOMMITTED, CrashPoint.REENCRYPTION_COMMITTED}
# What it takes to pass the point at all: a lease that a death has left behind.
COMPANIONS = {CrashPoint.REAP_COMMITTED: (CrashPoint.DELIVERY_CLAIMED,)}
CHILD_OF = {
    **dict.fromkeys((CrashPoint.RELAY_UNCOMMITTED, CrashPoint.RELAY_COMMITTED), "core"),
    **dict.fromkeys((CrashPoint.SWEEP_UNCOMMITTED, CrashPoint.SWEEP_COMMITTED), "core"),
    **dict.fromkeys((CrashPoint.DELIVERY_CLAIMED, CrashPoint.DELIVERY_SENT), "webhooks"),
    **dict.fromkeys((CrashPoint.RESULT_UNCOMMITTED, CrashPoint.RESULT_COMMITTED), "webhooks"),
    CrashPoint.REAP_COMMITTED: "webhooks",
    **dict.fromkeys((CrashPoint.AUTOMATION_UNCOMMITTED, CrashPoint.AUTOMATION_COMMITTED), "core"),
    **dict.fromkeys(OF_RUNS, "core"),
    **dict.fromkeys((CrashPoint.SEAL_UNCOMMITTED, CrashPoint.SEAL_COMMITTED), "core"),
}
# Passed after five minutes at the earliest, where a policy was edited, with a mail server, for a team that assigns
# automatically, or for an endpoint that has failed for an hour: `test_sealer_killed`, `test_rebase_killed`,
# `test_notification_races`, `test_routing_races`, `test_endpoint_watch_killed`. Where somebody asks for a replay:
# `test_replay_killed`.
ELSEWHERE = {
    CrashPoint.CHECKPOINT_ANCHORED,
    CrashPoint.REBASE_UNCOMMITTED,
    CrashPoint.REBASE_COMMITTED,
    CrashPoint.MAIL_TAKEN,
    CrashPoint.REPLAY_UNCOMMITTED,
    CrashPoint.REPLAY_COMMITTED,
    CrashPoint.ROUTE_UNCOMMITTED,
    CrashPoint.ROUTE_COMMITTED,
    CrashPoint.NOTICE_UNCOMMITTED,
    CrashPoint.NOTICE_COMMITTED,
    CrashPoint.DISCARD_UNCOMMITTED,
    CrashPoint.DISCARD_COMMITTED,
}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "points" not in metafunc.fixturenames:
        return
    elsewhere = ELSEWHERE | OF_COMMANDS
    alone = tuple((point, *COMPANIONS.get(point, ())) for point in CrashPoint if point not in elsewhere)
    chosen = alone * 10 if soaking(metafunc.config) else TOGETHER
    metafunc.parametrize("points", chosen, ids="+".join)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One home for all the stacks: they start sooner on data that are there."""
    return tmp_path_factory.mktemp("desk")


def deaths(home: Path, point: CrashPoint) -> list[str]:
    """Return the processes that died at *point*."""
    mark = home / "run" / "crashes" / point
    return mark.read_text(encoding="ascii").split() if mark.exists() else []


def escalated(ledger: Ledger, subject: str) -> list[tuple[object, ...]]:
    """Return how often each ticket whose subject begins with *subject* was escalated."""
    query = """SELECT count(e.id) FROM tickets t LEFT JOIN events e ON e.ticket_id = t.id AND e.type = 'sla.escalated'
        WHERE starts_with(t.subject, %s) GROUP BY t.id ORDER BY 1"""
    return ledger.rows(query, subject)


def resolve(stage: Stage, subject: str) -> list[UUID]:
    """File tickets of this subject and resolve them: each closes by itself after a second."""
    stage.ledger.rows("UPDATE organizations SET auto_close_after_seconds = 1 RETURNING id")
    tickets = [stage.desk.file_ticket(subject) for _ in OF_RUNS]
    for ticket_id in tickets:
        moved = stage.desk.call("POST", f"/v1/tickets/{ticket_id}/transitions", json={"action": "resolve"})
        assert moved.status_code == 200
    return tickets


def closed(ledger: Ledger, subject: str) -> list[tuple[object, ...]]:
    """Return of each ticket of this subject its status, and how often it was closed, by its events and by its run."""
    query = """SELECT t.status, (SELECT count(*) FROM events e WHERE e.ticket_id = t.id AND e.type = 'ticket.closed'),
            array_agg(r.state || ' after ' || s.seq)
        FROM tickets t LEFT JOIN workflow_runs r ON r.ticket_id = t.id LEFT JOIN workflow_steps s ON s.run_id = r.id
        WHERE t.subject = %s GROUP BY t.id, t.status"""
    return ledger.rows(query, subject)


def answered(ledger: Ledger, subject: str) -> list[tuple[object, ...]]:
    """Return how often the automation was applied to each ticket whose subject begins with *subject*, and wrote."""
    query = """SELECT (SELECT count(*) FROM automation_firings f WHERE f.ticket_id = t.id AND f.outcome = 'done'),
            (SELECT count(*) FROM comments c WHERE c.ticket_id = t.id AND c.author_id IS NULL)
        FROM tickets t WHERE starts_with(t.subject, %s) ORDER BY 1, 2"""
    return ledger.rows(query, subject)


def test_a_death_between_two_steps_loses_nothing_and_doubles_nothing(home, points):
    with running_stage(home, PSMS_CRASH_AT=",".join(points)) as stage, scene_on(stage) as scene:
        promise = {"name": "Promise", "first_response_seconds": 2}
        assert stage.desk.call("POST", "/v1/sla-policies", json=promise).status_code == 201
        said = {"type": "comment", "visibility": "internal", "body": "Ticket {{ticket.number}} is seen."}
        rule = {"name": "Answer", "on": ["sla.escalated"], "actions": [said]}
        # The stacks follow one another on the same data.
        assert stage.desk.call("POST", "/v1/automations", json=rule).status_code in {201, 409}
        scene.file(TICKETS)
        resolved = resolve(stage, f"{scene.subject} resolved") if set(points) & set(OF_RUNS) else []
        scene.filing.accepted.update(resolved)
        # Who is resolved waits for no response.
        everyone = [(0,)] * len(resolved) + [(1,)] * TICKETS
        eventually(lambda: escalated(stage.ledger, scene.subject) == everyone, within=40, what="every escalation")
        answers = [(0, 0)] * len(resolved) + [(1, 1)] * TICKETS
        eventually(lambda: answered(stage.ledger, scene.subject) == answers, within=40, what="every answer, once")
        eventually(lambda: all(deaths(home, point) for point in points), within=30, what=f"a death at each of {points}")
        once = [("closed", 1, ["finished after 1"])] * len(resolved)
        eventually(lambda: closed(stage.ledger, f"{scene.subject} resolved") == once, within=30, what="every closing")
        scene.assert_nothing_lost_or_doubled(TICKETS + len(resolved))

        assert answered(stage.ledger, scene.subject) == answers
        assert closed(stage.ledger, f"{scene.subject} resolved") == once
        assert escalated(stage.ledger, scene.subject) == everyone
        assert [len(deaths(home, point)) for point in points] == [1] * len(points)
        for name in {CHILD_OF[point] for point in points if point in CHILD_OF}:
            stage.stack.until_line(f"{name} ended (killed by SIGKILL) and is started again")
        # A request that was cut off, and the one that was made again under the same key.
        assert (scene.filing.refused.total() > 0) == (CrashPoint.TICKET_COMMITTED in points)
        if CrashPoint.DELIVERY_SENT in points:
            assert len(scene.partner.received) > len(scene.partner.distinct_ids())
        assert_clocks_follow_from_their_ledgers(environment_of(home))
