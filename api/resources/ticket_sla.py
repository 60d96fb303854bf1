"""How a ticket stands with its targets. What is promised is in `sla_policies`."""

from typing import Any
from uuid import UUID

from flask import Response
from marshmallow import fields

from api import render
from api.auth import actor, requires
from api.context import runtime
from api.fields import Answer, Schema, Uuid, choice, text
from api.smorest import Blueprint
from psms.domain.access import Permission
from psms.domain.sla.terms import Metric
from psms.domain.sla.timeline import Cause, State
from workflows import sla_standing, sla_voids

_LONGEST_REASON = 500


class SegmentSchema(Answer):
    """The stretch of a clock's life from one event to the next; the clock follows from these."""

    cause = choice(Cause)
    state = choice(State)
    began_at = fields.DateTime()
    ended_at = fields.DateTime(allow_none=True, metadata={"description": "Null for the one that the clock is in."})
    counted_seconds = fields.Integer(metadata={"description": "Open time in it, until now for the last one."})
    target_seconds = fields.Integer()
    policy_id = Uuid()
    policy_version = fields.Integer()
    calendar_id = Uuid(allow_none=True)
    calendar_version = fields.Integer(allow_none=True)
    zone_data = fields.String(allow_none=True)


class ClockSchema(Answer):
    """One cycle of one target of a ticket."""

    id = Uuid()
    metric = choice(Metric)
    operational = fields.Boolean(metadata={"description": "Agreed on between teams; requesters are not shown it."})
    team_id = Uuid(allow_none=True, metadata={"description": "Whose time with the ticket it is; null for promises."})
    cycle = fields.Integer()
    policy_id = Uuid()
    policy_version = fields.Integer()
    calendar_id = Uuid(allow_none=True, metadata={"description": "Null where every instant counts."})
    calendar_version = fields.Integer(allow_none=True)
    state = choice(State)
    target_seconds = fields.Integer()
    consumed_seconds = fields.Integer()
    remaining_seconds = fields.Integer(metadata={"description": "Negative once the target is used up."})
    due_at = fields.DateTime(allow_none=True, metadata={"description": "Null while the clock is paused."})
    breached_at = fields.DateTime(allow_none=True, metadata={"description": "The due instant that was missed."})
    completed_at = fields.DateTime(allow_none=True)
    started_at = fields.DateTime()
    levels = fields.List(fields.String(), metadata={"description": "Levels that were reached."})
    voided_at = fields.DateTime(allow_none=True, metadata={"description": "Since then its breach does not count."})
    voided_by = Uuid(allow_none=True)
    void_reason = fields.String(allow_none=True)
    why = fields.String(metadata={"description": "Why it is due when it is, in a sentence."})
    segments = fields.List(fields.Nested(SegmentSchema))


class TicketSlaSchema(Answer):
    """How a ticket stands with its targets at an instant."""

    ticket_id = Uuid()
    at = fields.DateTime()
    clocks = fields.List(fields.Nested(ClockSchema))


class VoidSchema(Schema):
    """Why a breach does not count."""

    reason = text(
        _LONGEST_REASON,
        required=True,
        metadata={"description": "Shown with the clock and kept in the log; partners are not told it."},
    )


class ClockForRequesterSchema(Answer):
    """One target of a ticket, as its requester reads it."""

    metric = choice(Metric)
    state = choice(State)
    target_seconds = fields.Integer()
    remaining_seconds = fields.Integer()
    due_at = fields.DateTime(allow_none=True)
    breached_at = fields.DateTime(allow_none=True)
    completed_at = fields.DateTime(allow_none=True)
    started_at = fields.DateTime()


class TicketSlaForRequesterSchema(Answer):
    """How a ticket stands with its targets, as its requester reads it."""

    ticket_id = Uuid()
    at = fields.DateTime()
    clocks = fields.List(fields.Nested(ClockForRequesterSchema))


blp = Blueprint("ticket_sla", "/v1", "How tickets stand with what is promised.")


@blp.route("/tickets/<uuid:ticket_id>/sla", methods=["GET"])
@requires(Permission.TICKET_READ)
@blp.shows(TicketSlaSchema, TicketSlaForRequesterSchema)
def get_ticket_sla(ticket_id: UUID) -> Response:
    """Read how a ticket stands with its targets now: each clock with its ledger, and why it is due when it is."""
    return render.shown(sla_standing.sla_of_ticket(runtime(), actor(), ticket_id))


@blp.route("/tickets/<uuid:ticket_id>/sla/<uuid:clock_id>/void", methods=["POST"])
@requires(Permission.SLA_VOID)
@blp.may_conflict
@blp.arguments(VoidSchema, example={"reason": "The customer had no power that night"})
@blp.shows(TicketSlaSchema)
def void_breach(body: dict[str, Any], ticket_id: UUID, clock_id: UUID) -> Response:
    """Declare a clock's breach void: it counts in no report any more. Done twice, the first reason stays."""
    return render.shown(sla_voids.void_breach(runtime(), actor(), ticket_id, clock_id, body["reason"]))


@blp.route("/tickets/<uuid:ticket_id>/sla/<uuid:clock_id>/void", methods=["DELETE"])
@requires(Permission.SLA_VOID)
@blp.shows(TicketSlaSchema)
def restore_breach(ticket_id: UUID, clock_id: UUID) -> Response:
    """Let a clock's breach count again."""
    return render.shown(sla_voids.restore_breach(runtime(), actor(), ticket_id, clock_id))
