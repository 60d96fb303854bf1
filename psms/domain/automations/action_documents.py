"""The actions of rules as documents. The rest of a rule is in `documents`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from enum import StrEnum
from typing import Any, TypedDict, cast
from uuid import UUID

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
    SetField,
    SetPriority,
    WriteComment,
)
from psms.domain.lifecycle import Action as Transition
from psms.domain.sla.definitions import Recipient
from psms.domain.sla.matching import Scalar
from psms.domain.tickets import Priority, Visibility
from psms.errors import FieldError


class ActionDocument(TypedDict, total=False):
    """What a rule does; `type` is always there."""

    type: str
    priority: str
    user_id: str | UUID
    team_id: str | UUID
    tags: Sequence[str]
    field: str
    value: Scalar
    body: str
    visibility: str
    action: str
    to: str


_Maker = Callable[[Mapping[str, Any]], Action]

_OPTIONS: Mapping[str, Mapping[frozenset[str], _Maker]] = {
    "set_priority": {frozenset({"priority"}): lambda given: SetPriority(priority=Priority(given["priority"]))},
    "assign": {
        frozenset({"user_id"}): lambda given: AssignUser(user_id=_id(given["user_id"])),
        frozenset({"team_id"}): lambda given: AssignTeam(team_id=_id(given["team_id"])),
    },
    "add_tags": {frozenset({"tags"}): lambda given: AddTags(tags=tuple(given["tags"]))},
    "remove_tags": {frozenset({"tags"}): lambda given: RemoveTags(tags=tuple(given["tags"]))},
    "set_field": {
        frozenset({"field", "value"}): lambda given: SetField(field=given["field"], value=given["value"]),
    },
    "comment": {
        frozenset({"body", "visibility"}): lambda given: WriteComment(
            body=given["body"], visibility=Visibility(given["visibility"])
        ),
    },
    "add_watcher": {frozenset({"user_id"}): lambda given: AddWatcher(user_id=_id(given["user_id"]))},
    "transition": {frozenset({"action"}): lambda given: MoveTicket(action=Transition(given["action"]))},
    "notify": {
        frozenset({"to"}): lambda given: Notify(to=Recipient(given["to"])),
        frozenset({"user_id"}): lambda given: NotifyUser(user_id=_id(given["user_id"])),
    },
}
ACTION_TYPES = tuple(_OPTIONS)
_TYPE_OF: Mapping[type[Action], str] = {
    SetPriority: "set_priority",
    AssignUser: "assign",
    AssignTeam: "assign",
    AddTags: "add_tags",
    RemoveTags: "remove_tags",
    SetField: "set_field",
    WriteComment: "comment",
    AddWatcher: "add_watcher",
    MoveTicket: "transition",
    Notify: "notify",
    NotifyUser: "notify",
}


def action_of(document: ActionDocument, path: str) -> Action:
    """Return the action that a document describes; raise FieldError, below *path*, for one that makes no sense."""
    kind = document["type"]
    makers = _OPTIONS.get(kind)
    if makers is None:
        raise FieldError(f"{path}.type", f"choose one of {', '.join(ACTION_TYPES)}")
    make = makers.get(frozenset(document) - {"type"})
    if make is None:
        wanted = " or ".join(" and ".join(sorted(names)) for names in makers)
        raise FieldError(path, f"{kind} takes {wanted}, and nothing else")
    return make(document)


def action_document_of(action: Action) -> ActionDocument:
    """Return an action as a document."""
    given = {field.name: _plain(getattr(action, field.name)) for field in fields(action)}
    return cast("ActionDocument", {"type": type_of(action), **given})


def type_of(action: Action) -> str:
    """Return the type of an action as documents name it."""
    return _TYPE_OF[type(action)]


def _plain(value: object) -> object:
    if isinstance(value, tuple):
        return list(value)
    if isinstance(value, StrEnum):
        return value.value
    return str(value) if isinstance(value, UUID) else value


def _id(given: str | UUID) -> UUID:
    return UUID(str(given))
