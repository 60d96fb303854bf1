"""Entries about PSMS itself: processes that start and stop, migrations, drains that fail, failed verifications.

What concerns no organization is written into the log of the installation, which has a chain of its own.
"""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from psms.adapters.system import DatabaseClock, SystemChance
from psms.db.queries import journal
from psms.db.session import Database
from psms.domain.logs import INSTALLATION, Outcome
from psms.encoding import json_text
from psms.errors import PsmsError
from psms.runtime import Runtime
from psms.telemetry import logger
from workflows.seldom import is_first

_FAILURE_ONCE_IN_S = 600

log = logger(__name__)


def record(rt: Runtime, action: str, *, facts: Mapping[str, object]) -> None:
    """Write *action* into the log of the installation, in a transaction of its own."""
    record_in(rt, INSTALLATION, action, facts=facts)


def record_in(rt: Runtime, organization_id: UUID, action: str, *, facts: Mapping[str, object]) -> None:
    """Write *action*, done by PSMS itself or by its operator, into an organization's log."""
    with rt.db.begin(organization_id) as session:
        now = rt.clock.now(session)
        journal.insert_logs(session, [_entry(organization_id, rt.chance.new_id(now), now, action, facts)])


def record_migration(database: Database, revision: str) -> None:
    """Write that the schema was brought to *revision*."""
    _try_to_record(database, "installation.migrated", {"revision": revision})


def record_process(database: Database, name: str, what: str) -> None:
    """Write that the process *name* `started` or `stopped`. A database that is away keeps no process from either."""
    _try_to_record(database, f"process.{what}", {"name": name})


def record_failure(rt: Runtime, task: str, defect: Exception) -> None:
    """Write that a drain raised what nobody expected: at most once in ten minutes for each drain and kind of error.

    Of the error its kind alone: a driver's message quotes the statement and its values.
    """
    error = type(defect).__name__
    if is_first(rt, f"failure:{task}:{error}", _FAILURE_ONCE_IN_S):
        _try_to_record(rt.db, "job.failed", {"task": task, "error": error, "worker": rt.worker})


def _try_to_record(database: Database, action: str, facts: Mapping[str, object]) -> None:
    try:
        with database.begin(INSTALLATION) as session:
            _insert(session, action, facts)
    except PsmsError as problem:
        log.warning("system_event_not_recorded", action=action, problem=problem.detail)


def _insert(session: Session, action: str, facts: Mapping[str, object]) -> None:
    now = DatabaseClock().now(session)
    journal.insert_logs(session, [_entry(INSTALLATION, SystemChance().new_id(now), now, action, facts)])


def _entry(
    organization_id: UUID, log_id: UUID, now: datetime, action: str, facts: Mapping[str, object]
) -> journal.LogRecord:
    return journal.LogRecord(
        organization_id=organization_id,
        id=log_id,
        at=now,
        action=action,
        outcome=Outcome.DONE.value,
        actor_id=None,
        client_id=None,
        request_id=None,
        target_type=action.partition(".")[0],
        target_id=None,
        before=None,
        after=json_text(facts),
        address=None,
    )
