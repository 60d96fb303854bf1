"""The drain of automatic assignment: looks at the teams that something has happened to, and hands out what waits there.

One worker at a time decides for a team, and for a member of several teams: so loads are exact, and nobody gets more
than they have room for. Who gets what is in `routing_effects`.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy.orm import Session

from psms.crash import CrashPoint, crash_point
from psms.db.queries import routing as queries
from psms.db.queries import routing_queue as queue
from psms.db.queries import tickets as ticket_queries
from psms.db.queries.routing import KeptRouting
from psms.db.queries.routing_queue import FRONT, Place
from psms.runtime import Runtime
from workflows.act import Act, act_of_system
from workflows.names import Task
from workflows.routing_effects import Decided, Round, hand_out
from workflows.routing_rosters import Roster, roster_of

BATCH = 200
# Somebody works on a ticket just now: it is looked at when they are through.
_BUSY = timedelta(seconds=1)
_AFTER_FAILURE = timedelta(seconds=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Step:
    """What one batch came to: how many got an assignee, whether some found nobody, and where the next one begins."""

    assigned: int = 0
    left: bool = False
    following: Place | None = None


def route_tickets(rt: Runtime) -> int:
    """Give the tickets that wait to whoever is there for them, and return how many found somebody.

    Each batch is one transaction: a crash leaves it whole or not at all. Runs by any number of processes at once: a
    team that another one decides for is left to it. A team that fails lets the others go first, and is then told of.
    """
    with rt.db.begin_claim() as session:
        due = queue.due_teams(session, rt.clock.now(session))
    done = [_tried(rt, row.organization_id, row.team_id) for row in due]
    failed = next((problem for problem in done if isinstance(problem, Exception)), None)
    if failed is not None:
        raise failed
    return sum(count for count in done if isinstance(count, int))


def _tried(rt: Runtime, organization_id: UUID, team_id: UUID) -> int | Exception:
    try:
        return _route_team(rt, organization_id, team_id)
    except Exception as problem:  # noqa: BLE001  (raised when the other teams had their turn)
        # Where that fails too, the database is away, and the team stays due.
        with suppress(Exception), rt.db.begin(organization_id) as session:
            queue.clear_wakes(session, organization_id, team_id)
            queue.wake(session, organization_id, team_id, rt.clock.now(session) + _AFTER_FAILURE)
        return problem


def _route_team(rt: Runtime, organization_id: UUID, team_id: UUID) -> int:
    total, left = 0, False
    place: Place | None = FRONT
    while place is not None and not rt.stopping.is_set():
        with rt.db.begin(organization_id) as session:
            step = _route_batch(rt, session, (organization_id, team_id), place, left=left)
            if step.assigned:
                crash_point(CrashPoint.ROUTE_UNCOMMITTED)
        if step.assigned:
            crash_point(CrashPoint.ROUTE_COMMITTED)
            rt.nudger.nudge(Task.RELAY_OUTBOX)
        total, left, place = total + step.assigned, left or step.left, step.following
    return total


def _route_batch(rt: Runtime, session: Session, team: tuple[UUID, UUID], after: Place, *, left: bool) -> _Step:
    organization_id, team_id = team
    kept = queries.lock_free(session, team_id)
    if kept is None:
        return _Step()
    # Whatever happens from here on leaves a new one; what happened before is seen.
    queue.clear_wakes(session, organization_id, team_id)
    if not kept.config.is_automatic:
        queue.empty(session, organization_id, team_id)
        return _Step()
    if kept.refill:
        now = rt.clock.now(session)
        queue.refill(session, organization_id, team_id, now)
        queue.wake(session, organization_id, team_id, now)
        # Its locks end with this transaction: whoever holds members may want one of these tickets.
        return _Step(following=FRONT)
    waiting = queue.waiting(session, organization_id, team_id, after, BATCH)
    if not waiting and not left:
        return _Step()
    queries.lock_members(session, organization_id, team_id)
    ids = [place.ticket_id for place, _ in waiting]
    locked = {one.ticket.id: one for one in ticket_queries.lock_free(session, sorted(ids))}
    act = act_of_system(rt, session, organization_id, rt.clock.now(session))
    team_round = round_of(team_id, kept, roster_of(act, team_id, kept.config))
    in_order = [locked[ticket_id] for ticket_id in ids if ticket_id in locked]
    decided = hand_out(act, team_round, in_order, {place.ticket_id: refused for place, refused in waiting})
    return _left_behind(act, team_round, [place for place, _ in waiting], decided, left=left)


def round_of(team_id: UUID, kept: KeptRouting, roster: Roster) -> Round:
    """Begin to hand out tickets to a locked team."""
    return Round(team_id=team_id, kept=kept, members=dict(roster.members), turn=kept.turn, changes_at=roster.changes_at)


def _left_behind(act: Act, team: Round, waiting: Sequence[Place], decided: Sequence[Decided], *, left: bool) -> _Step:
    """See to it that whatever still waits is looked at again."""
    given = {one.case.ticket.id for one in decided if one.choice.user_id is not None}
    skipped = {place.ticket_id for place in waiting} - {one.case.ticket.id for one in decided}
    if skipped:
        queue.put_right(act.session, act.organization_id, sorted(skipped), act.now)
    more = len(waiting) == BATCH and team.has_room
    left = left or len(given) < len(waiting)
    if more:
        queue.wake(act.session, act.organization_id, team.team_id, act.now)
    elif left or len(waiting) == BATCH:
        soon = act.now + _BUSY if skipped else team.changes_at
        queue.wake(act.session, act.organization_id, team.team_id, min(soon, team.changes_at))
    return _Step(assigned=len(given), left=left, following=waiting[-1] if more else None)
