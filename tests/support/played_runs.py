"""Workflow runs for the tests: definitions whose steps leave a trace in the log, and what is kept of runs."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

from psms.domain.runs import Finish, Go, Next, Run, Wait
from psms.runtime import Runtime
from tests.support.databases import MigratedDatabase
from tests.support.tenants import Tenant
from workflows import trail
from workflows.act import Act, act_of
from workflows.run_drain import advance_runs
from workflows.runs import Definition, known, signal_run, start_run

KIND = "test.errand"
AN_HOUR = timedelta(hours=1)
RUN = "SELECT state, step, steps_done, tries, error, data, result FROM workflow_runs"
STEPS = "SELECT seq, name, state, tries, error FROM workflow_steps ORDER BY run_id, seq"
EFFECTS = "SELECT after->>'said' FROM logs WHERE action = 'test.said' ORDER BY at, id"


def say(act: Act, run: Run, said: str) -> None:
    """Leave a trace that can be counted: an effect of a step."""
    trail.note(act, "test.said", ("run", run.id), trail.added({"said": said}))


def saying(said: str, after: Next) -> Callable[[Act, Run], Next]:
    """Return a step with an effect that leads to *after*."""

    def step(act: Act, run: Run) -> Next:
        say(act, run, said)
        return after

    return step


def raising(error: Exception) -> Callable[[Act, Run], Next]:
    """Return a step that has its effect, and then fails."""

    def step(act: Act, run: Run) -> Next:
        say(act, run, "in vain")
        raise error

    return step


def listening(act: Act, run: Run) -> Next:
    """Say what was heard, and finish once somebody said so."""
    heard = [one.name for one in run.signals]
    say(act, run, f"heard {heard}")
    return Finish({"heard": heard}) if "stop" in heard else Wait("listen", act.now + AN_HOUR)


def errand(version: int = 1, **steps: Callable[[Act, Run], Next]) -> Definition:
    """Return a definition whose first step is the first that is given."""
    return Definition(kind=KIND, version=version, first=next(iter(steps)), steps=steps)


def two_steps(version: int = 1) -> Definition:
    """Return one that goes from its first step to its second, and ends."""
    return errand(
        version,
        ask=saying(f"asked {version}", Go("answer", {"asked": True})),
        answer=saying(f"answered {version}", Finish({"version": version})),
    )


def begin(rt: Runtime, tenant: Tenant, definition: Definition, key: str = "one", **more: Any) -> UUID:
    """Begin a run in a transaction of its own."""
    with rt.db.begin(tenant.organization_id) as session:
        return start_run(act_of(rt, session, tenant.actor), definition, business_key=key, **more)


def advanced(rt: Runtime, *definitions: Definition) -> int:
    """Do what is due of these definitions."""
    return advance_runs(rt, known(definitions))


def tell(rt: Runtime, tenant: Tenant, run_id: UUID, name: str, key: str) -> None:
    """Signal a run in a transaction of its own."""
    with rt.db.begin(tenant.organization_id) as session:
        signal_run(act_of(rt, session, tenant.actor), run_id, name, {"by": "somebody"}, key)


def errand_run(rt: Runtime, tenant: Tenant) -> UUID:
    """Leave a run that waits, with a step that was done and a signal."""
    definition = errand(ask=saying("asked", Wait("listen")), listen=listening)
    run_id = begin(rt, tenant, definition)
    advanced(rt, definition)
    tell(rt, tenant, run_id, "hello", "1")
    return run_id


def run_of(database: MigratedDatabase) -> dict[str, object]:
    """Return what the database holds of its one run."""
    names = ("state", "step", "steps_done", "tries", "error", "data", "result")
    (row,) = database.rows(RUN)
    return dict(zip(names, row, strict=True))


def effects(database: MigratedDatabase) -> list[str]:
    """Return what steps have said and committed, in order."""
    return [str(said) for (said,) in database.rows(EFFECTS)]
