"""E-mail addresses of users: stored encrypted, found by their blind index. Who may see them is decided by callers."""

from collections.abc import Sequence
from uuid import UUID

from psms.adapters.keyring import Keyring
from psms.db.models.accounts import UserRow
from psms.db.queries import people
from psms.domain.encrypted_columns import USER_EMAIL
from psms.domain.encryption import BlindIndexes, Purpose
from psms.runtime import Runtime
from workflows.data_keys import decrypted, decrypted_page, keyring, renewed_keyring


def set_address(keys: Keyring, row: UserRow, email: str, indexes: BlindIndexes) -> None:
    """Give a person's row the ciphertext of *email* and its indexes, by which it is found and is unique."""
    row.email = None
    row.email_encrypted = keys.encrypt(USER_EMAIL, row.id, email.encode())
    row.email_index = indexes.odd
    row.email_index_even = indexes.even


def address_of(rt: Runtime, row: UserRow) -> str:
    """Return a user's address; a service user, which has none, shows one that reaches nobody (RFC 2606).

    Not with a transaction open. Raises Undecryptable.
    """
    if row.email_encrypted is not None:
        return decrypted(rt, row.organization_id, USER_EMAIL, row.id, row.email_encrypted).decode()
    return _address_in_clear(row)


def addresses_of(rt: Runtime, organization_id: UUID, rows: Sequence[UserRow]) -> dict[UUID, str]:
    """Return the addresses of many users of one organization, by their ids; otherwise as `address_of`."""
    encrypted = [(row.id, row.email_encrypted) for row in rows if row.email_encrypted is not None]
    opened = decrypted_page(rt, organization_id, USER_EMAIL, encrypted)
    found = {row_id: email.decode() for (row_id, _), email in zip(encrypted, opened, strict=True)}
    return {row.id: found.get(row.id) or _address_in_clear(row) for row in rows}


def user_with_address(rt: Runtime, organization_id: UUID, email: str) -> UUID | None:
    """Return the id of the organization's user with this address, whatever the case of its letters."""
    keys = keyring(rt, organization_id)
    if Purpose.INDEX not in keys.purposes:
        keys = renewed_keyring(rt, organization_id)
    indexes = keys.indexes(USER_EMAIL, email)
    with rt.db.begin(organization_id) as session:
        return people.user_by_address(session, indexes, email)


def _address_in_clear(row: UserRow) -> str:
    return row.email or f"{row.id}@clients.invalid"
