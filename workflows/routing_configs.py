"""How teams want their tickets assigned: read and saved. Who gets what is in `routing_effects`."""

from uuid import UUID

from psms.db.direct import direct
from psms.db.models.accounts import TeamRow
from psms.db.queries import people, records
from psms.db.queries import routing as queries
from psms.db.queries import routing_queue as queue
from psms.db.queries.routing import KeptRouting
from psms.domain.access import Actor, Permission, require
from psms.domain.routing.config import RoutingConfig, TeamRouting, document_of
from psms.errors import FieldError, VersionStale
from psms.runtime import Runtime
from workflows import trail
from workflows.act import Act, act_of
from workflows.names import Task
from workflows.sla_books import current_book


def get_routing(rt: Runtime, actor: Actor, team_id: UUID) -> TeamRouting:
    """Return how a team's tickets are assigned, or raise NotFound where there is no such team."""
    require(actor, Permission.TEAM_READ)
    with rt.db.begin(actor.organization_id) as session:
        records.get(session, TeamRow, team_id)
        return _view(team_id, queries.read(session, team_id))


def set_routing(rt: Runtime, actor: Actor, team_id: UUID, config: RoutingConfig, if_version: int | None) -> TeamRouting:
    """Say how a team's tickets are assigned from now on; all that it has without an assignee waits for that.

    Raises NotFound, VersionStale, and FieldError for a member or a calendar that there is not.
    """
    require(actor, Permission.TEAM_MANAGE)
    with rt.db.begin(actor.organization_id) as session:
        records.get(session, TeamRow, team_id)
        kept = queries.lock_to_save(session, actor.organization_id, team_id, rt.clock.now(session))
        if if_version is not None and if_version != kept.version:
            raise VersionStale(current_version=kept.version)
        act = act_of(rt, session, actor)
        require_known(act, team_id, config)
        after = kept if config == kept.config else _saved(act, team_id, kept, config)
    rt.nudger.nudge(Task.ROUTE_TICKETS)
    return _view(team_id, after)


def require_known(act: Act, team_id: UUID, config: RoutingConfig, within: str = "") -> None:
    """Raise FieldError unless every member that *config* names is in the team, once, and there is every calendar.

    *within* leads to the configuration in what the client sent.
    """
    members = set(people.members_of(act.session, [team_id])[team_id])
    seen = set[UUID]()
    for place, rule in enumerate(config.members):
        if rule.user_id not in members:
            raise FieldError(f"{within}members.{place}.user_id", "nobody in this team has this id")
        if rule.user_id in seen:
            raise FieldError(f"{within}members.{place}.user_id", "is named twice")
        seen.add(rule.user_id)
    _require_calendars(act, config, within)


def _require_calendars(act: Act, config: RoutingConfig, within: str) -> None:
    named = {f"members.{place}.calendar_id": rule.calendar_id for place, rule in enumerate(config.members)}
    named = {"calendar_id": config.calendar_id, **named}
    if not config.calendars():
        return
    known = current_book(act.rt, direct(act.session), act.organization_id).calendars
    for field, calendar_id in named.items():
        if calendar_id is not None and calendar_id not in known:
            raise FieldError(f"{within}{field}", "there is nothing with this id in your organization")


def _saved(act: Act, team_id: UUID, kept: KeptRouting, config: RoutingConfig) -> KeptRouting:
    version = queries.save(act.session, team_id, config, act.now)
    queue.wake(act.session, act.organization_id, team_id, act.now)
    before, after = document_of(kept.config), document_of(config)
    changed = {name: (before[name], value) for name, value in after.items() if before[name] != value}
    trail.note_changed(act, "team_routing", team_id, changed)
    return KeptRouting(config=config, version=version, updated_at=act.now)


def _view(team_id: UUID, kept: KeptRouting) -> TeamRouting:
    config = kept.config
    return TeamRouting(
        team_id=team_id,
        strategy=config.strategy,
        capacity=config.capacity,
        calendar_id=config.calendar_id,
        skills=config.skills,
        when_nobody=config.when_nobody,
        members=config.members,
        version=kept.version,
        updated_at=None if kept.version == 1 else kept.updated_at,
    )
