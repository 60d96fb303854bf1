"""Pages from the row to PagerDuty and back: opened once, taken, closed, and never called for what is over."""

import json
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest

from psms.domain.paging import PageState, Severity
from psms.domain.sla.terms import Metric
from psms.domain.sla_standing import SlaNotice
from psms.domain.webhooks import EndpointKind, NewEndpoint
from psms.runtime import Runtime
from tests.support.databases import MigratedDatabase
from tests.support.dump import dump_of, found_in
from tests.support.pagerduty import PagerDuty
from tests.support.receiver import Receiver
from tests.support.tenants import Tenant, add_endpoint, make_tenant
from tests.support.told import ticket_with_clock
from workflows import endpoints, pages, tickets
from workflows.act import Act, act_of_system
from workflows.deliveries import deliver_due
from workflows.relay import relay_outbox

KEY = "R0ut1ngK3yOfTheTestsR0ut1ngK3y32"
EVENTS = "SELECT type FROM events WHERE type LIKE 'page.%%' ORDER BY id"
DELIVERIES = "SELECT event_type, state, dead_reason FROM webhook_deliveries ORDER BY sequence"


class Case:
    """A ticket with a clock, and what the SLA's effects would do about it."""

    def __init__(self, rt: Runtime, database: MigratedDatabase, tenant: Tenant, subject: str = "Printer on fire"):
        self._rt, self._tenant = rt, tenant
        self.ticket_id, self.clock_id = ticket_with_clock(rt, database, tenant, subject)

    def act(self, step: Callable[[Act], None]) -> None:
        """Run *step* in a transaction."""
        with self._rt.db.begin(self._tenant.organization_id) as session:
            step(act_of_system(self._rt, session, self._tenant.organization_id, self._rt.clock.now(session)))

    def trigger(self, level: str = "page", severity: Severity = Severity.CRITICAL) -> None:
        ticket = self._ticket()
        notice = SlaNotice(
            clock_id=self.clock_id,
            metric=Metric.RESOLUTION,
            level=level,
            at=ticket.created_at + timedelta(hours=1),
            due_at=ticket.created_at + timedelta(hours=1),
            target_seconds=3600,
            late=False,
        )
        self.act(lambda act: pages.trigger(act, ticket, notice, severity))

    def acknowledge(self) -> None:
        ticket = self._ticket()
        self.act(lambda act: pages.acknowledge(act, ticket))

    def resolve(self, clock_id: UUID | None = None) -> None:
        ticket = self._ticket()
        self.act(lambda act: pages.resolve(act, ticket, clock_id))

    def _ticket(self):
        return tickets.get_ticket(self._rt, self._tenant.actor, self.ticket_id)


@pytest.fixture
def case(rt: Runtime, acme: Tenant, database: MigratedDatabase) -> Case:
    return Case(rt, database, acme)


def add_pager(rt: Runtime, tenant: Tenant, desk: PagerDuty, key: str = KEY) -> UUID:
    """Register PagerDuty and return the endpoint's id."""
    command = NewEndpoint(kind=EndpointKind.PAGERDUTY, routing_key=key, url=desk.url)
    return UUID(json.loads(endpoints.add_endpoint(rt, tenant.actor, command, None).body)["id"])


def send(rt: Runtime) -> None:
    """Bring all that is due to its end."""
    relay_outbox(rt)
    deliver_due(rt)


def told(database: MigratedDatabase) -> list[object]:
    """Return the types of page events, in the order in which they were written."""
    return [kind for (kind,) in database.rows(EVENTS)]


def test_a_page_is_triggered_taken_and_resolved(rt: Runtime, acme: Tenant, database: MigratedDatabase, case: Case):
    with PagerDuty(KEY) as desk:
        add_pager(rt, acme, desk)
        case.trigger()
        send(rt)
        (incident,) = desk.incidents.values()
        assert (incident.state, incident.triggers) == ("triggered", 1)
        case.acknowledge()
        send(rt)
        assert incident.state == "acknowledged"
        case.resolve(case.clock_id)
        send(rt)
        assert incident.state == "resolved"

    key = f"psms/{acme.organization_id}/{case.ticket_id}/{case.clock_id}"
    link = f"{rt.settings.public_url}/v1/tickets/{case.ticket_id}"
    (payload,) = incident.payloads
    triggered, *others = desk.requests
    assert list(desk.incidents) == [key]
    assert payload["summary"] == "#1 Printer on fire (page of the resolution)"
    assert (payload["severity"], payload["class"], payload["source"]) == (
        "critical",
        "sla.resolution",
        rt.settings.public_url,
    )
    assert (payload["custom_details"]["number"], payload["custom_details"]["priority"]) == (1, "medium")
    assert triggered["links"] == [{"href": link, "text": "Ticket #1"}]
    assert (triggered["client"], triggered["client_url"]) == ("PSMS", link)
    assert [(one["event_action"], one["dedup_key"]) for one in others] == [("acknowledge", key), ("resolve", key)]
    assert database.rows(DELIVERIES) == [
        ("page.triggered", "delivered", None),
        ("page.acknowledged", "delivered", None),
        ("page.resolved", "delivered", None),
    ]
    assert [name for headers in desk.headers for name in headers if name.startswith("webhook-")] == []


def test_a_level_pages_once_and_where_nobody_is_called_nothing_is_told(database: MigratedDatabase, case: Case):
    case.acknowledge()
    case.resolve()
    assert told(database) == []

    case.trigger()
    case.trigger()
    assert told(database) == ["page.triggered"]
    case.acknowledge()
    case.acknowledge()
    case.resolve()
    case.resolve(case.clock_id)
    case.trigger()

    assert told(database) == ["page.triggered", "page.acknowledged", "page.resolved"]
    assert database.rows("SELECT state FROM pages") == [("resolved",)]


def test_levels_of_a_clock_are_one_incident_and_it_is_told_of_once(
    rt: Runtime, acme: Tenant, database: MigratedDatabase, case: Case
):
    with PagerDuty(KEY) as desk:
        add_pager(rt, acme, desk)
        case.trigger("breach")
        case.trigger("two hours late")
        case.resolve()
        assert told(database) == ["page.triggered", "page.triggered", "page.resolved"]

        send(rt)

    # By now all is over: nobody is woken for it.
    assert [one["event_action"] for one in desk.requests] == ["resolve", "resolve", "resolve"]
    assert desk.incidents == {}


def test_the_pages_of_another_clock_and_another_ticket_stay_open(
    rt: Runtime, acme: Tenant, database: MigratedDatabase, case: Case
):
    other = Case(rt, database, acme, "Other")
    case.trigger()
    other.trigger()

    case.resolve(other.clock_id)
    assert database.rows("SELECT DISTINCT state FROM pages") == [("triggered",)]
    case.resolve()

    states = database.rows("SELECT ticket_id, state FROM pages")
    assert set(states) == {(case.ticket_id, "resolved"), (other.ticket_id, "triggered")}


def test_a_trigger_that_was_delayed_wakes_nobody_for_what_is_taken_or_over(
    rt: Runtime, acme: Tenant, database: MigratedDatabase, case: Case
):
    with PagerDuty(KEY, 503) as desk:
        add_pager(rt, acme, desk)
        case.trigger()
        send(rt)
        case.resolve()
        send(rt)
        database.move_clock(timedelta(seconds=7))
        send(rt)

    assert [one["event_action"] for one in desk.requests] == ["trigger", "resolve", "resolve"]
    assert (desk.incidents, {state for _, state, _ in database.rows(DELIVERIES)}) == ({}, {"delivered"})


def test_requests_to_pagerduty_go_one_after_the_other(
    rt: Runtime, acme: Tenant, database: MigratedDatabase, case: Case
):
    with PagerDuty(KEY) as desk:
        add_pager(rt, acme, desk)

        assert database.rows("SELECT max_in_flight FROM webhook_lanes") == [(1,)]


@pytest.mark.parametrize("status", [429, 500, 503, 200])
def test_what_is_not_a_202_is_tried_again(
    rt: Runtime, acme: Tenant, database: MigratedDatabase, case: Case, status: int
):
    with PagerDuty(KEY, status) as desk:
        add_pager(rt, acme, desk)
        case.trigger()
        send(rt)
        assert [state for _, state, _ in database.rows(DELIVERIES)] == ["pending"]
        database.move_clock(timedelta(seconds=7))
        send(rt)
        assert [incident.triggers for incident in desk.incidents.values()] == [1]
        assert desk.requests[0] == desk.requests[1]


def test_a_key_that_pagerduty_does_not_know_makes_a_delivery_dead_at_once(
    rt: Runtime, acme: Tenant, database: MigratedDatabase, case: Case
):
    with PagerDuty("another") as desk:
        endpoint_id = add_pager(rt, acme, desk)
        case.trigger()
        send(rt)

        assert database.rows(DELIVERIES) == [("page.triggered", "dead", "refused")]
        noted = database.rows("SELECT after FROM logs WHERE action = 'delivery.dead'")
    assert noted == [({"reason": "refused", "endpoint_id": str(endpoint_id)},)]


def test_the_routing_key_is_nowhere_in_clear_even_if_it_is_sent_back(
    rt: Runtime, acme: Tenant, database: MigratedDatabase, case: Case, capsys: pytest.CaptureFixture[str]
):
    with PagerDuty(KEY, 500, echoes=True) as desk:
        add_pager(rt, acme, desk)
        case.trigger()
        send(rt)

    ((kept,),) = database.rows("SELECT response_body FROM webhook_attempts")
    assert desk.requests[0]["routing_key"] == KEY
    assert b'"[routing key]"' in bytes(kept)  # type: ignore[call-overload]
    assert found_in(dump_of(database.superuser_url), KEY) == []
    assert KEY not in "".join(capsys.readouterr())


def test_an_ordinary_endpoint_hears_of_pages_too_and_pagerduty_of_nothing_else(
    rt: Runtime, acme: Tenant, database: MigratedDatabase
):
    with Receiver() as partner, PagerDuty(KEY) as desk:
        add_endpoint(rt, acme.actor, partner.url("/hook"))
        add_pager(rt, acme, desk)
        case = Case(rt, database, acme)
        case.trigger(severity=Severity.WARNING)
        send(rt)

        heard = {one["type"]: one["data"] for one in (json.loads(request.body) for request in partner.received)}
    assert (len(partner.received), set(heard)) == (2, {"ticket.created", "page.triggered"})
    page = heard["page.triggered"]["page"]
    assert heard["page.triggered"]["ticket"]["id"] == str(case.ticket_id)
    assert (page["state"], page["severity"], page["level"], page["metric"]) == (
        PageState.TRIGGERED,
        "warning",
        "page",
        "resolution",
    )
    assert [one["event_action"] for one in desk.requests] == ["trigger"]


def test_another_organization_pages_nobody_here(rt: Runtime, acme: Tenant, database: MigratedDatabase):
    stranger = make_tenant(rt, "Stranger")
    with PagerDuty(KEY) as desk:
        add_pager(rt, acme, desk)
        Case(rt, database, stranger).trigger()
        send(rt)

    assert desk.requests == []


def test_many_are_written_in_as_many_statements_as_one(
    rt: Runtime, acme: Tenant, database: MigratedDatabase, case: Case
):
    cases = [case, *(Case(rt, database, acme, f"Ticket {number}") for number in range(4))]
    for one in cases:
        one.trigger()
    found = [tickets.get_ticket(rt, acme.actor, one.ticket_id) for one in cases]

    case.act(lambda act: pages.acknowledge_all(act, found))
    case.act(lambda act: pages.resolve_all(act, [pages.Ending(ticket=ticket) for ticket in found]))

    assert told(database) == ["page.triggered"] * 5 + ["page.acknowledged"] * 5 + ["page.resolved"] * 5
