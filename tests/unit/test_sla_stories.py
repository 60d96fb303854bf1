"""Whole stories of tickets about the nights in which clocks change, in four zones: told by ticks, and by the engine.

The same stories are played on a running system in `tests/e2e/test_sla_stories.py`.
"""

import pytest

from tests.support.sla_engines import ENGINE
from tests.support.sla_ticks import told_by_ticks
from tests.support.sla_vector_kinds import check
from tests.support.sla_vectors import DEFAULT, STORIES, Bench, Vector, read_vectors

DOCUMENT, GIVEN = read_vectors(STORIES), read_vectors(DEFAULT)
# Of the examples that others made, those that happen at whole minutes.
CHECKED = [vector for vector in GIVEN["vectors"] if vector["id"] in {"W39", "W40"}]


@pytest.mark.parametrize("story", DOCUMENT["vectors"], ids=lambda story: story["id"])
def test_a_clock_that_ticks_tells_the_story_as_it_stands(story: Vector) -> None:
    assert told_by_ticks(DOCUMENT["calendars"], story) == story["timers"]


@pytest.mark.parametrize("story", DOCUMENT["vectors"], ids=lambda story: story["id"])
def test_the_engine_tells_the_same(story: Vector) -> None:
    check(Bench(ENGINE, DOCUMENT["calendars"]), story)


@pytest.mark.parametrize("vector", CHECKED, ids=lambda vector: vector["id"])
def test_the_clock_that_ticks_tells_what_others_told(vector: Vector) -> None:
    assert told_by_ticks(GIVEN["calendars"], vector) == vector["timers"]


def test_a_story_holds_all_that_can_happen() -> None:
    for story in DOCUMENT["vectors"]:
        happened = {entry["type"] for entry in story["log"]} | {entry.get("to") for entry in story["log"]}
        assert happened >= {"agent_reply", "customer_message", "pending_customer", "on_hold", "priority", "resolved"}
