"""Automations: what an organization has done by itself when something happens to a ticket, and what became of it."""

from dataclasses import replace
from typing import Any, cast
from uuid import UUID

from flask import Response
from marshmallow import fields, post_load, validate

from api import render
from api.auth import actor, requires
from api.automation_fields import EXAMPLE, RuleActionSchema, RuleConditionsSchema, actions, events
from api.context import runtime
from api.fields import MAX_NAME, Answer, Flag, Schema, Uuid, choice, text
from api.idempotency import once_key
from api.pagination import PageQuery, page_request
from api.policy_fields import UnmetConditionSchema
from api.preconditions import wanted_version
from api.smorest import Blueprint
from psms.domain.access import Permission
from psms.domain.automations.documents import RuleDocument
from psms.domain.automations.views import EditAutomation, NewAutomation, Outcome, Result
from psms.domain.events import EventType
from workflows import automations

_USUAL_POSITION = 1000
_USUAL_EVENTS = 50
_MOST_EVENTS = 500


def _position() -> fields.Integer:
    description = "Rules are asked in this order, smallest first; of several with the same one the oldest first."
    return fields.Integer(
        strict=True, validate=validate.Range(min=1, max=1_000_000), metadata={"description": description}
    )


class RuleSchema(Answer):
    """What a rule says."""

    on = events()
    conditions = fields.Nested(RuleConditionsSchema)
    actions = fields.List(fields.Nested(RuleActionSchema))
    stop = fields.Boolean()


class AutomationSchema(RuleSchema):
    """A rule: on one of its events, where all conditions hold, its actions are done, in their order."""

    id = Uuid()
    name = fields.String()
    position = _position()
    active = fields.Boolean()
    definition_version = fields.Integer(metadata={"description": "How often what it says has changed."})
    version = fields.Integer()
    created_at = fields.DateTime()
    updated_at = fields.DateTime()


class AutomationVersionSchema(Answer):
    """What a rule said from an instant on."""

    version = fields.Integer()
    definition = fields.Nested(RuleSchema)
    created_at = fields.DateTime()
    created_by = Uuid(allow_none=True)


class _RuleFieldsSchema(Schema):
    """What can be said of a rule."""

    on = events()
    conditions = fields.Nested(RuleConditionsSchema)
    actions = actions()
    stop = Flag(metadata={"description": "Where this rule is for an event, no later one is asked."})


class NewAutomationSchema(_RuleFieldsSchema):
    """A new rule. It is for what happens from now on."""

    name = text(MAX_NAME, required=True)
    position = _position()
    active = Flag(metadata={"default": True})
    on = events(required=True)
    actions = actions(required=True)

    @post_load
    def to_command(self, values: dict[str, Any], **_: object) -> NewAutomation:
        """Make the command."""
        return NewAutomation(
            name=values["name"],
            position=values.get("position", _USUAL_POSITION),
            active=values.get("active", True),
            rule=_rule(values),
        )


class EditAutomationSchema(_RuleFieldsSchema):
    """The fields to change; events, conditions and actions each take the place of all that was there."""

    name = text(MAX_NAME)
    position = _position()
    active = Flag()

    @post_load
    def to_command(self, values: dict[str, Any], **_: object) -> EditAutomation:
        """Make the command."""
        own: dict[str, Any] = {name: values.pop(name) for name in ("name", "position", "active") if name in values}
        return EditAutomation(fields=own, rule=values)


class PreviewRuleSchema(_RuleFieldsSchema):
    """A rule to be tried on what has happened."""

    on = events(required=True)
    actions = actions(required=True)
    limit = fields.Integer(
        strict=True,
        validate=validate.Range(min=1, max=_MOST_EVENTS),
        metadata={"description": "How many events to look at.", "default": _USUAL_EVENTS},
    )


class PreviewedEventSchema(Answer):
    """Whether the rule would have been for an event, and every condition that did not hold."""

    event_id = Uuid()
    event_type = choice(EventType)
    ticket_id = Uuid()
    occurred_at = fields.DateTime()
    matches = fields.Boolean()
    refusals = fields.List(fields.Nested(UnmetConditionSchema))


class AutomationPreviewSchema(Answer):
    """The newest events of the rule's types, newest first."""

    looked_at = fields.Integer()
    matched = fields.Integer()
    items = fields.List(fields.Nested(PreviewedEventSchema))


class ActionDoneSchema(Answer):
    """What became of one action."""

    type = fields.String()
    result = choice(Result)
    reason = fields.String(allow_none=True)


class FiringSchema(Answer):
    """What became of one version of a rule for one event."""

    id = Uuid()
    automation_id = Uuid()
    automation_name = fields.String()
    automation_version = fields.Integer()
    event_id = Uuid()
    event_type = choice(EventType)
    outcome = choice(Outcome)
    depth = fields.Integer(metadata={"description": "How many rules led to the event, one after the other."})
    refusals = fields.List(fields.Nested(UnmetConditionSchema))
    actions = fields.List(fields.Nested(ActionDoneSchema))
    at = fields.DateTime()


blp = Blueprint("automations", "/v1", "What is done by itself when something happens to a ticket.")


@blp.route("/automations", methods=["POST"])
@requires(Permission.AUTOMATION_MANAGE)
@blp.arguments(NewAutomationSchema, example=EXAMPLE)
@blp.creates(AutomationSchema)
def add_automation(command: NewAutomation) -> Response:
    """Add a rule. Each rule is applied to each event once."""
    return render.created(automations.add_automation(runtime(), actor(), command, once_key()))


@blp.route("/automations", methods=["GET"])
@requires(Permission.AUTOMATION_READ)
@blp.arguments(PageQuery, location="query")
@blp.lists(AutomationSchema)
def list_automations(query: dict[str, Any]) -> Response:
    """List rules, oldest first."""
    return render.listed(automations.list_automations(runtime(), actor(), page_request(query)))


@blp.route("/automations/<uuid:automation_id>", methods=["GET"])
@requires(Permission.AUTOMATION_READ)
@blp.reads(AutomationSchema)
def get_automation(automation_id: UUID) -> Response:
    """Read a rule."""
    return render.current_unless_known(automations.get_automation(runtime(), actor(), automation_id))


@blp.route("/automations/<uuid:automation_id>", methods=["PATCH"])
@requires(Permission.AUTOMATION_MANAGE)
@blp.arguments(EditAutomationSchema, example={"active": False})
@blp.edits(AutomationSchema)
def edit_automation(command: EditAutomation, automation_id: UUID) -> Response:
    """Change a rule: a new version of it, if what it says changes."""
    if_version = wanted_version(lambda: automations.get_automation(runtime(), actor(), automation_id).version)
    command = replace(command, if_version=if_version)
    return render.current(automations.edit_automation(runtime(), actor(), automation_id, command))


@blp.route("/automations/<uuid:automation_id>/versions", methods=["GET"])
@requires(Permission.AUTOMATION_READ)
@blp.arguments(PageQuery, location="query")
@blp.lists(AutomationVersionSchema)
def list_automation_versions(query: dict[str, Any], automation_id: UUID) -> Response:
    """List all that a rule has said, oldest first."""
    return render.listed(automations.list_versions(runtime(), actor(), automation_id, page_request(query)))


@blp.route("/automations/preview", methods=["POST"])
@requires(Permission.AUTOMATION_MANAGE)
@blp.arguments(PreviewRuleSchema, example={name: value for name, value in EXAMPLE.items() if name != "name"})
@blp.shows(AutomationPreviewSchema)
def preview_automation(values: dict[str, Any]) -> Response:
    """Ask which of the newest events a rule would have been for. Nothing is changed.

    Each is judged by its ticket as it was then. Of all events of tickets the newest 5,000 are looked through.
    """
    limit = values.get("limit", _USUAL_EVENTS)
    return render.shown(automations.preview(runtime(), actor(), _rule(values), limit))


@blp.route("/tickets/<uuid:ticket_id>/automations", methods=["GET"])
@requires(Permission.AUTOMATION_READ)
@blp.arguments(PageQuery, location="query")
@blp.lists(FiringSchema)
def list_firings(query: dict[str, Any], ticket_id: UUID) -> Response:
    """List what became of rules for a ticket's events, newest first: what fired, what it did, and what did not hold."""
    return render.listed(automations.firings_of_ticket(runtime(), actor(), ticket_id, page_request(query)))


def _rule(values: dict[str, Any]) -> RuleDocument:
    said = {"on": values["on"], "conditions": values.get("conditions", {}), "actions": values["actions"]}
    return cast("RuleDocument", {**said, "stop": values.get("stop", False)})
