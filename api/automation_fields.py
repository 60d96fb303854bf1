"""What a rule says, as JSON: events, conditions, actions. The routes are in `api.resources.automations`."""

from typing import Any, Final

from marshmallow import fields, post_load, validate

from api.fields import MAX_NAME, MAX_TEXT, Schema, Uuid, choice, several, text
from api.policy_fields import ConditionsSchema, scalar
from psms.domain.automations.action_documents import ACTION_TYPES
from psms.domain.automations.definitions import NOTIFIED, TRIGGERS, Party, Watched
from psms.domain.automations.placeholders import PLACEHOLDERS
from psms.domain.lifecycle import Action
from psms.domain.tickets import Priority, Status, Visibility

_MAX_TAG: Final = 64
_MOST: Final = 50
_FEW: Final = 20
_PLACEHOLDERS: Final = ", ".join(f"{{{{{name}}}}}" for name in PLACEHOLDERS)

EXAMPLE: Final = {
    "name": "Critical incidents wake the desk",
    "on": ["ticket.created", "ticket.updated"],
    "conditions": {"types": ["incident"], "priorities": ["critical"], "no_tags": ["major"]},
    "actions": [
        {"type": "add_tags", "tags": ["major"]},
        {"type": "comment", "visibility": "public", "body": "Hello {{requester.name}}, we are looking at it now."},
        {"type": "notify", "to": "managers"},
    ],
}


class FieldChangeSchema(Schema):
    """How a field must have changed; what is empty or left out is not asked."""

    before = several(fields.Raw(allow_none=True, validate=scalar), at_most=_MOST, data_key="from")
    after = several(fields.Raw(allow_none=True, validate=scalar), at_most=_MOST, data_key="to")

    @post_load
    def to_document(self, values: dict[str, Any], **_: object) -> dict[str, Any]:
        """Return the document's names."""
        return {"from": values.get("before", []), "to": values.get("after", [])}


class RuleConditionsSchema(ConditionsSchema):
    """When a rule is for an event: all that is given must hold; what is empty or left out is not asked.

    `changes`, `by` and `comment` are asked of the event, all else of the ticket as it is when the rule is applied.
    """

    team_ids = several(Uuid(), at_most=_MOST, metadata={"description": "The team that has the ticket."})
    statuses = several(choice(Status), at_most=len(Status))
    changes = fields.Dict(
        keys=fields.String(validate=validate.OneOf([one.value for one in Watched])),
        values=fields.Nested(FieldChangeSchema),
        metadata={"description": "The fields that must have changed, and from and to which values."},
    )
    by = several(choice(Party), at_most=len(Party), metadata={"description": "Who acted."})
    comment = choice(Visibility, allow_none=True, metadata={"description": "Of ticket.commented: which comments."})


class RuleActionSchema(Schema):
    """What a rule does. Besides its type each takes what is said of it, all of it, and nothing else."""

    type = fields.String(required=True, validate=validate.OneOf(ACTION_TYPES))
    priority = choice(Priority, metadata={"description": "Of set_priority."})
    user_id = Uuid(metadata={"description": "Of assign, add_watcher and notify."})
    team_id = Uuid(metadata={"description": "Of assign."})
    tags = several(text(_MAX_TAG), at_most=_MOST, metadata={"description": "Of add_tags and remove_tags."})
    field = text(MAX_NAME, metadata={"description": "Of set_field: the name of a custom field."})
    value = fields.Raw(allow_none=True, validate=scalar, metadata={"description": "Of set_field."})
    body = text(MAX_TEXT, metadata={"description": f"Of comment; it may have {_PLACEHOLDERS}."})
    visibility = choice(Visibility, metadata={"description": "Of comment."})
    action = choice(Action, metadata={"description": "Of transition."})
    to = fields.String(validate=validate.OneOf([one.value for one in NOTIFIED]), metadata={"description": "Of notify."})


def events(**options: Any) -> fields.List[Any]:
    """Return the field that says what a rule is for."""
    named = fields.String(validate=validate.OneOf([one.value for one in TRIGGERS]))
    return several(named, at_most=len(TRIGGERS), at_least=1, **options)


def actions(**options: Any) -> fields.List[Any]:
    """Return the field that says what a rule does, in its order."""
    return several(fields.Nested(RuleActionSchema), at_most=_FEW, at_least=1, **options)
