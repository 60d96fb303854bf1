"""Pages: who must get up, told to PagerDuty by its Events API v2. Pure; rows and sending live elsewhere.

The shape of a request is that of https://developer.pagerduty.com/docs/send-alert-event (POST to ENQUEUE_URL,
answered with 202).
"""

import re
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from psms.domain.attempts import Outcome, SendResult
from psms.domain.notices import metric_in_words, one_line, ticket_link
from psms.domain.tickets import Priority

ENQUEUE_URL = "https://events.pagerduty.com/v2/enqueue"
ROUTING_KEY = re.compile(r"[A-Za-z0-9]{32}")
"""An integration key of PagerDuty, which its Events API calls `routing_key`."""
ACCEPTED = 202
REFUSED = 400

_LONGEST_SUMMARY = 1024
_HIDDEN = "[routing key]"
_DETAILS = ("number", "type", "subject", "status", "impact", "urgency", "priority", "assignee_id", "created_at")


class Severity(StrEnum):
    """How bad it is, in the words of PagerDuty."""

    CRITICAL = "critical"
    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


class PageState(StrEnum):
    """Whether somebody is called, has taken it, or need not come any more."""

    TRIGGERED = "triggered"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"


class EventAction(StrEnum):
    """What PagerDuty is asked to do (`event_action`)."""

    TRIGGER = "trigger"
    ACKNOWLEDGE = "acknowledge"
    RESOLVE = "resolve"


_SEVERITIES = {
    Priority.CRITICAL: Severity.CRITICAL,
    Priority.HIGH: Severity.ERROR,
    Priority.MEDIUM: Severity.WARNING,
    Priority.LOW: Severity.INFO,
}
_ACTIONS = {
    PageState.TRIGGERED: EventAction.TRIGGER,
    PageState.ACKNOWLEDGED: EventAction.ACKNOWLEDGE,
    PageState.RESOLVED: EventAction.RESOLVE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One level of a clock for which somebody is called, as events show it. *reached_at* is the level's instant.

    *user_id* is who is called where the policy names the manager on duty, and *rule* how they were chosen.
    """

    id: UUID
    clock_id: UUID
    metric: str
    level: str
    severity: Severity
    state: PageState
    dedup_key: str
    reached_at: datetime
    due_at: datetime | None
    user_id: UUID | None = None
    rule: str | None = None


def severity_of(priority: Priority) -> Severity:
    """Return how loud a page for a ticket of this priority is."""
    return _SEVERITIES[priority]


def dedup_key_of(organization_id: UUID, ticket_id: UUID, clock_id: UUID) -> str:
    """Return what makes all pages of a clock one incident: 115 characters, where PagerDuty takes 255."""
    return f"psms/{organization_id}/{ticket_id}/{clock_id}"


def action_for(state: PageState) -> EventAction:
    """Return what to ask for while the pages of an incident stand so.

    The state at the moment of sending counts, not the one that the event told of: a call that was delayed must
    not wake anybody for what somebody has taken, nor open an incident that nothing closes any more.
    """
    return _ACTIONS[state]


def loudest(states: list[PageState]) -> PageState | None:
    """Return how an incident stands whose pages stand so: it is over when all of them are."""
    return next((state for state in PageState if state in states), None)


def enqueue_body(data: dict[str, Any], action: EventAction, *, routing_key: str, public_url: str) -> dict[str, Any]:
    """Return the request for the `data` of a page event, as JSON values in the order in which they are sent."""
    page, ticket = data["page"], data["ticket"]
    body: dict[str, Any] = {
        "routing_key": routing_key,
        "event_action": action.value,
        "dedup_key": page["dedup_key"],
    }
    if action is EventAction.TRIGGER:
        link = ticket_link(public_url, ticket["id"])
        body["payload"] = _payload(page, ticket, public_url)
        body["links"] = [{"href": link, "text": f"Ticket #{ticket['number']}"}]
        body["client"] = "PSMS"
        body["client_url"] = link
    return body


def trial_body(event_id: UUID, *, routing_key: str) -> dict[str, Any]:
    """Return a request by which the routing key is tried and nobody is called: it resolves what is not there."""
    return {
        "routing_key": routing_key,
        "event_action": EventAction.RESOLVE.value,
        "dedup_key": f"psms/test/{event_id}",
    }


def as_page_result(result: SendResult, routing_key: str) -> SendResult:
    """Return *result* with the routing key taken out of what came back, and as a failure unless it is a 202."""
    body = _without_key(result.response_body, routing_key.encode())
    headers = {name: value.replace(routing_key, _HIDDEN) for name, value in result.response_headers.items()}
    result = replace(result, response_body=body, response_headers=headers)
    if result.outcome is Outcome.SUCCESS and result.status != ACCEPTED:
        sentence = f"The host answered with status {result.status}, where PagerDuty answers 202."
        return replace(result, outcome=Outcome.HTTP_ERROR, error=sentence)
    return result


def _without_key(body: bytes, key: bytes) -> bytes:
    body = body.replace(key, _HIDDEN.encode())
    # What is kept of a body may end within the key.
    ends = (length for length in range(len(key) - 1, 0, -1) if body.endswith(key[:length]))
    return body[: len(body) - next(ends, 0)]


def _payload(page: dict[str, Any], ticket: dict[str, Any], public_url: str) -> dict[str, Any]:
    details = {name: ticket[name] for name in _DETAILS} | {
        "ticket_id": ticket["id"],
        "metric": page["metric"],
        "level": page["level"],
        "due_at": page["due_at"],
    }
    if page.get("user_id") is not None:
        details["user_id"] = page["user_id"]
    return {
        "summary": _summary(page, ticket),
        "source": public_url,
        "severity": page["severity"],
        "timestamp": page["reached_at"],
        "component": f"service {ticket['service_id']}",
        "group": f"team {ticket['team_id']}" if ticket["team_id"] else "no team",
        "class": f"sla.{page['metric']}",
        "custom_details": details,
    }


def _summary(page: dict[str, Any], ticket: dict[str, Any]) -> str:
    promised = metric_in_words(page["metric"])
    text = f"#{ticket['number']} {one_line(ticket['subject'])} ({page['level']} of {promised})"
    return text if len(text) <= _LONGEST_SUMMARY else text[: _LONGEST_SUMMARY - 1] + "…"
