"""Approvals as requests and answers have them. The routes are in the resources."""

from typing import Any

from marshmallow import fields, post_load, validate

from api.fields import MAX_NAME, MAX_TEXT, Answer, Flag, Schema, Uuid, choice, several, text
from psms.domain.approvals import (
    MOST_APPROVERS,
    MOST_STEPS,
    ApprovalState,
    ApprovalStep,
    Chain,
    Decision,
    OnExpiry,
    Quorum,
    Source,
    Vote,
)

_TEN_YEARS = 315_360_000
_A_MINUTE = 60
EXAMPLE_STEPS = {
    "steps": [
        {"name": "Line manager", "user_ids": ["01890000-0000-7000-8000-000000000000"], "expire_after_seconds": 259200}
    ]
}


def _seconds(what: str) -> fields.Integer:
    return fields.Integer(
        strict=True,
        allow_none=True,
        validate=validate.Range(min=_A_MINUTE, max=_TEN_YEARS),
        metadata={"description": what},
    )


class ApprovalStepSchema(Schema):
    """One step of a chain. Its steps are asked one after the other."""

    name = text(MAX_NAME, required=True)
    user_ids = several(Uuid(), at_most=MOST_APPROVERS)
    team_ids = several(Uuid(), at_most=MOST_APPROVERS, metadata={"description": "Their members when the step begins."})
    quorum = choice(Quorum, metadata={"description": "How many must approve; left out: any one."})
    count = fields.Integer(
        strict=True,
        allow_none=True,
        validate=validate.Range(min=1, max=MOST_APPROVERS),
        metadata={"description": "With the quorum count: how many must approve."},
    )
    remind_after_seconds = _seconds("Who has not voted is reminded so often.")
    expire_after_seconds = _seconds("A step that is not decided by then expires.")
    on_expiry = choice(OnExpiry, metadata={"description": "What follows then; left out: the step counts as rejected."})
    escalate_to = Uuid(allow_none=True, metadata={"description": "Who is asked instead, for as long again."})
    own_requests = Flag(metadata={"description": "Whether people may approve what they requested or asked for."})

    @post_load
    def to_step(self, values: dict[str, Any], **_: object) -> ApprovalStep:
        """Make the step."""
        ids = {name: tuple(dict.fromkeys(values.get(name, ()))) for name in ("user_ids", "team_ids")}
        return ApprovalStep(**{**values, **ids})


class AskSchema(Schema):
    """The steps to ask for."""

    steps = several(fields.Nested(ApprovalStepSchema), at_least=1, at_most=MOST_STEPS, required=True)

    @post_load
    def to_chain(self, values: dict[str, Any], **_: object) -> Chain:
        """Make the chain."""
        return tuple(values["steps"])


class PutChainSchema(Schema):
    """What a service asks for; no steps: nothing."""

    steps = several(fields.Nested(ApprovalStepSchema), at_most=MOST_STEPS, required=True)

    @post_load
    def to_chain(self, values: dict[str, Any], **_: object) -> Chain:
        """Make the chain."""
        return tuple(values["steps"])


class ShownStepSchema(Answer):
    """One step of a service's chain."""

    name = fields.String()
    user_ids = fields.List(Uuid())
    team_ids = fields.List(Uuid())
    quorum = choice(Quorum)
    count = fields.Integer(allow_none=True)
    remind_after_seconds = fields.Integer(allow_none=True)
    expire_after_seconds = fields.Integer(allow_none=True)
    on_expiry = choice(OnExpiry)
    escalate_to = Uuid(allow_none=True)
    own_requests = fields.Boolean()


class ServiceChainSchema(Answer):
    """What a service asks for. Its version is the service's."""

    service_id = Uuid()
    steps = fields.List(fields.Nested(ShownStepSchema))
    version = fields.Integer()


class SeatSchema(Answer):
    """One vote: whose it is, who stands in for them, and what was said by whom."""

    user_id = Uuid()
    delegate_id = Uuid(allow_none=True)
    decision = choice(Decision, allow_none=True)
    comment = fields.String(allow_none=True)
    voted_by = Uuid(allow_none=True)
    voted_at = fields.DateTime(allow_none=True)


class ApprovalSchema(Answer):
    """One step of what a ticket waits for, or waited for."""

    id = Uuid()
    ticket_id = Uuid()
    chain_id = Uuid(metadata={"description": "The same for all steps that were asked for at once."})
    position = fields.Integer()
    source = choice(Source)
    name = fields.String()
    state = choice(ApprovalState)
    quorum = choice(Quorum)
    required = fields.Integer(allow_none=True, metadata={"description": "How many must approve."})
    votes = fields.List(fields.Nested(SeatSchema))
    asked_by = Uuid(allow_none=True)
    created_at = fields.DateTime()
    began_at = fields.DateTime(allow_none=True)
    remind_at = fields.DateTime(allow_none=True)
    expires_at = fields.DateTime(allow_none=True)
    escalated_at = fields.DateTime(allow_none=True)
    decided_at = fields.DateTime(allow_none=True)


class ApprovalVoteSchema(Schema):
    """A vote."""

    decision = choice(Decision, required=True)
    comment = text(MAX_TEXT, metadata={"description": "Why; a rejection needs it."})
    for_user_id = Uuid(metadata={"description": "Whose vote it is, where you stand in; left out: your own."})

    @post_load
    def to_command(self, values: dict[str, Any], **_: object) -> Vote:
        """Make the command."""
        return Vote(**values)


class DelegateSchema(Schema):
    """Who stands in for the caller."""

    to_user_id = Uuid(required=True)
