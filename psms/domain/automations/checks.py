"""What is wrong with a rule that somebody wants to save. Whether what it names exists is asked by its workflow."""

from collections.abc import Iterator

from psms.domain.automations.definitions import (
    NOTIFIED,
    TRIGGERS,
    Action,
    AddTags,
    AddWatcher,
    AssignTeam,
    AssignUser,
    Notify,
    NotifyUser,
    RemoveTags,
    Rule,
    Watched,
    WriteComment,
)
from psms.domain.automations.placeholders import PLACEHOLDERS, unknown_in
from psms.domain.events import EventType
from psms.domain.sla.matching import Conditions
from psms.domain.sla.policy_checks import Kind, Reference, check_conditions
from psms.domain.tickets import Status
from psms.errors import FieldError


def check_rule(rule: Rule) -> None:
    """Raise FieldError for the first thing that is wrong with *rule*."""
    if not rule.on:
        raise FieldError("on", "name one event at least that the rule is for")
    strange = next((one for one in EventType if one in rule.on and one not in TRIGGERS), None)
    if strange is not None:
        raise FieldError("on", f"{strange} happens to no ticket: choose events of tickets")
    if not rule.actions:
        raise FieldError("actions", "do something: name one action at least")
    check_conditions(rule.conditions)
    _check_changes(rule)
    if rule.comment is not None and EventType.TICKET_COMMENTED not in rule.on:
        raise FieldError("conditions.comment", f"is asked of {EventType.TICKET_COMMENTED}: name it in on")
    for number, action in enumerate(rule.actions):
        _check_action(action, f"actions.{number}")


def references_of(rule: Rule) -> Iterator[Reference]:
    """Return everything that *rule* names, in order."""
    yield from _asked_for(rule.conditions)
    for number, action in enumerate(rule.actions):
        path = f"actions.{number}"
        match action:
            case AssignUser(user_id=named) | AddWatcher(user_id=named) | NotifyUser(user_id=named):
                yield Reference(field=f"{path}.user_id", kind=Kind.USER, id=named)
            case AssignTeam(team_id=named):
                yield Reference(field=f"{path}.team_id", kind=Kind.TEAM, id=named)
            case _:
                pass


def _asked_for(conditions: Conditions) -> Iterator[Reference]:
    for number, service_id in enumerate(sorted(conditions.services or (), key=str)):
        yield Reference(field=f"conditions.service_ids.{number}", kind=Kind.SERVICE, id=service_id)
    for number, team_id in enumerate(sorted(conditions.teams or (), key=str)):
        yield Reference(field=f"conditions.team_ids.{number}", kind=Kind.TEAM, id=team_id)


def _check_changes(rule: Rule) -> None:
    for name, wanted in rule.changes:
        if name is not Watched.STATUS:
            continue
        strange = sorted(str(one) for one in (wanted.before or set()) | (wanted.after or set()) if one not in {*Status})
        if strange:
            message = f"{strange[0]} is no status: choose of {', '.join(Status)}"
            raise FieldError(f"conditions.changes.{name}", message)


def _check_action(action: Action, path: str) -> None:
    match action:
        case AddTags(tags=()) | RemoveTags(tags=()):
            raise FieldError(f"{path}.tags", "name one tag at least")
        case WriteComment(body=body):
            unknown = unknown_in(body)
            if unknown is not None:
                message = f"there is no placeholder {unknown!r}: choose of {', '.join(PLACEHOLDERS)}"
                raise FieldError(f"{path}.body", message)
        case Notify(to=to) if to not in NOTIFIED:
            raise FieldError(f"{path}.to", f"choose one of {', '.join(NOTIFIED)}")
        case _:
            pass
