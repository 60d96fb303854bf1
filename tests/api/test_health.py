"""What operators and their tools ask: is it up, can it serve, what does it measure."""

import dataclasses
from datetime import timedelta

import pytest
from prometheus_client.parser import text_string_to_metric_families

from api.app import create_app
from psms.db.session import Database
from tests.api.conftest import ApiClient
from tests.support.tenants import file_ticket
from workflows.log_seals import seal_logs


@pytest.fixture
def stranded(rt):
    """The application, without its database."""
    nowhere = Database("postgresql://psms_app:x@127.0.0.1:1/none", pool_size=1)
    return ApiClient(create_app(dataclasses.replace(rt, db=nowhere)).test_client(), None)


def samples(answer):
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_a_process_that_runs_says_so_whatever_else_is_down(anonymous, stranded):
    for caller in (anonymous, stranded):
        answer = caller.get("/healthz")
        assert (answer.status_code, answer.json) == (200, {"status": "ok"})


def test_with_both_servers_it_is_ready(anonymous):
    answer = anonymous.get("/readyz")

    assert (answer.status_code, answer.json["status"]) == (200, "ready")
    assert {found["name"]: found["ready"] for found in answer.json["dependencies"]} == {
        "postgresql": True,
        "redis": True,
    }


def test_without_redis_it_is_degraded_and_still_takes_tickets(rt, client):
    rt.redis.up = False

    answer = client.get("/readyz")

    assert (answer.status_code, answer.json["status"]) == (200, "degraded")
    assert [found["name"] for found in answer.json["dependencies"] if not found["ready"]] == ["redis"]
    assert client.post("/v1/tickets", json={"subject": "x"}).status_code == 201


def test_without_its_database_it_is_not_ready_and_says_which_server_is_missing(stranded):
    answer = stranded.get("/readyz")

    assert (answer.status_code, answer.json["code"]) == (503, "dependency_unavailable")
    assert answer.json["detail"].startswith("postgresql: ")
    assert [found["name"] for found in answer.json["dependencies"] if not found["ready"]] == ["postgresql"]
    assert b"127.0.0.1" not in answer.data


def test_requests_are_counted_by_route_and_never_by_address(client):
    key = ("psms_http_requests_total", ("method", "GET"), ("route", "/v1/tickets/<uuid:ticket_id>"), ("status", "404"))
    nowhere = ("psms_http_requests_total", ("method", "GET"), ("route", "none"), ("status", "404"))
    odd = ("psms_http_requests_total", ("method", "other"), ("route", "none"), ("status", "405"))
    before = samples(client.get("/metrics"))

    client.get("/v1/tickets/0192f0c1-0000-7000-8000-000000000001")
    client.get("/nobody/knows/this")
    client.call("BREW", "/v1/tickets")

    after = samples(client.get("/metrics"))
    assert [after[name] - before.get(name, 0) for name in (key, nowhere, odd)] == [1, 1, 1]
    assert not [name for name in after if "nobody" in str(name) or "BREW" in str(name) or "0192f0c1" in str(name)]


def test_what_waits_in_the_database_is_measured(client):
    for _ in range(3):
        client.post("/v1/tickets", json={"subject": "x"})

    answer = client.get("/metrics")

    found = samples(answer)
    assert answer.content_type.startswith("text/plain")
    assert found["psms_database_up",] == 1
    assert found["psms_outbox_waiting",] == 3
    assert found["psms_outbox_oldest_seconds",] >= 0
    assert found["psms_webhook_oldest_due_seconds",] == 0
    assert [found["psms_webhook_lanes", ("circuit", circuit)] for circuit in ("closed", "open", "half_open")] == [
        0,
        0,
        0,
    ]
    assert [found["psms_webhook_in_flight", ("endpoint", how)] for how in ("healthy", "slow", "failing")] == [0, 0, 0]
    assert {name[1][1] for name in found if name[0] == "psms_webhook_deliveries"} == {
        "pending",
        "in_flight",
        "held",
        "dead",
    }
    mails = {name[1][1]: value for name, value in found.items() if name[0] == "psms_mails_unfinished"}
    assert mails == {"pending": 0, "in_flight": 0, "dead": 0}


def test_metrics_are_there_while_the_database_is_not(stranded):
    found = samples(stranded.get("/metrics"))

    assert found["psms_database_up",] == 0
    assert any(name[0] == "psms_http_requests_total" for name in found)
    assert ("psms_outbox_waiting",) not in found


def test_the_age_of_the_oldest_entry_without_a_seal_is_measured(anonymous, rt, demo, database):
    def age():
        return samples(anonymous.get("/metrics"))["psms_log_unsealed_age_seconds",]

    seal_logs(rt)
    assert age() == 0
    file_ticket(rt, demo.actor)
    database.move_clock(timedelta(seconds=90))
    assert 90 <= age() < 150
    file_ticket(rt, demo.actor)
    assert 90 <= age() < 150

    seal_logs(rt)

    assert age() == 0
