"""The days that a report is asked for: the query of such reports. What a day is in a zone is decided in the domain."""

from typing import Any

from api.csv_answers import Format
from api.fields import MAX_NAME, Day, Schema, choice, text
from psms.domain.day_spans import DaySpan, Every


class DaysQuery(Schema):
    """Which days are meant, and in which form the report is answered."""

    since = Day(data_key="from", required=True, metadata={"description": "The first day."})
    until = Day(data_key="to", required=True, metadata={"description": "The last day; at most 366 days in all."})
    time_zone = text(
        MAX_NAME, metadata={"description": "In which days begin and end, as in Europe/Paris; left out: UTC."}
    )
    every = choice(Every, metadata={"description": "Left out: one period of all days. Weeks begin on Monday."})
    format = choice(Format, metadata={"description": "Left out: what Accept prefers."})


def take_span(query: dict[str, Any]) -> DaySpan:
    """Take the days out of *query*, which keeps the rest."""
    return DaySpan(**{name: query.pop(name) for name in ("since", "until", "time_zone", "every") if name in query})
