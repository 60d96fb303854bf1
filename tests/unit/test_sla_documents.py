"""What docs/sla.md promises of deadlines is what the engine answers. The table there is read, not copied."""

import re
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from psms.adapters.zones import PinnedZones
from psms.domain.sla.calendars import Calendar
from psms.domain.sla.documents import calendar_of
from psms.domain.sla.hours import CompiledHours
from psms.domain.sla.instants import instant_of

_PAGE = Path(__file__).parents[2] / "docs" / "sla.md"
_ROW = re.compile(
    r"^\| (.+) \| (\d{4}-\d\d-\d\d \d\d:\d\d) \| (\d+) (h|min) \| (\d{4}-\d\d-\d\d \d\d:\d\d) \|$", re.MULTILINE
)
_TO = "\N{EN DASH}"
_ZONES = {"New York": "America/New_York", "London": "Europe/London"}
_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
ROWS = _ROW.findall(_PAGE.read_text(encoding="utf-8"))


def calendar_in(words: str) -> Calendar:
    """Return the calendar that a cell of the table describes."""
    city, hours, *closed = words.split(", ")
    days = _WEEKDAYS[: 5 if hours.startswith(f"Mon{_TO}Fri") else 7]
    shifts = re.findall(rf"(\d\d:\d\d){_TO}(\d\d:\d\d)", hours)
    return calendar_of(
        {
            "time_zone": _ZONES[city],
            "always_open": False,
            "weekly": dict.fromkeys(days, shifts),
            "holidays": [day.removeprefix("closed ") for day in closed],
            "exceptions": [],
        }
    )


def test_the_table_is_there() -> None:
    assert len(ROWS) == _PAGE.read_text(encoding="utf-8").count("\n| New York,") + 3
    assert len(ROWS) >= 13


@pytest.mark.parametrize(("words", "start", "count", "unit", "due"), ROWS)
def test_the_engine_answers_as_the_page_says(words: str, start: str, count: str, unit: str, due: str) -> None:
    calendar = calendar_in(words)
    zone = PinnedZones().zone(calendar.time_zone)
    begun = datetime.fromisoformat(start).replace(tzinfo=zone)
    budget = timedelta(hours=int(count)) if unit == "h" else timedelta(minutes=int(count))
    answer = CompiledHours(calendar, zone, instant_of(begun)).add_to(begun, budget)

    assert f"{answer.astimezone(zone):%Y-%m-%d %H:%M}" == due
