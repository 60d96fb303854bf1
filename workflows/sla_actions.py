"""What one level of a clock does to its ticket, by the actions of the policy's version; writing it: `sla_effects`."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from psms.db.queries.sla_effects import NewNotification
from psms.domain.duties import OnDuty, Present
from psms.domain.events import OPERATIONAL, Change, EventType
from psms.domain.paging import severity_of
from psms.domain.sla.definitions import (
    Action,
    AddWatcher,
    Notify,
    NotifyUser,
    PageDuty,
    PageOnCall,
    RaisePriority,
    ReassignToDuty,
    ReassignToTeam,
    ReassignToUser,
    Recipient,
    TellEvent,
    is_for_duty,
)
from psms.domain.sla.instants import SECOND, instant_of, moment_of
from psms.domain.sla.terms import BREACH
from psms.domain.sla_standing import SlaNotice
from psms.domain.tickets import PrioritySource, Ticket, raised
from workflows.act import Act
from workflows.pages import Call
from workflows.sla_clocks import Case, Reached
from workflows.ticket_events import Told

_TELL, _PAGE = TellEvent(), PageOnCall()
# What is recorded more than so long after it was reached is marked late.
LATE_S = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a level leads to: events, each with the ticket as it is after it, notifications, watchers, and a call."""

    clock_id: UUID
    ticket_id: UUID
    told: Sequence[tuple[Ticket, Told]]
    notifications: Sequence[NewNotification] = ()
    watchers: Sequence[UUID] = ()
    call: Call | None = None


def named_by(case: Case, reached: Reached) -> Iterator[UUID]:
    """Return the users and teams that the actions of a level name."""
    for action in _actions(case, reached):
        match action:
            case NotifyUser(user_id=named) | ReassignToUser(user_id=named) | AddWatcher(user_id=named):
                yield named
            case ReassignToTeam(team_id=named):
                yield named
            case _:
                pass


def asks_for_duty(case: Case, reached: Reached) -> bool:
    """Tell whether an action of a level is for the manager on duty."""
    return any(map(is_for_duty, _actions(case, reached)))


def outcome_of(act: Act, case: Case, ticket: Ticket, one: Reached, present: Present) -> Outcome:
    """Return what it leads to that *ticket* has reached a level, or is breached."""
    notice = _notice(act, one)
    told: list[tuple[Ticket, Told]] = []
    if one.is_breach:
        told.append((ticket, Told(type=_type_of(one, EventType.SLA_BREACHED), changes={}, sla=notice)))
    actions = [action for action in _actions(case, one) if set(_ids(action)) <= present.standing]
    if _TELL in actions and one.level != BREACH.id:
        told.append((ticket, Told(type=_level_type(one), changes={}, sla=notice)))
    duty = present.on_duty.get(ticket.team_id)
    told += _escalated(act, ticket, [_instead(action, duty) for action in actions], one)
    if told:
        ticket = told[-1][0]
    return Outcome(
        clock_id=one.kept.id,
        ticket_id=ticket.id,
        told=told,
        notifications=[
            notification
            for action in actions
            if isinstance(action, Notify | NotifyUser)
            for notification in _notifications(act, ticket, one, action, duty)
        ],
        watchers=[action.user_id for action in actions if isinstance(action, AddWatcher)],
        call=_call(ticket, notice, actions, duty),
    )


def _call(ticket: Ticket, notice: SlaNotice, actions: Sequence[Action], duty: OnDuty | None) -> Call | None:
    if not any(isinstance(action, PageOnCall | PageDuty) for action in actions):
        return None
    call = Call(ticket=ticket, notice=notice, severity=severity_of(ticket.priority))
    if duty is None or PageDuty() not in actions:
        return call
    return replace(call, user_id=duty.user_ids[0], rule=duty.rule.value)


def _instead(action: Action, duty: OnDuty | None) -> Action:
    """Return an action with the manager on duty as the user that it names, as far as there is one."""
    if isinstance(action, ReassignToDuty) and duty is not None:
        return ReassignToUser(user_id=duty.user_ids[0])
    return action


def _actions(case: Case, one: Reached) -> tuple[Action, ...]:
    # The breach itself is told, whatever the policy says; what it leads to is the level's that is called so.
    return () if one.is_breach else case.measures.actions(one.kept, one.fire.level)


def _ids(action: Action) -> list[object]:
    return [getattr(action, name) for name in ("user_id", "team_id") if hasattr(action, name)]


def _level_type(one: Reached) -> EventType:
    breached_at = one.kept.clock.breached_at
    is_over = breached_at is not None and one.fire.at >= breached_at
    return _type_of(one, EventType.SLA_OVERDUE if is_over else EventType.SLA_AT_RISK)


def _type_of(one: Reached, told: EventType) -> EventType:
    """Return *told*, or its like where teams agreed on something among themselves."""
    return OPERATIONAL[told] if one.kept.metric.is_operational else told


def _notice(act: Act, one: Reached) -> SlaNotice:
    clock = one.kept.clock
    return SlaNotice(
        clock_id=one.kept.id,
        metric=one.kept.metric,
        level=one.level,
        at=moment_of(one.fire.at),
        due_at=None if clock.due_at is None else moment_of(clock.due_at),
        target_seconds=clock.target // SECOND,
        late=instant_of(act.now) - one.fire.at > LATE_S * SECOND,
    )


def _escalated(act: Act, ticket: Ticket, actions: Sequence[Action], one: Reached) -> list[tuple[Ticket, Told]]:
    """Return the escalation, one event whatever changes; also where nothing is left to raise."""
    wanted: dict[str, Any] = {}
    for action in actions:
        match action:
            case RaisePriority():
                wanted["priority"] = raised(ticket.priority)
            case ReassignToUser(user_id=user_id):
                wanted["assignee_id"] = user_id
            case ReassignToTeam(team_id=team_id):
                wanted["team_id"] = team_id
            case _:
                pass
    if not wanted:
        return []
    changes = {
        name: Change(before=getattr(ticket, name), after=value)
        for name, value in wanted.items()
        if getattr(ticket, name) != value
    }
    after = ticket
    if changes:
        new = {name: change.after for name, change in changes.items()}
        if "priority" in new:
            # Also for who edits the ticket in this act, and for whom the event is told.
            new |= {"priority_source": PrioritySource.ESCALATION, "priority_reason": None}
        after = replace(ticket, **new, version=ticket.version + 1, updated_at=act.now)
    told = Told(type=_type_of(one, EventType.SLA_ESCALATED), changes=changes, sla=_notice(act, one))
    return [(after, told)]


def _notifications(
    act: Act, ticket: Ticket, one: Reached, action: Notify | NotifyUser, duty: OnDuty | None
) -> list[NewNotification]:
    """Return what people are to be told; of several who stand in for the manager on duty each gets one."""
    if is_for_duty(action) and duty is not None:
        return [_notification(act, ticket, one, (user_id, None), duty.rule.value) for user_id in duty.user_ids]
    watchers = Recipient.WATCHERS
    rule = watchers.value if isinstance(action, Notify) and action.to is watchers else None
    return [_notification(act, ticket, one, _recipient(ticket, action), rule)]


def _notification(
    act: Act, ticket: Ticket, one: Reached, recipient: tuple[UUID | None, UUID | None], rule: str | None
) -> NewNotification:
    kind = _type_of(one, EventType.SLA_BREACHED) if one.level == BREACH.id else _level_type(one)
    return NewNotification(
        id=act.new_id(),
        ticket_id=ticket.id,
        clock_id=one.kept.id,
        kind=kind.value,
        user_id=recipient[0],
        team_id=recipient[1],
        rule=rule,
    )


def _recipient(ticket: Ticket, action: Action) -> tuple[UUID | None, UUID | None]:
    """Return the user or the team that is told; where it is neither, whoever leads the desk."""
    match action:
        case NotifyUser(user_id=user_id):
            return user_id, None
        case Notify(to=Recipient.ASSIGNEE) if ticket.assignee_id is not None:
            return ticket.assignee_id, None
        case Notify(to=Recipient.ASSIGNEE | Recipient.TEAM):
            return None, ticket.team_id
        case _:
            return None, None
