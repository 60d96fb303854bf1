"""The change of the key of an organization's blind index, step by step. Other keys are rotated in `keys`.

Keys of odd and of even version have a column each. While both are in use, whoever knows the new key writes both
columns, and whoever does not yet writes the former's; so the former's is complete, and unique. Once every process
knows the new key and its column is complete, the former key is retired; once every process knows that, its column
is emptied. So at any moment an address is found, and unique, for every process.
"""

from datetime import datetime
from operator import attrgetter
from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.orm import Session

from psms.adapters.keyring import Keyring
from psms.crash import CrashPoint, crash_point
from psms.db.queries import blind_indexes
from psms.db.queries import data_keys as queries
from psms.domain.data_keys import KNOWN_AFTER, IndexRotation, IndexStep, WrappedKey
from psms.domain.encrypted_columns import USER_EMAIL
from psms.domain.encryption import Purpose
from psms.errors import Undecryptable
from psms.runtime import Runtime
from workflows import trail, undecryptable
from workflows.act import act_of_system
from workflows.data_keys import add_next_keys, keyring_to_write, renewed_keyring
from workflows.keys import require_organization


def rotate_index(rt: Runtime, organization_id: UUID, batch: int) -> IndexRotation:
    """Take the steps of the change that can be taken now, *batch* rows in a transaction.

    Whoever is cut short, or comes too early, calls again and it goes on. Raises NotFound, and KeysShredded.
    """
    require_organization(rt, organization_id)
    keyring_to_write(rt, organization_id)
    keys, now = _index_keys(rt, organization_id)
    if len(keys) > 1 and keys[-2].retired_at is not None and _is_used(rt, organization_id, keys[-2]):
        return _emptied(rt, organization_id, (keys[-2], keys[-1]), now, batch)
    if len(keys) == 1 or keys[-2].retired_at is not None:
        add_next_keys(rt, organization_id, [Purpose.INDEX])
        keys, now = _index_keys(rt, organization_id)
    return _both(rt, organization_id, (keys[-2], keys[-1]), now, batch)


def _both(
    rt: Runtime, organization_id: UUID, keys: tuple[WrappedKey, WrappedKey], now: datetime, batch: int
) -> IndexRotation:
    former, newest = keys
    changed, unreadable = _filled(rt, organization_id, newest, batch)
    known_at = newest.created_at + KNOWN_AFTER
    if unreadable or now < known_at:
        return IndexRotation(step=IndexStep.BOTH, changed=changed, unreadable=unreadable, again_at=known_at)
    with rt.db.begin(organization_id) as session:
        queries.take_turns(session, organization_id)
        act = act_of_system(rt, session, organization_id, rt.clock.now(session))
        if blind_indexes.is_lacking(session, newest.version):
            return IndexRotation(step=IndexStep.BOTH, changed=changed, again_at=act.now)
        queries.retire(session, former.id, act.now)
        trail.note(act, "index_key.rotated", ("organization", organization_id))
        rest = blind_indexes.is_used(session, former.version)
    renewed_keyring(rt, organization_id)
    if not rest:
        return IndexRotation(step=IndexStep.FINISHED)
    return IndexRotation(step=IndexStep.RETIRED, again_at=act.now + KNOWN_AFTER)


def _emptied(
    rt: Runtime, organization_id: UUID, keys: tuple[WrappedKey, WrappedKey], now: datetime, batch: int
) -> IndexRotation:
    former, newest = keys
    known_at = (former.retired_at or now) + KNOWN_AFTER
    if now < known_at:
        return IndexRotation(step=IndexStep.RETIRED, again_at=known_at)
    _, unreadable = _filled(rt, organization_id, newest, batch)
    changed, count = 0, batch
    while count == batch:
        with rt.db.begin(organization_id) as session:
            count = blind_indexes.empty(session, former.version, batch)
        changed += count
    return IndexRotation(step=IndexStep.FINISHED, changed=changed, unreadable=unreadable)


def _filled(rt: Runtime, organization_id: UUID, newest: WrappedKey, batch: int) -> tuple[int, tuple[str, ...]]:
    """Index every address that has no index under the newest key; return how many, and the rows that do not open."""
    keys = renewed_keyring(rt, organization_id)
    after, changed, count = UUID(int=0), 0, batch
    failed: list[UUID] = []
    while count == batch:
        with rt.db.begin(organization_id) as session:
            rows = blind_indexes.lacking(session, newest.version, after, batch)
            bad = [row.id for row in rows if not _indexed(session, keys, newest.version, row)]
        crash_point(CrashPoint.INDEX_FILLED)
        count, after = len(rows), rows[-1].id if rows else after
        changed += count - len(bad)
        failed += bad
    for row_id in failed:
        undecryptable.note_value(rt, organization_id, USER_EMAIL, row_id)
    return changed, tuple(f"{USER_EMAIL.table}/{row_id}" for row_id in failed)


def _indexed(session: Session, keys: Keyring, version: int, row: Row[Any]) -> bool:
    try:
        email = keys.decrypt(USER_EMAIL, row.id, bytes(row.encrypted)).decode()
    except Undecryptable:
        return False
    blind_indexes.write(session, version, row.id, keys.indexes(USER_EMAIL, email).under(version))
    return True


def _index_keys(rt: Runtime, organization_id: UUID) -> tuple[list[WrappedKey], datetime]:
    with rt.db.begin(organization_id) as session:
        stored = queries.of_organization(session)
        now = rt.clock.now(session)
    return sorted((key for key in stored if key.purpose == Purpose.INDEX), key=attrgetter("version")), now


def _is_used(rt: Runtime, organization_id: UUID, key: WrappedKey) -> bool:
    with rt.db.begin(organization_id) as session:
        return blind_indexes.is_used(session, key.version)
