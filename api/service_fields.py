"""A service as answers show it and requests write it. The routes are in the resources."""

from typing import Any

from marshmallow import fields, post_load, validate

from api.fields import MAX_NAME, MAX_TEXT, Answer, Flag, Instant, Schema, Uuid, choice, maybe_empty_text, several, text
from psms.domain.services import NewService, ServiceVisibility

_MAX_POSITION = 1_000_000
_MAX_INCIDENT = 2000
_MOST_TEAMS = 100
_MOST_VERSIONS = 999_999_999


class IncidentSchema(Answer):
    """What is known to be wrong with a service; its ticket is named to those who may read it."""

    text = fields.String()
    since = fields.DateTime()
    ticket_id = Uuid(allow_none=True)
    ticket_number = fields.Integer(allow_none=True)


class ServiceForRequesterSchema(Answer):
    """A service as a requester finds it in the catalogue."""

    id = Uuid()
    name = fields.String()
    description = fields.String()
    category = fields.String(allow_none=True)
    position = fields.Integer(metadata={"description": "The place in its category: the least first."})
    form_version = fields.Integer(allow_none=True, metadata={"description": "The version of its form, if it has one."})
    incident = fields.Nested(IncidentSchema, allow_none=True)
    version = fields.Integer()


class ServiceSchema(ServiceForRequesterSchema):
    """Something that tickets are about."""

    active = fields.Boolean()
    owner_id = Uuid(allow_none=True)
    default_team_id = Uuid(allow_none=True)
    visibility = choice(ServiceVisibility)
    visible_team_ids = fields.List(Uuid())
    sla_policy_id = Uuid(allow_none=True)
    created_at = fields.DateTime()
    updated_at = fields.DateTime()


class _ServiceFieldsSchema(Schema):
    """What can be said of a service when it is added, and later."""

    name = text(MAX_NAME)
    description = maybe_empty_text(MAX_TEXT)
    category = text(MAX_NAME, allow_none=True)
    position = fields.Integer(strict=True, validate=validate.Range(min=1, max=_MAX_POSITION))
    owner_id = Uuid(allow_none=True)
    default_team_id = Uuid(allow_none=True, metadata={"description": "Gets the tickets that name no team."})
    visibility = choice(ServiceVisibility, metadata={"description": "Which requesters see it, and can file for it."})
    visible_team_ids = several(Uuid(), at_most=_MOST_TEAMS)
    sla_policy_id = Uuid(
        allow_none=True,
        metadata={"description": "Promised for its new tickets, whatever conditions say."},
    )


class NewServiceSchema(_ServiceFieldsSchema):
    """A new service."""

    name = text(MAX_NAME, required=True)

    @post_load
    def to_command(self, values: dict[str, Any], **_: object) -> NewService:
        """Make the command."""
        return NewService(**values)


class EditServiceSchema(_ServiceFieldsSchema):
    """The fields to change; those left out stay as they are."""

    active = Flag()
    form_version = fields.Integer(
        strict=True,
        allow_none=True,
        validate=validate.Range(min=1, max=_MOST_VERSIONS),
        metadata={"description": "A version that its form has had, for new tickets; null: without a form."},
    )

    @post_load
    def to_fields(self, values: dict[str, Any], **_: object) -> dict[str, Any]:
        """Return the fields as they are stored."""
        visibility = values.get("visibility")
        return values if visibility is None else {**values, "visibility": visibility.value}


class TellIncidentSchema(Schema):
    """What is wrong with a service."""

    text = text(_MAX_INCIDENT, required=True)
    since = Instant(metadata={"description": "Left out: since it was told first."})
    ticket_id = Uuid(allow_none=True, metadata={"description": "The ticket of the incident."})
