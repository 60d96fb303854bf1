"""What operators ask: is everything reachable, and what waits."""

from psms.db.fitness import HEAD, revision_of
from psms.db.queries import operations as queries
from psms.db.session import Database
from psms.domain.operations import Backlog, Dependency
from psms.errors import PsmsError
from psms.runtime import Runtime
from workflows.run_kinds import KNOWN


def readiness(rt: Runtime) -> list[Dependency]:
    """Ask each server that PSMS depends on, and return how it stands.

    Redis is not required: without it nudges are lost, which costs latency and no work.
    """
    return [_postgresql(rt), _redis(rt)]


def _postgresql(rt: Runtime) -> Dependency:
    try:
        found = rt.db.ask(revision_of)
    except PsmsError as problem:
        return Dependency(name="postgresql", ready=False, required=True, detail=problem.detail)
    if found != HEAD:
        detail = f"The schema is at revision {found}, this release needs {HEAD}: run `python -m psms migrate`."
        return Dependency(name="postgresql", ready=False, required=True, detail=detail)
    return Dependency(name="postgresql", ready=True, required=True, detail=f"schema revision {found}")


def _redis(rt: Runtime) -> Dependency:
    ready = rt.redis.answers()
    detail = "answers" if ready else "Does not answer: work is found by polling meanwhile, a little later."
    return Dependency(name="redis", ready=ready, required=False, detail=detail)


def backlog(rt: Runtime) -> Backlog:
    """Return what waits in all organizations: numbers only, nothing of anybody's content."""
    return backlog_in(rt.db)


def backlog_in(database: Database) -> Backlog:
    """Return what waits in a database; raise PsmsError where it cannot be asked."""
    with database.begin_claim() as session:
        return queries.backlog(session, list(KNOWN))
