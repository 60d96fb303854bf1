"""Encrypted files (A31): no plaintext in them, and nothing can be cut off, swapped, added or taken from elsewhere."""

import io
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typing_extensions import override

from psms.adapters.cipher import AesGcm
from psms.adapters.files import decrypted_file, encrypted_file
from psms.adapters.system import SystemChance
from psms.domain.file_encryption import CHUNK_BYTES, ENCRYPTED_CHUNK_BYTES, chunk_nonce
from psms.errors import Undecryptable

KEY = AesGcm(bytes(range(32)))
PLACE = b"the place of this file's key"
HEAD = 8
MARKER = b"-- a marker of thirty-two bytes -"[:32]


def encrypted(content: bytes, place: bytes = PLACE) -> bytes:
    return b"".join(encrypted_file(io.BytesIO(content), KEY, SystemChance(), place))


def decrypted(stored: bytes, key: AesGcm = KEY, place: bytes = PLACE) -> bytes:
    return b"".join(decrypted_file(io.BytesIO(stored), key, place))


def chunks_of(stored: bytes) -> list[bytes]:
    body = stored[HEAD:]
    return [body[at : at + ENCRYPTED_CHUNK_BYTES] for at in range(0, len(body), ENCRYPTED_CHUNK_BYTES)]


THREE = os.urandom(2 * CHUNK_BYTES) + MARKER
STORED = encrypted(THREE)


@pytest.mark.parametrize("size", [0, 1, 31, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 2 * CHUNK_BYTES])
def test_a31_a_file_of_any_size_comes_back_as_it_was(size):
    content = os.urandom(size)
    stored = encrypted(content)

    assert decrypted(stored) == content
    assert len(stored) == HEAD + size + 16 * max(1, -(-size // CHUNK_BYTES))


class Dribble(io.BytesIO):
    """A source that gives a few bytes at a time, as a socket does."""

    @override
    def read(self, size=-1, /):
        return super().read(min(size, 1000))


def test_a_source_that_gives_little_at_a_time_makes_the_same_chunks():
    content = os.urandom(CHUNK_BYTES + 5)
    stored = b"".join(encrypted_file(Dribble(content), KEY, SystemChance(), PLACE))

    assert [len(chunk) for chunk in chunks_of(stored)] == [ENCRYPTED_CHUNK_BYTES, 5 + 16]
    assert b"".join(decrypted_file(Dribble(stored), KEY, PLACE)) == content


def test_a31_the_stored_file_does_not_contain_what_is_in_it():
    assert MARKER in THREE
    assert MARKER not in STORED
    assert THREE[:32] not in STORED


def _swapped(first, second, third):
    return second + first + third


def _without_the_last(first, second, third):
    return first + second


def _without_the_middle(first, second, third):
    return first + third


def _one_twice(first, second, third):
    return first + second + second + third


def _with_something_behind(first, second, third):
    return first + second + third + bytes(40)


def _cut_within(first, second, third):
    return first + second[:-1]


def _nothing(first, second, third):
    return b""


@pytest.mark.parametrize(
    "arrange",
    [_swapped, _without_the_last, _without_the_middle, _one_twice, _with_something_behind, _cut_within, _nothing],
)
def test_a31_chunks_cannot_be_rearranged(arrange):
    with pytest.raises(Undecryptable):
        decrypted(STORED[:HEAD] + arrange(*chunks_of(STORED)))


def test_a31_chunks_of_another_file_under_the_same_key_do_not_fit():
    other = encrypted(THREE)

    with pytest.raises(Undecryptable):
        decrypted(STORED[:HEAD] + chunks_of(other)[0] + b"".join(chunks_of(STORED)[1:]))


def test_a_file_is_bound_to_its_place_and_key():
    with pytest.raises(Undecryptable):
        decrypted(STORED, place=b"another place")
    with pytest.raises(Undecryptable):
        decrypted(STORED, key=AesGcm(bytes(32)))


@pytest.mark.parametrize(
    "stored",
    [b"", b"\x02", STORED[:HEAD], b"\x03" + STORED[1:]],
    ids=["nothing", "a format", "a head", "another format"],
)
def test_what_is_no_encrypted_file_is_refused(stored):
    with pytest.raises(Undecryptable):
        decrypted(stored)


@settings(max_examples=200)
@given(st.binary(max_size=200), st.data())
def test_no_bit_of_a_file_can_be_changed(content, data):
    stored = encrypted(content)
    bit = data.draw(st.integers(0, len(stored) * 8 - 1))
    changed = (int.from_bytes(stored) ^ (1 << bit)).to_bytes(len(stored))

    with pytest.raises(Undecryptable):
        decrypted(changed)


def test_no_nonce_comes_twice_and_the_count_does_not_wrap_round():
    prefix = bytes(7)
    nonces = {chunk_nonce(prefix, number, last=last) for number in range(300) for last in (True, False)}

    assert len(nonces) == 600
    assert {len(nonce) for nonce in nonces} == {12}
    with pytest.raises(OverflowError):
        chunk_nonce(prefix, 2**32, last=False)
