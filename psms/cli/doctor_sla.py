"""What `psms doctor` says of edits of policies and calendars that open tickets are still to follow."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from psms.cli.lazy import load
from psms.embedded.findings import Finding, ok, warn
from psms.errors import PsmsError
from psms.settings import Settings

if TYPE_CHECKING:
    from psms.domain.operations import Backlog

_LONG_S = 600


def check_rebases(settings: Settings) -> Iterator[Finding]:
    """Yield whether open tickets follow edits; nothing where the database cannot be asked, which is told elsewhere."""
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
    yield finding_of(backlog)


def finding_of(backlog: "Backlog") -> Finding:
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
