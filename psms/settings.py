"""The settings of PSMS, read once from the environment; the only reader of it outside `psms.embedded`."""

import hashlib
import hmac
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

from psms.domain.rates import Rate
from psms.errors import Misconfigured


class Environment(StrEnum):
    """Where this installation runs; production refuses development defaults."""

    DEVELOPMENT = "development"
    STAGING = "staging"
    PRODUCTION = "production"


LOOPBACK = "127.0.0.0/8,::1/128"
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
    def from_source(cls, source: "_Source") -> "KeySettings":
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
    def read(cls, text: Callable[[str, str], str]) -> "LogProof":
        """Read both with *text*, which takes a name and a default."""
        return cls(signing_key_file=text("PSMS_LOG_SIGNING_KEY_FILE", ""), anchor=text("PSMS_LOG_ANCHOR", ""))


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Every setting with its unit in its name; `docs/operations.md` gives the meaning of each."""

    environment: Environment
    home: Path
    host: str
    port: int
    public_url: str
    flower_port: int
    flower_host: str
    flower_user: str
    flower_password: str
    database_url: str
    owner_database_url: str
    redis_url: str
    lease_seconds: int
    crash_at: str
    egress_allow: str
    ready_file: str
    max_body_bytes: int
    token_lifetime_s: int
    api_workers: int
    api_backpressure: int
    delivery_slots: int
    worker_threads: int
    fallback_after_s: float
    attempt_retention_days: int
    delivery_retention_days: int
    keys: KeySettings
    log_proof: LogProof
    edge: EdgeSettings

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> "Settings":
        """Read the settings from *env* (the process environment where left out).

        Raises Misconfigured, with a sentence that says what to do, for a value that cannot be used.
        """
        source = _Source(os.environ if env is None else env)
        environment = source.choice("PSMS_ENV", Environment, Environment.DEVELOPMENT)
        host, port = source.text("PSMS_HOST", "127.0.0.1"), source.whole("PSMS_PORT", 8000)
        database_url = source.secret("DATABASE_URL", "")
        settings = cls(
            environment=environment,
            home=Path(source.text("PSMS_HOME", ".psms")).absolute(),
            host=host,
            port=port,
            public_url=source.text("PSMS_PUBLIC_URL", f"http://{host}:{port}"),
            flower_port=source.whole("PSMS_FLOWER_PORT", 5555),
            flower_host=source.text("PSMS_FLOWER_HOST", "127.0.0.1"),
            flower_user=source.text("PSMS_FLOWER_USER", "operator"),
            flower_password=source.secret("PSMS_FLOWER_PASSWORD", ""),
            database_url=database_url,
            owner_database_url=source.secret("PSMS_OWNER_DATABASE_URL", "") or database_url,
            redis_url=source.secret("REDIS_URL", ""),
            lease_seconds=source.whole("PSMS_LEASE_SECONDS", 30, at_least=2),
            crash_at=source.text("PSMS_CRASH_AT", ""),
            egress_allow=source.text("PSMS_EGRESS_ALLOW", LOOPBACK if environment is Environment.DEVELOPMENT else ""),
            ready_file=source.text("PSMS_READY_FILE", ""),
            max_body_bytes=source.whole("PSMS_MAX_BODY_BYTES", 1024 * 1024),
            token_lifetime_s=source.whole("PSMS_TOKEN_LIFETIME_SECONDS", 600),
            api_workers=source.whole("PSMS_API_WORKERS", 2),
            api_backpressure=source.whole("PSMS_API_BACKPRESSURE", 12_000),
            delivery_slots=source.whole("PSMS_DELIVERY_SLOTS", 64),
            worker_threads=source.whole("PSMS_WORKER_THREADS", 8),
            fallback_after_s=source.whole("PSMS_FALLBACK_AFTER_MS", 1500) / 1000,
            attempt_retention_days=source.whole("PSMS_ATTEMPT_RETENTION_DAYS", 90, at_least=30),
            delivery_retention_days=source.whole("PSMS_DELIVERY_RETENTION_DAYS", 90, at_least=8),
            keys=KeySettings.from_source(source),
            log_proof=LogProof.read(source.text),
            edge=source.edge(host, environment),
        )
        if environment is Environment.PRODUCTION:
            settings.refuse_development_defaults()
        return settings

    @property
    def cursor_key(self) -> bytes:
        """The key that cursors are sealed with: derived, so that all API processes have it and nobody keeps it."""
        return _derived_key(self.database_url, "cursors")

    def refuse_development_defaults(self) -> None:
        """Raise Misconfigured for what is fit for a developer's machine only."""
        wanted = {
            "DATABASE_URL": self.database_url,
            "REDIS_URL": self.redis_url,
            "PSMS_FLOWER_PASSWORD": self.flower_password,
        }
        missing = sorted(name for name, value in wanted.items() if not value)
        if missing:
            message = f"set {' and '.join(missing)}: PSMS_ENV=production uses no defaults for them"
            raise Misconfigured(message)
        if not self.keys.named:
            message = (
                "set PSMS_KEK_FILE or PSMS_KMS_KEY_ID: PSMS_ENV=production makes no key by itself, and what is "
                "encrypted can be read with that key only (`docs/security.md`)"
            )
            raise Misconfigured(message)
        if self.crash_at:
            message = "unset PSMS_CRASH_AT: crash points are for fault tests and are refused in production"
            raise Misconfigured(message)
        if self.public_url.startswith(("http://127.", "http://0.0.0.0")):
            message = (
                "set PSMS_PUBLIC_URL to the address at which clients reach PSMS, for example https://desk.example.com"
            )
            raise Misconfigured(message)

    def require_servers(self) -> None:
        """Raise Misconfigured unless both servers are named."""
        self.require_database()
        _require("REDIS_URL", self.redis_url)

    def require_database(self) -> None:
        """Raise Misconfigured unless PostgreSQL is named."""
        _require("DATABASE_URL", self.database_url)


def _require(name: str, value: str) -> None:
    if not value:
        message = f"set {name}, or start everything with `make up`, which brings its own servers"
        raise Misconfigured(message)


@lru_cache(maxsize=8)
def _derived_key(database_url: str, purpose: str) -> bytes:
    # The password alone: processes may reach the same database by different addresses.
    secret = unquote(urlsplit(database_url).password or database_url)
    return hmac.digest(secret.encode(), purpose.encode(), hashlib.sha256)


class _Source:
    """A mapping of texts, read with types; `NAME_FILE` names a file that holds the value."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._env = env

    def text(self, name: str, default: str) -> str:
        return self._env.get(name, "").strip() or default

    def path(self, name: str) -> Path | None:
        text = self.text(name, "")
        return Path(text).absolute() if text else None

    def secret(self, name: str, default: str) -> str:
        path = self._env.get(f"{name}_FILE", "")
        if not path:
            return self.text(name, default)
        try:
            return Path(path).read_text(encoding="utf-8").strip()
        except OSError as problem:
            message = f"{name}_FILE names {path}, which cannot be read ({problem.strerror}): correct the path"
            raise Misconfigured(message) from problem

    def whole(self, name: str, default: int, *, at_least: int = 1) -> int:
        text = self.text(name, str(default))
        try:
            value = int(text)
        except ValueError:
            message = f"{name} must be a whole number, not {text!r}: correct it or unset it"
            raise Misconfigured(message) from None
        if value < at_least:
            message = f"{name} must be {at_least} or more, not {value}: correct it or unset it"
            raise Misconfigured(message)
        return value

    def edge(self, host: str, environment: Environment) -> EdgeSettings:
        in_development = environment is Environment.DEVELOPMENT
        return EdgeSettings(
            limits=self.limits(_GENEROUS if in_development else _FOR_PRODUCTION),
            trusted_hosts=self.names("PSMS_TRUSTED_HOSTS", f"{host},{_LOOPBACK_NAMES}" if in_development else ""),
            proxy_hops=self.whole("PSMS_PROXY_HOPS", 0, at_least=0),
        )

    def limits(self, default: RateLimits) -> RateLimits:
        return RateLimits(
            address=self.rate("PSMS_RATE_ADDRESS", default.address),
            client=self.rate("PSMS_RATE_CLIENT", default.client),
            organization=self.rate("PSMS_RATE_ORGANIZATION", default.organization),
            failures=self.rate("PSMS_RATE_FAILURES", default.failures),
        )

    def rate(self, name: str, default: Rate) -> Rate:
        text = self.text(name, "")
        try:
            return Rate.parse(text) if text else default
        except ValueError as problem:
            message = f"{name}: {problem}"
            raise Misconfigured(message) from None

    def names(self, name: str, default: str) -> tuple[str, ...]:
        return tuple(filter(None, (text.strip().lower() for text in self.text(name, default).split(","))))

    def choice(self, name: str, options: type[Environment], default: Environment) -> Environment:
        text = self.text(name, default.value)
        try:
            return options(text)
        except ValueError:
            message = f"{name} must be one of {', '.join(options)}, not {text!r}"
            raise Misconfigured(message) from None


def endpoint_of(url: str) -> str:
    """Return host and port of a server's URL without its credentials, fit for a log or a message."""
    parts = urlsplit(url)
    return f"{parts.hostname or 'local socket'}:{parts.port or 'default port'}"
