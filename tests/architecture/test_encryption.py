"""Every column that should be encrypted is, and the comparison notices one that is not."""

import pytest
from sqlalchemy import Column, LargeBinary, MetaData, Table, Text, Uuid

from psms.db.models import Base
from psms.db.queries import ciphertexts
from psms.domain.encrypted_columns import ENCRYPTED, PERSONAL, is_confidential

# Columns whose names say that they are confidential, or that hold personal data, and why they need no encryption.
REASONS = {
    ("oauth_clients", "secret_hash"): "a SHA-256 of 256 random bits",
    ("oauth_tokens", "token_hash"): "a SHA-256 of 256 random bits",
    ("users", "password_hash"): "Argon2id",
    ("users", "email"): "in clear only until `keys reencrypt` empties it",
    ("users", "email_index"): "an HMAC under a key that is not in the database",
    ("users", "email_index_even"): "the same, under the key of even version",
    ("logs", "address"): "the network address of a caller, by which those who guard the log look for somebody",
    ("webhook_secrets", "secret"): "in clear only until `keys reencrypt` empties it",
    ("webhook_deliveries", "lease_token"): "the id of a claim, which opens nothing",
    ("mails", "lease_token"): "the id of a claim, which opens nothing",
    ("workflow_runs", "lease_token"): "the id of a claim, which opens nothing",
    ("webhook_attempts", "lease_token"): "the id of a claim, which opens nothing",
}

_LISTED = {(column.table, column.column) for column in ENCRYPTED}


def in_clear(metadata: MetaData) -> list[str]:
    """Return the columns that should be encrypted and are neither listed nor excused."""
    return [
        f"{table.name}.{column.name}: list it in psms.domain.encrypted_columns, or say here why it may be read"
        for table in metadata.sorted_tables
        for column in table.columns
        if is_confidential(column.name) or (table.name, column.name) in PERSONAL
        if (table.name, column.name) not in _LISTED | set(REASONS)
    ]


def test_every_confidential_column_is_encrypted_or_has_a_reason_not_to_be():
    assert in_clear(Base.metadata) == []


@pytest.mark.parametrize("name", ["secret", "api_token", "password", "email", "home_phone", "address", "secret_key"])
def test_a_confidential_column_in_clear_is_noticed(name):
    metadata = MetaData()
    Table("partners", metadata, Column("id", Uuid, primary_key=True), Column(name, Text))

    assert in_clear(metadata) == [
        f"partners.{name}: list it in psms.domain.encrypted_columns, or say here why it may be read"
    ]


def test_personal_data_are_noticed_whatever_their_column_is_called():
    assert {(table, column) for table, column in PERSONAL if column not in Base.metadata.tables[table].columns} == set()
    metadata = MetaData()
    Table("users", metadata, Column("email", Text), Column("shoe_size", Text))

    # Excused by its table and name only.
    assert in_clear(metadata) == []


@pytest.mark.parametrize("place", sorted(_LISTED | set(REASONS)), ids=".".join)
def test_every_column_that_is_named_exists(place):
    table, column = place

    assert column in Base.metadata.tables[table].columns


@pytest.mark.parametrize("place", sorted(_LISTED), ids=".".join)
def test_ciphertext_is_stored_as_bytes_under_a_key_that_begins_with_the_organization(place):
    table = Base.metadata.tables[place[0]]

    assert isinstance(table.columns[place[1]].type, LargeBinary)
    assert next(iter(table.primary_key.columns)).name == "organization_id"


def test_every_encrypted_column_can_be_encrypted_anew():
    assert set(ciphertexts.COLUMNS) == set(ENCRYPTED)
