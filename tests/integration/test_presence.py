"""Presence, kept by a real Valkey: who is there, until when, for whom; and that nothing waits long while it is away."""

import time
from collections.abc import Iterator
from dataclasses import replace
from uuid import uuid4

import pytest
from redis import Redis

from psms.adapters.presence import SharedPresence
from psms.domain.access import Role
from psms.domain.presence import Activity, Onlooker, Presence
from psms.errors import NotAllowed, NotFound
from psms.runtime import Runtime
from tests.support.servers import ValkeyServer
from tests.support.tenants import Tenant, add_caller, file_ticket
from workflows.presence import show_oneself, who_is_there

ORGANIZATION, TICKET, ADA, BOB = (uuid4() for _ in range(4))


@pytest.fixture
def pair(valkey: ValkeyServer) -> Iterator[tuple[SharedPresence, SharedPresence]]:
    """Two processes' ways to the same Valkey, emptied."""
    with Redis.from_url(valkey.url) as redis:
        redis.flushdb()
    both = SharedPresence(valkey.url), SharedPresence(valkey.url)
    yield both
    for one in both:
        one.close()


def test_what_one_process_hears_the_other_knows_and_the_last_word_counts(
    pair: tuple[SharedPresence, SharedPresence],
) -> None:
    one, other = pair
    assert one.there(ORGANIZATION, TICKET) == []

    one.hear(ORGANIZATION, TICKET, ADA, Activity.VIEWING)
    other.hear(ORGANIZATION, TICKET, ADA, Activity.WRITING)
    found = other.hear(ORGANIZATION, TICKET, BOB, Activity.VIEWING)

    assert found is not None
    assert {(one.user_id, one.activity) for one in found} == {(ADA, Activity.WRITING), (BOB, Activity.VIEWING)}
    assert all(0 <= one.seconds_ago <= 5 for one in found)
    assert one.there(ORGANIZATION, uuid4()) == other.there(uuid4(), TICKET) == []


def test_who_is_not_heard_of_for_half_a_minute_is_gone(
    pair: tuple[SharedPresence, SharedPresence], valkey: ValkeyServer
) -> None:
    one, _ = pair
    one.hear(ORGANIZATION, TICKET, BOB, Activity.VIEWING)
    key = f"psms:presence:{ORGANIZATION}:{TICKET}"
    with Redis.from_url(valkey.url) as redis:
        assert 25 < int(str(redis.ttl(key))) <= 30
        now = int(redis.time()[0])
        redis.hset(key, str(ADA), f"writing {now - 30}")
        redis.hset(key, str(BOB), f"viewing {now - 25}")

        found = one.there(ORGANIZATION, TICKET)

        assert found is not None
        assert [one.user_id for one in found] == [BOB]
        assert redis.hlen(key) == 1


def test_while_redis_does_not_answer_nobody_is_known_to_be_there_and_nobody_waits(rt: Runtime, acme: Tenant) -> None:
    ticket_id = file_ticket(rt, acme.actor)
    nowhere = SharedPresence("redis://127.0.0.1:1/0")
    # An address that never answers (RFC 5737).
    silent = SharedPresence("redis://192.0.2.1:6379/0")
    for keeper in (nowhere, silent):
        through = replace(rt, presence=keeper)
        began = time.monotonic()
        for _ in range(20):
            assert show_oneself(through, acme.actor, ticket_id, Activity.WRITING) == Presence(available=False)
            assert who_is_there(through, acme.actor, ticket_id) == Presence(available=False)
        assert time.monotonic() - began < 2
        keeper.close()


def test_it_is_for_those_who_see_the_ticket_and_what_is_said_internally(
    rt: Runtime, acme: Tenant, stranger: Tenant, pair: tuple[SharedPresence, SharedPresence]
) -> None:
    through = replace(rt, presence=pair[0])
    agent = add_caller(rt, acme.organization_id, Role.AGENT).actor
    requester = add_caller(rt, acme.organization_id, Role.REQUESTER).actor
    ticket_id = file_ticket(rt, requester)

    show_oneself(through, acme.actor, ticket_id, Activity.VIEWING)
    found = show_oneself(through, agent, ticket_id, Activity.WRITING)

    # Who writes comes first.
    assert [(one.user_id, one.activity.value) for one in found.items] == [
        (agent.user_id, "writing"),
        (acme.actor.user_id, "viewing"),
    ]
    assert isinstance(found.items[0], Onlooker)
    with pytest.raises(NotAllowed):
        who_is_there(through, requester, ticket_id)
    with pytest.raises(NotFound):
        show_oneself(through, stranger.actor, ticket_id, Activity.VIEWING)
    assert len(who_is_there(through, agent, ticket_id).items) == 2
