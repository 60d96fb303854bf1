"""Clocks that other time-zone data measured: checked where these say the same, else named with what it takes."""

import json
from typing import Any

import pytest
from psycopg import sql

from psms.domain.sla.calendar_definitions import CalendarFields
from psms.domain.sla.zones import package_version
from psms.domain.sla_calendars import NewCalendar
from psms.domain.sla_policies import NewSlaPolicy
from psms.runtime import Runtime
from tests.support.databases import MigratedDatabase
from tests.support.tenants import Tenant, file_ticket
from workflows.calendars import add_calendar
from workflows.sla_policies import add_policy
from workflows.sla_verification import verify_clocks

EVERY_DAY = {day: [["00:00", "24:00"]] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}


@pytest.mark.parametrize(("moved", "alike", "needed"), [("0 s", 1, {}), ("1 h", 0, {"2000a": 1})])
def test_only_what_does_not_follow_by_these_zone_data_needs_the_others(
    rt: Runtime, database: MigratedDatabase, acme: Tenant, *, moved: str, alike: int, needed: dict[str, int]
) -> None:
    fields = CalendarFields(time_zone="UTC", weekly=EVERY_DAY)
    made = json.loads(add_calendar(rt, acme.actor, NewCalendar(name="Always", fields=fields), None).body)
    targets: dict[str, Any] = {"resolution": {"seconds": 3600, "calendar_id": made["id"]}}
    add_policy(rt, acme.actor, NewSlaPolicy(name="An hour", targets=targets), None)
    file_ticket(rt, acme.actor)
    database.run(
        sql.SQL(
            "SET session_replication_role = replica; UPDATE sla_segments SET zone_data = '2000a'; "
            "UPDATE sla_clocks SET zone_data = '2000a', due_at = due_at + interval {}"
        ).format(sql.Literal(moved))
    )

    verified = verify_clocks(rt, acme.organization_id)
    assert (verified.alike, verified.unmeasured, verified.needed) == (alike, len(needed), needed)
    assert verified.differences == []


@pytest.mark.parametrize(("release", "package"), [("2026f", "2026.6"), ("2000a", "2000.1"), ("odd", "odd")])
def test_a_release_is_found_under_the_version_of_its_package(release: str, package: str) -> None:
    assert package_version(release) == package
