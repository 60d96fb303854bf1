"""Two at once: merges into one another, moves that make a circle together, acts that meet a merge or a deletion.

Each story is played by two connections; whoever comes second waits for the first, and judges what it left.
"""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from threading import Barrier
from uuid import UUID

import psycopg
import pytest

from psms.domain.lifecycle import Action
from psms.domain.relation_errors import ChildrenOpen, MergeRefused, RelationRefused
from psms.domain.tickets import NewComment, Status
from psms.errors import ActionNotAllowed, FieldError, NotFound, PsmsError
from psms.runtime import Runtime
from tests.support.databases import MigratedDatabase
from tests.support.tenants import Tenant, file_ticket
from tests.support.waiting import eventually
from workflows import comments, deletions, merges, ticket_families, tickets

ROUNDS = 6
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
Deed = Callable[[], object]


def together(*deeds: Deed) -> list[PsmsError | None]:
    """Do all at once and return what each was refused with."""
    start = Barrier(len(deeds))

    def done(deed: Deed) -> PsmsError | None:
        start.wait(10)
        try:
            deed()
        except PsmsError as problem:
            return problem
        return None

    with ThreadPoolExecutor(len(deeds)) as pool:
        return list(pool.map(done, deeds))


def refused(found: list[PsmsError | None]) -> list[type[PsmsError]]:
    return [type(one) for one in found if one is not None]


def survivor(database: MigratedDatabase, ticket_id: UUID) -> UUID:
    """Follow a ticket's merges to their end, which there is."""
    seen = [ticket_id]
    while True:
        ((following,),) = database.rows("SELECT merged_into_id FROM tickets WHERE id = %s", seen[-1])
        if following is None:
            return seen[-1]
        assert following not in seen
        seen.append(UUID(str(following)))


def test_of_two_tickets_that_are_merged_into_one_another_one_goes_on(
    rt: Runtime, acme: Tenant, database: MigratedDatabase
) -> None:
    for _ in range(ROUNDS):
        one, two = (file_ticket(rt, acme.actor) for _ in "ab")

        found = together(
            partial(merges.merge_ticket, rt, acme.actor, one, two, None),
            partial(merges.merge_ticket, rt, acme.actor, two, one, None),
        )

        assert refused(found) == [MergeRefused]
        assert survivor(database, one) == survivor(database, two)


def test_three_merges_that_would_make_a_circle_leave_a_survivor(
    rt: Runtime, acme: Tenant, database: MigratedDatabase
) -> None:
    for _ in range(ROUNDS):
        one, two, three = (file_ticket(rt, acme.actor) for _ in "abc")

        found = together(
            partial(merges.merge_ticket, rt, acme.actor, one, two, None),
            partial(merges.merge_ticket, rt, acme.actor, two, three, None),
            partial(merges.merge_ticket, rt, acme.actor, three, one, None),
        )

        assert set(refused(found)) == {MergeRefused}
        for ticket_id in (one, two, three):
            assert tickets.get_ticket(rt, acme.actor, survivor(database, ticket_id)).status is Status.NEW


def test_two_moves_that_make_a_circle_only_together_are_not_both_made(rt: Runtime, acme: Tenant) -> None:
    for _ in range(ROUNDS):
        one, two, three, four = (file_ticket(rt, acme.actor) for _ in "abcd")
        ticket_families.set_parent(rt, acme.actor, two, one, None)
        ticket_families.set_parent(rt, acme.actor, four, three, None)

        # No ticket is in both moves.
        found = together(
            partial(ticket_families.set_parent, rt, acme.actor, one, four, None),
            partial(ticket_families.set_parent, rt, acme.actor, three, two, None),
        )

        assert refused(found) == [RelationRefused]


def test_a_comment_that_meets_a_merge_reaches_whoever_goes_on(
    rt: Runtime, acme: Tenant, database: MigratedDatabase
) -> None:
    for _ in range(ROUNDS):
        merged, into = (file_ticket(rt, acme.actor) for _ in "ab")

        found = together(
            partial(comments.add_comment, rt, acme.actor, merged, NewComment(body="x"), None),
            partial(merges.merge_ticket, rt, acme.actor, merged, into, None),
        )

        assert found == [None, None]
        # Told of on the merged ticket, if it came first, or else on the survivor.
        told = database.rows(
            "SELECT ticket_id, sequence FROM events WHERE type = 'ticket.commented' AND ticket_id IN (%s, %s)",
            merged,
            into,
        )
        assert told in ([(merged, 2)], [(into, 3)])
        assert database.rows("SELECT ticket_id FROM comments WHERE ticket_id IN (%s, %s)", merged, into) == [(merged,)]


@pytest.mark.parametrize("act", ["comment", "transition", "edit parent"])
def test_what_waits_for_a_deletion_finds_nothing(
    rt: Runtime, acme: Tenant, database: MigratedDatabase, act: str
) -> None:
    ticket_id, parent_id = (file_ticket(rt, acme.actor) for _ in "ab")
    deeds: dict[str, Deed] = {
        "comment": partial(comments.add_comment, rt, acme.actor, ticket_id, NewComment(body="x"), None),
        "transition": partial(tickets.transition, rt, acme.actor, ticket_id, Action.OPEN, None),
        "edit parent": partial(ticket_families.set_parent, rt, acme.actor, ticket_id, parent_id, None),
    }

    with ThreadPoolExecutor(1) as pool, psycopg.connect(database.superuser_url) as deleting:
        # As a deletion that is about to be committed.
        deleting.execute("UPDATE tickets SET deleted_at = psms_now() WHERE id = %s", (ticket_id,))
        second: Future[object] = pool.submit(deeds[act])
        eventually(lambda: database.rows(WAITING) == [(1,)])
        deleting.commit()
        with pytest.raises(NotFound):
            second.result(10)

    before = (
        database.rows("SELECT count(*) FROM comments"),
        database.rows("SELECT status, parent_id FROM tickets ORDER BY id"),
    )
    assert before == ([(0,)], [("new", None)] * 2)


def test_of_a_deletion_and_a_merge_into_the_ticket_one_is_done(rt: Runtime, acme: Tenant) -> None:
    for _ in range(ROUNDS):
        merged, into = (file_ticket(rt, acme.actor) for _ in "ab")

        found = together(
            partial(merges.merge_ticket, rt, acme.actor, merged, into, None),
            partial(deletions.delete_ticket, rt, acme.actor, into, None),
        )

        assert [type(one) for one in found] in ([FieldError, type(None)], [type(None), RelationRefused])


def test_a_parent_is_not_resolved_while_a_child_is_attached(rt: Runtime, acme: Tenant) -> None:
    outcomes = set()
    for _ in range(ROUNDS):
        parent, child = (file_ticket(rt, acme.actor) for _ in "ab")

        found = together(
            partial(tickets.transition, rt, acme.actor, parent, Action.RESOLVE, None),
            partial(ticket_families.set_parent, rt, acme.actor, child, parent, None),
        )

        assert len(refused(found)) == 1
        outcomes |= set(refused(found))
        after = tickets.get_ticket(rt, acme.actor, parent).status, tickets.get_ticket(rt, acme.actor, child).parent_id
        assert after in ((Status.RESOLVED, None), (Status.NEW, parent))
    assert outcomes <= {ChildrenOpen, RelationRefused}


def test_a_merge_and_its_return_do_not_overtake_acts_of_the_survivor(rt: Runtime, acme: Tenant) -> None:
    for number in range(ROUNDS):
        # In either order of their ids.
        merged, into, last = [file_ticket(rt, acme.actor) for _ in "abc"][:: 1 if number % 2 else -1]
        merges.merge_ticket(rt, acme.actor, merged, into, None)

        found = together(
            partial(merges.unmerge_ticket, rt, acme.actor, merged, None),
            partial(merges.merge_ticket, rt, acme.actor, into, last, None),
            partial(comments.add_comment, rt, acme.actor, merged, NewComment(body="x"), None),
            partial(tickets.transition, rt, acme.actor, into, Action.OPEN, None),
        )

        assert set(refused(found)) <= {MergeRefused, ActionNotAllowed}
        assert found[1:3] == [None, None]
        alone = tickets.get_ticket(rt, acme.actor, merged).merged_into_id is None
        assert alone == (found[0] is None)
