"""The guards of workflow runs, taken out: a step takes effect twice, or what kills its workers never ends."""

from contextlib import AbstractContextManager, nullcontext
from datetime import timedelta

import pytest

from psms.domain.runs import MOST_TRIES, Wait
from psms.runtime import Runtime
from tests.support.databases import MigratedDatabase
from tests.support.played_runs import advanced, begin, effects, errand, run_of, saying, two_steps
from tests.support.sabotage import without_all
from tests.support.tenants import Tenant, make_tenant
from workflows.run_drain import advance, claim_due
from workflows.runs import known

FENCE = {" AND lease_token = %(token)s": ""}
COUNT = {"tries = r.tries + 1": "tries = r.tries"}
LEASE_END = {"lease_expires_at <= %(now)s": "false"}


@pytest.fixture
def acme(rt: Runtime) -> Tenant:
    return make_tenant(rt)


def taking_out(guard: dict[str, str] | None) -> AbstractContextManager[None]:
    return without_all(guard) if guard else nullcontext()


@pytest.mark.parametrize(("guard", "done"), [(None, 1), (FENCE, 2)], ids=["fenced", "without the fence"])
def test_the_fence_keeps_a_thawed_worker_from_doing_a_step_once_more(
    rt: Runtime, acme: Tenant, database: MigratedDatabase, *, guard: dict[str, str] | None, done: int
) -> None:
    steps = errand(tick=saying("tick", Wait("tick")))
    begin(rt, acme, steps)
    (frozen,) = claim_due(rt, known([steps]))
    database.move_clock(timedelta(seconds=rt.settings.lease_seconds))

    with taking_out(guard):
        assert advanced(rt, steps) == 1
        advance(rt, frozen)

    assert effects(database) == ["tick"] * done


@pytest.mark.parametrize(
    ("guard", "state"), [(None, "failed"), (COUNT, "waiting")], ids=["counted before", "not counted"]
)
def test_what_kills_its_worker_each_time_ends_because_tries_are_counted_before_the_work(
    rt: Runtime, acme: Tenant, database: MigratedDatabase, *, guard: dict[str, str] | None, state: str
) -> None:
    steps = two_steps()
    begin(rt, acme, steps)

    with taking_out(guard):
        for lost in range(1, MOST_TRIES + 1):
            claim_due(rt, known([steps]))
            database.move_clock(timedelta(seconds=lost * rt.settings.lease_seconds))
        (job,) = claim_due(rt, known([steps]))
    if job.tries > MOST_TRIES:
        advance(rt, job)

    assert (run_of(database)["state"], effects(database)) == (state, [])


@pytest.mark.parametrize(("guard", "done"), [(None, 2), (LEASE_END, 0)], ids=["it ends", "it never ends"])
def test_a_lease_that_ends_gives_the_run_to_another_worker(
    rt: Runtime, acme: Tenant, database: MigratedDatabase, *, guard: dict[str, str] | None, done: int
) -> None:
    steps = two_steps()
    begin(rt, acme, steps)
    assert len(claim_due(rt, known([steps]))) == 1
    database.move_clock(timedelta(seconds=rt.settings.lease_seconds))

    with taking_out(guard):
        assert advanced(rt, steps) == done
