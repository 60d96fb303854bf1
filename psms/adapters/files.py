"""Files encrypted as they pass, chunk by chunk, in constant memory. Where they and their keys are kept is elsewhere."""

from collections.abc import Iterator
from typing import BinaryIO

from psms.domain.encryption import TAG_BYTES
from psms.domain.file_encryption import CHUNK_BYTES, ENCRYPTED_CHUNK_BYTES, FILE_FORMAT, PREFIX_BYTES, chunk_nonce
from psms.errors import Undecryptable
from psms.ports import Chance, Cipher


def encrypted_file(source: BinaryIO, cipher: Cipher, chance: Chance, associated: bytes) -> Iterator[bytes]:
    """Yield the encrypted form of *source*, whose key, that of *cipher*, must be this file's own.

    It is bound to *associated*, the place of the file's key (`psms.domain.encryption.associated_data`).
    """
    prefix = chance.secret_bytes(PREFIX_BYTES)
    yield FILE_FORMAT + prefix
    for number, (chunk, last) in enumerate(_chunks(source, CHUNK_BYTES)):
        yield cipher.encrypt(chunk_nonce(prefix, number, last=last), chunk, associated)


def decrypted_file(source: BinaryIO, cipher: Cipher, associated: bytes) -> Iterator[bytes]:
    """Yield the plaintext of an encrypted file.

    Every chunk that is yielded is genuine and in its place; that none is missing is known at the end only. Raises
    Undecryptable for a file that was changed, shortened, lengthened or put together from others.
    """
    head = _filled(source, len(FILE_FORMAT) + PREFIX_BYTES)
    if len(head) != len(FILE_FORMAT) + PREFIX_BYTES or not head.startswith(FILE_FORMAT):
        raise Undecryptable
    prefix = head[len(FILE_FORMAT) :]
    for number, (chunk, last) in enumerate(_chunks(source, ENCRYPTED_CHUNK_BYTES)):
        if len(chunk) < TAG_BYTES:
            raise Undecryptable
        yield cipher.decrypt(chunk_nonce(prefix, number, last=last), chunk, associated)


def _chunks(source: BinaryIO, size: int) -> Iterator[tuple[bytes, bool]]:
    """Yield chunks of *size* bytes, each with whether it is the last; an empty source has one empty chunk."""
    chunk = _filled(source, size)
    while True:
        following = _filled(source, size)
        yield chunk, not following
        if not following:
            return
        chunk = following


def _filled(source: BinaryIO, size: int) -> bytes:
    """Read *size* bytes, or what there is: a pipe or a socket gives less at a time."""
    parts: list[bytes] = []
    while size and (part := source.read(size)):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)
