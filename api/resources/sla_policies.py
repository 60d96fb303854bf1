"""SLA policies, and how a ticket stands with its targets."""

from dataclasses import replace
from typing import Any
from uuid import UUID

from flask import Response
from marshmallow import fields, post_load

from api import render
from api.auth import actor, requires
from api.context import runtime
from api.fields import MAX_NAME, Answer, Flag, Schema, Uuid, choice, json_object, several, text
from api.idempotency import once_key
from api.new_policies import EXAMPLE, NewSlaPolicySchema, position
from api.pagination import PageQuery, page_request
from api.policy_fields import ConditionsSchema, PreviewSchema, TargetsSchema, UnmetConditionSchema, applies, seconds
from api.preconditions import wanted_version
from api.smorest import Blueprint
from psms.domain.access import Permission
from psms.domain.sla.edits import Applies
from psms.domain.sla.policy_edits import PolicyFields
from psms.domain.sla_policies import ChosenBy, EditSlaPolicy, MatchQuestion, NewSlaPolicy
from psms.domain.tickets import Priority, TicketType
from workflows import sla_matching, sla_policies, sla_previews

_MOST_TAGS = 50


class PolicyDefinitionSchema(Answer):
    """What a policy says."""

    conditions = fields.Nested(ConditionsSchema)
    targets = fields.Nested(TargetsSchema)


class SlaPolicySchema(PolicyDefinitionSchema):
    """What is promised for which tickets; in short also as a priority and two targets, null where it is not that."""

    id = Uuid()
    name = fields.String()
    position = position()
    active = fields.Boolean()
    priority = choice(Priority, allow_none=True)
    first_response_seconds = fields.Integer(allow_none=True)
    resolution_seconds = fields.Integer(allow_none=True)
    definition_version = fields.Integer(metadata={"description": "How often what it says has changed."})
    version = fields.Integer()
    created_at = fields.DateTime()
    updated_at = fields.DateTime()


class PolicyVersionSchema(Answer):
    """What a policy said from an instant on."""

    version = fields.Integer()
    definition = fields.Nested(PolicyDefinitionSchema)
    created_at = fields.DateTime()
    created_by = Uuid(allow_none=True)


class EditSlaPolicySchema(Schema):
    """The fields to change; conditions and targets each take the place of all that was there."""

    name = text(MAX_NAME)
    position = position()
    active = Flag()
    priority = choice(Priority, allow_none=True)
    first_response_seconds = seconds(
        allow_none=True, metadata={"description": "Until the first public reply of staff."}
    )
    resolution_seconds = seconds(
        allow_none=True, metadata={"description": "Until resolved; pending and on hold do not count."}
    )
    conditions = fields.Nested(ConditionsSchema)
    targets = fields.Nested(TargetsSchema)
    apply = applies(Applies.NEW_TICKETS)

    @post_load
    def to_command(self, values: dict[str, Any], **_: object) -> EditSlaPolicy:
        """Make the command."""
        own = {name: values.pop(name) for name in ("name", "position", "active") if name in values}
        applied = values.pop("apply", Applies.NEW_TICKETS)
        return EditSlaPolicy(**own, applies=applied, fields=PolicyFields(**values))


class MatchQuestionSchema(Schema):
    """A ticket that there need not be; what is left out is as it would be filed."""

    service_id = Uuid(metadata={"description": "Left out: the organization's default service."})
    type = choice(TicketType)
    priority = choice(Priority)
    tier = text(MAX_NAME, metadata={"description": "Left out: that of the custom field customer_tier."})
    tags = several(text(64), at_most=_MOST_TAGS)
    custom_fields = json_object()
    team_id = Uuid(metadata={"description": "Ask for the agreement between teams while this one has the ticket."})

    @post_load
    def to_question(self, values: dict[str, Any], **_: object) -> MatchQuestion:
        """Make the question."""
        return MatchQuestion(**{**values, "tags": tuple(values.get("tags", ()))})


class VerdictSchema(Answer):
    """Whether a policy is for the ticket, and every condition that did not hold."""

    policy_id = Uuid()
    policy_version = fields.Integer()
    name = fields.String()
    applies = fields.Boolean()
    refusals = fields.List(fields.Nested(UnmetConditionSchema))


class MatchSchema(Answer):
    """The policy that applies, and the verdicts up to it, in the order of asking."""

    policy_id = Uuid(allow_none=True)
    policy_version = fields.Integer(allow_none=True)
    chosen_by = choice(
        ChosenBy,
        allow_none=True,
        metadata={"description": "Named by the service, or for its conditions."},
    )
    targets = fields.Nested(TargetsSchema)
    verdicts = fields.List(fields.Nested(VerdictSchema))


blp = Blueprint("sla_policies", "/v1", "What is promised, and how tickets stand with it.")


@blp.route("/sla-policies", methods=["POST"])
@requires(Permission.SLA_MANAGE)
@blp.arguments(NewSlaPolicySchema, example=EXAMPLE)
@blp.creates(SlaPolicySchema)
def add_policy(command: NewSlaPolicy) -> Response:
    """Add a policy.

    It applies to tickets that are filed, or change, from now on. The first policy whose conditions hold applies, in
    the order of their positions. Left out, the position is 1000 for one that names a priority, and 2000 otherwise.
    """
    return render.created(sla_policies.add_policy(runtime(), actor(), command, once_key()))


@blp.route("/sla-policies", methods=["GET"])
@requires(Permission.SLA_READ)
@blp.arguments(PageQuery, location="query")
@blp.lists(SlaPolicySchema)
def list_policies(query: dict[str, Any]) -> Response:
    """List policies, oldest first."""
    return render.listed(sla_policies.list_policies(runtime(), actor(), page_request(query)))


@blp.route("/sla-policies/<uuid:policy_id>", methods=["GET"])
@requires(Permission.SLA_READ)
@blp.reads(SlaPolicySchema)
def get_policy(policy_id: UUID) -> Response:
    """Read a policy."""
    return render.current_unless_known(sla_policies.get_policy(runtime(), actor(), policy_id))


@blp.route("/sla-policies/<uuid:policy_id>", methods=["PATCH"])
@requires(Permission.SLA_MANAGE)
@blp.arguments(EditSlaPolicySchema, example={"position": 10})
@blp.edits(SlaPolicySchema)
def edit_policy(command: EditSlaPolicy, policy_id: UUID) -> Response:
    """Change a policy: a new version of it, if what it says changes.

    `apply` says for which tickets: new ones only, which is what it says when left out, or those that are open too.
    """
    if_version = wanted_version(lambda: sla_policies.get_policy(runtime(), actor(), policy_id).version)
    command = replace(command, if_version=if_version)
    return render.current(sla_policies.edit_policy(runtime(), actor(), policy_id, command))


@blp.route("/sla-policies/<uuid:policy_id>/versions", methods=["GET"])
@requires(Permission.SLA_READ)
@blp.arguments(PageQuery, location="query")
@blp.lists(PolicyVersionSchema)
def list_policy_versions(query: dict[str, Any], policy_id: UUID) -> Response:
    """List all that a policy has said, oldest first."""
    return render.listed(sla_policies.list_policy_versions(runtime(), actor(), policy_id, page_request(query)))


@blp.route("/sla-policies/match", methods=["POST"])
@requires(Permission.SLA_READ)
@blp.arguments(MatchQuestionSchema, example={"priority": "high", "tags": ["vip"]})
@blp.shows(MatchSchema)
def match_policy(question: MatchQuestion) -> Response:
    """Ask which policy would be for a ticket, and why not those before it. Nothing is changed."""
    return render.shown(sla_matching.match(runtime(), actor(), question))


@blp.route("/sla-policies/<uuid:policy_id>/preview", methods=["POST"])
@requires(Permission.SLA_MANAGE)
@blp.arguments(EditSlaPolicySchema, example={"resolution_seconds": 7200, "apply": "open_tickets"})
@blp.shows(PreviewSchema)
def preview_policy(command: EditSlaPolicy, policy_id: UUID) -> Response:
    """Ask what an edit would do to open tickets. Takes what the edit takes, and changes nothing."""
    return render.shown(sla_previews.preview_policy(runtime(), actor(), policy_id, command))
