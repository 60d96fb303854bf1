"""Macros: replies and actions that are kept to be used again, and their use on a ticket."""

from typing import Any
from uuid import UUID

from flask import Response
from marshmallow import fields, post_load

from api import render
from api.auth import actor, requires
from api.comment_fields import CommentSchema
from api.context import runtime
from api.fields import MAX_NAME, MAX_TEXT, Answer, Schema, Uuid, choice, several, text
from api.idempotency import once_key
from api.pagination import PageQuery, page_request
from api.preconditions import wanted_version
from api.smorest import Blueprint
from api.ticket_fields import TicketSchema
from psms.domain.access import Permission
from psms.domain.accounts import Edit
from psms.domain.lifecycle import Action
from psms.domain.macros import PLACEHOLDERS, MacroContent, MacroVisibility
from psms.domain.tickets import Level, Priority, Visibility
from workflows import macro_steps, macros

_MAX_TAG = 64
_MOST_TAGS = 50
_MAX_REASON = 500
_NAMES = ", ".join(f"{{{{{name}}}}}" for name in PLACEHOLDERS)


class MacroFieldsSchema(Schema):
    """The fields of a ticket that a macro sets."""

    impact = choice(Level)
    urgency = choice(Level)
    priority = choice(Priority)
    priority_reason = text(_MAX_REASON)
    service_id = Uuid()
    assignee_id = Uuid(allow_none=True)
    team_id = Uuid(allow_none=True)


class MacroSchema(Answer):
    """A macro."""

    id = Uuid()
    name = fields.String()
    visibility = choice(MacroVisibility)
    owner_id = Uuid()
    team_id = Uuid(allow_none=True)
    set_fields = fields.Nested(MacroFieldsSchema)
    add_tags = fields.List(fields.String())
    remove_tags = fields.List(fields.String())
    action = choice(Action, allow_none=True)
    reply = fields.String(allow_none=True)
    reply_visibility = choice(Visibility, allow_none=True)
    version = fields.Integer()
    created_at = fields.DateTime()
    updated_at = fields.DateTime()


class EditMacroSchema(Schema):
    """The fields to change; those left out stay as they are."""

    name = text(MAX_NAME)
    visibility = choice(MacroVisibility)
    team_id = Uuid(allow_none=True, metadata={"description": "With the visibility team, and only then."})
    set_fields = fields.Nested(MacroFieldsSchema)
    add_tags = several(text(_MAX_TAG), at_most=_MOST_TAGS)
    remove_tags = several(text(_MAX_TAG), at_most=_MOST_TAGS)
    action = choice(Action, allow_none=True)
    reply = text(MAX_TEXT, allow_none=True, metadata={"description": f"May have {_NAMES}."})
    reply_visibility = choice(Visibility, metadata={"description": "Left out: public."})


class NewMacroSchema(EditMacroSchema):
    """A new macro of yours."""

    name = text(MAX_NAME, required=True)

    @post_load
    def to_command(self, values: dict[str, Any], **_: object) -> MacroContent:
        """Make the command."""
        nothing: dict[str, Any] = {"team_id": None, "action": None, "reply": None, "reply_visibility": None}
        empty: dict[str, Any] = {"set_fields": {}, "add_tags": [], "remove_tags": []}
        return MacroContent(**{"visibility": MacroVisibility.MINE, **nothing, **empty, **values})


class MacroAppliedSchema(Answer):
    """What came of a macro, or would come."""

    macro_id = Uuid()
    ticket = fields.Nested(TicketSchema)
    comment = fields.Nested(CommentSchema, allow_none=True)


blp = Blueprint("macros", "/v1", "Replies and actions that are kept to be used again.")


@blp.route("/macros", methods=["POST"])
@requires(Permission.MACRO_USE)
@blp.arguments(NewMacroSchema, example={"name": "Solved", "reply": "Hello {{requester.name}}", "action": "resolve"})
@blp.creates(MacroSchema)
def add_macro(content: MacroContent) -> Response:
    """Keep a macro: for yourself, for a team of yours, or, if you manage macros, for everyone."""
    return render.created(macros.add_macro(runtime(), actor(), content, once_key()))


@blp.route("/macros", methods=["GET"])
@requires(Permission.MACRO_USE)
@blp.arguments(PageQuery, location="query")
@blp.lists(MacroSchema)
def list_macros(query: dict[str, Any]) -> Response:
    """List the macros that you see, oldest first."""
    return render.listed(macros.list_macros(runtime(), actor(), page_request(query)))


@blp.route("/macros/<uuid:macro_id>", methods=["GET"])
@requires(Permission.MACRO_USE)
@blp.reads(MacroSchema)
def get_macro(macro_id: UUID) -> Response:
    """Read a macro."""
    return render.current_unless_known(macros.get_macro(runtime(), actor(), macro_id))


@blp.route("/macros/<uuid:macro_id>", methods=["PATCH"])
@requires(Permission.MACRO_USE)
@blp.arguments(EditMacroSchema)
@blp.edits(MacroSchema)
def edit_macro(values: dict[str, Any], macro_id: UUID) -> Response:
    """Change a macro of yours, or of anybody if you manage macros."""
    command = Edit(fields=values, if_version=wanted_version(lambda: _version(macro_id)))
    return render.current(macros.edit_macro(runtime(), actor(), macro_id, command))


@blp.route("/macros/<uuid:macro_id>", methods=["DELETE"])
@requires(Permission.MACRO_USE)
@blp.removes_version
def remove_macro(macro_id: UUID) -> Response:
    """Remove a macro of yours, or of anybody if you manage macros."""
    macros.remove_macro(runtime(), actor(), macro_id, wanted_version(lambda: _version(macro_id)))
    return render.removed()


@blp.route("/tickets/<uuid:ticket_id>/macros/<uuid:macro_id>", methods=["POST"])
@requires(Permission.MACRO_USE)
@blp.takes_no_fields
@blp.creates(MacroAppliedSchema)
def apply_macro(ticket_id: UUID, macro_id: UUID) -> Response:
    """Do to a ticket all that a macro says, as you may do each of it yourself, or nothing."""
    return render.created(macro_steps.apply_macro(runtime(), actor(), ticket_id, macro_id, once_key()))


@blp.route("/tickets/<uuid:ticket_id>/macros/<uuid:macro_id>/preview", methods=["GET"])
@requires(Permission.MACRO_USE)
@blp.may_conflict
@blp.shows(MacroAppliedSchema)
def preview_macro(ticket_id: UUID, macro_id: UUID) -> Response:
    """See what would come of a macro, or why it would be refused; nothing is done."""
    return render.shown(macro_steps.preview_macro(runtime(), actor(), ticket_id, macro_id))


def _version(macro_id: UUID) -> int:
    return macros.get_macro(runtime(), actor(), macro_id).version
