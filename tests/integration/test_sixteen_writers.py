"""Sixteen who write on a few tickets at once, all in their own way: nothing is lost, doubled or counted wrongly.

Edits merged by field are tested case by case in `tests/api/test_merging.py`.
"""

import json
import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Barrier
from uuid import UUID

from psms.domain.access import Actor, Role
from psms.domain.answers import OnceKey
from psms.domain.lifecycle import Action
from psms.domain.sla_policies import NewSlaPolicy
from psms.domain.tickets import EditTicket, NewComment, OpenTicket
from psms.errors import ActionNotAllowed, AlreadyTaken, EditConflict, RequestInProgress
from psms.runtime import Runtime
from tests.support.databases import MigratedDatabase
from tests.support.tenants import Tenant, add_caller, file_ticket
from workflows import comments, tickets
from workflows.sla_policies import add_policy
from workflows.sla_sweep import fire_due_timers
from workflows.sla_verification import verify_clocks

WRITERS = 16
ROUNDS = 10
SHARED = 3
WORKED_ON = (Action.OPEN, Action.PEND, Action.HOLD, Action.RESUME, Action.RESOLVE, Action.REOPEN)


@dataclass(slots=True)
class Writer:
    """One of them, and what was confirmed to them."""

    rt: Runtime
    actor: Actor
    name: str
    shared: list[UUID]
    chance: random.Random
    took: Counter[UUID] = field(default_factory=Counter)
    said: Counter[UUID] = field(default_factory=Counter)
    moved: Counter[UUID] = field(default_factory=Counter)
    tags: Counter[UUID] = field(default_factory=Counter)
    filed: set[UUID] = field(default_factory=set)

    def act(self, number: int) -> None:
        """Do something to one of the shared tickets, or file one."""
        acts = (self.take, self.say, self.move, self.tag, self.tag, self.file)
        self.chance.choice(acts)(self.chance.choice(self.shared), number)

    def take(self, ticket_id: UUID, _: int) -> None:
        """Take it unless it is somebody's."""
        try:
            taken = tickets.take_ticket(self.rt, self.actor, ticket_id, None)
        except AlreadyTaken:
            return
        assert taken.assignee_id == self.actor.user_id
        self.took[ticket_id] += 1

    def say(self, ticket_id: UUID, number: int) -> None:
        """Comment on it."""
        comments.add_comment(self.rt, self.actor, ticket_id, NewComment(body=f"{self.name} {number}"), None)
        self.said[ticket_id] += 1

    def move(self, ticket_id: UUID, _: int) -> None:
        """Move it along, where that is possible just then."""
        try:
            tickets.transition(self.rt, self.actor, ticket_id, self.chance.choice(WORKED_ON), None)
        except ActionNotAllowed:
            return
        self.moved[ticket_id] += 1

    def tag(self, ticket_id: UUID, number: int) -> None:
        """Add a tag to those that were read, until nobody came in between."""
        while True:
            read = tickets.get_ticket(self.rt, self.actor, ticket_id)
            tags = [*read.tags, f"{self.name}-{number}"]
            try:
                command = EditTicket(fields={"tags": tags}, base_version=read.version)
                tickets.edit_ticket(self.rt, self.actor, ticket_id, command)
            except EditConflict:
                continue
            self.tags[ticket_id] += 1
            return

    def file(self, _: UUID, number: int) -> None:
        """File one, asked for twice under one key, as by a caller who heard no answer."""
        once = OnceKey(key=f"{self.name}-{number}", fingerprint=b"the same")
        command = OpenTicket(subject=f"{self.name} {number}")
        with ThreadPoolExecutor(2) as pool:
            asked = [pool.submit(tickets.open_ticket, self.rt, self.actor, command, once) for _ in range(2)]
        for answer in asked:
            try:
                self.filed.add(UUID(json.loads(answer.result().body)["id"]))
            except RequestInProgress:
                continue


def written(rt: Runtime, acme: Tenant) -> tuple[list[UUID], list[Writer]]:
    """Return the tickets that they share, and the writers when all are through."""
    shared = [file_ticket(rt, acme.actor) for _ in range(SHARED)]
    callers = [add_caller(rt, acme.organization_id, Role.MANAGER) for _ in range(WRITERS)]
    start = Barrier(WRITERS)

    def write(number: int) -> Writer:
        writer = Writer(rt, callers[number].actor, f"w{number}", shared, random.Random(number))
        start.wait()
        for each in range(ROUNDS):
            writer.act(each)
        return writer

    with ThreadPoolExecutor(WRITERS) as pool:
        return shared, list(pool.map(write, range(WRITERS)))


def test_sixteen_writers_lose_and_double_nothing(rt: Runtime, acme: Tenant, database: MigratedDatabase) -> None:
    hours = {"first_response": 3600, "next_response": 3600, "periodic_update": 3600, "resolution": 3600}
    policy = NewSlaPolicy(name="All", targets={name: {"seconds": seconds} for name, seconds in hours.items()})
    add_policy(rt, acme.actor, policy, None)

    shared, writers = written(rt, acme)
    fire_due_timers(rt)

    for ticket_id in shared:
        ticket = tickets.get_ticket(rt, acme.actor, ticket_id)
        told = Counter(type_ for (type_,) in database.rows("SELECT type FROM events WHERE ticket_id = %s", ticket_id))
        # Nobody's tag is lost to somebody else's.
        assert len(ticket.tags) == len(set(ticket.tags)) == sum(writer.tags[ticket_id] for writer in writers)
        assert told["ticket.updated"] == len(ticket.tags)
        # Once it was somebody's, nobody else got it; whoever had it could take it again, which changes nothing.
        holders = [writer for writer in writers if writer.took[ticket_id]]
        assert [writer.actor.user_id for writer in holders] == [ticket.assignee_id] * len(holders)
        assert len(holders) == told["ticket.assigned"] <= 1
        assert told["ticket.commented"] == sum(writer.said[ticket_id] for writer in writers)
        assert told["ticket.status_changed"] == sum(writer.moved[ticket_id] for writer in writers)
        assert ticket.version == 1 + told["ticket.updated"] + told["ticket.assigned"] + told["ticket.status_changed"]
    for about, count, last in database.rows(
        "SELECT ticket_id, count(*), max(sequence) FROM events GROUP BY ticket_id"
    ):
        assert count == last, about

    assert_each_was_filed_once(database, shared, writers)
    assert verify_clocks(rt, acme.organization_id).differences == []


def assert_each_was_filed_once(database: MigratedDatabase, shared: list[UUID], writers: list[Writer]) -> None:
    """All that was confirmed is there, once, and numbers have neither gap nor double."""
    filed = set(shared).union(*(writer.filed for writer in writers))
    rows = database.rows("SELECT id, number, subject FROM tickets ORDER BY number")
    assert {id_ for id_, _, _ in rows} == filed
    assert [number for _, number, _ in rows] == list(range(1, len(filed) + 1))
    subjects = Counter(subject for _, _, subject in rows)
    assert subjects.pop("Printer on fire") == SHARED
    assert set(subjects.values()) == {1}
