"""Where zones change their clocks in ways that catch people out, and calendars about there. Nothing is tried here."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from hypothesis import strategies as st
from typing_extensions import override

from psms.domain.sla.calendars import Calendar, DayException, Shift
from tests.support.sla_brute import utc

AROUND = timedelta(days=3)


@dataclass(frozen=True)
class Place:
    """A zone and an instant at which something happens to its clock."""

    zone: str
    at: datetime

    @override
    def __str__(self) -> str:
        return f"{self.zone}-{self.at:%Y-%m-%d}"

    @property
    def first(self) -> datetime:
        """Where a walk begins."""
        return self.at - AROUND

    @property
    def last(self) -> datetime:
        """Where it ends."""
        return self.at + AROUND


PLACES = tuple(
    Place(zone, utc(at))
    for zone, at in [
        ("America/New_York", "2026-03-08T07:00"),
        ("America/New_York", "2026-11-01T06:00"),
        ("Europe/London", "2026-03-29T01:00"),
        ("Europe/London", "2026-10-25T01:00"),
        ("Europe/Dublin", "2026-10-25T01:00"),  # winter is the exception there
        ("Australia/Lord_Howe", "2026-04-04T15:00"),  # half an hour
        ("Australia/Lord_Howe", "2026-10-03T15:30"),
        ("Asia/Kathmandu", "1985-12-31T18:30"),  # a quarter of an hour
        ("America/Sao_Paulo", "2018-11-04T03:00"),  # no midnight
        ("America/Sao_Paulo", "2018-02-18T02:00"),  # two midnights
        ("Africa/Casablanca", "2026-02-15T02:00"),  # Ramadan
        ("Africa/Casablanca", "2026-09-20T02:00"),  # for good
        ("Pacific/Apia", "2011-12-30T10:00"),  # a day that never was
        ("America/St_Johns", "2010-03-14T03:31"),  # a minute past midnight
        ("America/St_Johns", "2010-11-07T02:31"),
        ("Antarctica/Troll", "2026-03-29T01:00"),  # two hours
        ("Antarctica/Troll", "2026-10-25T01:00"),
        ("Asia/Beirut", "2026-03-28T22:00"),
        ("Asia/Pyongyang", "2015-08-14T15:00"),
        ("Asia/Pyongyang", "2018-05-04T15:00"),
        ("America/Caracas", "2016-05-01T07:00"),
        ("Atlantic/Azores", "2026-10-25T01:00"),
        ("Asia/Gaza", "2026-03-28T00:00"),
        ("Pacific/Kwajalein", "1993-08-21T12:00"),  # a day that never was
    ]
)


@st.composite
def shifts(draw: st.DrawFn) -> tuple[Shift, ...]:
    """Draw the shifts of a day, none of them overlapping another one of it; the last may end the next day."""
    cuts = sorted(draw(st.sets(st.one_of(st.integers(0, 1440), st.integers(0, 16).map(lambda q: 15 * q)), max_size=6)))
    pairs = [Shift(start, end) for start, end in zip(cuts[::2], cuts[1::2], strict=False)]
    if len(cuts) % 2 and cuts[-1] < 1440:
        return (
            (*pairs, Shift(cuts[-1], draw(st.integers(0, min(cuts[-1], 600)).filter(lambda end: end != cuts[-1]))))
            if cuts[-1] > 0
            else tuple(pairs)
        )
    return tuple(pairs)


def calendars(place: Place) -> st.SearchStrategy[Calendar]:
    """Draw calendars with holidays and exceptions about the day on which something happens."""
    days = st.integers(-3, 3).map(lambda days: (place.at + timedelta(days=days)).date())
    exceptions = st.dictionaries(days, st.one_of(st.just(()), shifts()), max_size=2)
    return st.builds(
        Calendar,
        time_zone=st.just(place.zone),
        weekly=st.tuples(*[shifts()] * 7),
        holidays=st.frozensets(days, max_size=2),
        exceptions=exceptions.map(lambda some: tuple(DayException(day, own) for day, own in some.items())),
    )


def instants(place: Place) -> st.SearchStrategy[datetime]:
    """Draw instants of a walk about a place: whole minutes, and a microsecond beside them."""
    minutes = st.integers(2, int(2 * AROUND / timedelta(minutes=1)) - 2)
    return st.builds(
        lambda minute, beside: place.first + timedelta(minutes=minute, microseconds=beside),
        minutes,
        st.sampled_from([0, 0, 0, 1, -1, 29_999_999]),
    )
