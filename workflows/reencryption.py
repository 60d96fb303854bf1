"""Re-encryption: values in clear, and those under a former data key, go under the newest one, batch by batch.

Restartable at any line and safe beside live traffic. Keys themselves are made and rotated in `keys`.
"""

from collections.abc import Iterator, Sequence
from operator import attrgetter
from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.orm import Session

from psms.adapters.keyring import Keyring
from psms.crash import CrashPoint, crash_point
from psms.db.queries import ciphertexts
from psms.db.queries import data_keys as queries
from psms.domain.data_keys import Reencrypted
from psms.domain.encrypted_columns import USER_EMAIL, EncryptedColumn
from psms.domain.encryption import NO_INDEXES, unpacked
from psms.errors import KeysShredded, Undecryptable
from psms.runtime import Runtime
from workflows import undecryptable
from workflows.data_keys import keyring_to_write, renewed_keyring, reserve_messages

_ORGANIZATIONS = 500
_NO_KEY = 0
# Processes go on with a former data key for ten minutes, so under load there may always be more.
_PASSES = 10


def reencrypt(rt: Runtime, batch: int) -> Reencrypted:
    """Encrypt anew whatever is outdated in all organizations, *batch* rows in a transaction.

    Rows that others hold are passed over and tried again until a pass finds nothing to do, or ten have been made;
    *left* counts the rest.
    """
    total = Reencrypted()
    for organization_id in organizations(rt):
        done = reencrypt_organization(rt, organization_id, batch)
        total.changed += done.changed
        total.left += done.left
        total.unreadable += done.unreadable
    return total


def reencrypt_organization(rt: Runtime, organization_id: UUID, batch: int) -> Reencrypted:
    """Do as `reencrypt` does, for one organization; one whose keys were shredded is left as it is."""
    done = Reencrypted()
    if not any(_counts(rt, organization_id).values()):
        return done
    try:
        keyring_to_write(rt, organization_id)
    except KeysShredded:
        return done
    for _ in range(_PASSES):
        done.unreadable.clear()
        changed = sum(_pass(rt, organization_id, column, batch, done.unreadable) for column in ciphertexts.COLUMNS)
        done.changed += changed
        if not changed:
            break
    done.left = sum(_counts(rt, organization_id).values()) - len(done.unreadable)
    return done


def count_outdated(rt: Runtime) -> dict[str, int]:
    """Return, by column, how many values are in clear or under a former data key. Shredded ones do not count."""
    totals = {f"{column.table}.{column.column}": 0 for column in ciphertexts.COLUMNS}
    for organization_id in organizations(rt):
        for column, count in _counts(rt, organization_id).items():
            totals[f"{column.table}.{column.column}"] += count
    return totals


def organizations(rt: Runtime) -> Iterator[UUID]:
    """Yield the ids of all organizations, in order."""
    found = [UUID(int=0)]
    while found:
        with rt.db.begin_system() as session:
            found = queries.organizations_after(session, found[-1], _ORGANIZATIONS)
        yield from found


def _counts(rt: Runtime, organization_id: UUID) -> dict[EncryptedColumn, int]:
    with rt.db.begin(organization_id) as session:
        keys = sorted(queries.of_organization(session), key=attrgetter("version"))
        if any(key.wrapped is None for key in keys):
            return {}
        newest = {key.purpose: key.id for key in keys}
        return {
            column: ciphertexts.count_outdated(session, column, newest.get(column.purpose, _NO_KEY))
            for column in ciphertexts.COLUMNS
        }


def _pass(rt: Runtime, organization_id: UUID, column: EncryptedColumn, batch: int, unreadable: list[str]) -> int:
    """Go once through the outdated rows of a column, and return how many are up to date now."""
    keys = renewed_keyring(rt, organization_id)
    changed, after, count = 0, ciphertexts.FIRST, batch
    while count == batch:
        reserve_messages(rt, organization_id, keys, batch)
        failed: list[UUID] = []
        with rt.db.begin(organization_id) as session:
            rows = ciphertexts.outdated(session, column, keys.newest(column.purpose), after, batch)
            changed += _renewed(session, keys, column, rows, failed)
            crash_point(CrashPoint.REENCRYPTION_UNCOMMITTED)
        crash_point(CrashPoint.REENCRYPTION_COMMITTED)
        for row_id in failed:
            undecryptable.note_value(rt, organization_id, column, row_id)
        unreadable += [f"{column.table}/{row_id}" for row_id in failed]
        count = len(rows)
        after = rows[-1].id if rows else after
    return changed


def _renewed(
    session: Session, keys: Keyring, column: EncryptedColumn, rows: Sequence[Row[Any]], unreadable: list[UUID]
) -> int:
    changed = 0
    for row in rows:
        try:
            plaintext = _plaintext(keys, column, row)
        except Undecryptable:
            unreadable.append(row.id)
            continue
        if plaintext is None:
            continue
        indexes = keys.indexes(column, plaintext.decode()) if column is USER_EMAIL else NO_INDEXES
        ciphertexts.write(session, column, row.id, keys.encrypt(column, row.id, plaintext), indexes)
        changed += 1
    return changed


def _plaintext(keys: Keyring, column: EncryptedColumn, row: Row[Any]) -> bytes | None:
    """Return what a row holds; None where somebody encrypted it under a key that is newer than this keyring."""
    if row.clear is not None:
        return bytes(row.clear.encode())
    stored = bytes(row.encrypted)
    if unpacked(stored).key_id > keys.newest(column.purpose):
        return None
    return keys.decrypt(column, row.id, stored)
