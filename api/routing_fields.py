"""The fields of a team's routing as they are sent, and of decisions as they are answered. Views are in resources."""

from typing import Any

from marshmallow import fields, post_load, validate

from api.fields import Answer, Schema, Uuid, choice, several
from psms.domain.routing.config import MOST_OPEN, MemberRule, RoutingConfig, SkillUse, Strategy, WhenNobody
from psms.domain.routing.deciding import Obstacle

_MOST_MEMBERS = 500
_CAPACITY = "How many open tickets (new, open or pending, of all teams) at most."


def _capacity(description: str) -> fields.Integer:
    return fields.Integer(
        strict=True,
        allow_none=True,
        validate=validate.Range(min=0, max=MOST_OPEN),
        metadata={"description": description},
    )


class MemberRuleSchema(Schema):
    """What holds for one member in place of what holds for the team."""

    user_id = Uuid(required=True)
    capacity = _capacity(f"{_CAPACITY} Left out or null: as the team has it; 0: none.")
    calendar_id = Uuid(allow_none=True, metadata={"description": "Their hours. Left out or null: the team's."})

    @post_load
    def to_rule(self, values: dict[str, Any], **_: object) -> MemberRule:
        """Make the rule."""
        return MemberRule(**values)


class RoutingConfigSchema(Schema):
    """How a team's tickets are assigned; what is left out is as every team begins."""

    strategy = choice(Strategy, required=True)
    capacity = _capacity(f"{_CAPACITY} Left out or null: any number.")
    calendar_id = Uuid(
        allow_none=True, metadata={"description": "The hours in which members are given tickets. Null: always."}
    )
    skills = choice(
        SkillUse, metadata={"description": "What the skills are that a service asks for.", "default": "require"}
    )
    when_nobody = choice(
        WhenNobody, metadata={"description": "What becomes of a ticket that nobody is there for.", "default": "wait"}
    )
    members = several(fields.Nested(MemberRuleSchema), at_most=_MOST_MEMBERS)

    @post_load
    def to_config(self, values: dict[str, Any], **_: object) -> RoutingConfig:
        """Make the configuration."""
        return RoutingConfig(**{**values, "members": tuple(values.get("members", ()))})


class MemberRuleShownSchema(Answer):
    """What holds for one member; null is as the team has it."""

    user_id = Uuid()
    capacity = fields.Integer(allow_none=True)
    calendar_id = Uuid(allow_none=True)


class TeamRoutingSchema(Answer):
    """How a team's tickets are assigned."""

    team_id = Uuid()
    strategy = choice(Strategy)
    capacity = fields.Integer(allow_none=True)
    calendar_id = Uuid(allow_none=True)
    skills = choice(SkillUse)
    when_nobody = choice(WhenNobody)
    members = fields.List(fields.Nested(MemberRuleShownSchema))
    version = fields.Integer()
    updated_at = fields.DateTime(allow_none=True, metadata={"description": "Null: as every team begins."})


class CandidateSchema(Answer):
    """One member in a decision, as they were at its instant."""

    user_id = Uuid()
    rank = fields.Integer(metadata={"description": "1 is the best."})
    eligible = fields.Boolean()
    obstacles = fields.List(choice(Obstacle), metadata={"description": "Why not, where they are not eligible."})
    open_tickets = fields.Integer(metadata={"description": "Open tickets of all teams."})
    capacity = fields.Integer(allow_none=True)
    score = fields.Integer(metadata={"description": "The levels of the skills asked for, added up."})
    last_turn = fields.Integer(metadata={"description": "The team's turn at which they were given one last; 0: never."})


class RoutingDecisionSchema(Answer):
    """Who was given a ticket, from whom, and why."""

    id = Uuid()
    ticket_id = Uuid()
    team_id = Uuid()
    decided_at = fields.DateTime()
    strategy = choice(Strategy)
    config_version = fields.Integer(metadata={"description": "The version of the team's routing."})
    user_id = Uuid(allow_none=True, metadata={"description": "Null: nobody; the ticket waits."})
    asked_by = Uuid(allow_none=True, metadata={"description": "Who asked for it at once. Null: PSMS itself."})
    required = fields.Dict(
        keys=fields.String(), values=fields.Integer(), metadata={"description": "Skills asked for, with their levels."}
    )
    considered = fields.Integer(metadata={"description": "How many members were looked at."})
    candidates = fields.List(fields.Nested(CandidateSchema), metadata={"description": "The best 50 of them, in order."})
    why = fields.String()
