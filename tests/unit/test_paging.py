"""Requests to PagerDuty: within its limits, and as what holds when they are sent."""

from uuid import UUID

import pytest

from psms.domain.attempts import Outcome, SendResult
from psms.domain.paging import (
    EventAction,
    PageState,
    Severity,
    as_page_result,
    dedup_key_of,
    enqueue_body,
    loudest,
    severity_of,
)
from psms.domain.tickets import Priority

NOBODY = UUID(int=0)
TICKET = {
    "id": str(NOBODY),
    "number": 7,
    "type": "incident",
    "subject": "Printer\non fire",
    "status": "open",
    "impact": "high",
    "urgency": "high",
    "priority": "critical",
    "service_id": str(NOBODY),
    "assignee_id": None,
    "team_id": None,
    "created_at": "2026-11-22T17:00:00Z",
}
PAGE = {
    "dedup_key": "psms/1",
    "metric": "first_response",
    "level": "breach",
    "severity": "critical",
    "reached_at": "2026-11-22T18:00:00Z",
    "due_at": "2026-11-22T18:00:00Z",
}


def body(action=EventAction.TRIGGER, **ticket):
    data = {"page": PAGE, "ticket": TICKET | ticket}
    return enqueue_body(data, action, routing_key="key", public_url="https://desk.example.com")


def test_the_longest_dedup_key_fits():
    assert len(dedup_key_of(NOBODY, NOBODY, NOBODY)) == 115


def test_a_trigger_says_what_pagerduty_asks_for():
    sent = body()

    assert (sent["routing_key"], sent["event_action"], sent["dedup_key"]) == ("key", "trigger", "psms/1")
    assert sent["payload"] == {
        "summary": "#7 Printer on fire (breach of a first response)",
        "source": "https://desk.example.com",
        "severity": "critical",
        "timestamp": "2026-11-22T18:00:00Z",
        "component": f"service {NOBODY}",
        "group": "no team",
        "class": "sla.first_response",
        "custom_details": {name: TICKET[name] for name in sent["payload"]["custom_details"] if name in TICKET}
        | {"ticket_id": str(NOBODY), "metric": "first_response", "level": "breach", "due_at": "2026-11-22T18:00:00Z"},
    }
    assert sent["links"] == [{"href": f"https://desk.example.com/v1/tickets/{NOBODY}", "text": "Ticket #7"}]


def test_whom_a_page_names_is_told():
    data = {"page": PAGE | {"user_id": str(NOBODY)}, "ticket": TICKET}
    sent = enqueue_body(data, EventAction.TRIGGER, routing_key="key", public_url="https://desk.example.com")

    assert sent["payload"]["custom_details"]["user_id"] == str(NOBODY)
    assert "user_id" not in body()["payload"]["custom_details"]


def test_a_long_subject_is_cut():
    assert len(body(subject="x" * 5000)["payload"]["summary"]) == 1024


@pytest.mark.parametrize("action", [EventAction.ACKNOWLEDGE, EventAction.RESOLVE])
def test_what_ends_an_incident_says_only_which(action):
    assert body(action) == {"routing_key": "key", "event_action": action.value, "dedup_key": "psms/1"}


@pytest.mark.parametrize(
    ("states", "stands"),
    [
        ([], None),
        (["resolved", "resolved"], "resolved"),
        (["resolved", "acknowledged"], "acknowledged"),
        (["acknowledged", "triggered", "resolved"], "triggered"),
    ],
)
def test_an_incident_is_over_when_all_its_pages_are(states, stands):
    assert loudest([PageState(state) for state in states]) == stands


def test_every_priority_has_a_severity():
    assert [severity_of(priority) for priority in Priority] == list(Severity)


@pytest.mark.parametrize(
    ("came", "kept"),
    [
        (b'{"key": "0123456789abcdef"}', b'{"key": "[routing key]"}'),
        (b"cut 0123456789abcde", b"cut "),
        (b"cut 0", b"cut "),
        (b"0123456789abcdef0123456789abcdef", b"[routing key][routing key]"),
        (b"nothing of it", b"nothing of it"),
        (b"", b""),
    ],
)
def test_what_came_back_is_kept_without_the_key_or_its_beginning(came, kept):
    result = SendResult(
        outcome=Outcome.HTTP_ERROR,
        status=500,
        duration_ms=1,
        response_headers={"x-sent": "key=0123456789abcdef"},
        response_body=came,
        response_truncated=True,
        retry_after=None,
        error="The host answered with status 500.",
        peer_ip=None,
    )

    safe = as_page_result(result, "0123456789abcdef")

    assert (safe.response_body, safe.response_headers) == (kept, {"x-sent": "key=[routing key]"})
    assert (safe.outcome, safe.status, safe.error) == (result.outcome, result.status, result.error)
