"""Whole stories of tickets under an SLA on a running system, along a moved clock: the answers of the worked examples.

API, worker and Beat are processes of their own, on PostgreSQL and Redis; every level is swept by the worker.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import psycopg
import pytest

from psms.adapters.broker import CeleryNudger
from psms.domain.access import Role
from tests.api.standing import runtime_on
from tests.support.api_process import running_api
from tests.support.crew import Crew, assert_clocks_follow_from_their_ledgers
from tests.support.databases import MigratedDatabase
from tests.support.servers import ValkeyServer
from tests.support.sla_player import Caller, World, play
from tests.support.sla_scripts import CannotBePlayed, Script, script_of
from tests.support.sla_vectors import DEFAULT, STORIES, read_vectors
from tests.support.tenants import add_caller, make_tenant
from workflows.names import QUEUE_OF, Task

GIVEN, OWN = read_vectors(DEFAULT), read_vectors(STORIES)
MADE_OF_EVENTS = [one for one in (*OWN["vectors"], *GIVEN["vectors"]) if one["kind"] in {"timeline", "ticket"}]
# What no policy, no edit and no act on a ticket can bring about.
NOT_PLAYED = {"restarts": 25, "revives both": 4, "changes too often": 1, "writes on what stays resolved": 2}
BEFORE_ALL = "1985-12-01T00:00:00Z"


def playable() -> tuple[list[Script], Counter[str]]:
    """Return the scripts of all examples that are made of events, and why how many cannot be played."""
    scripts, not_played = [], Counter[str]()
    for vector in MADE_OF_EVENTS:
        try:
            scripts.append(script_of(vector))
        except CannotBePlayed as why:
            not_played[str(why)] += 1
    return scripts, not_played


def chosen(scripts: list[Script], *, soaking: bool) -> list[Script]:
    """Return all in the long form; in the short one our stories, the examples made by hand, and one in four others."""
    if soaking:
        return scripts
    return [one for number, one in enumerate(scripts) if one.id[0] in "SW" or number % 4 == 0]


@pytest.fixture
def world(database: MigratedDatabase, valkey: ValkeyServer, tmp_path: Path) -> Iterator[World]:
    crew = Crew(database, valkey.url, tmp_path)
    nudger = CeleryNudger(valkey.url, {task.value: queue.value for task, queue in QUEUE_OF.items()})

    def nudge() -> None:
        for task in (Task.REBASE_SLA, Task.FIRE_SLA_TIMERS):
            nudger.nudge(task)

    with ExitStack() as lent:
        lent.enter_context(closing(nudger))
        worker = lent.enter_context(crew.with_worker("core", "relay,timers,bulk"))
        lent.enter_context(crew.with_beat())
        rt = lent.enter_context(runtime_on(database))
        boss = make_tenant(rt)
        customer = add_caller(rt, boss.organization_id, Role.REQUESTER)
        api = lent.enter_context(running_api(database, tmp_path, **crew.environment, PSMS_API_WORKERS="1"))
        connection = lent.enter_context(psycopg.connect(database.superuser_url, autocommit=True))
        # Decades pass.
        connection.execute(b"UPDATE oauth_tokens SET expires_at = 'infinity'")
        # The examples know nothing of tickets that close by themselves.
        connection.execute(b"UPDATE organizations SET auto_close_after_seconds = NULL")
        worker.until_ready()
        yield World(
            connection,
            nudge,
            desk=Caller(api.url(""), boss.token),
            customer=Caller(api.url(""), customer.token),
            customer_id=str(customer.actor.user_id),
        )
        assert_clocks_follow_from_their_ledgers(crew.environment)


def test_stories_played_on_a_running_system_end_as_they_are_told(world: World, request: pytest.FixtureRequest) -> None:
    scripts = chosen(playable()[0], soaking=bool(request.config.getoption("soak")))
    world.now_is(BEFORE_ALL)
    world.add_calendars({name: calendar for one in (GIVEN, OWN) for name, calendar in one["calendars"].items()})

    assert play(world, scripts) == {}
    # Not only by acts, which record what was due before them.
    assert world.looks > len(scripts) / 2


def test_what_cannot_be_played_is_known() -> None:
    scripts, not_played = playable()

    assert not GIVEN["calendars"].keys() & OWN["calendars"].keys()
    assert not_played == NOT_PLAYED
    assert len(scripts) == len(MADE_OF_EVENTS) - not_played.total() == 117
