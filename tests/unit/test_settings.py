"""Settings: defaults, files for secrets, and sentences for what cannot be used."""

from pathlib import Path

import pytest

from psms.domain.rates import Rate
from psms.errors import Misconfigured
from psms.settings import LOOPBACK, Environment, Settings, endpoint_of
from psms.settings_groups import MailSettings

PRODUCTION = {
    "PSMS_ENV": "production",
    "DATABASE_URL": "postgresql://psms_app:x@db/psms",
    "REDIS_URL": "redis://:x@redis/0",
    "PSMS_FLOWER_PASSWORD": "x",
    "PSMS_PUBLIC_URL": "https://desk.example.com",
    "PSMS_KEK_FILE": "/run/secrets/keys.json",
}


def test_nothing_set_means_development() -> None:
    settings = Settings.from_env({})

    assert settings.environment is Environment.DEVELOPMENT
    assert (settings.host, settings.port, settings.flower_port) == ("127.0.0.1", 8000, 5555)
    assert settings.egress_allow == LOOPBACK
    assert settings.lease_seconds == 30
    assert settings.home.is_absolute()


def test_production_allows_no_private_network_unless_told() -> None:
    assert Settings.from_env(PRODUCTION).egress_allow == ""
    assert Settings.from_env({**PRODUCTION, "PSMS_EGRESS_ALLOW": "10.0.0.0/8"}).egress_allow == "10.0.0.0/8"


@pytest.mark.parametrize("missing", ["DATABASE_URL", "REDIS_URL", "PSMS_FLOWER_PASSWORD", "PSMS_KEK_FILE"])
def test_production_names_what_is_missing(missing: str) -> None:
    with pytest.raises(Misconfigured, match=f"set {missing}"):
        Settings.from_env({name: value for name, value in PRODUCTION.items() if name != missing})


def test_production_refuses_crash_points_and_a_loopback_address() -> None:
    with pytest.raises(Misconfigured, match="unset PSMS_CRASH_AT"):
        Settings.from_env({**PRODUCTION, "PSMS_CRASH_AT": "after_commit"})
    with pytest.raises(Misconfigured, match="set PSMS_PUBLIC_URL"):
        Settings.from_env({**PRODUCTION, "PSMS_PUBLIC_URL": "http://127.0.0.1:8000"})


def test_a_secret_may_come_from_a_file(tmp_path: Path) -> None:
    secret = tmp_path / "url"
    secret.write_text("redis://:from-a-file@redis/0\n", encoding="utf-8")

    assert Settings.from_env({"REDIS_URL_FILE": str(secret)}).redis_url == "redis://:from-a-file@redis/0"
    with pytest.raises(Misconfigured, match=r"REDIS_URL_FILE names .* correct the path"):
        Settings.from_env({"REDIS_URL_FILE": str(tmp_path / "none")})


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("PSMS_PORT", "eighty", "PSMS_PORT must be a whole number"),
        ("PSMS_LEASE_SECONDS", "1", "PSMS_LEASE_SECONDS must be 2 or more"),
        ("PSMS_DELIVERY_SLOTS", "0", "must be 1 or more"),
        ("PSMS_DELIVERY_RETENTION_DAYS", "0", "must be 8 or more"),
        ("PSMS_RATE_CLIENT", "600", "PSMS_RATE_CLIENT: '600' is no rate: write requests/seconds"),
        ("PSMS_PROXY_HOPS", "-1", "PSMS_PROXY_HOPS must be 0 or more"),
        ("PSMS_ENV", "prod", "must be one of development, staging, production"),
    ],
)
def test_a_value_that_cannot_be_used_is_named(name: str, value: str, says: str) -> None:
    with pytest.raises(Misconfigured, match=says):
        Settings.from_env({name: value})


def test_a_developer_is_hardly_limited_and_production_is() -> None:
    assert Settings.from_env({}).edge.limits.client.quota == 100_000
    limits = Settings.from_env({**PRODUCTION, "PSMS_RATE_CLIENT": "7/3"}).edge.limits

    assert (limits.client, limits.failures) == (Rate(quota=7, window_s=3), Rate(quota=30, window_s=60))


def test_loopback_is_answered_for_in_development_only() -> None:
    assert Settings.from_env({}).edge.trusted_hosts == ("127.0.0.1", "localhost", "127.0.0.1", "::1")
    assert Settings.from_env(PRODUCTION).edge.trusted_hosts == ()
    assert Settings.from_env({**PRODUCTION, "PSMS_TRUSTED_HOSTS": "A.example, .b.example,"}).edge.trusted_hosts == (
        "a.example",
        ".b.example",
    )


def test_servers_must_be_named() -> None:
    with pytest.raises(Misconfigured, match="set DATABASE_URL, or start everything with `make up`"):
        Settings.from_env({}).require_servers()


def test_an_address_is_shown_without_its_credentials() -> None:
    assert endpoint_of("postgresql://user:secret@db.example:5433/psms") == "db.example:5433"


def test_a_mail_server_is_read_from_its_address() -> None:
    names = {"PSMS_MAIL_FROM": "desk@example.com"}
    starttls = Settings.from_env({**names, "PSMS_SMTP_URL": "smtp://desk%40example.com:p%2Fss@mail.example.com"}).mail
    tls = Settings.from_env({**PRODUCTION, **names, "PSMS_SMTP_URL": "smtps://[2001:db8::1]:4650"}).mail

    assert Settings.from_env(PRODUCTION).mail is None
    assert starttls == MailSettings(
        host="mail.example.com",
        port=587,
        tls_first=False,
        user="desk@example.com",
        password="p/ss",
        sender="desk@example.com",
    )
    assert tls == MailSettings(
        host="2001:db8::1", port=4650, tls_first=True, user="", password="", sender="desk@example.com"
    )


@pytest.mark.parametrize(
    ("url", "sender", "says"),
    [
        ("mail.example.com", "desk@example.com", "PSMS_SMTP_URL"),
        ("http://u:hidden@mail.example.com", "desk@example.com", "PSMS_SMTP_URL"),
        ("smtp://u:hidden@mail.example.com/path", "desk@example.com", "PSMS_SMTP_URL"),
        ("smtp://u:hidden@mail.example.com:port", "desk@example.com", "PSMS_SMTP_URL"),
        ("smtp://u:hidden@", "desk@example.com", "PSMS_SMTP_URL"),
        ("", "desk@example.com", "PSMS_SMTP_URL"),
        ("smtp://mail.example.com", "", "PSMS_MAIL_FROM"),
        ("smtp://mail.example.com", "desk@example.com\r\nBcc: x@example.com", "PSMS_MAIL_FROM"),
        ("smtp://mail.example.com", "The desk <desk@example.com>", "PSMS_MAIL_FROM"),
    ],
)
def test_half_a_mail_server_is_refused_without_telling_its_password(url: str, sender: str, says: str) -> None:
    with pytest.raises(Misconfigured, match=f"set {says} to") as refusal:
        Settings.from_env({"PSMS_SMTP_URL": url, "PSMS_MAIL_FROM": sender})

    assert "hidden" not in str(refusal.value)
