"""Macros: keep, list, change and remove them. Using them on a ticket is in `macro_steps`."""

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from psms.db.models.desk import MacroRow
from psms.db.queries import macros as queries
from psms.db.queries import records
from psms.domain.access import Actor, Permission, require
from psms.domain.accounts import Edit
from psms.domain.answers import Created, OnceKey
from psms.domain.lifecycle import Action
from psms.domain.macros import (
    Macro,
    MacroContent,
    MacroVisibility,
    require_changeable,
    require_makeable,
    require_sound,
)
from psms.domain.pages import Page, PageRequest
from psms.domain.tickets import Visibility
from psms.encoding import json_bytes
from psms.errors import NotFound
from psms.runtime import Runtime
from workflows import trail
from workflows.act import Act, act_of
from workflows.once import Made, create_once

_KIND = "macro"


def list_macros(rt: Runtime, actor: Actor, page: PageRequest) -> Page[Macro]:
    """Return one page of the macros that the caller sees, oldest first."""
    require(actor, Permission.MACRO_USE)
    with rt.db.begin(actor.organization_id) as session:
        return records.page_of_rows(session, MacroRow, page, _view, _seen(actor))


def get_macro(rt: Runtime, actor: Actor, macro_id: UUID) -> Macro:
    """Return a macro that the caller sees, or raise NotFound."""
    require(actor, Permission.MACRO_USE)
    with rt.db.begin(actor.organization_id) as session:
        return find(session, actor, macro_id)


def add_macro(rt: Runtime, actor: Actor, content: MacroContent, once: OnceKey | None) -> Created:
    """Keep a macro. Raises FieldError for one that is not sound, and NotAllowed for one that is not theirs to keep."""
    require(actor, Permission.MACRO_USE)
    require_sound(content)

    def create(act: Act) -> Made:
        require_makeable(actor, content, queries.teams_of(act.session, actor.user_id))
        row = MacroRow(
            organization_id=act.organization_id,
            id=act.new_id(),
            owner_id=actor.user_id,
            version=1,
            created_at=act.now,
            updated_at=act.now,
            **_columns(content),
        )
        act.session.add(row)
        act.session.flush()
        trail.note_added(act, _KIND, row.id, {"name": row.name, "visibility": row.visibility})
        return Made(json_bytes(_view(row)), f"/v1/macros/{row.id}", version=1)

    return create_once(rt, actor, once, create)


def edit_macro(rt: Runtime, actor: Actor, macro_id: UUID, command: Edit) -> Macro:
    """Change a macro. Raises as `add_macro` does for what it would become, NotFound, NotAllowed and VersionStale."""
    require(actor, Permission.MACRO_USE)
    with rt.db.begin(actor.organization_id) as session:
        macro = find(session, actor, macro_id)
        require_changeable(actor, macro)
        content = _edited(macro, command.fields)
        require_sound(content)
        require_makeable(actor, content, queries.teams_of(session, actor.user_id))
        row = records.lock(session, MacroRow, macro_id, command.if_version)
        act = act_of(rt, session, actor)
        changed = records.edit(row, _columns(content), act.now)
        session.flush()
        # What a macro says is the desk's own: the trail names the fields.
        trail.note_changed(act, _KIND, row.id, {name: values for name, values in changed.items() if name != "reply"})
        if set(changed) == {"reply"}:
            trail.note(act, f"{_KIND}.updated", (_KIND, row.id), trail.added({"changed": ["reply"]}))
        return _view(row)


def remove_macro(rt: Runtime, actor: Actor, macro_id: UUID, if_version: int | None) -> None:
    """Remove a macro. Raises NotFound, NotAllowed and VersionStale."""
    require(actor, Permission.MACRO_USE)
    with rt.db.begin(actor.organization_id) as session:
        require_changeable(actor, find(session, actor, macro_id))
        records.lock(session, MacroRow, macro_id, if_version)
        records.remove(session, MacroRow, macro_id)
        trail.note(act_of(rt, session, actor), f"{_KIND}.deleted", (_KIND, macro_id))


def find(session: Session, actor: Actor, macro_id: UUID) -> Macro:
    """Return a macro that *actor* sees, or raise NotFound."""
    found = records.page_of_rows(session, MacroRow, PageRequest(limit=1), _view, MacroRow.id == macro_id, _seen(actor))
    if not found.items:
        raise NotFound
    return found.items[0]


def _seen(actor: Actor) -> Any:  # noqa: ANN401  # a condition of SQLAlchemy
    return queries.seen_by(actor.user_id, all_teams=actor.may(Permission.MACRO_MANAGE))


def _columns(content: MacroContent) -> dict[str, Any]:
    plain = {one.name: getattr(content, one.name) for one in fields(content)}
    visibility = None if content.reply is None else (content.reply_visibility or Visibility.PUBLIC).value
    return plain | {
        "visibility": content.visibility.value,
        "action": None if content.action is None else content.action.value,
        "reply_visibility": visibility,
        "set_fields": {name: None if value is None else str(value) for name, value in content.set_fields.items()},
    }


def _edited(macro: Macro, edits: Mapping[str, Any]) -> MacroContent:
    content = MacroContent(**{one.name: getattr(macro, one.name) for one in fields(MacroContent)})
    if edits.get("reply", content.reply) is None:
        # It goes with the reply.
        content = replace(content, reply_visibility=None)
    return replace(content, **edits)


def _view(row: MacroRow) -> Macro:
    return records.view_of(
        Macro,
        row,
        visibility=MacroVisibility(row.visibility),
        action=None if row.action is None else Action(row.action),
        reply_visibility=None if row.reply_visibility is None else Visibility(row.reply_visibility),
    )
