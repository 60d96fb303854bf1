"""What a rule does to its ticket, action by action, as acts of PSMS itself. When it is applied: `automation_runs`."""

from collections.abc import Sequence
from dataclasses import replace
from functools import singledispatch
from typing import Any
from uuid import UUID

from psms.db.direct import direct
from psms.db.queries import automations as queries
from psms.db.queries import comments as comment_queries
from psms.db.queries import sla_effects
from psms.db.queries import tickets as ticket_queries
from psms.db.queries import watchers as watcher_queries
from psms.db.queries.sla_effects import NewNotification
from psms.db.refusals import DATABASE_ERRORS, refusal_of
from psms.domain.automations.action_documents import type_of
from psms.domain.automations.definitions import (
    Action,
    AddTags,
    AddWatcher,
    AssignTeam,
    AssignUser,
    MoveTicket,
    Notify,
    NotifyUser,
    RemoveTags,
    Rule,
    SetField,
    SetPriority,
    WriteComment,
)
from psms.domain.automations.placeholders import filled
from psms.domain.automations.views import ActionDone, Result
from psms.domain.events import Change, EventType, excerpt
from psms.domain.lifecycle_checks import edge_of
from psms.domain.priorities import changes_between
from psms.domain.sla.definitions import Recipient
from psms.domain.tickets import Comment, Ticket
from psms.errors import DependencyUnavailable, NotFound, PsmsError
from workflows import change_plans, sla, trail
from workflows.act import Act
from workflows.merges import require_own_comments
from workflows.sla_books import book_of
from workflows.sla_clocks import Case
from workflows.ticket_changes import edited, moved_along
from workflows.ticket_events import Told, tell
from workflows.ticket_facts import plain_facts
from workflows.ticket_forms import judged
from workflows.watchers import tell_of_watcher

_KIND = "automation.notified"


def apply_rule(act: Act, case: Case, rule: Rule, name: str) -> tuple[Case, Sequence[ActionDone]]:
    """Do what a rule says, in its order, and return the ticket as it is then and what became of each action.

    An action that does not apply leaves nothing behind, and the next is done all the same.
    """
    done = []
    for action in rule.actions:
        result, reason = _tried(act, case, action, name)
        done.append(ActionDone(type=type_of(action), result=result, reason=reason))
        if result is Result.DONE:
            case = _again(act, case)
    return case, done


def _tried(act: Act, case: Case, action: Action, name: str) -> tuple[Result, str | None]:
    try:
        with act.session.begin_nested():
            is_done = _perform(action, act, case, name)
    except PsmsError as problem:
        return Result.FAILED, problem.detail
    except DATABASE_ERRORS as problem:
        refusal = refusal_of(problem)
        if refusal is None or isinstance(refusal, DependencyUnavailable):
            raise
        return Result.FAILED, refusal.detail
    return (Result.DONE if is_done else Result.UNCHANGED), None


def _again(act: Act, case: Case) -> Case:
    (locked,) = ticket_queries.lock_all(act.session, [case.ticket.id])
    return sla.caught_up(replace(act, depth=0), locked)


@singledispatch
def _perform(action: Action, act: Act, case: Case, name: str) -> bool:
    """Do one action and tell whether there was anything to do."""
    raise NotImplementedError(type_of(action))


@_perform.register
def _(action: SetPriority, act: Act, case: Case, name: str) -> bool:
    if case.ticket.priority is action.priority:
        return False
    return _edit(act, case, {"priority": action.priority, "priority_reason": f"By the automation {name}."})


@_perform.register
def _(action: AssignUser, act: Act, case: Case, _: str) -> bool:
    _require_standing(act, action.user_id)
    return _edit(act, case, {"assignee_id": action.user_id})


@_perform.register
def _(action: AssignTeam, act: Act, case: Case, _: str) -> bool:
    _require_standing(act, action.team_id)
    return _edit(act, case, {"team_id": action.team_id})


@_perform.register
def _(action: AddTags, act: Act, case: Case, _: str) -> bool:
    return _edit(act, case, {"tags": list(dict.fromkeys([*case.ticket.tags, *action.tags]))})


@_perform.register
def _(action: RemoveTags, act: Act, case: Case, _: str) -> bool:
    return _edit(act, case, {"tags": [one for one in case.ticket.tags if one not in action.tags]})


@_perform.register
def _(action: SetField, act: Act, case: Case, _: str) -> bool:
    return _edit(act, case, {"custom_fields": {**case.ticket.custom_fields, action.field: action.value}})


@_perform.register
def _(action: WriteComment, act: Act, case: Case, _: str) -> bool:
    ticket, sequence = case.ticket, case.locked.sequence
    require_own_comments(ticket)
    comment = Comment(
        id=act.new_id(),
        ticket_id=ticket.id,
        author_id=None,
        body=filled(action.body, _values(act, ticket)),
        visibility=action.visibility,
        created_at=act.now,
    )
    comment_queries.insert(act.session, act.organization_id, comment)
    ticket_queries.count_event(act.session, ticket.id, sequence + 1)
    told = Told(type=EventType.TICKET_COMMENTED, changes={}, comment=excerpt(comment))
    tell(act, ticket, [told], sequence)
    shown = {"comment_id": comment.id, "visibility": comment.visibility}
    trail.note(act, told.type.value, ("ticket", ticket.id), trail.added(shown))
    return True


@_perform.register
def _(action: AddWatcher, act: Act, case: Case, _: str) -> bool:
    _require_standing(act, action.user_id)
    ids = (act.session, act.organization_id, case.ticket.id)
    if not watcher_queries.add(*ids, user_id=action.user_id, now=act.now):
        return False
    tell_of_watcher(act, case.locked, EventType.TICKET_WATCHER_ADDED, Change(before=None, after=action.user_id))
    return True


@_perform.register
def _(action: MoveTicket, act: Act, case: Case, _: str) -> bool:
    facts = plain_facts(case.ticket)
    told_of_plan = change_plans.follow(act, case.ticket, edge_of(facts, action.action), {})
    moved_along(act, case, action.action, facts=facts, more=told_of_plan)
    return True


@_perform.register
def _(action: Notify, act: Act, case: Case, _: str) -> bool:
    ticket = case.ticket
    user_id = ticket.assignee_id if action.to is Recipient.ASSIGNEE else None
    team_id = ticket.team_id if action.to in {Recipient.ASSIGNEE, Recipient.TEAM} and user_id is None else None
    rule = action.to.value if action.to is Recipient.WATCHERS else None
    return _notify(act, ticket, user_id=user_id, team_id=team_id, rule=rule)


@_perform.register
def _(action: NotifyUser, act: Act, case: Case, _: str) -> bool:
    _require_standing(act, action.user_id)
    return _notify(act, case.ticket, user_id=action.user_id)


def _notify(act: Act, ticket: Ticket, **whom: Any) -> bool:
    told = NewNotification(id=act.new_id(), ticket_id=ticket.id, clock_id=None, kind=_KIND, **{**_NOBODY, **whom})
    sla_effects.insert_notifications(act.session, act.organization_id, [told], act.now)
    return True


_NOBODY: dict[str, Any] = {"user_id": None, "team_id": None, "rule": None}


def _edit(act: Act, case: Case, fields: dict[str, Any]) -> bool:
    book = book_of(act.rt, direct(act.session), act.organization_id, case.locked.sla_revision)
    changes = changes_between(case.ticket, fields, book.priorities)
    changes = judged(act, book, case.ticket, changes, fields)
    if not changes:
        return False
    after = edited(act, case, changes)
    if changes.get("assignee_id") is not None:
        sla.taken(act, case, after)
    return True


def _require_standing(act: Act, named: UUID) -> None:
    if not sla_effects.standing(act.session, [named]):
        raise NotFound("The user or team that it names is gone, or is not active any more.")


def _values(act: Act, ticket: Ticket) -> dict[str, str | None]:
    names = queries.names_of(act.session, ticket)
    return {
        "ticket.number": str(ticket.number),
        "ticket.subject": ticket.subject,
        "ticket.status": ticket.status.value,
        "ticket.priority": ticket.priority.value,
        "requester.name": names.requester,
        "assignee.name": names.assignee,
        "team.name": names.team,
        "service.name": names.service,
    }
