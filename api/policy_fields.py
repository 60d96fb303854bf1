"""What an SLA policy says, as JSON: conditions, targets, levels and actions. The routes are in the resources."""

from typing import Any, Final

from marshmallow import ValidationError, fields, validate

from api.fields import MAX_NAME, Answer, Schema, Uuid, choice, several, text
from psms.domain.sla.definitions import Recipient
from psms.domain.sla.edits import Applies
from psms.domain.sla.level_documents import ACTION_TYPES, BUSINESS, WALL
from psms.domain.sla.terms import Reopening
from psms.domain.tickets import Priority, Status, TicketType

TEN_YEARS_S: Final = 10 * 366 * 86_400
_MAX_TAG = 64
_MOST = 50
_FEW = 20
_MOST_FIELDS = 20
_MOST_PERCENT = 1000
_LEVEL_ID = validate.Regexp(r"[a-z0-9_-]{1,40}\Z", error="Use 1 to 40 of a-z, 0-9, _ and -.")


def seconds(**options: Any) -> fields.Integer:
    """Return a field for a target in seconds, at most ten years."""
    return fields.Integer(strict=True, validate=validate.Range(min=1, max=TEN_YEARS_S), **options)


def applies(usual: Applies) -> fields.Enum[Any]:
    """Return the field that says for which tickets an edit holds; left out, *usual*."""
    return choice(
        Applies,
        metadata={"description": f"For which tickets the edit holds; left out: {usual.value}."},
    )


def scalar(value: object) -> None:
    """Refuse what is no text, number, true, false or null, and a text that is too long."""
    if isinstance(value, str):
        validate.Length(max=MAX_NAME)(value)
    elif not (value is None or isinstance(value, bool | int | float)):
        raise ValidationError("Must be text, a number, true, false or null.")


def _tags(description: str) -> fields.List[Any]:
    return several(text(_MAX_TAG), at_most=_MOST, metadata={"description": description})


class ConditionsSchema(Schema):
    """For which tickets a policy is: all that is given must hold; what is empty or left out is not asked."""

    service_ids = several(Uuid(), at_most=_MOST)
    team_ids = several(
        Uuid(), at_most=_MOST, metadata={"description": "The team that has the ticket; with the target with_team only."}
    )
    types = several(choice(TicketType), at_most=len(TicketType))
    priorities = several(choice(Priority), at_most=len(Priority))
    tiers = several(
        text(MAX_NAME), at_most=_MOST, metadata={"description": "Of the ticket's custom field customer_tier."}
    )
    tags = _tags("The ticket has one of them at least.")
    all_tags = _tags("The ticket has each of them.")
    no_tags = _tags("The ticket has none of them.")
    custom_fields = fields.Dict(
        keys=fields.String(validate=validate.Length(min=1, max=MAX_NAME)),
        values=several(fields.Raw(allow_none=True, validate=scalar), at_most=_MOST),
        validate=validate.Length(max=_MOST_FIELDS),
        metadata={"description": "The values that will do, for each field."},
    )


class UnmetConditionSchema(Answer):
    """A condition that did not hold."""

    field = fields.String()
    wanted = fields.String()
    found = fields.String()


class ActionSchema(Schema):
    """What reaching a level leads to.

    Besides its type: notify takes to or user_id, reassign user_id, team_id or to, page nothing or to; add_watcher takes
    user_id. What is reassigned or paged goes to nobody but manager_on_duty.
    """

    type = fields.String(required=True, validate=validate.OneOf(ACTION_TYPES))
    to = choice(Recipient, metadata={"description": "Of notify; of reassign and page manager_on_duty alone."})
    user_id = Uuid(metadata={"description": "Of notify, reassign and add_watcher."})
    team_id = Uuid(metadata={"description": "Of reassign."})


class LevelSchema(Schema):
    """A level: a percentage of the target, or an offset from it."""

    id = fields.String(required=True, validate=_LEVEL_ID)
    percent = fields.Integer(strict=True, validate=validate.Range(min=1, max=_MOST_PERCENT))
    offset_seconds = fields.Integer(strict=True, validate=validate.Range(min=-TEN_YEARS_S, max=TEN_YEARS_S))
    clock = fields.String(
        validate=validate.OneOf((BUSINESS, WALL)),
        metadata={"description": "Of an offset: in open time from the target, or on the wall from the breach."},
    )
    actions = several(fields.Nested(ActionSchema), at_most=_FEW)


class TargetSchema(Schema):
    """What is promised for one metric."""

    seconds = seconds(required=True)
    calendar_id = Uuid(allow_none=True, metadata={"description": "Null: every instant counts."})
    pause_on = several(
        choice(Status), at_most=len(Status), metadata={"description": "Where the clock stands still: pending, on_hold."}
    )
    reopening = choice(Reopening)
    reopen_floor_percent = fields.Integer(strict=True, validate=validate.Range(min=0, max=100))
    levels = several(fields.Nested(LevelSchema), at_most=_FEW, metadata={"description": "In the order of reaching."})


class TargetsSchema(Schema):
    """What is promised: one metric at least."""

    first_response = fields.Nested(TargetSchema)
    next_response = fields.Nested(TargetSchema)
    periodic_update = fields.Nested(TargetSchema)
    resolution = fields.Nested(TargetSchema)
    with_team = fields.Nested(
        TargetSchema, metadata={"description": "Between teams: how long one may have the ticket. Stands alone."}
    )


class PreviewSchema(Answer):
    """What an edit would do to open tickets."""

    tickets = fields.Integer(metadata={"description": "Open tickets that were looked at."})
    clocks = fields.Integer(metadata={"description": "Clocks of theirs that run or are paused."})
    moved = fields.Integer(metadata={"description": "Clocks whose deadline would be another one."})
    would_breach = fields.Integer(metadata={"description": "Clocks that would be breached at once."})
    complete = fields.Boolean(metadata={"description": "False where time did not suffice for all open tickets."})
