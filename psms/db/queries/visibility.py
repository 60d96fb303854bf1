"""Which tickets a caller sees: written once, as the ways of seeing a ticket, for single reads and lists alike.

What a role's reach is stands in `psms.domain.access.matrix`. Whoever sees a ticket sees its comments and its SLA.
"""

from dataclasses import dataclass

from sqlalchemy import TextClause, text

from psms.domain.access import Actor, Permission, Reach


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One way of seeing tickets: those whose *column* has one of *values* (a query), where *also* holds.

    *values* has the places {organization} and {user}; None stands for the caller alone. Each way has an index on
    organization, column and id.
    """

    column: str
    values: str | None = None
    also: str = ""


_MY_TEAMS = "SELECT m.team_id FROM memberships m WHERE m.organization_id = {organization} AND m.user_id = {user}"
# A service that nobody answers for is everybody's: no ticket may lie where no agent sees it.
_MY_SERVICES = f"""SELECT s.id FROM services s WHERE s.organization_id = {{organization}} AND (
    NOT EXISTS (SELECT FROM assignments a WHERE a.organization_id = {{organization}} AND a.service_id = s.id)
    OR EXISTS (SELECT FROM assignments a WHERE a.organization_id = {{organization}} AND a.service_id = s.id
        AND (a.user_id = {{user}} OR a.team_id IN ({_MY_TEAMS}))))"""  # noqa: S608  (a constant)

_REQUESTED = Way(column="requester_id")
_ASSIGNED = Way(column="assignee_id")
_OF_MY_TEAMS = Way(column="team_id", values=_MY_TEAMS)
_OF_MY_SERVICES = Way(column="service_id", values=_MY_SERVICES, also="AND team_id IS NULL")

# Approvers, and who stands in for them, read what they are asked about, so long as they are asked.
_ASKED_ABOUT = Way(
    column="id",
    values="""SELECT s.ticket_id FROM approval_seats s
        WHERE s.organization_id = {organization} AND s.user_id = {user} AND s.asked
        UNION SELECT s.ticket_id FROM approval_seats s
        WHERE s.organization_id = {organization} AND s.delegate_id = {user} AND s.asked""",
)

_EVERYTHING: tuple[Way, ...] | None = None
_WAYS: dict[Reach, tuple[Way, ...] | None] = {
    Reach.NONE: (),
    Reach.OWN: (_REQUESTED,),
    Reach.TEAM: (_REQUESTED, _ASSIGNED, _OF_MY_TEAMS, _OF_MY_SERVICES),
    Reach.SCOPE: _EVERYTHING,
    Reach.ALL: _EVERYTHING,
}

_NOTHING = "AND false"
# Until it is restored or purged, nobody reads a deleted ticket.
_THERE = "AND deleted_at IS NULL"


def condition(actor: Actor, *, organization: str, user: str) -> str:
    """Return what a ticket's row must also fulfil for *actor* to see it.

    *organization* and *user* are the SQL for the two ids.
    """
    return _condition(_reading(actor), organization=organization, user=user)


def work_condition(actor: Actor, *, organization: str, user: str) -> str:
    """Return as `condition` what a ticket must fulfil to be among those that *actor* works on or asked for.

    Reports count by it: what somebody is asked about for a while is none of their figures.
    """
    return _condition(_working(actor), organization=organization, user=user)


def page_condition(actor: Actor, *, organization: str, user: str, filters: str) -> str:
    """Return the same for a page of a list: newest first, `%(limit)s` of those that fulfil *filters* too.

    Where there are several ways of seeing, each yields its own newest from its own index, so that the cost grows
    with the number of the caller's teams and services, and not with the number of tickets.
    """
    ways = _reading(actor)
    if ways is _EVERYTHING or len(ways or ()) <= 1:
        return f"{condition(actor, organization=organization, user=user)} {filters}"
    there = f"{_THERE} {filters}"
    branches = [_newest(way, organization=organization, user=user, filters=there) for way in ways or ()]
    union = " UNION ".join(branches)
    # An array, not IN: a join could be planned as a look at every ticket.
    return f"AND id = ANY (ARRAY(SELECT found.id FROM ({union}) found ORDER BY found.id DESC LIMIT %(limit)s))"  # noqa: S608


def visible(actor: Actor) -> TextClause:
    """Return `condition` for a statement on `tickets` in a transaction."""
    return _bound(actor, _reading(actor))


def workable(actor: Actor) -> TextClause:
    """Return as `visible` what a ticket must fulfil for *actor* to do something to it: to be asked is not enough."""
    return _bound(actor, _working(actor))


def _bound(actor: Actor, ways: tuple[Way, ...] | None) -> TextClause:
    sql = _condition(ways, organization=":organization", user=":user").removeprefix("AND ")
    ids = {"organization": actor.organization_id, "user": actor.user_id}
    return text(sql).bindparams(**{name: value for name, value in ids.items() if f":{name}" in sql})


def _condition(ways: tuple[Way, ...] | None, *, organization: str, user: str) -> str:
    if ways is _EVERYTHING:
        return _THERE
    parts = [_alternative(way, organization=organization, user=user) for way in ways or ()]
    return f"{_THERE} AND ({' OR '.join(parts)})" if parts else _NOTHING


def _working(actor: Actor) -> tuple[Way, ...] | None:
    return _WAYS[actor.reach(Permission.TICKET_READ)]


def _reading(actor: Actor) -> tuple[Way, ...] | None:
    ways = _working(actor)
    return (*ways, _ASKED_ABOUT) if ways else ways


def _alternative(way: Way, *, organization: str, user: str) -> str:
    if way.values is None:
        return f"{way.column} = {user}"
    values = way.values.format(organization=organization, user=user)
    return f"({way.column} = ANY (ARRAY({values})) {way.also})"


def _newest(way: Way, *, organization: str, user: str, filters: str) -> str:
    values = f"SELECT CAST({user} AS uuid)" if way.values is None else way.values
    mine = values.format(organization=organization, user=user)
    return f"""(SELECT newest.id FROM ({mine}) mine (value) CROSS JOIN LATERAL (
        SELECT id FROM tickets WHERE organization_id = {organization} AND {way.column} = mine.value {way.also} {filters}
        ORDER BY id DESC LIMIT %(limit)s) newest)"""  # noqa: S608  (constants, and filters with parameters)
