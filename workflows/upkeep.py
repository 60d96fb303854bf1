"""Upkeep that runs by itself: partitions for the months ahead, and the removal of what has expired."""

from datetime import timedelta

from psms.db.queries import upkeep as queries
from psms.runtime import Runtime
from psms.telemetry import logger

_PARTITIONS_EVERY = timedelta(hours=6)
_PRUNE_EVERY = timedelta(minutes=10)
_PRUNE_BATCH = 500

log = logger(__name__)


def keep_house(rt: Runtime) -> int:
    """Do the upkeep whose slot has come and return how many rows and partitions it touched.

    However many processes ask, each slot is used once: it is a row, committed with the work.
    """
    return _partitions(rt) + _prune_all(rt)


def _partitions(rt: Runtime) -> int:
    with rt.db.begin_system() as session:
        now = rt.clock.now(session)
        if not queries.fire(session, "partitions", _PARTITIONS_EVERY, now):
            return 0
        made = queries.ensure_partitions(session)
        dropped = queries.drop_old_attempts(session, now, max(30, rt.settings.attempt_retention_days))
        queries.forget_slots(session, now)
    if made or dropped:
        log.info("partitions_kept", made=made, dropped=dropped)
    return made + dropped


def _prune_all(rt: Runtime) -> int:
    with rt.db.begin_system() as session:
        if not queries.fire(session, "prune", _PRUNE_EVERY, rt.clock.now(session)):
            return 0
    return sum(_prune(rt, what) for what in queries.PRUNABLE)


def _prune(rt: Runtime, what: str) -> int:
    # Small batches, each in its own transaction: a prune cut short goes on in the next slot.
    total, count = 0, _PRUNE_BATCH
    while count == _PRUNE_BATCH and not rt.stopping.is_set():
        with rt.db.begin_claim() as session:
            now = rt.clock.now(session)
            count = queries.prune(session, what, now, days=rt.settings.delivery_retention_days, limit=_PRUNE_BATCH)
        total += count
    return total
