"""Levels and their actions as documents, as they are stored and travel. The rest of a policy: `policy_documents`."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import fields
from typing import Any, TypedDict, cast
from uuid import UUID

from psms.domain.sla.definitions import (
    Action,
    AddWatcher,
    Notify,
    NotifyUser,
    PageDuty,
    PageOnCall,
    PlannedLevel,
    RaisePriority,
    ReassignToDuty,
    ReassignToTeam,
    ReassignToUser,
    Recipient,
    TellEvent,
)
from psms.domain.sla.instants import SECOND
from psms.domain.sla.terms import Level, OffsetLevel, PercentLevel, WallLevel
from psms.errors import FieldError

BUSINESS, WALL = "business", "wall"


class ActionDocument(TypedDict, total=False):
    """What reaching a level leads to; `type` is always there."""

    type: str
    to: str
    user_id: str | UUID
    team_id: str | UUID


class LevelDocument(TypedDict, total=False):
    """A level: `id`, and `percent` of the target or `offset_seconds` from it."""

    id: str
    percent: int
    offset_seconds: int
    clock: str
    actions: list[ActionDocument]


_OPTIONS: Mapping[str, Mapping[frozenset[str], Callable[[Mapping[str, Any]], Action]]] = {
    "notify": {
        frozenset({"to"}): lambda given: Notify(to=Recipient(given["to"])),
        frozenset({"user_id"}): lambda given: NotifyUser(user_id=_id(given["user_id"])),
    },
    "reassign": {
        frozenset({"user_id"}): lambda given: ReassignToUser(user_id=_id(given["user_id"])),
        frozenset({"team_id"}): lambda given: ReassignToTeam(team_id=_id(given["team_id"])),
        frozenset({"to"}): lambda given: ReassignToDuty(to=_duty(given["to"])),
    },
    "raise_priority": {frozenset(): lambda _: RaisePriority()},
    "add_watcher": {frozenset({"user_id"}): lambda given: AddWatcher(user_id=_id(given["user_id"]))},
    "event": {frozenset(): lambda _: TellEvent()},
    "page": {
        frozenset(): lambda _: PageOnCall(),
        frozenset({"to"}): lambda given: PageDuty(to=_duty(given["to"])),
    },
}
ACTION_TYPES = tuple(_OPTIONS)
_TYPE_OF: Mapping[type[Action], str] = {
    Notify: "notify",
    NotifyUser: "notify",
    ReassignToUser: "reassign",
    ReassignToTeam: "reassign",
    ReassignToDuty: "reassign",
    RaisePriority: "raise_priority",
    AddWatcher: "add_watcher",
    TellEvent: "event",
    PageOnCall: "page",
    PageDuty: "page",
}


def level_of(document: LevelDocument, path: str) -> PlannedLevel:
    """Return the level that a document describes; raise FieldError, below *path*, for one that makes no sense."""
    actions = document.get("actions", [])
    return PlannedLevel(
        level=_bare_level_of(document, path),
        actions=tuple(action_of(one, f"{path}.actions.{number}") for number, one in enumerate(actions)),
    )


def action_of(document: ActionDocument, path: str) -> Action:
    """Return the action that a document describes; raise FieldError for one that makes no sense."""
    kind = document["type"]
    makers = _OPTIONS.get(kind)
    if makers is None:
        raise FieldError(f"{path}.type", f"choose one of {', '.join(ACTION_TYPES)}")
    make = makers.get(frozenset(document) - {"type"})
    if make is None:
        raise FieldError(path, f"{kind} takes {_wanted(makers)}")
    try:
        return make(document)
    except _OnlyDutyError:
        raise FieldError(f"{path}.to", f"{kind} goes to {Recipient.MANAGER_ON_DUTY} only") from None


def _wanted(makers: Collection[frozenset[str]]) -> str:
    named = [", ".join(sorted(names)) or "nothing else" for names in makers]
    if len(named) > 1 and all(makers):
        return f"just one of {', '.join(named)}"
    return " or ".join(named)


def level_document_of(planned: PlannedLevel) -> LevelDocument:
    """Return a level as a document, every option of it written out."""
    document = _bare_document_of(planned.level)
    document["actions"] = [action_document_of(action) for action in planned.actions]
    return document


def action_document_of(action: Action) -> ActionDocument:
    """Return an action as a document."""
    given = {field.name: str(getattr(action, field.name)) for field in fields(action)}
    return cast("ActionDocument", {"type": _TYPE_OF[type(action)], **given})


class _OnlyDutyError(ValueError):
    """Somebody else is named where only the manager on duty can be."""


def _duty(given: str) -> Recipient:
    if given != Recipient.MANAGER_ON_DUTY:
        raise _OnlyDutyError
    return Recipient.MANAGER_ON_DUTY


def _id(given: str | UUID) -> UUID:
    return UUID(str(given))


def _bare_level_of(document: LevelDocument, path: str) -> Level:
    if ("percent" in document) is ("offset_seconds" in document):
        raise FieldError(path, "give percent or offset_seconds, and not both")
    clock = document.get("clock", BUSINESS)
    if "percent" in document:
        if clock != BUSINESS:
            raise FieldError(f"{path}.clock", "a percentage of the target is counted in business time")
        return PercentLevel(id=document["id"], percent=document["percent"])
    offset = document["offset_seconds"] * SECOND
    if clock == WALL:
        return WallLevel(id=document["id"], offset=offset)
    return OffsetLevel(id=document["id"], offset=offset)


def _bare_document_of(level: Level) -> LevelDocument:
    if isinstance(level, PercentLevel):
        return {"id": level.id, "percent": level.percent}
    clock = WALL if isinstance(level, WallLevel) else BUSINESS
    return {"id": level.id, "offset_seconds": level.offset // SECOND, "clock": clock}
