"""The settings of PSMS, read once from the environment; the only reader of it outside `psms.embedded`."""

import hashlib
import hmac
import os
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

from psms.errors import Misconfigured
from psms.settings_groups import EdgeSettings, KeySettings, LogProof, MailSettings
from psms.settings_source import Source


class Environment(StrEnum):
    """Where this installation runs; production refuses development defaults."""

    DEVELOPMENT = "development"
    STAGING = "staging"
    PRODUCTION = "production"


LOOPBACK = "127.0.0.0/8,::1/128"


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
    egress_deny: str
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
    event_retention_days: int | None
    keys: KeySettings
    log_proof: LogProof
    edge: EdgeSettings
    mail: MailSettings | None

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> "Settings":
        """Return the settings in *env*, or in the process environment; raise Misconfigured with what to do instead."""
        source = Source(os.environ if env is None else env)
        environment = source.choice("PSMS_ENV", Environment, Environment.DEVELOPMENT)
        host, port = source.text("PSMS_HOST", "127.0.0.1"), source.whole("PSMS_PORT", 8000)
        database_url, at_home = source.secret("DATABASE_URL", ""), environment is Environment.DEVELOPMENT
        return cls(
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
            egress_allow=source.text("PSMS_EGRESS_ALLOW", LOOPBACK if at_home else ""),
            egress_deny=source.text("PSMS_EGRESS_DENY", ""),
            ready_file=source.text("PSMS_READY_FILE", ""),
            max_body_bytes=source.whole("PSMS_MAX_BODY_BYTES", 1024 * 1024),
            token_lifetime_s=source.whole("PSMS_TOKEN_LIFETIME_SECONDS", 600),
            api_workers=source.whole("PSMS_API_WORKERS", 2),
            api_backpressure=source.whole("PSMS_API_BACKPRESSURE", 12_000),
            delivery_slots=source.whole("PSMS_DELIVERY_SLOTS", 128),
            worker_threads=source.whole("PSMS_WORKER_THREADS", 8),
            fallback_after_s=source.whole("PSMS_FALLBACK_AFTER_MS", 1500) / 1000,
            attempt_retention_days=source.whole("PSMS_ATTEMPT_RETENTION_DAYS", 90, at_least=30),
            delivery_retention_days=source.whole("PSMS_DELIVERY_RETENTION_DAYS", 90, at_least=8),
            event_retention_days=source.whole_or_none("PSMS_EVENT_RETENTION_DAYS", at_least=90),
            keys=KeySettings.from_source(source),
            log_proof=LogProof.from_source(source),
            edge=EdgeSettings.of_developers(source, host) if at_home else EdgeSettings.of_operators(source),
            mail=MailSettings.from_source(source),
        ).checked()

    @property
    def cursor_key(self) -> bytes:
        """The key that cursors are sealed with: derived, so that all API processes have it and nobody keeps it."""
        return _derived_key(self.database_url, "cursors")

    def checked(self) -> "Settings":
        """Return these settings; raise Misconfigured where production would run on a developer's defaults."""
        if self.environment is Environment.PRODUCTION:
            self._refuse_development_defaults()
        return self

    def _refuse_development_defaults(self) -> None:
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


def endpoint_of(url: str) -> str:
    """Return host and port of a server's URL without its credentials, fit for a log or a message."""
    parts = urlsplit(url)
    return f"{parts.hostname or 'local socket'}:{parts.port or 'default port'}"
