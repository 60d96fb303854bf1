"""Key-encryption keys for the tests, as variables and as files; a KMS to keep one is in `tests.support.kms`."""

import base64
import json
from hashlib import sha256
from pathlib import Path


def kek(name: str) -> str:
    """Return a key made of *name*, in base64: the same each time, and another for another name."""
    return base64.b64encode(sha256(name.encode()).digest()).decode()


def keks(*names: str) -> str:
    """Return the JSON of a ring of such keys, by their names."""
    return json.dumps({name: kek(name) for name in names})


def kek_file(path: Path, *names: str, mode: int = 0o600) -> Path:
    """Write such a ring to *path*."""
    path.unlink(missing_ok=True)
    path.write_text(keks(*names), encoding="utf-8")
    path.chmod(mode)
    return path


TEST_KEK = keks("test")
