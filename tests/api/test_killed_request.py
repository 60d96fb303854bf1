"""A41: an API process is killed in the middle of a request; the same request, sent again, creates exactly one row."""

import os
import signal
import threading

import psycopg
import pytest
import requests

from tests.api.standing import runtime_on
from tests.support.api_process import running_api
from tests.support.tenants import make_tenant
from tests.support.waiting import eventually

BODY = {"subject": "Printer on fire"}


@pytest.fixture
def token(database):
    with runtime_on(database) as rt:
        return make_tenant(rt).token


def file_ticket(api, token, key):
    """Send the request; None where the connection broke."""
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": key}
    try:
        return requests.post(api.url("/v1/tickets"), json=BODY, headers=headers, timeout=30)
    except requests.ConnectionError:
        return None


def until_created(api, token, key):
    """Send it again until it is answered with 201, as the documentation says, and return that answer."""

    def again():
        answer = file_ticket(api, token, key)
        assert answer is None or answer.status_code in {201, 409, 503}, answer.text
        return answer if answer is not None and answer.status_code == 201 else None

    return eventually(again, within=30, what="a 201")


def waits_for_a_lock(database):
    return database.rows(
        "SELECT 1 FROM pg_stat_activity WHERE datname = %s AND wait_event_type = 'Lock'", database.name
    )


def test_a41_killed_in_its_transaction_a_request_leaves_nothing_and_can_be_sent_again(database, token, tmp_path):
    with running_api(database, tmp_path) as api:
        answers = []
        with psycopg.connect(database.superuser_url) as blocker:
            blocker.execute("LOCK TABLE tickets IN ACCESS EXCLUSIVE MODE")
            caller = threading.Thread(target=lambda: answers.append(file_ticket(api, token, "order-1")))
            caller.start()
            eventually(lambda: waits_for_a_lock(database), within=20)
            for pid in api.workers():
                os.kill(pid, signal.SIGKILL)
            caller.join(30)
        created = until_created(api, token, "order-1")

    assert answers == [None]
    assert created.json()["subject"] == BODY["subject"]
    assert (database.count("tickets"), database.count("idempotency_keys")) == (1, 1)


def test_a41_killed_after_its_commit_a_request_is_answered_from_what_it_left(database, token, tmp_path):
    with running_api(database, tmp_path, PSMS_CRASH_AT="ticket_committed") as api:
        first = file_ticket(api, token, "order-2")
        again = until_created(api, token, "order-2")

    assert first is None
    assert again.headers["Idempotency-Replayed"] == "true"
    assert (database.count("tickets"), database.count("idempotency_keys")) == (1, 1)
