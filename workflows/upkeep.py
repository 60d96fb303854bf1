"""Upkeep that runs by itself: partitions for the months ahead, and the removal of what has expired."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy.orm import Session

from psms.db.queries import upkeep as queries
from psms.errors import DependencyUnavailable
from psms.runtime import Runtime
from psms.telemetry import logger

_PARTITIONS_EVERY = timedelta(hours=6)
_TIDY_EVERY = timedelta(minutes=10)
_BATCH = 500

log = logger(__name__)


def keep_house(rt: Runtime) -> int:
    """Do the upkeep whose slot has come and return how many rows and partitions it touched.

    However many processes ask, each slot is used once: it is a row, committed with the work. Each kind of
    upkeep is on its own, so that one that fails keeps no other from being done.
    """
    return _make_partitions(rt) + _drop_partitions(rt) + _tidy(rt)


def _make_partitions(rt: Runtime) -> int:
    with rt.db.begin_system() as session:
        if not queries.fire(session, "make_partitions", _PARTITIONS_EVERY, rt.clock.now(session)):
            return 0
        made = queries.ensure_partitions(session)
    if made:
        log.info("partitions_made", count=made)
    return made


def _drop_partitions(rt: Runtime) -> int:
    try:
        with rt.db.begin_system() as session:
            now = rt.clock.now(session)
            if not queries.fire(session, "drop_partitions", _PARTITIONS_EVERY, now):
                return 0
            dropped = queries.drop_old_attempts(session, now, rt.settings.attempt_retention_days)
            queries.forget_slots(session, now)
    except DependencyUnavailable as problem:
        # The table is in use: the slot is not used up, so it is tried again in a minute.
        log.info("partitions_not_dropped", reason=problem.detail)
        return 0
    if dropped:
        log.info("partitions_dropped", count=dropped)
    return dropped


def _tidy(rt: Runtime) -> int:
    with rt.db.begin_system() as session:
        if not queries.fire(session, "tidy", _TIDY_EVERY, rt.clock.now(session)):
            return 0
    days = rt.settings.delivery_retention_days
    total = _in_batches(rt, lambda session, now: queries.cancel_unwanted(session, now, _BATCH))
    for what in queries.PRUNABLE:
        total += _in_batches(rt, partial(_prune, what=what, days=days))
    return total


def _prune(session: Session, now: datetime, *, what: str, days: int) -> int:
    return queries.prune(session, what, now, days=days, limit=_BATCH)


def _in_batches(rt: Runtime, do: Callable[[Session, datetime], int]) -> int:
    """Repeat *do* until a short batch; each is a transaction, so what is cut short goes on in the next slot."""
    total, count = 0, _BATCH
    while count == _BATCH and not rt.stopping.is_set():
        with rt.db.begin_claim() as session:
            count = do(session, rt.clock.now(session))
        total += count
    return total
