"""The key that signs the log, in a file outside the database, and the keys whose signatures are trusted."""

import hashlib
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from psms.domain.log_chain import Checkpoint
from psms.domain.log_export import PublishedKey
from psms.errors import Misconfigured
from psms.settings import Environment, Settings

_VARIABLE = "PSMS_LOG_SIGNING_KEY_FILE"
_MAKE_ONE = f"make one with `openssl genpkey -algorithm ed25519 -out FILE` and let {_VARIABLE} name it"


class LogSigner:
    """An Ed25519 key (RFC 8032) with the name by which its signatures are known."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        """Take the private key."""
        self._key = key
        self.public_key = key.public_key()
        self.key_id = key_id_of(self.public_key)

    def sign(self, message: bytes) -> bytes:
        """Return the 64 bytes of the signature over *message*."""
        return self._key.sign(message)

    def published(self) -> PublishedKey:
        """Return what anybody may know of the key, and needs to check what it signed."""
        return PublishedKey(
            key_id=self.key_id,
            algorithm="Ed25519",
            fingerprint=_digest(self.public_key),
            public_key=_pem(self.public_key).decode(),
        )


class TrustedKeys:
    """The public keys whose signatures count."""

    def __init__(self, keys: Iterable[Ed25519PublicKey]) -> None:
        """Trust *keys* and no others."""
        self._keys = {key_id_of(key): key for key in keys}

    def signed(self, key_id: str, message: bytes, signature: bytes) -> bool:
        """Tell whether the trusted key of this name signed *message*."""
        key = self._keys.get(key_id)
        if key is None:
            return False
        try:
            key.verify(signature, message)
        except InvalidSignature:
            return False
        return True

    def signed_checkpoint(self, checkpoint: Checkpoint, message: bytes) -> bool:
        """Tell whether *checkpoint* bears a trusted signature over *message*."""
        return self.signed(checkpoint.key_id, message, checkpoint.signature)


def has_signer(settings: Settings) -> bool:
    """Tell whether this process can sign: in production only with a key that it was given."""
    return bool(settings.log_proof.signing_key_file) or settings.environment is not Environment.PRODUCTION


def signer_of(settings: Settings) -> LogSigner:
    """Return the signer of this installation; in development its key is made when it is first needed.

    Raises Misconfigured, saying what to do, where there is no key or the file holds none.
    """
    named = settings.log_proof.signing_key_file
    if not has_signer(settings):
        raise Misconfigured(f"set {_VARIABLE}: in production the log is sealed with a key of your own ({_MAKE_ONE})")
    path = Path(named) if named else settings.home / "keys" / "log-signing.pem"
    if not named and not path.exists():
        _make(path)
    return LogSigner(_private_key(path))


def trusted_keys(settings: Settings, files: Iterable[Path]) -> TrustedKeys:
    """Return the keys in *files* (PEM) and, where this installation has one, the one that it signs with."""
    keys = [_public_key(path) for path in files]
    if settings.log_proof.signing_key_file or not keys:
        keys.append(signer_of(settings).public_key)
    return TrustedKeys(keys)


def key_id_of(key: Ed25519PublicKey) -> str:
    """Return the name of a key: the first 16 hexadecimal digits of the SHA-256 of its 32 bytes."""
    return _digest(key)[:16]


def _digest(key: Ed25519PublicKey) -> str:
    return hashlib.sha256(key.public_bytes_raw()).hexdigest()


def _pem(key: Ed25519PublicKey) -> bytes:
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def _make(path: Path) -> None:
    key = Ed25519PrivateKey.generate()
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    unfinished = _written_aside(path, secret)
    try:
        # Of several processes and threads that begin at once, one key wins; a name that exists holds a whole key.
        os.link(unfinished, path)
        path.with_suffix(".pub").write_bytes(_pem(key.public_key()))
    except FileExistsError:
        pass
    finally:
        unfinished.unlink()


def _written_aside(path: Path, content: bytes) -> Path:
    # A name of its own for each attempt, and of mode 0600.
    opened, name = tempfile.mkstemp(dir=path.parent, prefix=f"{path.stem}.", suffix=".new")
    with os.fdopen(opened, "wb") as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())
    return Path(name)


def _private_key(path: Path) -> Ed25519PrivateKey:
    try:
        key = serialization.load_pem_private_key(_read(path), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise Misconfigured(f"{path} holds no Ed25519 private key in PEM: {_MAKE_ONE}")
    return key


def _public_key(path: Path) -> Ed25519PublicKey:
    try:
        key = serialization.load_pem_public_key(_read(path))
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PublicKey):
        raise Misconfigured(
            f"{path} holds no Ed25519 public key in PEM: make it with `openssl pkey -in KEY -pubout -out {path.name}`"
        )
    return key


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as problem:
        raise Misconfigured(f"the key of the log, {path}, cannot be read ({problem.strerror}): {_MAKE_ONE}") from None
