"""Reading the audit trail; writing it is in `trail`."""

from psms.db.queries import log_reading
from psms.domain.access import Actor, Permission, require
from psms.domain.logs import LogEntry, LogFilter
from psms.domain.pages import Page, PageRequest
from psms.runtime import Runtime


def list_logs(rt: Runtime, actor: Actor, wanted: LogFilter, page: PageRequest) -> Page[LogEntry]:
    """Return one page of the organization's audit trail, newest first."""
    require(actor, Permission.LOG_READ)
    with rt.db.begin(actor.organization_id) as session:
        return log_reading.list_logs(session, wanted, page)
