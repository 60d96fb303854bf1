"""Settings that belong together: the API's edge, the keys, the proof of the log, mail. All others are in `settings`."""

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from psms.domain.rates import Rate
from psms.errors import Misconfigured
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


@dataclass(frozen=True, slots=True, kw_only=True)
class MailSettings:
    """The mail server and the sender's address. *tls_first*: TLS from the first byte (RFC 8314), else STARTTLS."""

    host: str
    port: int
    tls_first: bool
    user: str
    password: str
    sender: str

    @classmethod
    def from_source(cls, source: Source) -> "MailSettings | None":
        """Read them; None where no mail server is named. Raises Misconfigured for what cannot be used."""
        url, sender = source.secret("PSMS_SMTP_URL", ""), source.text("PSMS_MAIL_FROM", "")
        if not url and not sender:
            return None
        if not _ADDRESS.fullmatch(sender):
            raise Misconfigured(
                "set PSMS_MAIL_FROM to the address that mails come from, for example desk@example.com, or unset "
                "PSMS_SMTP_URL"
            )
        return cls._read(url, sender)

    @classmethod
    def _read(cls, url: str, sender: str) -> "MailSettings":
        try:
            parts = urlsplit(url)
            host, port = parts.hostname or "", parts.port
        except ValueError:
            raise Misconfigured(_SMTP_URL) from None
        if parts.scheme not in _SMTP_PORTS or not host or parts.path.strip("/") or parts.query or parts.fragment:
            raise Misconfigured(_SMTP_URL)
        return cls(
            host=host,
            port=port or _SMTP_PORTS[parts.scheme],
            tls_first=parts.scheme == "smtps",
            user=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
            sender=sender,
        )


_SMTP_PORTS = {"smtp": 587, "smtps": 465}
_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}[A-Za-z0-9])?")
# The value stays unsaid: a password may stand in it.
_SMTP_URL = (
    "set PSMS_SMTP_URL to smtp://user:password@host:587 (STARTTLS) or smtps://user:password@host:465 (TLS), with "
    "special characters of user and password percent-encoded"
)
