"""The closed list of columns that hold ciphertext, and the names of fields that nobody may find in clear.

How a value is encrypted is in `encryption`; a test holds every model against both lists.
"""

from dataclasses import dataclass
from functools import lru_cache
from uuid import UUID

from psms.domain.encryption import Place, Purpose


# Each is itself: to be looked up by identity is quick.
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EncryptedColumn:
    """A column of ciphertexts, and what its data keys are for."""

    table: str
    column: str
    purpose: Purpose

    def at(self, organization_id: UUID, row_id: UUID) -> Place:
        """Return this column's place in one row."""
        return Place(organization_id=organization_id, table=self.table, column=self.column, row_id=row_id)


WEBHOOK_SECRET = EncryptedColumn(table="webhook_secrets", column="secret_encrypted", purpose=Purpose.WEBHOOKS)
ENDPOINT_HEADERS = EncryptedColumn(table="webhook_endpoints", column="headers_encrypted", purpose=Purpose.WEBHOOKS)
"""The partner's own headers, as JSON: they may carry credentials."""
USER_EMAIL = EncryptedColumn(table="users", column="email_encrypted", purpose=Purpose.PERSONAL)
KEPT_USER = EncryptedColumn(table="idempotency_keys", column="body", purpose=Purpose.PERSONAL)
"""The kept answer to the request that added a user, bound to that user's id; other kept answers hold nothing secret."""

ENCRYPTED = (WEBHOOK_SECRET, ENDPOINT_HEADERS, USER_EMAIL, KEPT_USER)

CONFIDENTIAL = ("secret", "token", "password", "email", "phone", "address", "routing_key")
"""A column or a logged field with one of these words in its name is encrypted, hashed or masked."""

PERSONAL = frozenset({("users", "email")})
"""Personal data, whatever the columns are called; grows with the tables."""

MASK = "[not logged]"


# Asked for every field of every entry of the trail, over and over for the same few names.
@lru_cache(maxsize=1024)
def is_confidential(name: str) -> bool:
    """Tell whether a column or field of this name is one that nobody may find in clear."""
    return any(word in name for word in CONFIDENTIAL)


def logged(name: str, value: object) -> object:
    """Return *value* as the audit trail may show it under *name*: a mask for what is confidential."""
    return MASK if isinstance(value, str) and is_confidential(name) else value
