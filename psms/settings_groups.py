"""Settings that belong together: the API's edge, the keys, the proof of the log. All others are in `settings`."""

from dataclasses import dataclass
from pathlib import Path

from psms.domain.rates import Rate
from psms.settings_source import Source

_LOOPBACK_NAMES = "localhost,127.0.0.1,::1"


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimits:
    """How often one address, client or organization may ask, and how often credentials may be wrong."""

    address: Rate
    client: Rate
    organization: Rate
    failures: Rate


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeSettings:
    """Whom the API answers, for which host names, and how many proxies in front it believes."""

    limits: RateLimits
    trusted_hosts: tuple[str, ...]
    proxy_hops: int

    @classmethod
    def of_developers(cls, source: Source, host: str) -> "EdgeSettings":
        """Read them for a developer's machine, which is asked by itself."""
        return cls._read(source, _GENEROUS, f"{host},{_LOOPBACK_NAMES}")

    @classmethod
    def of_operators(cls, source: Source) -> "EdgeSettings":
        """Read them for everywhere else."""
        return cls._read(source, _FOR_PRODUCTION, "")

    @classmethod
    def _read(cls, source: Source, limits: RateLimits, hosts: str) -> "EdgeSettings":
        return cls(
            limits=RateLimits(
                address=source.rate("PSMS_RATE_ADDRESS", limits.address),
                client=source.rate("PSMS_RATE_CLIENT", limits.client),
                organization=source.rate("PSMS_RATE_ORGANIZATION", limits.organization),
                failures=source.rate("PSMS_RATE_FAILURES", limits.failures),
            ),
            trusted_hosts=source.names("PSMS_TRUSTED_HOSTS", hosts),
            proxy_hops=source.whole("PSMS_PROXY_HOPS", 0, at_least=0),
        )


# More than a developer's machine can be asked.
_PLENTY = Rate(quota=100_000, window_s=10)
_GENEROUS = RateLimits(address=_PLENTY, client=_PLENTY, organization=_PLENTY, failures=_PLENTY)
_FOR_PRODUCTION = RateLimits(
    address=Rate(quota=60_000, window_s=60),
    client=Rate(quota=6_000, window_s=60),
    organization=Rate(quota=30_000, window_s=60),
    failures=Rate(quota=30, window_s=60),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeySettings:
    """Where the key-encryption keys (KEKs) are: in a text, in a file, or in AWS KMS."""

    kek: str
    kek_file: Path | None
    kek_primary: str
    kms_key_id: str
    kms_endpoint_url: str

    @classmethod
    def from_source(cls, source: Source) -> "KeySettings":
        """Read them; whether they can be used is found out by `psms.adapters.vault`."""
        return cls(
            kek=source.text("PSMS_KEK", ""),
            kek_file=source.path("PSMS_KEK_FILE"),
            kek_primary=source.text("PSMS_KEK_PRIMARY", ""),
            kms_key_id=source.text("PSMS_KMS_KEY_ID", ""),
            kms_endpoint_url=source.text("PSMS_KMS_ENDPOINT_URL", ""),
        )

    @property
    def named(self) -> bool:
        """Whether any key is named."""
        return bool(self.kek or self.kek_file or self.kms_key_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogProof:
    """What proves the log from outside the database; empty where the defaults of development are meant."""

    signing_key_file: str
    anchor: str

    @classmethod
    def from_source(cls, source: Source) -> "LogProof":
        """Read both."""
        key, anchor = source.text("PSMS_LOG_SIGNING_KEY_FILE", ""), source.text("PSMS_LOG_ANCHOR", "")
        return cls(signing_key_file=key, anchor=anchor)
