"""Automatic assignment on a real database: who gets tickets, who waits, and what people decide themselves."""

from datetime import timedelta
from uuid import UUID

import pytest

from psms.domain.lifecycle import Action
from psms.domain.pages import PageRequest
from psms.domain.routing.config import MemberRule, SkillUse, Strategy, WhenNobody
from psms.domain.routing.people import NewAbsence, Skill
from psms.domain.routing_errors import NotRoutable
from psms.domain.tickets import EditTicket, Priority
from psms.errors import AlreadyTaken
from psms.runtime import Runtime
from tests.support.databases import MigratedDatabase
from tests.support.routing import Team, make_team, team_of
from tests.support.tenants import Tenant
from workflows import absences, skills, tickets
from workflows.routing_decisions import list_decisions, route_now
from workflows.routing_drain import route_tickets

ALL = PageRequest(limit=100)


@pytest.fixture
def team(rt: Runtime, database: MigratedDatabase, acme: Tenant) -> Team:
    """Three agents, whose tickets are assigned by hand."""
    return make_team(rt, database, acme, 3)


def waiting(team: Team) -> int:
    """Return how many tickets wait."""
    return len(team.database.rows("SELECT FROM routing_queue WHERE waiting"))


def test_a_ticket_of_a_team_by_hand_is_left_alone(rt: Runtime, team: Team) -> None:
    ticket_id = team.file()

    assert route_tickets(rt) == 0
    assert team.assignee(ticket_id) is None
    assert (waiting(team), team.database.count("routing_wakes")) == (0, 0)


def test_round_robin_goes_round(rt: Runtime, team: Team) -> None:
    team.assign_by(Strategy.ROUND_ROBIN)
    filed = []
    for _ in range(7):
        filed.append(team.file())
        assert route_tickets(rt) == 1

    given = [team.assignee(ticket_id) for ticket_id in filed]
    assert given == [*team.members, *team.members, team.members[0]]


def test_the_least_loaded_is_chosen_whichever_team_loads_them(rt: Runtime, team: Team) -> None:
    busy, idle, middling = team.members
    for holder, count in ((busy, 2), (middling, 1)):
        for _ in range(count):
            team.file(team_id=None, assignee_id=holder)
    team.assign_by()
    filed = [team.file() for _ in range(3)]

    assert route_tickets(rt) == 3
    assert sorted(team.loads()) == [2, 2, 2]
    assert team.assignee(filed[0]) == idle


def test_the_most_urgent_goes_first_then_the_oldest(rt: Runtime, team: Team) -> None:
    team.assign_by(capacity=0, members=(MemberRule(user_id=team.members[0], capacity=2),))
    filed = [team.file(priority=priority) for priority in (Priority.LOW, Priority.HIGH, Priority.LOW, Priority.LOW)]
    tickets.edit_ticket(rt, team.tenant.actor, filed[3], EditTicket(fields={"priority": Priority.CRITICAL}))

    assert route_tickets(rt) == 2
    assert [team.assignee(one) is not None for one in filed] == [False, True, False, True]


def test_what_waits_is_assigned_when_somebody_gets_free(rt: Runtime, team: Team) -> None:
    team.assign_by(capacity=1)
    filed = [team.file() for _ in range(4)]
    assert route_tickets(rt) == 3
    assert route_tickets(rt) == 0

    tickets.transition(rt, team.tenant.actor, filed[1], Action.RESOLVE, None)

    assert route_tickets(rt) == 1
    assert team.assignee(filed[3]) == team.assignee(filed[1])
    assert waiting(team) == 0


def test_who_is_away_gets_nothing_until_they_are_back(rt: Runtime, team: Team) -> None:
    now = rt.db.ask(rt.clock.now)
    for member in team.members:
        command = NewAbsence(user_id=member, since=now, until=now + timedelta(hours=3), reason="Flu")
        absences.add_absence(rt, team.tenant.actor, command, None)
    team.assign_by()
    ticket_id = team.file()

    assert route_tickets(rt) == 0
    (decision,) = list_decisions(rt, team.tenant.actor, ticket_id, ALL).items
    assert decision.why == "Nobody could be given it: 3 away. It waits in the team's queue."
    team.database.move_clock(timedelta(hours=3, seconds=1))
    assert route_tickets(rt) == 1
    # Looked at again before, with the same answer, it was not decided again.
    assert len(list_decisions(rt, team.tenant.actor, ticket_id, ALL).items) == 2


def test_with_anyone_a_ticket_goes_to_who_is_the_least_unfit(rt: Runtime, team: Team) -> None:
    now = rt.db.ask(rt.clock.now)
    away = NewAbsence(user_id=team.members[0], since=now, until=now + timedelta(hours=3))
    absences.add_absence(rt, team.tenant.actor, away, None)
    team.assign_by(capacity=0, when_nobody=WhenNobody.ANYONE)

    filed = [team.file() for _ in range(2)]

    assert route_tickets(rt) == 2
    assert [team.assignee(one) for one in filed] == team.members[1:]


def test_a_service_that_asks_for_skills_gets_who_has_them(rt: Runtime, team: Team) -> None:
    ticket_id, actor = team.file(), team.tenant.actor
    service_id = tickets.get_ticket(rt, actor, ticket_id).service_id
    skills.set_skills_of_service(rt, actor, service_id, [Skill(skill="Printers", level=3)])
    skills.set_skills_of_user(rt, actor, team.members[0], [Skill(skill="printers", level=2)])
    team.assign_by()
    assert route_tickets(rt) == 0

    skills.set_skills_of_user(rt, actor, team.members[1], [Skill(skill="PRINTERS", level=3)])

    assert route_tickets(rt) == 1
    assert team.assignee(ticket_id) == team.members[1]
    team.assign_by(skills=SkillUse.PREFER)
    second = team.file()
    assert route_tickets(rt) == 1
    assert team.assignee(second) == team.members[1]


def test_what_a_person_unassigns_stays_so_until_it_is_asked_for_or_goes_to_another_team(
    rt: Runtime, team: Team, database: MigratedDatabase
) -> None:
    actor = team.tenant.actor
    other = team_of(rt, database, team.tenant, team.members, "Scanners")
    for one in (team, other):
        one.assign_by()
    filed = [team.file(), team.file()]
    assert route_tickets(rt) == 2
    for ticket_id in filed:
        tickets.edit_ticket(rt, actor, ticket_id, EditTicket(fields={"assignee_id": None}))
    assert route_tickets(rt) == 0

    decision = route_now(rt, actor, filed[0])
    tickets.edit_ticket(rt, actor, filed[1], EditTicket(fields={"team_id": other.id}))

    assert decision.user_id == team.assignee(filed[0]) is not None
    assert decision.asked_by == actor.user_id
    assert route_tickets(rt) == 1
    assert team.assignee(filed[1]) is not None


def test_asking_for_what_cannot_be_is_refused_with_the_reason(rt: Runtime, team: Team) -> None:
    actor = team.tenant.actor
    with pytest.raises(NotRoutable, match="with no team"):
        route_now(rt, actor, team.file(team_id=None))
    with pytest.raises(NotRoutable, match="assigns by hand"):
        route_now(rt, actor, team.file())
    team.assign_by()
    with pytest.raises(AlreadyTaken, match="Agent 1 works on this ticket already"):
        route_now(rt, actor, team.file(assignee_id=_named(team, "Agent 1")))
    over = team.file()
    tickets.transition(rt, actor, over, Action.CANCEL, None)
    with pytest.raises(NotRoutable, match="needs nobody now"):
        route_now(rt, actor, over)


def test_turning_it_on_takes_what_lay_there_and_turning_it_off_lets_it_lie(rt: Runtime, team: Team) -> None:
    filed = [team.file() for _ in range(3)]
    team.assign_by(capacity=1, members=tuple(MemberRule(user_id=one, capacity=0) for one in team.members[1:]))
    assert route_tickets(rt) == 1

    team.assign_by(Strategy.MANUAL)
    tickets.transition(rt, team.tenant.actor, filed[0], Action.RESOLVE, None)

    assert route_tickets(rt) == 0
    assert (waiting(team), team.database.count("routing_wakes")) == (0, 0)


def _named(team: Team, name: str) -> UUID:
    ((found,),) = team.database.rows("SELECT id FROM users WHERE name = %s", name)
    return UUID(str(found))
