"""The data keys of organizations: loaded, unwrapped, made at first use, and kept for a while. Rotation is in `keys`.

Unwrapping may be a call to AWS KMS, so nothing here may be called with a transaction open.
"""

from collections.abc import Iterable, Sequence
from uuid import UUID

from sqlalchemy.orm import Session

from psms.adapters.keyring import DataKey, Keyring, UnknownDataKey
from psms.db.queries import data_keys as queries
from psms.domain.data_keys import RESERVED_MESSAGES, WrappedKey
from psms.domain.encrypted_columns import EncryptedColumn
from psms.domain.encryption import KEY_BYTES, Purpose, key_context
from psms.errors import KeysShredded, Undecryptable
from psms.guard import refuse_in_transaction
from psms.runtime import Runtime
from workflows import undecryptable

# More than any one act encrypts; whoever does more says so.
_FEW = 64


def keyring(rt: Runtime, organization_id: UUID) -> Keyring:
    """Return the organization's data keys as far as there are any: to read with."""
    # Also where they are at hand: otherwise a mistake would show only when they are not.
    refuse_in_transaction("the unwrapping of data keys")
    return rt.vault.cache.keyring(organization_id, lambda: _loaded(rt, organization_id))


def renewed_keyring(rt: Runtime, organization_id: UUID) -> Keyring:
    """Return the organization's data keys as they are now, and go on with them in this process."""
    return rt.vault.cache.put(organization_id, _loaded(rt, organization_id))


def keyring_to_write(rt: Runtime, organization_id: UUID) -> Keyring:
    """Return the organization's data keys with one for each purpose, made where they are missing.

    Raises KeysShredded for an organization whose keys were destroyed.
    """
    held = keyring(rt, organization_id)
    if not held.complete:
        _add_missing_keys(rt, organization_id)
        held = renewed_keyring(rt, organization_id)
    reserve_messages(rt, organization_id, held, _FEW)
    return held


def reserve_messages(rt: Runtime, organization_id: UUID, keys: Keyring, least: int) -> None:
    """See to it that *least* values, which are about to be encrypted with *keys*, are counted in the database.

    They are counted before, and many at once: a process that is killed has counted too many, and never too few.
    """
    short = rt.vault.counts.short(organization_id, keys.counted, least)
    if not short:
        return
    wanted = {key_id: max(RESERVED_MESSAGES, least) - min(left, 0) for key_id, left in short.items()}
    with rt.db.begin(organization_id) as session:
        for key_id, count in sorted(wanted.items()):
            queries.reserve(session, key_id, count)
    for key_id, count in wanted.items():
        rt.vault.counts.grant(organization_id, key_id, count)


def add_next_keys(rt: Runtime, organization_id: UUID, purposes: Iterable[Purpose]) -> None:
    """Make the next version of the data key of each purpose, all of them or none; raises KeysShredded.

    They are committed before anything is encrypted with them, so whoever meets one finds it.
    """
    wrapped = _new_wrapped_keys(rt, organization_id, purposes)
    with rt.db.begin(organization_id) as session:
        queries.take_turns(session, organization_id)
        _purposes_with_a_key(session)
        _insert(rt, session, organization_id, wrapped)


def _add_missing_keys(rt: Runtime, organization_id: UUID) -> None:
    wrapped = _new_wrapped_keys(rt, organization_id, Purpose)
    with rt.db.begin(organization_id) as session:
        queries.take_turns(session, organization_id)
        there = _purposes_with_a_key(session)
        missing = {purpose: key for purpose, key in wrapped.items() if purpose not in there}
        _insert(rt, session, organization_id, missing)


def _insert(rt: Runtime, session: Session, organization_id: UUID, wrapped: dict[Purpose, bytes]) -> None:
    now = rt.clock.now(session)
    for purpose, key in wrapped.items():
        values = {
            "organization_id": organization_id,
            "purpose": purpose.value,
            "kek_id": rt.vault.keks.primary,
            "wrapped": key,
            "now": now,
        }
        queries.add(session, values)


def decrypted(rt: Runtime, organization_id: UUID, column: EncryptedColumn, row_id: UUID, stored: bytes) -> bytes:
    """Return the plaintext of a stored value.

    A key that this process has not met is newer than its keyring, which is then loaded again. Raises
    Undecryptable, and writes that into the trail, for what was changed, was moved from another place, or has lost
    its key.
    """
    try:
        try:
            return keyring(rt, organization_id).decrypt(column, row_id, stored)
        except UnknownDataKey:
            return renewed_keyring(rt, organization_id).decrypt(column, row_id, stored)
    except Undecryptable:
        undecryptable.note_value(rt, organization_id, column, row_id)
        raise


def decrypted_page(
    rt: Runtime, organization_id: UUID, column: EncryptedColumn, values: Sequence[tuple[UUID, bytes]]
) -> list[bytes]:
    """Return the plaintexts of a column's values in many rows, each with its row's id; otherwise as `decrypted`."""
    keys = keyring(rt, organization_id)
    try:
        return keys.decrypt_page(column, values)
    except Undecryptable:
        # One by one, to learn which it is, and with keys that are newer.
        return [decrypted(rt, organization_id, column, row_id, stored) for row_id, stored in values]


def unwrapped(rt: Runtime, organization_id: UUID, key: WrappedKey) -> bytes:
    """Return the data key.

    Raises Undecryptable, and writes that into the trail, where its KEK is not configured or is another one, and for
    a key that was changed or moved from another place.
    """
    context = key_context(organization_id, Purpose(key.purpose))
    try:
        return rt.vault.keks.unwrap(key.kek_id, key.wrapped or b"", context)
    except Undecryptable:
        undecryptable.note_data_key(rt, organization_id, key.id)
        raise


def _loaded(rt: Runtime, organization_id: UUID) -> Keyring:
    with rt.db.begin(organization_id) as session:
        stored = queries.of_organization(session)
    usable = [key for key in stored if key.wrapped is not None and key.retired_at is None]
    keys = [_data_key(rt, organization_id, key) for key in usable]
    return Keyring(organization_id, keys, rt.vault.cipher, rt.chance, rt.vault.counts)


def _data_key(rt: Runtime, organization_id: UUID, key: WrappedKey) -> DataKey:
    clear = unwrapped(rt, organization_id, key)
    return DataKey(id=key.id, purpose=Purpose(key.purpose), version=key.version, key=clear)


def _new_wrapped_keys(rt: Runtime, organization_id: UUID, purposes: Iterable[Purpose]) -> dict[Purpose, bytes]:
    return {
        purpose: rt.vault.keks.wrap(rt.chance.secret_bytes(KEY_BYTES), key_context(organization_id, purpose))
        for purpose in purposes
    }


def _purposes_with_a_key(session: Session) -> set[str]:
    stored = queries.of_organization(session)
    if any(key.wrapped is None for key in stored):
        raise KeysShredded
    return {key.purpose for key in stored}
