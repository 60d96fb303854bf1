"""The encrypted form of a file: how its chunks are numbered, so that none can be cut off or put elsewhere. No AES here.

STREAM (Hoang, Reyhanitabar, Rogaway, Vizár 2015): a nonce is the file's prefix, the chunk's number, and a mark that
says whether the chunk is the last. Each file has a key of its own, which is stored as an encrypted column.
"""

from psms.domain.encryption import NONCE_BYTES, TAG_BYTES

FILE_FORMAT = b"\x02"
PREFIX_BYTES = 7
CHUNK_BYTES = 1024 * 1024
ENCRYPTED_CHUNK_BYTES = CHUNK_BYTES + TAG_BYTES

_COUNTER_BYTES = NONCE_BYTES - PREFIX_BYTES - 1


def chunk_nonce(prefix: bytes, number: int, *, last: bool) -> bytes:
    """Return the nonce of a file's chunk; raises OverflowError beyond 2**32 chunks, which are four pebibytes."""
    return prefix + number.to_bytes(_COUNTER_BYTES) + (b"\x01" if last else b"\x00")
