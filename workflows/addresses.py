"""E-mail addresses of users: stored encrypted, found by their blind index. Who may see them is decided by callers."""

from uuid import UUID

from psms.adapters.keyring import Keyring
from psms.db.models.accounts import UserRow
from psms.db.queries import people
from psms.domain.encrypted_columns import USER_EMAIL
from psms.domain.encryption import Purpose
from psms.runtime import Runtime
from workflows.data_keys import decrypted, keyring, renewed_keyring


def set_address(keys: Keyring, row: UserRow, email: str) -> None:
    """Give a person's row the ciphertext of *email* and the index by which it is found and is unique."""
    row.email = None
    row.email_encrypted = keys.encrypt(USER_EMAIL, row.id, email.encode())
    row.email_index = keys.index(USER_EMAIL, email)


def address_of(rt: Runtime, row: UserRow) -> str:
    """Return a user's address; a service user, which has none, shows one that reaches nobody (RFC 2606).

    Not with a transaction open. Raises Undecryptable.
    """
    if row.email_encrypted is not None:
        return decrypted(rt, row.organization_id, USER_EMAIL, row.id, row.email_encrypted).decode()
    return row.email or f"{row.id}@clients.invalid"


def user_with_address(rt: Runtime, organization_id: UUID, email: str) -> UUID | None:
    """Return the id of the organization's user with this address, whatever the case of its letters."""
    keys = keyring(rt, organization_id)
    if Purpose.INDEX not in keys.purposes:
        keys = renewed_keyring(rt, organization_id)
    # Without keys nothing is encrypted yet, and no index is empty.
    index = keys.index(USER_EMAIL, email) if Purpose.INDEX in keys.purposes else b""
    with rt.db.begin(organization_id) as session:
        return people.user_by_address(session, index, email)
