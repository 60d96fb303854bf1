"""How satisfied requesters were: what they say of a ticket, and reports."""

from typing import Any
from uuid import UUID

from flask import Response
from marshmallow import fields, post_load, validate

from api import render
from api.auth import actor, requires
from api.context import runtime
from api.csv_answers import Format, csv_answer, take_format
from api.day_spans import DaysQuery, take_span
from api.fields import Answer, Schema, Uuid, choice, maybe_empty_text
from api.smorest import Blueprint
from psms.domain.access import Permission
from psms.domain.csv_tables import csv_table
from psms.domain.day_spans import Every
from psms.domain.satisfaction import (
    SATISFACTION_HEADER,
    SCORES,
    Rate,
    SatisfactionBy,
    SatisfactionQuestion,
    satisfaction_rows,
)
from workflows import satisfaction

MAX_COMMENT = 4000


class SatisfactionSchema(Answer):
    """What the requester of a ticket said; null where they said nothing yet."""

    ticket_id = Uuid()
    score = fields.Integer(allow_none=True, metadata={"description": "From 1, not at all satisfied, to 5."})
    comment = fields.String(allow_none=True)
    rated_at = fields.DateTime(allow_none=True)
    changed_at = fields.DateTime(allow_none=True)
    may_rate = fields.Boolean(metadata={"description": "Whether you may say it now, or say it anew."})
    until = fields.DateTime(
        allow_none=True, metadata={"description": "Until before this instant; null: as long as it is not closed."}
    )


class RateSchema(Schema):
    """How satisfied you are."""

    score = fields.Integer(required=True, strict=True, validate=validate.Range(min=SCORES[0], max=SCORES[-1]))
    comment = maybe_empty_text(MAX_COMMENT, metadata={"description": "Whoever sees the ticket may read it."})

    @post_load
    def to_command(self, values: dict[str, Any], **_: object) -> Rate:
        """Make the command."""
        return Rate(**values)


class SatisfactionReportQuery(DaysQuery):
    """Which tickets are meant: those resolved in these days; and what they are divided by."""

    by = choice(SatisfactionBy, required=True, metadata={"description": "As the ticket has it now."})


class FiguresSchema(Answer):
    """What was answered."""

    resolved = fields.Integer(metadata={"description": "Tickets that were resolved, and are so or closed."})
    rated = fields.Integer()
    response_rate = fields.Float(allow_none=True, metadata={"description": "rated / resolved."})
    average = fields.Float(allow_none=True)
    satisfied = fields.Float(allow_none=True, metadata={"description": "The share of 4 and 5 in what was answered."})
    satisfied_low = fields.Float(
        allow_none=True,
        metadata={"description": "With 95 % confidence it is not below this (Wilson's interval)."},
    )
    satisfied_high = fields.Float(allow_none=True, metadata={"description": "Nor above this."})
    scores = fields.List(fields.Integer(), metadata={"description": "How often each score was given, from 1 to 5."})


class SatisfactionGroupSchema(Answer):
    """The figures of a period and a key."""

    since = fields.Date()
    until = fields.Date()
    key = fields.String(metadata={"description": "An id; none for what has none."})
    name = fields.String(allow_none=True)
    figures = fields.Nested(FiguresSchema)


class SatisfactionReportSchema(Answer):
    """What requesters said."""

    at = fields.DateTime()
    since = fields.Date()
    until = fields.Date()
    time_zone = fields.String()
    by = choice(SatisfactionBy)
    every = choice(Every)
    total = fields.Nested(FiguresSchema)
    groups = fields.List(fields.Nested(SatisfactionGroupSchema))


blp = Blueprint("satisfaction", "/v1", "How satisfied requesters were.")


@blp.route("/tickets/<uuid:ticket_id>/satisfaction", methods=["GET"])
@requires(Permission.TICKET_READ)
@blp.shows(SatisfactionSchema)
def get_satisfaction(ticket_id: UUID) -> Response:
    """Read what the requester of a ticket said, and whether you may say it."""
    return render.shown(satisfaction.satisfaction_of(runtime(), actor(), ticket_id))


@blp.route("/tickets/<uuid:ticket_id>/satisfaction", methods=["PUT"])
@requires(Permission.TICKET_RATE)
@blp.may_conflict
@blp.arguments(RateSchema, example={"score": 5, "comment": "Quick and friendly"})
@blp.shows(SatisfactionSchema)
def rate_ticket(command: Rate, ticket_id: UUID) -> Response:
    """Say how satisfied you are with how your ticket was dealt with, or say it anew."""
    return render.shown(satisfaction.rate(runtime(), actor(), ticket_id, command))


@blp.route("/satisfaction-reports", methods=["GET"])
@requires(Permission.SATISFACTION_READ)
@blp.arguments(SatisfactionReportQuery, location="query")
@blp.or_csv
@blp.shows(SatisfactionReportSchema)
def report_satisfaction(query: dict[str, Any]) -> Response:
    """Count what was said of the tickets that were resolved in these days, of those that you see."""
    wanted = take_format(query)
    question = SatisfactionQuestion(span=take_span(query), **query)
    report = satisfaction.satisfaction_report(runtime(), actor(), question)
    if wanted is Format.CSV:
        return csv_answer(csv_table(SATISFACTION_HEADER, satisfaction_rows(report)), "satisfaction")
    return render.shown(report)
