"""Key-encryption keys as text and in files: read with care, and made for development. Using them is in `keks`."""

import base64
import binascii
import json
import os
import stat
from collections.abc import Callable
from pathlib import Path

from psms.domain.encryption import KEY_BYTES
from psms.errors import Misconfigured

KEY_FILE = "keys.json"
"""The name, in PSMS_HOME, of the file that development makes for itself."""

_OTHERS = 0o077


def keks_of_file(path: Path) -> dict[str, bytes]:
    """Return the KEKs in the file at *path*: JSON, an id to 32 bytes in base64.

    Raises Misconfigured when it cannot be read or understood, or when others may read it.
    """
    try:
        mode = path.stat().st_mode
        text = path.read_text(encoding="utf-8")
    except (OSError, ValueError) as problem:
        raise Misconfigured(
            f"PSMS_KEK_FILE names {path}, which cannot be read ({problem}): correct the path or its owner"
        ) from None
    if stat.S_IMODE(mode) & _OTHERS:
        raise Misconfigured(
            f"{path} holds keys and has mode {stat.S_IMODE(mode):04o}, so others may read it: run `chmod 0400 {path}`"
        )
    return keks_of_text(text, str(path))


def keks_of_text(text: str, source: str) -> dict[str, bytes]:
    """Return the KEKs in the JSON *text* that was found in *source*; raises Misconfigured, and never shows a key."""
    try:
        named = json.loads(text)
        keks = {str(kek_id): base64.b64decode(key, validate=True) for kek_id, key in named.items()}
    except (ValueError, TypeError, AttributeError, binascii.Error):
        keks = {}
    if not keks or any(len(key) != KEY_BYTES for key in keks.values()) or not all(keks):
        # Without the cause, which would carry keys into a log.
        raise Misconfigured(
            f'{source} holds no keys that can be used: it takes JSON such as {{"2026-11": "…"}}, '
            f"an id for each key and the {KEY_BYTES} bytes of the key in base64 (`openssl rand -base64 {KEY_BYTES}`)"
        ) from None
    return keks


def keep_key_file(path: Path, random_bytes: Callable[[int], bytes]) -> Path:
    """Make a file with one new KEK at *path*, mode 0600, where there is none; return the path.

    *random_bytes* makes unpredictable bytes. For development and trial. Of several that try at once, one makes it.
    """
    if path.exists():
        return path
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    key = base64.b64encode(random_bytes(KEY_BYTES)).decode()
    part = path.with_name(f"{path.name}.{random_bytes(8).hex()}")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump({"development": key}, file)
        file.flush()
        os.fsync(file.fileno())
    try:
        # A link fails where the name is taken, so that nobody's key is ever replaced.
        path.hardlink_to(part)
    except FileExistsError:
        pass
    finally:
        part.unlink()
    return path
