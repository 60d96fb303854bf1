"""Calendars over the API."""

from dataclasses import replace
from datetime import date

import pytest

from api.app import create_app
from psms.domain.access import Role
from psms.domain.sla.holiday_sources import FrozenHolidays
from tests.api.conftest import ApiClient

SHIFTS = [["09:00", "17:00"]]
WEEK = dict.fromkeys(("mon", "tue", "wed", "thu", "fri"), SHIFTS)
PARIS = {
    "name": "Paris",
    "time_zone": "Europe/Paris",
    "weekly": WEEK,
    "holidays": ["2026-12-26"],
    "exceptions": [{"date": "2026-12-24", "hours": [["09:00", "12:00"]]}],
    "holiday_source": {"country": "FR", "years": [2026]},
}
CHRISTMAS = "2026-12-25"


class Almanac:
    """A library of holidays as a test needs it."""

    def __init__(self, library, *dates):
        self.library = library
        self.dates = frozenset(map(date.fromisoformat, dates))

    def compute(self, source, /):
        return FrozenHolidays(source=source, dates=self.dates, library=self.library)


@pytest.fixture
def with_almanac(rt, demo):
    """Return an admin client of `demo` in a process that has another library of holidays."""
    return lambda *almanac: ApiClient(create_app(replace(rt, holidays=Almanac(*almanac))).test_client(), demo.token)


def test_a_calendar_is_added_read_listed_and_changed(client):
    created = client.post("/v1/calendars", json=PARIS)
    path = created.headers["Location"]

    changed = client.patch(path, json={"name": "Lyon", "weekly": {"sat": SHIFTS}}, headers={"If-Match": '"1"'})

    assert (created.status_code, created.headers["ETag"]) == (201, '"1"')
    assert created.json["weekly"] == WEEK
    assert created.json["exceptions"] == PARIS["exceptions"]
    assert {CHRISTMAS, "2026-12-26", "2026-07-14"} <= set(created.json["holidays"])
    assert created.json["holiday_source"]["dates"] == [day for day in created.json["holidays"] if day != "2026-12-26"]
    assert (created.json["definition_version"], changed.json["definition_version"]) == (1, 2)
    assert (changed.json["name"], changed.json["weekly"], changed.json["version"]) == ("Lyon", {"sat": SHIFTS}, 2)
    assert changed.json["holidays"] == created.json["holidays"]
    assert client.get(path).json == changed.json
    assert client.get("/v1/calendars").json["items"] == [changed.json]


def test_another_name_is_no_new_version(client):
    path = client.post("/v1/calendars", json=PARIS).headers["Location"]

    changed = client.patch(path, json={"name": "Lyon", "time_zone": "Europe/Paris"}).json

    assert (changed["name"], changed["version"], changed["definition_version"]) == ("Lyon", 2, 1)
    assert client.patch(path, json={"name": "Lyon"}).json == changed
    assert [one["version"] for one in client.get(f"{path}/versions").json["items"]] == [1]


def test_every_version_can_be_read_page_by_page(client, demo):
    path = client.post("/v1/calendars", json={"name": "A", "time_zone": "UTC", "always_open": True}).headers["Location"]
    for zone in ("Europe/Paris", "Asia/Kathmandu"):
        client.patch(path, json={"time_zone": zone})

    first = client.get(f"{path}/versions?limit=2").json
    second = client.get(f"{path}/versions", query_string={"limit": 2, "cursor": first["next_cursor"]}).json

    versions = first["items"] + second["items"]
    assert [one["version"] for one in versions] == [1, 2, 3]
    assert [one["definition"]["time_zone"] for one in versions] == ["UTC", "Europe/Paris", "Asia/Kathmandu"]
    assert {one["created_by"] for one in versions} == {str(demo.actor.user_id)}
    assert second["next_cursor"] is None


def test_a_stale_edit_and_a_stale_removal_change_nothing(client, snapshot):
    path = client.post("/v1/calendars", json=PARIS).headers["Location"]
    before = snapshot()

    answers = [
        client.patch(path, json={"name": "x"}, headers={"If-Match": '"2"'}),
        client.delete(path, headers={"If-Match": '"2"'}),
    ]

    assert [(answer.status_code, answer.json["code"]) for answer in answers] == [(412, "version_stale")] * 2
    assert snapshot() == before


def test_the_same_name_twice_is_409_and_a_removed_calendars_name_is_free(client):
    path = client.post("/v1/calendars", json=PARIS).headers["Location"]

    twice = client.post("/v1/calendars", json={**PARIS, "name": "PARIS"})
    removed = client.delete(path)

    assert (twice.status_code, twice.json["code"]) == (409, "already_exists")
    assert removed.status_code == 204
    assert client.post("/v1/calendars", json=PARIS).status_code == 201


def test_a_calendar_in_use_cannot_be_removed_and_a_removed_one_not_chosen(client, snapshot):
    path = client.post("/v1/calendars", json=PARIS).headers["Location"]
    calendar_id = path.rpartition("/")[2]
    promise = {"name": "P", "targets": {"resolution": {"seconds": 60, "calendar_id": calendar_id}}}
    policy = client.post("/v1/sla-policies", json=promise).headers["Location"]
    # Also one that is switched off: it may be switched on again.
    client.patch(policy, json={"active": False})
    before = snapshot()

    used = client.delete(path)

    assert (used.status_code, used.json["code"]) == (409, "still_in_use")
    assert snapshot() == before
    client.patch(policy, json={"targets": {"resolution": {"seconds": 60}}})
    assert client.delete(path).status_code == 204
    assert [client.get(path).status_code, client.patch(path, json={}).status_code, client.delete(path).status_code] == [
        404
    ] * 3
    assert client.get("/v1/calendars").json["items"] == []
    assert client.get(f"{path}/versions").status_code == 200
    refused = client.post("/v1/sla-policies", json=promise)
    assert refused.json["errors"][0]["field"] == "targets.resolution.calendar_id"


def test_what_a_newer_library_says_is_shown_and_accepted_or_not(client, with_almanac):
    older = with_almanac("holidays 1", "2026-01-01", "2026-05-01")
    newer = with_almanac("holidays 2", "2026-01-01", "2026-05-08")
    path = older.post("/v1/calendars", json=PARIS).headers["Location"]

    changes = newer.get(f"{path}/holiday-changes").json
    untouched = newer.patch(path, json={"exceptions": []}).json
    accepted = newer.patch(path, json={"holiday_source": PARIS["holiday_source"]}).json

    assert changes == {
        "frozen_with": "holidays 1",
        "library": "holidays 2",
        "added": ["2026-05-08"],
        "removed": ["2026-05-01"],
    }
    assert (untouched["holidays"], untouched["holiday_source"]["library"]) == (
        ["2026-01-01", "2026-05-01", "2026-12-26"],
        "holidays 1",
    )
    assert accepted["holidays"] == ["2026-01-01", "2026-05-08", "2026-12-26"]
    assert newer.get(f"{path}/holiday-changes").json["added"] == []
    forgotten = client.patch(path, json={"holiday_source": None}).json
    assert (forgotten["holidays"], forgotten["holiday_source"]) == (["2026-12-26"], None)
    unsourced = client.get(f"{path}/holiday-changes").json
    assert [unsourced[name] for name in ("frozen_with", "library", "added", "removed")] == [None, None, [], []]


REFUSED = {
    "no name": {"name": None},
    "no zone": {"time_zone": None},
    "unknown zone": {"time_zone": "Europe/Atlantis"},
    "never open": {"weekly": {}, "exceptions": []},
    "unknown day": {"weekly": {"funday": SHIFTS}},
    "half a shift": {"weekly": {"mon": [["09:00"]]}},
    "no time": {"weekly": {"mon": [["9am", "5pm"]]}},
    "later than midnight": {"weekly": {"mon": [["09:00", "24:01"]]}},
    "zero-length shift": {"weekly": {"mon": [["09:00", "09:00"]]}},
    "overlap": {"weekly": {"mon": [["09:00", "12:00"], ["11:00", "17:00"]]}},
    "no date": {"holidays": ["2026-02-30"]},
    "no date at all": {"holidays": ["Christmas"]},
    "exception without hours": {"exceptions": [{"date": CHRISTMAS}]},
    "doubled exception": {"exceptions": [{"date": CHRISTMAS, "hours": []}, {"date": CHRISTMAS, "hours": []}]},
    "unknown country": {"holiday_source": {"country": "XX", "years": [2026]}},
    "unknown part": {"holiday_source": {"country": "FR", "subdivision": "Texas", "years": [2026]}},
    "no years": {"holiday_source": {"country": "FR", "years": []}},
    "unknown field": {"zone": "UTC"},
    "null": {"weekly": None},
}


@pytest.mark.parametrize("fault", REFUSED.values(), ids=REFUSED.keys())
def test_a_calendar_that_cannot_be_kept_is_refused(client, snapshot, fault):
    before = snapshot()

    answer = client.post("/v1/calendars", json={**PARIS, **fault})

    assert (answer.status_code, answer.json["code"]) == (422, "validation_failed")
    assert answer.json["errors"][0]["field"].partition(".")[0] in fault
    assert snapshot() == before


def test_an_edit_that_leaves_no_open_time_is_refused(client, snapshot):
    path = client.post("/v1/calendars", json={**PARIS, "exceptions": []}).headers["Location"]
    before = snapshot()

    answer = client.patch(path, json={"weekly": {}})

    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "weekly")
    assert snapshot() == before


def test_the_same_key_adds_one_calendar(client):
    answers = [client.post("/v1/calendars", json=PARIS, headers={"Idempotency-Key": "once"}) for _ in "ab"]

    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json == answers[1].json
    assert len(client.get("/v1/calendars").json["items"]) == 1


def test_agents_read_calendars_and_do_not_change_them(client, as_role, snapshot):
    path = client.post("/v1/calendars", json=PARIS).headers["Location"]
    agent = as_role(Role.AGENT)

    assert agent.get(path).status_code == 200
    before = snapshot()
    assert agent.patch(path, json={"name": "x"}).status_code == 403
    assert agent.delete(path).status_code == 403
    after = snapshot()
    assert {table for table in before if before[table] != after[table]} == {"logs"}


def test_another_organization_sees_no_calendar_and_cannot_measure_by_it(client, other_client):
    path = client.post("/v1/calendars", json=PARIS).headers["Location"]
    target = {"seconds": 60, "calendar_id": path.rpartition("/")[2]}

    assert [other_client.get(f"{path}{rest}").status_code for rest in ("", "/versions", "/holiday-changes")] == [
        404
    ] * 3
    assert other_client.patch(path, json={"name": "x"}).status_code == 404
    assert other_client.delete(path).status_code == 404
    assert other_client.get("/v1/calendars").json["items"] == []
    refused = other_client.post("/v1/sla-policies", json={"name": "P", "targets": {"resolution": target}})
    assert refused.json["errors"][0]["field"] == "targets.resolution.calendar_id"
