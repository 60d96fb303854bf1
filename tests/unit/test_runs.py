"""Workflow runs as values: pauses, what a step led to, and that what is begun is known."""

from datetime import UTC, datetime, timedelta
from itertools import groupby

import pytest

from psms.domain.runs import MOST_TRIES, Finish, Go, Wait, pause_after, told_of
from workflows.run_kinds import KNOWN
from workflows.run_names import NEWEST, Beginning
from workflows.runs import Definition, known

AT = datetime(2026, 1, 1, tzinfo=UTC)


def test_a_new_run_begins_with_the_newest_version_that_is_known() -> None:
    newest = {kind: max(versions) for kind, versions in groupby(sorted(KNOWN), key=lambda one: one[0])}

    assert {kind: (kind, one.version) for kind, one in NEWEST.items()} == newest
    for one in NEWEST.values():
        assert one == Beginning(kind=one.kind, version=one.version, first=KNOWN[one.kind, one.version].first)


def test_a_version_is_defined_once_and_with_its_first_step() -> None:
    whole = Definition(kind="errand", version=1, first="go", steps={"go": lambda _act, _run: Finish()})

    assert known([whole]) == {("errand", 1): whole}
    for wrong in ([whole, whole], [Definition(kind="errand", version=1, first="go", steps={})]):
        with pytest.raises(ValueError, match=r"errand 1: defined twice, or without its first step go"):
            known(wrong)


def test_a_step_that_fails_pauses_longer_each_time_and_is_given_up_within_an_hour() -> None:
    pauses = [pause_after(tries, 0.0) for tries in range(1, MOST_TRIES)]

    assert pauses == sorted(pauses)
    assert pauses[0] == timedelta(seconds=5)
    assert timedelta(minutes=40) < sum(pauses, timedelta()) < timedelta(hours=1)


@pytest.mark.parametrize(
    ("after", "told"),
    [
        (Go("ask"), {"next": "ask"}),
        (Wait("ask", AT), {"next": "ask", "until": AT}),
        (Wait("ask"), {"next": "ask", "until": None}),
        (Finish({"done": True}), {"finished": {"done": True}}),
    ],
)
def test_the_record_of_a_step_says_what_it_led_to(after: Go | Wait | Finish, told: dict[str, object]) -> None:
    assert told_of(after) == told
