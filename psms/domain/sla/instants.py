"""Instants and spans as integer microseconds, and the way from and to datetimes. No calendar lives here.

An instant is the number of microseconds since 1970-01-01T00:00:00Z, a wall time the number of microseconds since
1970-01-01T00:00 on a clock of its zone: the same type, never mixed.
"""

from datetime import UTC, date, datetime, timedelta

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

MICROSECOND = timedelta(microseconds=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()


def instant_of(moment: datetime) -> int:
    """Return an aware datetime as an instant, exactly; a naive one raises TypeError."""
    return (moment - EPOCH) // MICROSECOND


def moment_of(instant: int) -> datetime:
    """Return an instant as a datetime in UTC; one outside the years 1 to 9999 raises OverflowError."""
    return EPOCH + instant * MICROSECOND


def microseconds_of(span: timedelta) -> int:
    """Return a span in microseconds, exactly."""
    return span // MICROSECOND


def span_of(microseconds: int) -> timedelta:
    """Return so many microseconds as a span."""
    return timedelta(microseconds=microseconds)


def day_number(day: date) -> int:
    """Return the number of days from 1970-01-01 to *day*."""
    return day.toordinal() - _EPOCH_ORDINAL


def weekday_of(number: int) -> int:
    """Return the weekday, Monday being 0, of the day with this number."""
    return (number + 3) % 7
