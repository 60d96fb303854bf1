"""Macros: a reply and actions that people keep to use again; the list of placeholders, and what a macro comes to.

There is no template language: a placeholder is one name of a fixed list, and what it stands for is put in once.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from psms.domain.access import Actor, Permission, require
from psms.domain.lifecycle import Action
from psms.domain.tickets import Comment, Level, Priority, Ticket, Visibility
from psms.errors import FieldError, NotAllowed

PLACEHOLDERS = (
    "ticket.number", "ticket.subject", "ticket.type", "ticket.status", "ticket.priority", "requester.name",
    "assignee.name", "team.name", "service.name", "organization.name", "me.name",
)  # fmt: skip
LONGEST_REPLY = 65_536

_PLACEHOLDER = re.compile(r"\{\{\s*([^{}]*?)\s*\}\}")
_LEVELS = ("impact", "urgency")


class MacroVisibility(StrEnum):
    """Who sees a macro and may use it: its owner, the members of a team, or everyone who works on tickets."""

    MINE = "mine"
    TEAM = "team"
    EVERYONE = "everyone"


@dataclass(frozen=True, slots=True, kw_only=True)
class MacroContent:
    """What a macro is: fields to set (as JSON has them), tags, a transition, and a reply."""

    name: str
    visibility: MacroVisibility
    team_id: UUID | None
    set_fields: Mapping[str, Any]
    add_tags: list[str]
    remove_tags: list[str]
    action: Action | None
    reply: str | None
    reply_visibility: Visibility | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Macro:
    """A macro as the API shows it."""

    id: UUID
    name: str
    visibility: MacroVisibility
    owner_id: UUID
    team_id: UUID | None
    set_fields: Mapping[str, Any]
    add_tags: list[str]
    remove_tags: list[str]
    action: Action | None
    reply: str | None
    reply_visibility: Visibility | None
    version: int
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class MacroApplied:
    """What came of a macro, or would come: the ticket as it is then, and what was said."""

    macro_id: UUID
    ticket: Ticket
    comment: Comment | None


def require_sound(content: MacroContent) -> None:
    """Raise FieldError for a macro that is contradictory, does nothing, or names a placeholder that there is not."""
    if (content.team_id is not None) != (content.visibility is MacroVisibility.TEAM):
        raise FieldError("team_id", "goes with the visibility team, and with no other")
    if content.reply is None and content.reply_visibility is not None:
        raise FieldError("reply_visibility", "goes with a reply")
    if not (content.set_fields or content.add_tags or content.remove_tags or content.action or content.reply):
        raise FieldError("name", "a macro needs something to do: set_fields, tags, an action or a reply")
    if content.reply is not None:
        _require_known(content.reply)


def require_makeable(actor: Actor, content: MacroContent, team_ids: frozenset[UUID]) -> None:
    """Raise NotAllowed unless *actor*, a member of these teams, may keep such a macro."""
    require(actor, Permission.MACRO_USE)
    is_own = content.visibility is MacroVisibility.MINE
    if is_own or content.team_id in team_ids or actor.may(Permission.MACRO_MANAGE):
        return
    message = "You can keep macros for yourself and for your teams; those for everyone are kept by who manages macros."
    raise NotAllowed(message, permission=Permission.MACRO_MANAGE.value)


def require_changeable(actor: Actor, macro: Macro) -> None:
    """Raise NotAllowed unless *actor*, who sees the macro, may change or remove it."""
    if macro.owner_id != actor.user_id and not actor.may(Permission.MACRO_MANAGE):
        message = "You can change macros of your own; those of others are changed by who manages macros."
        raise NotAllowed(message, permission=Permission.MACRO_MANAGE.value)


def placeholders_in(reply: str) -> set[str]:
    """Return the names of the placeholders in a reply."""
    return set(_PLACEHOLDER.findall(reply))


def filled(reply: str, values: Mapping[str, str]) -> str:
    """Return a reply with what its placeholders stand for; what is put in is not looked into again.

    Raises FieldError where that makes it too long for a comment, or leaves nothing of it.
    """
    text = _PLACEHOLDER.sub(lambda found: values.get(found[1], ""), reply)
    if len(text) > LONGEST_REPLY:
        raise FieldError("reply", f"is longer than {LONGEST_REPLY} characters once it is filled in")
    if not text.strip():
        raise FieldError("reply", "is empty once it is filled in")
    return text


def changes_of(macro: Macro, ticket: Ticket) -> dict[str, Any]:
    """Return the fields that a macro sets on a ticket, as an edit has them."""
    found = {name: _typed(name, value) for name, value in macro.set_fields.items()}
    kept = [tag for tag in ticket.tags if tag not in macro.remove_tags]
    tags = [*kept, *(tag for tag in macro.add_tags if tag not in kept)]
    return found if tags == ticket.tags else {**found, "tags": tags}


def _typed(name: str, value: str | None) -> object:
    if value is None or name == "priority_reason":
        return value
    if name in _LEVELS:
        return Level(value)
    return Priority(value) if name == "priority" else UUID(value)


def _require_known(reply: str) -> None:
    unknown = sorted(placeholders_in(reply) - set(PLACEHOLDERS))
    if unknown:
        known = ", ".join(PLACEHOLDERS)
        raise FieldError("reply", f"there is no placeholder {{{{{unknown[0]}}}}}: use one of {known}")
    rest = _PLACEHOLDER.sub("", reply)
    if "{{" in rest or "}}" in rest:
        raise FieldError("reply", "has {{ or }} that belong to no placeholder")
