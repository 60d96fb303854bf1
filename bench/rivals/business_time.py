"""Asks other libraries the same sums, in an interpreter that has them, and writes how long each took as JSON.

It reads {"zone", "questions": [[start, end, budget]], "answers": [[elapsed, due]]} from standard input, instants and
spans in seconds. Nothing of PSMS is imported here. Libraries without zones are asked in local time, which is the same
as long as nothing open lies beside a change of the clock.
"""

import json
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from datetime import time as wall
from importlib import import_module
from typing import Any
from zoneinfo import ZoneInfo

Elapsed = Callable[[datetime, datetime], Any]
Add = Callable[[datetime, timedelta], Any]
Rival = tuple[Elapsed | None, Add | None]
Found = dict[str, float]

_OPEN, _CLOSE = wall(9), wall(17)
# Enough for a figure, and no more of the slow ones than needed.
_LONGEST_S = 1.0


def _workclock(zone: ZoneInfo) -> Rival:
    library = import_module("workclock")
    schedule = library.Schedule([library.WorkDay(_OPEN, _CLOSE)], time_zone=zone)
    return schedule.between, schedule.add


def _timegrid(_: ZoneInfo) -> Rival:
    calendar = import_module("timegrid").TimeGridCalendar.weekdays(_OPEN, _CLOSE)
    compiled = calendar.compile(datetime(2025, 11, 1), datetime(2030, 11, 1))  # noqa: DTZ001
    return compiled.get_working_duration, calendar.add_work_duration


def _businesstimedelta(zone: ZoneInfo) -> Rival:
    library = import_module("businesstimedelta")
    pytz = import_module("pytz").timezone(zone.key)
    rules = library.Rules([library.WorkDayRule(_OPEN, _CLOSE, working_days=[0, 1, 2, 3, 4], tz=pytz)])

    def elapsed(start: datetime, end: datetime) -> timedelta:
        counted: timedelta = rules.difference(start, end).timedelta
        return counted

    def add(start: datetime, budget: timedelta) -> datetime:
        due: datetime = start + library.BusinessTimeDelta(rules, timedelta=budget)
        return due

    return elapsed, add


def _businesstime(_: ZoneInfo) -> Rival:
    counted = import_module("businesstime").BusinessTime((_OPEN, _CLOSE))

    def elapsed(start: datetime, end: datetime) -> timedelta:
        # It counts in days of eight hours.
        delta = counted.businesstimedelta(start, end)
        return timedelta(seconds=delta.days * 8 * 3600 + delta.seconds)

    return elapsed, None


def _business_duration(_: ZoneInfo) -> Rival:
    count = import_module("business_duration").businessDuration
    return lambda start, end: timedelta(minutes=float(count(start, end, _OPEN, _CLOSE, unit="min"))), None


def _bizdurr(zone: ZoneInfo) -> Rival:
    day = {"start": "09:00", "end": "17:00"}
    week = dict.fromkeys(("monday", "tuesday", "wednesday", "thursday", "friday"), day)
    return import_module("bizdurr").BusinessDuration(business_hours=week, business_timezone=zone.key).calculate, None


def _officehours(_: ZoneInfo) -> Rival:
    calculator = import_module("officehours").Calculator("9:00", "17:00")

    def elapsed(start: datetime, end: datetime) -> timedelta:
        return timedelta(seconds=calculator.working_seconds(start, end))

    return elapsed, lambda start, budget: calculator.due_date(budget.total_seconds() / 3600, start)


def _django_bizcal(zone: ZoneInfo) -> Rival:
    week = {str(day): [("09:00", "17:00")] for day in range(5)}
    calendar = import_module("django_bizcal").WorkingCalendar(tz=zone.key, weekly_schedule=week)
    return calendar.business_time_between, lambda start, budget: calendar.add_business_hours(
        start, budget.total_seconds() / 3600
    )


def _pandas(zone: ZoneInfo) -> Rival:
    pandas = import_module("pandas")

    def add(start: datetime, budget: timedelta) -> datetime:
        # It adds whole hours only.
        hours = pandas.offsets.CustomBusinessHour(int(budget.total_seconds() // 3600), start="09:00", end="17:00")
        due: datetime = pandas.Timestamp(start).tz_convert(zone) + hours
        return due

    return None, add


_RIVALS: dict[str, tuple[Callable[[ZoneInfo], Rival], bool]] = {
    "workclock": (_workclock, True),
    "timegrid": (_timegrid, False),
    "businesstimedelta": (_businesstimedelta, True),
    "businesstime": (_businesstime, False),
    "business-duration": (_business_duration, False),
    "bizdurr": (_bizdurr, True),
    "officehours": (_officehours, False),
    "django-bizcal": (_django_bizcal, True),
    "pandas": (_pandas, True),
}


def _seconds(value: datetime | timedelta, zone: ZoneInfo) -> float:
    if isinstance(value, timedelta):
        return value.total_seconds()
    return float((value if value.tzinfo else value.replace(tzinfo=zone)).timestamp())


def _measured(ask: Callable[..., Any], questions: list[tuple[Any, ...]], right: list[float], zone: ZoneInfo) -> Found:
    # What a library does once is no part of a sum.
    ask(*questions[0])
    answers, took = [], []
    until = time.perf_counter() + _LONGEST_S
    for question in questions:
        began = time.perf_counter_ns()
        answers.append(ask(*question))
        took.append(time.perf_counter_ns() - began)
        if time.perf_counter() > until:
            break
    agree = sum(abs(_seconds(got, zone) - want) < 1 for got, want in zip(answers, right, strict=False))
    return {"us": sorted(took)[len(took) // 2] / 1_000, "agrees": agree / len(answers), "asked": len(answers)}


def _main() -> None:
    asked = json.load(sys.stdin)
    zone, found = ZoneInfo(asked["zone"]), {}
    for name, (make, aware) in _RIVALS.items():
        try:
            found[name] = _of_rival(make(zone), asked, zone, aware=aware)
        except Exception as error:  # noqa: BLE001  (whatever another library does, the others are still asked)
            found[name] = {"error": f"{type(error).__name__}: {error}"[:200]}
    json.dump(found, sys.stdout)


def _of_rival(rival: Rival, asked: dict[str, Any], zone: ZoneInfo, *, aware: bool) -> dict[str, Any]:
    def moment(seconds: float) -> datetime:
        local = datetime.fromtimestamp(seconds, UTC).astimezone(zone)
        return local if aware else local.replace(tzinfo=None)

    elapsed, add = rival
    spans = [(moment(start), moment(end)) for start, end, _ in asked["questions"]]
    budgets = [(moment(start), timedelta(seconds=budget)) for start, _, budget in asked["questions"]]
    found = {}
    if elapsed is not None:
        found["elapsed"] = _measured(elapsed, spans, [one for one, _ in asked["answers"]], zone)
    if add is not None:
        found["add"] = _measured(add, budgets, [due for _, due in asked["answers"]], zone)
    return found


if __name__ == "__main__":
    _main()
