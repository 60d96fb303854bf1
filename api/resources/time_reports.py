"""Reports on time: how much was worked, by whom, for what and when."""

from typing import Any

from flask import Response
from marshmallow import fields

from api import render
from api.auth import actor, requires
from api.context import runtime
from api.csv_answers import Format, csv_answer, take_format
from api.day_spans import DaysQuery, take_span
from api.fields import Answer, choice
from api.smorest import Blueprint
from psms.domain.access import Permission
from psms.domain.csv_tables import csv_table
from psms.domain.day_spans import Every
from psms.domain.time_reports import TIME_REPORT_HEADER, TimeBy, TimeReportQuestion, time_report_rows
from workflows import time_reports


class TimeReportQuery(DaysQuery):
    """Which days are meant, and what they are divided by."""

    by = choice(TimeBy, required=True)


class TimeSumSchema(Answer):
    """How much was worked in a period for one key."""

    since = fields.Date()
    until = fields.Date(metadata={"description": "The last day."})
    key = fields.String(metadata={"description": "An id or a word; none for what has none."})
    name = fields.String(allow_none=True)
    entries = fields.Integer()
    tickets = fields.Integer()
    seconds = fields.Integer()
    billable_seconds = fields.Integer()


class TimeReportSchema(Answer):
    """How much was worked, and the sums, by period and then the most first."""

    at = fields.DateTime()
    since = fields.Date()
    until = fields.Date()
    time_zone = fields.String()
    by = choice(TimeBy)
    every = choice(Every)
    entries = fields.Integer()
    seconds = fields.Integer()
    billable_seconds = fields.Integer()
    sums = fields.List(fields.Nested(TimeSumSchema))
    complete = fields.Boolean(metadata={"description": "False where there are more than the 5000 sums shown."})


blp = Blueprint("time_reports", "/v1/time-reports", "How much was worked.")


@blp.route("", methods=["GET"])
@requires(Permission.TIME_READ)
@blp.arguments(TimeReportQuery, location="query")
@blp.or_csv
@blp.shows(TimeReportSchema)
def report_time(query: dict[str, Any]) -> Response:
    """Add up what was worked on the tickets that you see, in the days of a time zone."""
    wanted = take_format(query)
    report = time_reports.time_report(runtime(), actor(), TimeReportQuestion(span=take_span(query), **query))
    if wanted is Format.CSV:
        return csv_answer(csv_table(TIME_REPORT_HEADER, time_report_rows(report)), "time")
    return render.shown(report)
