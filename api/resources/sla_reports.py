"""Reports on what was promised and kept; every figure says where the tickets are listed that it counted."""

from typing import Any

from flask import Response
from marshmallow import fields

from api import render
from api.auth import actor, requires
from api.context import runtime
from api.csv_answers import Format, csv_answer, take_format
from api.fields import Answer, Instant, Schema, choice, text
from api.pagination import PageQuery, page_request
from api.smorest import Blueprint
from api.ticket_fields import TicketSchema
from psms.domain.access import Permission
from psms.domain.csv_tables import csv_table
from psms.domain.sla.attainment import CSV_HEADER, By, Figure, Question, Selection, csv_rows
from psms.domain.sla.terms import Metric
from psms.domain.sla.time_in_status import TIME_CSV_HEADER, TicketBy, TimeQuestion, TimeSelection, time_csv_rows
from psms.domain.tickets import Status
from workflows import sla_reports, sla_times

_LONGEST_KEY = 40


class SpanQuery(Schema):
    """A span of time."""

    since = Instant(data_key="from", required=True, metadata={"description": "At this instant or later."})
    until = Instant(
        data_key="to", required=True, metadata={"description": "Before this instant, at most 366 days after from."}
    )


class ClocksQuery(SpanQuery):
    """Which clocks are meant."""

    by = choice(
        By,
        required=True,
        metadata={"description": "What it is divided by; all but the policy as the ticket has it now."},
    )
    metric = choice(Metric, metadata={"description": "Left out: all that customers are promised."})


class FiledTicketsQuery(SpanQuery):
    """Which tickets are meant: those that were filed in the span."""

    by = choice(TicketBy, required=True, metadata={"description": "As the ticket has it now."})


class FigureQuery(PageQuery):
    """Of which group the tickets are listed that a figure counted."""

    key = text(_LONGEST_KEY, metadata={"description": "That of a group; left out: of all groups."})


class FormQuery(Schema):
    """In which form a report is answered."""

    format = choice(Format, metadata={"description": "Left out: what Accept prefers."})


class AttainmentQuery(ClocksQuery, FormQuery):
    """Which clocks are counted."""


class CountedTicketsQuery(ClocksQuery, FigureQuery):
    """Which clocks of a report are meant, and the figure that counted them."""

    figure = choice(Figure, required=True)


class CountedSchema(Answer):
    """How many clocks a figure counted, and of how many tickets."""

    clocks = fields.Integer()
    tickets = fields.Integer()
    opens = fields.String(metadata={"description": "The address that lists exactly these tickets."})


class CausesSchema(Answer):
    """Why it was missed: each miss is counted once, under the first that holds."""

    retargeted = fields.Nested(CountedSchema)
    reopened = fields.Nested(CountedSchema)
    never_answered = fields.Nested(CountedSchema)
    answered_late = fields.Nested(CountedSchema)
    unanswered = fields.Nested(CountedSchema)
    interrupted = fields.Nested(CountedSchema)
    took_too_long = fields.Nested(CountedSchema)


class AttainmentGroupSchema(Answer):
    """The figures of one team, service, customer, priority, policy or metric, or of all."""

    key = fields.String(allow_none=True, metadata={"description": "Null for the total; none for what has none."})
    name = fields.String(allow_none=True)
    attainment = fields.Float(allow_none=True, metadata={"description": "met / (met + missed); null where neither."})
    met = fields.Nested(CountedSchema)
    missed = fields.Nested(CountedSchema)
    running_over = fields.Nested(CountedSchema, metadata={"description": "Of the missed, those that go on."})
    cancelled = fields.Nested(CountedSchema)
    voided = fields.Nested(CountedSchema, metadata={"description": "Breaches declared void: not among the missed."})
    causes = fields.Nested(CausesSchema)


class AttainmentSchema(Answer):
    """What was kept of what was promised."""

    at = fields.DateTime()
    since = fields.DateTime()
    until = fields.DateTime()
    by = choice(By)
    metric = choice(Metric, allow_none=True)
    total = fields.Nested(AttainmentGroupSchema)
    groups = fields.List(fields.Nested(AttainmentGroupSchema))
    complete = fields.Boolean(metadata={"description": "False where there are more than the thousand groups shown."})


class TimeQuery(FiledTicketsQuery, FormQuery):
    """Of which tickets the time is counted."""


class TimedTicketsQuery(FiledTicketsQuery, FigureQuery):
    """Which tickets of a report are meant, and the status that they were in."""

    status = choice(Status, required=True)


class StatusTimeSchema(Answer):
    """How many tickets were in a status, and for how long together."""

    tickets = fields.Integer()
    wall_seconds = fields.Integer()
    open_seconds = fields.Integer(metadata={"description": "By the calendar of the ticket's resolution, if any."})
    opens = fields.String(metadata={"description": "The address that lists exactly these tickets."})


class StatusTimesSchema(Answer):
    """The statuses that end; closed and cancelled last for ever."""

    new = fields.Nested(StatusTimeSchema)
    open = fields.Nested(StatusTimeSchema)
    pending = fields.Nested(StatusTimeSchema)
    on_hold = fields.Nested(StatusTimeSchema)
    resolved = fields.Nested(StatusTimeSchema)


class TimeGroupSchema(Answer):
    """The times of one team, service, customer or priority, or of all."""

    key = fields.String(allow_none=True, metadata={"description": "Null for the total; none for what has none."})
    name = fields.String(allow_none=True)
    statuses = fields.Nested(StatusTimesSchema)


class TimeInStatusSchema(Answer):
    """How long tickets were in each status, until the instant at."""

    at = fields.DateTime()
    since = fields.DateTime()
    until = fields.DateTime()
    by = choice(TicketBy)
    tickets = fields.Integer()
    without_history = fields.Integer(metadata={"description": "Tickets whose log is not kept any more: left out."})
    total = fields.Nested(TimeGroupSchema)
    groups = fields.List(fields.Nested(TimeGroupSchema))


blp = Blueprint("sla_reports", "/v1/sla-reports", "What was promised, and what was kept of it.")


@blp.route("/attainment", methods=["GET"])
@requires(Permission.SLA_READ)
@blp.arguments(AttainmentQuery, location="query")
@blp.or_csv
@blp.shows(AttainmentSchema)
def report_attainment(query: dict[str, Any]) -> Response:
    """Count the clocks that were missed or ended in a span: met, missed, why, and of which tickets.

    Of the tickets that the caller sees. Counted are cycles of clocks, and beside them their tickets.
    """
    wanted = take_format(query)
    report = sla_reports.attainment(runtime(), actor(), Question(**query))
    if wanted is Format.CSV:
        return csv_answer(csv_table(CSV_HEADER, csv_rows(report)), "sla-attainment")
    return render.shown(report)


@blp.route("/attainment/tickets", methods=["GET"])
@requires(Permission.SLA_READ)
@blp.arguments(CountedTicketsQuery, location="query")
@blp.lists(TicketSchema)
def list_attainment_tickets(query: dict[str, Any]) -> Response:
    """List the tickets that a figure of a report counted, newest first."""
    page = page_request(query)
    figure, key = query.pop("figure"), query.pop("key", None)
    selection = Selection(question=Question(**query), figure=figure, key=key)
    return render.listed(sla_reports.counted_tickets(runtime(), actor(), selection, page))


@blp.route("/time-in-status", methods=["GET"])
@requires(Permission.SLA_READ)
@blp.arguments(TimeQuery, location="query")
@blp.or_csv
@blp.shows(TimeInStatusSchema)
def report_time_in_status(query: dict[str, Any]) -> Response:
    """Add up how long the tickets that were filed in a span, 20000 at most, were in each status until now."""
    wanted = take_format(query)
    report = sla_times.time_in_status(runtime(), actor(), TimeQuestion(**query))
    if wanted is Format.CSV:
        return csv_answer(csv_table(TIME_CSV_HEADER, time_csv_rows(report)), "sla-time-in-status")
    return render.shown(report)


@blp.route("/time-in-status/tickets", methods=["GET"])
@requires(Permission.SLA_READ)
@blp.arguments(TimedTicketsQuery, location="query")
@blp.lists(TicketSchema)
def list_time_in_status_tickets(query: dict[str, Any]) -> Response:
    """List the tickets whose time in a status a report counted, newest first."""
    page = page_request(query)
    status, key = query.pop("status"), query.pop("key", None)
    selection = TimeSelection(question=TimeQuestion(**query), status=status, key=key)
    return render.listed(sla_times.tickets_in_status(runtime(), actor(), selection, page))
