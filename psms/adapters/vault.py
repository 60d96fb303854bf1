"""What a process needs in order to encrypt: who wraps data keys, which cipher, and the keyrings at hand."""

from collections.abc import Callable
from dataclasses import dataclass, field

from psms.adapters.cipher import AesGcm
from psms.adapters.keks import LocalKeks, RingOfKeks
from psms.adapters.key_cache import KeyCache
from psms.adapters.key_files import KEY_FILE, keep_key_file, keks_of_file, keks_of_text
from psms.adapters.message_counts import MessageCounts
from psms.errors import Misconfigured
from psms.ports import Chance, Cipher, KeyWrapper
from psms.settings import Environment, Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Vault:
    """The encryption of one process."""

    keks: KeyWrapper
    cipher: Callable[[bytes], Cipher] = AesGcm
    cache: KeyCache = field(default_factory=KeyCache)
    counts: MessageCounts = field(default_factory=MessageCounts)


def vault_of(settings: Settings, chance: Chance) -> Vault:
    """Return the vault that *settings* ask for; in development a key file is made where none is named.

    Raises Misconfigured, with a sentence that says what to do, for keys that are missing or cannot be used.
    """
    local = _local_keks(settings, chance)
    if not settings.keys.kms_key_id:
        return Vault(keks=LocalKeks(local, _primary(settings, local), chance))
    kms = _kms(settings)
    former = LocalKeks(local, next(iter(local)), chance) if local else None
    return Vault(keks=RingOfKeks(kms, former))


def _kms(settings: Settings) -> KeyWrapper:
    try:
        # Imported here: boto3 is large, and only who uses AWS KMS has it.
        from psms.adapters.key_kms import KmsKek  # noqa: PLC0415
    except ImportError as problem:
        raise Misconfigured("PSMS_KMS_KEY_ID needs boto3: install requirements-aws.txt, or unset it") from problem
    return KmsKek(settings.keys.kms_key_id, endpoint_url=settings.keys.kms_endpoint_url or None)


def _local_keks(settings: Settings, chance: Chance) -> dict[str, bytes]:
    if settings.keys.kek_file:
        return keks_of_file(settings.keys.kek_file)
    if settings.keys.kek:
        return keks_of_text(settings.keys.kek, "PSMS_KEK")
    if settings.keys.kms_key_id:
        return {}
    if settings.environment is not Environment.DEVELOPMENT:
        raise Misconfigured(
            f"set PSMS_KEK_FILE or PSMS_KMS_KEY_ID: PSMS_ENV={settings.environment} makes no key by itself, and what "
            "is encrypted can be read with that key only (`docs/security.md`)"
        )
    return keks_of_file(keep_key_file(settings.home / KEY_FILE, chance.secret_bytes))


def _primary(settings: Settings, keks: dict[str, bytes]) -> str:
    if settings.keys.kek_primary:
        if settings.keys.kek_primary in keks:
            return settings.keys.kek_primary
        raise Misconfigured(
            f"PSMS_KEK_PRIMARY is {settings.keys.kek_primary!r}, "
            f"which is not among the keys {', '.join(keks)}: correct it"
        )
    if len(keks) > 1:
        raise Misconfigured(f"set PSMS_KEK_PRIMARY to one of {', '.join(keks)}: several keys are configured")
    return next(iter(keks))
