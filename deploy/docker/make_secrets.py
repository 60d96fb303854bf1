"""Make the random passwords of a Compose installation, once, in the volumes that need them.

Run by the `secrets` service before any server starts. What exists is kept, so running it again changes
nothing. Each directory is a volume of its own, mounted only into the services that need what is in it:
`server` (PostgreSQL), `owner` (migrations), `broker` (Valkey) and `app` (the PSMS processes).
"""

import base64
import json
import os
import secrets
import sys
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

# Owner and group may read. The servers run under ids of their own and join the group.
_MODE = 0o440


def make_secrets(folder: Path) -> None:
    """Write every missing password below *folder*, and the URLs that follow from them."""
    _password(folder / "server" / "superuser_password")
    owner = _password(folder / "server" / "owner_password")
    app = _password(folder / "app" / "database_password")
    broker = _password(folder / "broker" / "password")
    _password(folder / "app" / "flower_password")
    _signing_key(folder / "app" / "log_signing_key.pem")
    _keep(folder / "owner" / "database_url", f"postgresql://psms_owner:{owner}@postgres:5432/psms")
    _keep(folder / "app" / "database_url", f"postgresql://psms_app:{app}@postgres:5432/psms")
    _keep(folder / "app" / "redis_url", f"redis://:{broker}@valkey:6379/0")
    _keep(folder / "broker" / "valkey.conf", f"requirepass {broker}")
    # Back it up apart from the database: without it, what is encrypted there is lost.
    key = base64.b64encode(secrets.token_bytes(32)).decode()
    _keep(folder / "app" / "keys.json", json.dumps({"first": key}), mode=0o400)


def _password(file: Path) -> str:
    return _keep(file, secrets.token_urlsafe(32))


def _signing_key(file: Path) -> None:
    """Make the key that signs the log, in PEM; whoever has it can write a history that verifies."""
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode().strip()
    _keep(file, pem)


def _keep(file: Path, value: str, *, mode: int = _MODE) -> str:
    """Return what *file* holds; where it does not exist, create it with *value* first."""
    if not file.exists():
        unfinished = file.with_suffix(".new")
        unfinished.unlink(missing_ok=True)
        with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400), "w") as out:
            out.write(value + "\n")
            out.flush()
            os.fchmod(out.fileno(), mode)
            os.fsync(out.fileno())
        # A name that exists always holds a whole value, even if the power fails here.
        unfinished.rename(file)
    return file.read_text(encoding="utf-8").strip()


if __name__ == "__main__":
    make_secrets(Path(sys.argv[1]))
    print("The passwords of this installation are in place.")
