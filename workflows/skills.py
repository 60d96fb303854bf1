"""Skills: who can what and how well, and what services ask for. What follows for tickets: `routing_effects`."""

from collections.abc import Sequence
from uuid import UUID

from psms.db.models.accounts import UserRow
from psms.db.models.services import ServiceRow
from psms.db.queries import records, routing_queue
from psms.db.queries import skills as queries
from psms.domain.access import Actor, Permission, require
from psms.domain.routing.people import Skill, Skills
from psms.errors import FieldError
from psms.runtime import Runtime
from workflows import trail
from workflows.act import act_of
from workflows.catalogue import seen_service
from workflows.names import Task


def skills_of_user(rt: Runtime, actor: Actor, user_id: UUID) -> Skills:
    """Return what a user can, or raise NotFound."""
    require(actor, Permission.TEAM_READ)
    with rt.db.begin(actor.organization_id) as session:
        records.get(session, UserRow, user_id)
        return Skills(skills=queries.of_user(session, user_id))


def skills_of_service(rt: Runtime, actor: Actor, service_id: UUID) -> Skills:
    """Return what a service asks of who works on its tickets, or raise NotFound."""
    require(actor, Permission.SERVICE_READ)
    with rt.db.begin(actor.organization_id) as session:
        seen_service(session, actor, service_id)
        return Skills(skills=queries.of_service(session, service_id))


def set_skills_of_user(rt: Runtime, actor: Actor, user_id: UUID, skills: Sequence[Skill]) -> Skills:
    """Say what a user can, in place of what was said before. Raises FieldError for a skill that is named twice."""
    require(actor, Permission.TEAM_MANAGE)
    wanted = _in_order(skills)
    with rt.db.begin(actor.organization_id) as session:
        records.lock(session, UserRow, user_id, None)
        act = act_of(rt, session, actor)
        before = queries.of_user(session, user_id)
        if wanted != before:
            queries.set_of_user(session, actor.organization_id, user_id, wanted)
            routing_queue.wake_teams_of(session, actor.organization_id, user_id)
            trail.note_changed(act, "user_skills", user_id, {"skills": (_levels(before), _levels(wanted))})
    rt.nudger.nudge(Task.ROUTE_TICKETS)
    return Skills(skills=wanted)


def set_skills_of_service(rt: Runtime, actor: Actor, service_id: UUID, skills: Sequence[Skill]) -> Skills:
    """Say what a service asks for, in place of what was said before. Raises FieldError for a skill named twice."""
    require(actor, Permission.SERVICE_MANAGE)
    wanted = _in_order(skills)
    with rt.db.begin(actor.organization_id) as session:
        records.lock(session, ServiceRow, service_id, None)
        act = act_of(rt, session, actor)
        before = queries.of_service(session, service_id)
        if wanted != before:
            queries.set_of_service(session, actor.organization_id, service_id, wanted)
            routing_queue.wake_teams_with(session, service_id, act.now)
            trail.note_changed(act, "service_skills", service_id, {"skills": (_levels(before), _levels(wanted))})
    rt.nudger.nudge(Task.ROUTE_TICKETS)
    return Skills(skills=wanted)


def _in_order(skills: Sequence[Skill]) -> list[Skill]:
    """Return skills by name; names differ by more than their case."""
    named: dict[str, Skill] = {}
    for place, one in enumerate(skills):
        name = one.skill.strip().lower()
        if name in named:
            raise FieldError(f"skills.{place}.skill", "is named twice")
        named[name] = Skill(skill=name, level=one.level)
    return [named[name] for name in sorted(named)]


def _levels(skills: Sequence[Skill]) -> dict[str, int]:
    return {one.skill: one.level for one in skills}
