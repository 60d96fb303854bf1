"""Which calendars are refused, how they are stored and kept, and where zones come from. No sums here."""

from datetime import date, timedelta, tzinfo
from functools import partial
from importlib.resources import files
from itertools import pairwise
from zoneinfo._zoneinfo import ZoneInfo  # type: ignore[import-not-found]  # the one in Python shows its changes

import pytest
import tzdata
from hypothesis import given
from hypothesis import strategies as st

from psms.adapters.zones import PinnedZones
from psms.domain.sla.calendar_checks import Fault, faults_of
from psms.domain.sla.calendars import ALWAYS_OPEN, Calendar, DayException, Shift
from psms.domain.sla.documents import calendar_of, document_of, parse_wall_time
from psms.domain.sla.hours import ROUND_THE_CLOCK
from psms.domain.sla.hours_cache import HoursCache
from psms.domain.sla.instants import SECOND, instant_of
from psms.domain.sla.wall_clock import PROBE_STEP
from psms.domain.sla.zones import UnknownZone
from tests.support.sla_brute import utc
from tests.support.sla_places import PLACES, calendars

ZONES = PinnedZones()
AT = instant_of(utc("2026-11-22T00:00"))
DAY_SHIFT, NIGHT_SHIFT = Shift(540, 1020), Shift(1320, 360)
OVERLAP = "two shifts overlap; make them one"


def week(*monday: Shift, sunday: tuple[Shift, ...] = (), **more: object) -> Calendar:
    """Return a calendar in Paris with shifts on Monday, and on Sunday."""
    return Calendar(time_zone="Europe/Paris", weekly=(monday, *((),) * 5, sunday), **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "calendar",
    [
        week(DAY_SHIFT),
        week(Shift(0, 1440), sunday=(Shift(0, 1440),)),
        week(Shift(360, 720), sunday=(NIGHT_SHIFT,)),
        week(exceptions=(DayException(date(2027, 12, 20), (DAY_SHIFT,)),)),
        ALWAYS_OPEN,
    ],
)
def test_calendars_that_make_sense_have_no_faults(calendar: Calendar) -> None:
    assert faults_of(calendar, ZONES, AT) == ()


NEVER = "the calendar does not open within 400 days; give it a shift"
WRONG = [
    (week(Shift(540, 720), Shift(660, 800)), "weekly.mon", OVERLAP),
    (week(Shift(300, 720), sunday=(NIGHT_SHIFT,)), "weekly.mon", OVERLAP),
    (week(NIGHT_SHIFT, Shift(1380, 1400)), "weekly.mon", OVERLAP),
    (week(Shift(540, 540)), "weekly.mon", "a shift has the same start and end; write 00:00 to 24:00 for a whole day"),
    (week(Shift(540, 1441)), "weekly.mon", "a shift begins between 00:00 and 23:59 and ends between 00:00 and 24:00"),
    (week(Shift(1440, 60)), "weekly.mon", "a shift begins between 00:00 and 23:59 and ends between 00:00 and 24:00"),
    (week(), "weekly", NEVER),
    (week(exceptions=(DayException(date(2027, 12, 28), (DAY_SHIFT,)),)), "weekly", NEVER),
    (week(exceptions=(DayException(date(2026, 11, 1), (DAY_SHIFT,)),)), "weekly", NEVER),
    (
        week(DAY_SHIFT, exceptions=(DayException(date(2026, 12, 24)), DayException(date(2026, 12, 24), (DAY_SHIFT,)))),
        "exceptions.2026-12-24",
        "a date has one exception; put its shifts together",
    ),
    (
        week(DAY_SHIFT, exceptions=(DayException(date(2026, 12, 24), (Shift(0, 60), Shift(30, 90))),)),
        "exceptions.2026-12-24",
        OVERLAP,
    ),
    (
        Calendar(time_zone="Mars/Olympus"),
        "time_zone",
        "there is no time zone 'Mars/Olympus'; write it as in Europe/Paris",
    ),
]


@pytest.mark.parametrize(("calendar", "field", "message"), WRONG)
def test_calendars_that_make_no_sense_are_refused(calendar: Calendar, field: str, message: str) -> None:
    assert faults_of(calendar, ZONES, AT) == (Fault(field=field, message=message),)


def test_a_calendar_whose_only_open_days_are_holidays_is_refused() -> None:
    mondays = frozenset(date(2026, 11, 23) + timedelta(weeks=weeks) for weeks in range(60))

    assert faults_of(week(DAY_SHIFT, holidays=mondays), ZONES, AT) == (Fault(field="weekly", message=NEVER),)


@given(st.sampled_from(PLACES).flatmap(calendars))
def test_a_stored_calendar_is_the_calendar(calendar: Calendar) -> None:
    document = document_of(calendar)

    assert document_of(calendar_of(document)) == document
    assert calendar_of(document).holidays == calendar.holidays
    assert {one.day: one.shifts for one in calendar_of(document).exceptions} == {
        one.day: one.shifts for one in calendar.exceptions
    }


def test_a_document_reads_as_people_write_it() -> None:
    calendar = week(DAY_SHIFT, Shift(1080, 1440), sunday=(NIGHT_SHIFT,), holidays=frozenset({date(2026, 12, 25)}))

    assert document_of(calendar) == {
        "time_zone": "Europe/Paris",
        "always_open": False,
        "weekly": {"mon": [["09:00", "17:00"], ["18:00", "24:00"]], "sun": [["22:00", "06:00"]]},
        "holidays": ["2026-12-25"],
        "exceptions": [],
    }


@pytest.mark.parametrize("text", ["9:00", "24:01", "25:00", "12:60", "12:00:00", "", "１２:00"])  # noqa: RUF001
def test_other_times_of_day_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a time of day"):
        parse_wall_time(text)


def test_a_version_is_compiled_once_and_the_oldest_makes_room() -> None:
    asked: list[str] = []
    cache = HoursCache(ZONES, capacity=2)

    def calendar(name: str) -> Calendar:
        asked.append(name)
        return week(DAY_SHIFT)

    for name in ("a", "a", "b", "a", "c", "b", "c", "a"):
        assert cache.hours_of(name, partial(calendar, name), AT) is cache.hours_of(name, week, AT)
    assert asked == ["a", "b", "c", "a"]
    assert cache.hours_of("always", lambda: ALWAYS_OPEN, AT) is ROUND_THE_CLOCK


def test_another_release_of_the_zone_data_is_compiled_anew() -> None:
    class Release:
        """Zone data whose release changes."""

        version = ZONES.version

        def zone(self, name: str, /) -> tzinfo:
            return ZONES.zone(name)

    zones = Release()
    cache = HoursCache(zones)
    before = cache.hours_of("a", lambda: week(DAY_SHIFT), AT)
    zones.version = "2027a"

    assert ZONES.version == tzdata.IANA_VERSION
    assert cache.hours_of("a", lambda: week(DAY_SHIFT), AT) is not before


def test_zones_come_from_the_pinned_package_and_not_from_the_system() -> None:
    # Morocco gave up changing its clocks in 2026f; copies of operating systems lag behind.
    casablanca = ZONES.zone("Africa/Casablanca")

    assert utc("2026-09-21T08:00").astimezone(casablanca).hour == 8
    assert utc("2026-09-18T08:00").astimezone(casablanca).hour == 9


@pytest.mark.parametrize("name", ["", "Europe", "../etc/passwd", "europe/paris", "Europe/Paris/", "EST5EDT,M3.2.0"])
def test_other_names_are_no_zones(name: str) -> None:
    with pytest.raises(UnknownZone, match="there is no time zone"):
        ZONES.zone(name)


def test_no_zone_changes_twice_between_two_probes() -> None:
    for name in (files(tzdata) / "zones").read_text(encoding="utf-8").split():
        with files(tzdata).joinpath("zoneinfo", *name.split("/")).open("rb") as data:
            zone = ZoneInfo.from_file(data, key=name)
        offsets = [zone._tti_before.utcoff, *(info.utcoff for info in zone._ttinfos)]  # noqa: SLF001
        pairs = zip(zone._trans_utc, pairwise(offsets), strict=False)  # noqa: SLF001
        changes = [at for at, (old, new) in pairs if old != new]
        gaps = [after - before for before, after in pairwise(changes)]
        assert min(gaps, default=PROBE_STEP) * SECOND > PROBE_STEP, name
