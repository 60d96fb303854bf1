"""Upkeep by itself: partitions for the months ahead, removal of what has expired, new data keys for worn ones."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from psms.db.queries import upkeep as queries
from psms.db.queries import webhook_ledgers
from psms.errors import DependencyUnavailable, PsmsError
from psms.ids import instant_of
from psms.runtime import Runtime
from psms.telemetry import logger
from workflows import deletions, endpoint_backlog, keys
from workflows.lane_reconciliation import reconcile_lanes

_PARTITIONS_EVERY = timedelta(hours=6)
# Less than the minute between two nudges, so that none finds the slot used.
_RECONCILE_EVERY = timedelta(seconds=30)
_TIDY_EVERY = timedelta(minutes=10)
_BATCH = 500

log = logger(__name__)


def keep_house(rt: Runtime) -> int:
    """Do the upkeep whose slot has come and return how many rows and partitions it touched.

    However many processes ask, each slot is used once: it is a row, committed with the work. Each kind of
    upkeep is on its own: one that fails is logged, done in a later slot, and keeps no other from being done.
    """
    kinds = (
        ("partitions_ahead", _make_partitions),
        ("old_attempts", _drop_attempts),
        ("old_events", _drop_events),
        ("lanes", _reconcile),
        ("tidying", _tidy),
        ("worn_data_keys", _rotate_worn),
    )
    return sum(_by_itself(kind, partial(keep, rt)) for kind, keep in kinds)


def _by_itself(kind: str, keep: Callable[[], int]) -> int:
    try:
        return keep()
    except DependencyUnavailable as problem:
        log.warning("upkeep_postponed", kind=kind, reason=problem.detail)
    except (PsmsError, SQLAlchemyError):
        log.exception("upkeep_failed", kind=kind)
    return 0


def _make_partitions(rt: Runtime) -> int:
    with rt.db.begin_system() as session:
        if not queries.fire(session, "make_partitions", _PARTITIONS_EVERY, rt.clock.now(session)):
            return 0
        made = queries.ensure_partitions(session)
    if made:
        log.info("partitions_made", count=made)
    return made


def _drop_attempts(rt: Runtime) -> int:
    # Where the table is in use this fails: the slot is not used up, so it is tried again in a minute.
    with rt.db.begin_system() as session:
        now = rt.clock.now(session)
        if not queries.fire(session, "drop_partitions", _PARTITIONS_EVERY, now):
            return 0
        dropped = queries.drop_old_attempts(session, now, rt.settings.attempt_retention_days)
        queries.forget_slots(session, now)
    if dropped:
        log.info("partitions_dropped", count=dropped)
    return dropped


def _drop_events(rt: Runtime) -> int:
    days = rt.settings.event_retention_days
    if days is None:
        return 0
    with rt.db.begin_system() as session:
        if not queries.fire(session, "drop_events", _PARTITIONS_EVERY, rt.clock.now(session)):
            return 0
    with rt.db.begin_claim() as session:
        horizon = rt.clock.now(session) - timedelta(days=days)
        untold = queries.oldest_untold(session)
    # Tickets are filed into this table all the time: where it is in use this fails, and is tried in the next slot.
    with rt.db.begin_system() as session:
        dropped = queries.drop_old_events(session, horizon if untold is None else min(horizon, instant_of(untold)))
    if dropped:
        log.info("events_dropped", months=dropped)
    return dropped


def _reconcile(rt: Runtime) -> int:
    with rt.db.begin_system() as session:
        if not queries.fire(session, "reconcile_lanes", _RECONCILE_EVERY, rt.clock.now(session)):
            return 0
    return reconcile_lanes(rt)


def _tidy(rt: Runtime) -> int:
    with rt.db.begin_system() as session:
        if not queries.fire(session, "tidy", _TIDY_EVERY, rt.clock.now(session)):
            return 0
    total = _by_itself("unwanted_deliveries", partial(_in_batches, rt, _cancel_unwanted))
    total += _by_itself("held_too_long", partial(endpoint_backlog.expire_held, rt))
    purge = partial(deletions.purge_batch, rt, _BATCH)
    total += _by_itself("deleted_tickets", partial(_in_batches, rt, purge))
    remove = partial(_remove_deliveries, days=rt.settings.delivery_retention_days)
    total += _by_itself("old_deliveries", partial(_in_batches, rt, remove))
    for what in queries.PRUNABLE:
        prune = partial(_prune, what=what, days=rt.settings.delivery_retention_days)
        total += _by_itself(f"old_{what}", partial(_in_batches, rt, prune))
    return total


def _rotate_worn(rt: Runtime) -> int:
    with rt.db.begin_system() as session:
        if not queries.fire(session, "rotate_worn_data_keys", _TIDY_EVERY, rt.clock.now(session)):
            return 0
    return keys.rotate_worn(rt)


def _cancel_unwanted(session: Session, now: datetime) -> int:
    return queries.cancel_unwanted(session, now, _BATCH)


def _remove_deliveries(session: Session, now: datetime, *, days: int) -> int:
    return webhook_ledgers.remove_old(session, now, days, _BATCH)


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
