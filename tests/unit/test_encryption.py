"""The stored form of encrypted values: round trips, what a value is bound to, and blind indexes."""

from dataclasses import replace
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from psms.adapters.cipher import AesGcm
from psms.adapters.keyring import DataKey, Keyring, UnknownDataKey
from psms.adapters.system import SystemChance
from psms.domain.encrypted_columns import ENCRYPTED, KEPT_USER, MASK, USER_EMAIL, WEBHOOK_SECRET, logged
from psms.domain.encryption import Ciphertext, Place, Purpose, associated_data, blind_index, folded, packed, unpacked
from psms.errors import Undecryptable

ACME, STRANGER = UUID(int=1), UUID(int=2)
ROW, OTHER_ROW = UUID(int=10), UUID(int=11)
KEY = bytes(range(32))


def keyring(organization_id=ACME, *more, keys=None):
    """Return a keyring with one key for each purpose, and *more*."""
    first = [DataKey(id=n, purpose=purpose, version=1, key=KEY) for n, purpose in enumerate(Purpose, 1)]
    return Keyring(organization_id, keys or [*first, *more], AesGcm, SystemChance())


@given(st.binary(max_size=300))
def test_what_is_encrypted_is_read_again(plaintext):
    keys = keyring()

    assert keys.decrypt(WEBHOOK_SECRET, ROW, keys.encrypt(WEBHOOK_SECRET, ROW, plaintext)) == plaintext


@given(st.binary(min_size=1, max_size=40), st.data())
def test_no_bit_can_be_changed(plaintext, data):
    keys = keyring()
    stored = keys.encrypt(WEBHOOK_SECRET, ROW, plaintext)
    bit = data.draw(st.integers(0, len(stored) * 8 - 1))
    changed = (int.from_bytes(stored) ^ (1 << bit)).to_bytes(len(stored))

    with pytest.raises(Undecryptable):
        keys.decrypt(WEBHOOK_SECRET, ROW, changed)


@given(st.binary(max_size=60))
def test_bytes_that_nobody_encrypted_are_refused(stored):
    with pytest.raises(Undecryptable):
        keyring().decrypt(WEBHOOK_SECRET, ROW, stored)


@given(st.integers(0, 2**32 - 1), st.binary(min_size=12, max_size=12), st.binary(min_size=16, max_size=99))
def test_the_stored_form_is_thirty_three_bytes_longer_and_can_be_taken_apart(key_id, nonce, body):
    ciphertext = Ciphertext(key_id=key_id, nonce=nonce, body=body)

    assert unpacked(packed(ciphertext)) == ciphertext
    assert len(packed(ciphertext)) == 1 + 4 + 12 + len(body)
    assert packed(ciphertext)[:1] == b"\x01"


def test_equal_values_are_not_equal_when_encrypted():
    keys = keyring()

    assert len({keys.encrypt(WEBHOOK_SECRET, ROW, b"same") for _ in range(50)}) == 50


def test_a_value_is_readable_in_its_own_row_column_and_organization_only():
    stored = keyring().encrypt(USER_EMAIL, ROW, b"alice@example.com")

    assert keyring().decrypt(USER_EMAIL, ROW, stored) == b"alice@example.com"
    for keys, column, row in (
        (keyring(), USER_EMAIL, OTHER_ROW),
        (keyring(), KEPT_USER, ROW),
        (keyring(), WEBHOOK_SECRET, ROW),
        (keyring(STRANGER), USER_EMAIL, ROW),
    ):
        with pytest.raises(Undecryptable):
            keys.decrypt(column, row, stored)


def test_a_value_is_bound_to_the_id_of_its_key_even_where_two_keys_are_the_same():
    newer = DataKey(id=9, purpose=Purpose.PERSONAL, version=2, key=KEY)
    stored = keyring().encrypt(USER_EMAIL, ROW, b"alice@example.com")

    with pytest.raises(Undecryptable):
        keyring(ACME, newer).decrypt(USER_EMAIL, ROW, packed(replace(unpacked(stored), key_id=9)))


def test_the_highest_version_encrypts_and_the_former_still_decrypts():
    stored = keyring().encrypt(USER_EMAIL, ROW, b"alice@example.com")
    rotated = keyring(ACME, DataKey(id=9, purpose=Purpose.PERSONAL, version=2, key=bytes(32)))

    assert (
        unpacked(rotated.encrypt(USER_EMAIL, ROW, b"bob@example.com")).key_id == rotated.newest(Purpose.PERSONAL) == 9
    )
    assert rotated.decrypt(USER_EMAIL, ROW, stored) == b"alice@example.com"


def test_a_key_that_is_not_held_is_told_from_a_value_that_was_changed():
    newer = keyring(ACME, DataKey(id=9, purpose=Purpose.PERSONAL, version=2, key=bytes(32)))

    with pytest.raises(UnknownDataKey):
        keyring().decrypt(USER_EMAIL, ROW, newer.encrypt(USER_EMAIL, ROW, b"bob@example.com"))


def test_no_part_of_a_place_can_be_mistaken_for_another():
    place = Place(organization_id=ACME, table="t", column="c", row_id=ROW)
    others = [
        replace(place, organization_id=STRANGER),
        replace(place, table="tc", column=""),
        replace(place, column="d"),
        replace(place, row_id=OTHER_ROW),
    ]

    assert len({associated_data(one, 1) for one in (place, *others)} | {associated_data(place, 2)}) == 6


def test_a_key_of_another_length_is_refused():
    with pytest.raises(ValueError, match="a key has 32 bytes, not 16"):
        AesGcm(bytes(16))


def test_a_blind_index_knows_no_case_and_tells_organizations_and_columns_apart():
    keys = keyring()
    indexes = keys.indexes(USER_EMAIL, "Alice@Example.com")

    assert indexes == keys.indexes(USER_EMAIL, "alice@example.com")
    assert (indexes.even, len(indexes.odd)) == (None, 16)
    assert indexes.odd == blind_index(KEY, USER_EMAIL.at(ACME, ROW), "alice@example.com")
    assert indexes != keys.indexes(USER_EMAIL, "bob@example.com")
    assert indexes != keys.indexes(KEPT_USER, "alice@example.com")
    assert indexes != keyring(STRANGER).indexes(USER_EMAIL, "alice@example.com")


def test_while_the_index_key_changes_a_value_has_an_index_under_each_key():
    newer = DataKey(id=9, purpose=Purpose.INDEX, version=2, key=bytes(32))

    both = keyring(ACME, newer).indexes(USER_EMAIL, "alice@example.com")
    former = keyring().indexes(USER_EMAIL, "alice@example.com")
    alone = Keyring(ACME, [newer], AesGcm, SystemChance()).indexes(USER_EMAIL, "alice@example.com")

    assert (both.odd, both.even) == (former.odd, alone.even)
    assert (both.under(1), both.under(2), alone.odd) == (former.odd, alone.even, None)
    assert both.odd != both.even


@given(st.text(max_size=40))
def test_letters_are_made_small_one_by_one(text):
    # PostgreSQL's lower() does the same: no letter depends on another, and none becomes two.
    assert len(folded(text)) == len(text)
    assert folded(text[:3]) + folded(text[3:]) == folded(text)
    place = USER_EMAIL.at(ACME, ROW)
    assert blind_index(KEY, place, text) == blind_index(KEY, place, folded(folded(text)))


def test_every_encrypted_column_is_listed_once():
    assert len({(column.table, column.column) for column in ENCRYPTED}) == len(ENCRYPTED)


def test_the_trail_shows_no_confidential_text():
    assert logged("email", "alice@example.com") == logged("client_secret", "x") == logged("home_address", "x") == MASK
    assert logged("email", None) is None
    assert logged("name", "Alice") == "Alice"
