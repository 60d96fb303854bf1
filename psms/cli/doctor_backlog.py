"""What `psms doctor` says of what waits: edits that open tickets are still to follow, and workflow runs."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from psms.cli.lazy import load
from psms.embedded.findings import Finding, ok, warn
from psms.errors import PsmsError
from psms.settings import Settings

if TYPE_CHECKING:
    from psms.domain.operations import Backlog

_LONG_S = 600


def check_backlog(settings: Settings) -> Iterator[Finding]:
    """Yield whether what is due is done; nothing where the database cannot be asked, which is told elsewhere."""
    if not settings.database_url:
        return
    database = load("psms.db.session:Database")(settings.database_url, pool_size=1)
    try:
        load("psms.db.fitness:refuse_unfit_database")(database)
        backlog: Backlog = load("workflows.operations:backlog_in")(database)
    except PsmsError:
        return
    finally:
        database.close()
    yield of_rebases(backlog)
    yield of_runs(backlog)


def of_rebases(backlog: "Backlog") -> Finding:
    """Return what to say of the edits that wait."""
    if backlog.rebases_failing:
        return warn(
            "sla rebases",
            f"{backlog.rebases_failing} of {backlog.rebases} edits fail where open tickets follow them: GET "
            "/v1/sla-rebases names the error, the log of a worker of the queue bulk tells it in full",
        )
    if backlog.rebases_oldest_s > _LONG_S:
        return warn(
            "sla rebases",
            f"open tickets have not followed an edit for {backlog.rebases_oldest_s / 60:.0f} minutes: "
            "is there a worker of the queue bulk?",
        )
    return ok("sla rebases", f"{backlog.rebases} edits are still being followed by open tickets")


def of_runs(backlog: "Backlog") -> Finding:
    """Return what to say of the workflow runs that failed, or whose time has come."""
    if backlog.runs_failed:
        return warn(
            "workflow runs",
            f"{backlog.runs_failed} failed: `python -m psms work list` names the error, the log of a worker of the "
            "queue timers tells it in full; `python -m psms work retry` tries them again",
        )
    if backlog.runs_unknown:
        return warn(
            "workflow runs",
            f"{backlog.runs_unknown} were begun by a newer release and wait for it: start workers of that release",
        )
    if backlog.runs_oldest_s > _LONG_S:
        return warn(
            "workflow runs",
            f"one has been due for {backlog.runs_oldest_s / 60:.0f} minutes: is there a worker of the queue timers?",
        )
    return ok("workflow runs", f"{backlog.runs_due} are due")
