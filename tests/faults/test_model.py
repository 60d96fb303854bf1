"""Random walks of callers, partners, faults and the clock, against a small model of what must be true at rest."""

import json
from dataclasses import replace
from datetime import datetime, timedelta
from random import Random
from threading import Lock
from uuid import UUID

import pytest

from psms.domain.access import Role
from psms.domain.accounts import Edit
from psms.domain.attempts import Outcome, SendResult, WebhookRequest
from psms.domain.lifecycle import TRANSITIONS, Action
from psms.domain.sla_policies import NewSlaPolicy
from psms.domain.tickets import EditTicket, NewComment, OpenTicket, Priority, Status, Visibility
from psms.domain.webhooks import EndpointState
from psms.runtime import Runtime
from tests.faults.conftest import soaking
from tests.support.databases import MigratedDatabase
from tests.support.ledger import Ledger
from tests.support.sla_model import ModelTicket, filed
from tests.support.tenants import Tenant, add_caller, add_endpoint, make_tenant
from workflows import comments, endpoints, tickets
from workflows.deliveries import deliver_due, reap_leases
from workflows.delivery_claims import claim_due
from workflows.delivery_jobs import Finished, Job
from workflows.delivery_results import record
from workflows.relay import relay_outbox
from workflows.sla_policies import add_policy
from workflows.sla_sweep import fire_due_timers
from workflows.sla_verification import verify_clocks
from workflows.upkeep import keep_house

STEPS = 100
TARGETS = {"first_response": timedelta(minutes=10), "resolution": timedelta(hours=1)}
MOST_ENDPOINTS = 4
LEASES_UNTIL_DEAD = 5
CLOCK_MOVES = [timedelta(seconds=s) for s in (1, 3, 7, 30, 120, 600)]
# Each with what the partner made of the request: it may have it, whatever we learn.
ANSWERS = [(Outcome.SUCCESS, 200, True), (Outcome.HTTP_ERROR, 500, True), (Outcome.TIMEOUT, None, True)]
ANSWERS += [(Outcome.CONNECT, None, False), (Outcome.HTTP_ERROR, 410, True)]
CHANCES = [12, 3, 3, 3, 1]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "seed" in metafunc.fixturenames:
        metafunc.parametrize("seed", range(200 if soaking(metafunc.config) else 6))


class Partner:
    """A sender at the port: answers at random, remembers who got what."""

    def __init__(self, chance: Random) -> None:
        self._chance = chance
        self._lock = Lock()
        self.received: dict[str, set[UUID]] = {}
        self.well = False

    def send(self, request: WebhookRequest, /) -> SendResult:
        with self._lock:
            outcome, status, has_it = ANSWERS[0] if self.well else self._chance.choices(ANSWERS, CHANCES)[0]
            if has_it:
                self.received.setdefault(request.url, set()).add(UUID(request.headers["webhook-id"]))
        return result(outcome, status)

    def got(self, job: Job) -> None:
        """Have received the request of a worker that was lost afterwards."""
        self.received.setdefault(job.url, set()).add(job.event_id)


def result(outcome: Outcome, status: int | None) -> SendResult:
    return SendResult(
        outcome=outcome,
        status=status,
        duration_ms=1,
        response_headers={},
        response_body=b"",
        response_truncated=False,
        retry_after=None,
        error=None if outcome is Outcome.SUCCESS else "It failed.",
        peer_ip=None,
    )


class Walk:
    """An installation under random acts, and what its callers and its partners know of it."""

    def __init__(self, rt: Runtime, database: MigratedDatabase, seed: int) -> None:
        self.chance = Random(seed)
        self.partner = Partner(Random(seed + 1))
        self.rt = replace(rt, sender=self.partner)
        self.database = database
        self.ledger = Ledger(database.superuser_url)
        self.acme = make_tenant(rt)
        self.requester = add_caller(rt, self.acme.organization_id, Role.REQUESTER)
        first, last = (int(target.total_seconds()) for target in TARGETS.values())
        promise = NewSlaPolicy(name="Promise", first_response_seconds=first, resolution_seconds=last)
        add_policy(rt, self.acme.actor, promise, None)
        self.ahead = timedelta(0)
        self.tickets: list[ModelTicket] = []
        self.endpoints: dict[UUID, str] = {}
        self.deleted: set[UUID] = set()
        self.owed: dict[UUID, set[UUID]] = {}
        self.lost: list[Job] = []
        self.losses: dict[UUID, int] = {}

    # What callers do.

    def file(self) -> None:
        created = json.loads(tickets.open_ticket(self.rt, self.requester.actor, OpenTicket(subject="T"), None).body)
        self.tickets.append(filed(UUID(created["id"]), instant(created["created_at"]), TARGETS))

    def edit(self) -> None:
        ticket, priority = self._some_ticket(), self.chance.choice(list(Priority))
        fields = {"subject": f"T {self.chance.random()}", "priority": priority}
        after = tickets.edit_ticket(self.rt, self.acme.actor, ticket.id, EditTicket(fields=fields))
        ticket.edited(priority, after.updated_at)

    def move(self) -> None:
        ticket = self._some_ticket()
        # Sorted so that a walk repeats: most tickets stay open for a while.
        legal = {action for status, action in TRANSITIONS if status is ticket.status}
        actions = sorted(legal - {Action.CLOSE, Action.CANCEL} or legal)
        if actions:
            action = self.chance.choice(actions)
            after = tickets.transition(self.rt, self.acme.actor, ticket.id, action, None)
            ticket.moved(action, after.updated_at)

    def _some_ticket(self) -> ModelTicket:
        # The latest, so that several things happen to one before its targets are over.
        return self.chance.choice(self.tickets[-3:])

    def end(self) -> None:
        ticket = self._some_ticket()
        if (ticket.status, Action.CANCEL) in TRANSITIONS:
            after = tickets.transition(self.rt, self.acme.actor, ticket.id, Action.CANCEL, None)
            ticket.moved(Action.CANCEL, after.updated_at)

    def comment(self) -> None:
        ticket = self._some_ticket()
        caller: Tenant = self.chance.choice([self.acme, self.requester])
        staff = caller is self.acme
        internal = staff and self.chance.random() < 0.3
        visibility = Visibility.INTERNAL if internal else Visibility.PUBLIC
        written = comments.add_comment(
            self.rt, caller.actor, ticket.id, NewComment(body="Hm.", visibility=visibility), None
        )
        at = instant(json.loads(written.body)["created_at"])
        ticket.commented(at, answers=staff and visibility is Visibility.PUBLIC)
        if not staff and ticket.status is Status.RESOLVED:
            ticket.moved(Action.REOPEN, at)

    def add_endpoint(self) -> None:
        if len(self.endpoints) < MOST_ENDPOINTS:
            url = f"http://127.0.0.1:4999/{len(self.endpoints) + len(self.deleted)}"
            endpoint_id, _ = add_endpoint(self.rt, self.acme.actor, url)
            self.endpoints[endpoint_id] = url
            self.owed[endpoint_id] = set()

    def turn_endpoint(self) -> None:
        if self.endpoints:
            state = self.chance.choice([EndpointState.ACTIVE, EndpointState.ACTIVE, EndpointState.PAUSED])
            edit = Edit(fields={"state": state})
            endpoints.edit_endpoint(self.rt, self.acme.actor, self.chance.choice(sorted(self.endpoints)), edit)

    def delete_endpoint(self) -> None:
        if self.endpoints:
            endpoint_id = self.chance.choice(sorted(self.endpoints))
            endpoints.remove_endpoint(self.rt, self.acme.actor, endpoint_id)
            del self.endpoints[endpoint_id]
            self.deleted.add(endpoint_id)

    # What workers do, and what befalls them.

    def relay(self) -> None:
        waiting = {UUID(str(event_id)) for (event_id,) in self.ledger.rows("SELECT event_id FROM outbox")}
        # How one endpoint fares is told to none that did not ask for it by name, and here nobody did.
        unasked = "SELECT event_id FROM outbox WHERE except_endpoint_id IS NOT NULL"
        of_endpoints = {UUID(str(event_id)) for (event_id,) in self.ledger.rows(unasked)}
        assert relay_outbox(self.rt) == len(waiting)
        for endpoint_id in self.endpoints:
            self.owed[endpoint_id] |= waiting - of_endpoints

    def deliver(self) -> None:
        deliver_due(self.rt)

    def lose(self) -> None:
        jobs = claim_due(self.rt, suspects=True, alone=True).jobs
        for job in jobs:
            self.losses[job.delivery_id] = self.losses.get(job.delivery_id, 0) + 1
            if self.chance.random() < 0.5:
                self.partner.got(job)
                self.lost.append(job)

    def come_back(self) -> None:
        if self.lost:
            job = self.lost.pop(self.chance.randrange(len(self.lost)))
            assert record(self.rt, [Finished(job=job, result=result(Outcome.SUCCESS, 200))]) == []

    def reap(self) -> None:
        reap_leases(self.rt)

    def sweep(self) -> None:
        fire_due_timers(self.rt)

    def pass_time(self) -> None:
        self._move_clock(self.chance.choice(CLOCK_MOVES))

    def _move_clock(self, by: timedelta) -> None:
        self.ahead += by
        self.database.move_clock(self.ahead)

    def settle(self) -> None:
        """Let every fault be over, and everybody do what is left."""
        self.partner.well = True
        for endpoint_id in self.endpoints:
            edit = Edit(fields={"state": EndpointState.ACTIVE})
            endpoints.edit_endpoint(self.rt, self.acme.actor, endpoint_id, edit)
        for _ in range(12):
            self._move_clock(timedelta(minutes=30))
            self.reap()
            while fire_due_timers(self.rt):
                pass
            self.relay()
            self.deliver()
        keep_house(self.rt)


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def after_a_walk(rt: Runtime, database: MigratedDatabase, seed: int) -> Walk:
    walk = Walk(rt, database, seed)
    walk.add_endpoint()
    walk.file()
    often = [walk.edit, walk.move, walk.comment, walk.relay, walk.deliver, walk.pass_time, walk.sweep]
    seldom = [
        walk.file,
        walk.end,
        walk.add_endpoint,
        walk.turn_endpoint,
        walk.delete_endpoint,
        walk.lose,
        walk.come_back,
        walk.reap,
    ]
    for act in walk.chance.choices([*often, *seldom], [3] * len(often) + [1] * len(seldom), k=STEPS):
        act()
    walk.settle()
    return walk


def test_after_any_walk_everything_accepted_has_happened_once(rt, database, seed):
    walk = after_a_walk(rt, database, seed)

    assert walk.ledger.breaches() == {}
    assert verify_clocks(rt, walk.acme.organization_id).differences == []
    assert_tickets(walk)
    assert_deliveries(walk)


def assert_tickets(walk: Walk) -> None:
    """Compare every ticket's priority, events and breaches with what its callers know."""
    now = walk.rt.db.ask(walk.rt.clock.now)
    for ticket in walk.tickets:
        ticket.look(now)
        kinds = walk.ledger.rows("SELECT type, count(*) FROM events WHERE ticket_id = %s GROUP BY 1", ticket.id)
        told = {kind: count for kind, count in kinds if kind != "sla.escalated"}
        clocks = walk.ledger.rows("SELECT metric, breached_at FROM sla_clocks WHERE ticket_id = %s", ticket.id)
        ((priority, status),) = walk.ledger.rows("SELECT priority, status FROM tickets WHERE id = %s", ticket.id)
        assert told == {kind: count for kind, count in ticket.told.items() if count}
        assert set(clocks) == {(metric, watch.alarm) for metric, watch in ticket.watches.items()}
        assert (priority, status) == (ticket.priority, ticket.status)


def assert_deliveries(walk: Walk) -> None:
    """Compare every endpoint's deliveries with the events of its time, and with what its partner got."""
    for endpoint_id, owed in walk.owed.items():
        rows = walk.ledger.rows(
            "SELECT event_id, state, leases_lost, id FROM webhook_deliveries WHERE endpoint_id = %s", endpoint_id
        )
        states = {UUID(str(event_id)): state for event_id, state, _, _ in rows}
        delivered = {event_id for event_id, state in states.items() if state == "delivered"}
        dead = {UUID(str(delivery_id)) for _, state, _, delivery_id in rows if state == "dead"}
        assert set(states) == owed
        assert len(rows) == len(owed)
        assert all(walk.losses.get(delivery_id, 0) >= LEASES_UNTIL_DEAD for delivery_id in dead)
        if endpoint_id in walk.endpoints:
            assert len(delivered) + len(dead) == len(owed)
            assert delivered <= walk.partner.received.get(walk.endpoints[endpoint_id], set())
