"""Checks of the database and of Redis: whether they answer and are set up as PSMS needs them."""

import time
from collections.abc import Iterator

import psycopg
import redis

from psms.embedded.existing import for_libpq
from psms.embedded.findings import Finding, fail, ok, warn
from psms.errors import PsmsError
from psms.settings import Settings, endpoint_of

_OLDEST_POSTGRES = 17
_SKEW_S = 2.0
_PATIENCE_S = 5
_START = "PSMS is not running here and {variable} is not set: start it with 'make up', or set {variable}"


def check_servers(settings: Settings) -> Iterator[Finding]:
    """Yield what was found about the database and Redis that *settings* name."""
    if settings.database_url:
        yield from _database(settings.database_url)
    else:
        yield warn("database", _START.format(variable="DATABASE_URL"))
    if settings.redis_url:
        yield from _redis(settings.redis_url)
    else:
        yield warn("redis", _START.format(variable="REDIS_URL"))


def _database(url: str) -> Iterator[Finding]:
    where = endpoint_of(url)
    try:
        with psycopg.connect(for_libpq(url), connect_timeout=_PATIENCE_S) as connection:
            before = time.time()
            row = connection.execute("SELECT extract(epoch FROM clock_timestamp())::float8").fetchone()
            after = time.time()
            version = connection.info.server_version // 10_000
    except psycopg.Error as problem:
        yield fail(
            "database",
            f"no connection to {where} ({_first_line(problem)}): start it, or correct DATABASE_URL",
        )
        return
    if version < _OLDEST_POSTGRES:
        yield fail("database", f"PostgreSQL {version} answers at {where}, and PSMS needs {_OLDEST_POSTGRES} or newer")
    else:
        yield ok("database", f"PostgreSQL {version} answers at {where}")
    yield _walls_and_schema(url)
    yield _clock((before + after) / 2 - (row[0] if row else 0.0))


def _walls_and_schema(url: str) -> Finding:
    from psms.db.fitness import HEAD, refuse_unfit_database  # noqa: PLC0415 (SQLAlchemy is slow to import)
    from psms.db.session import Database  # noqa: PLC0415

    database = Database(url, pool_size=1)
    try:
        refuse_unfit_database(database)
    except PsmsError as problem:
        return fail("schema", problem.detail)
    finally:
        database.close()
    return ok("schema", f"at revision {HEAD}, used by a role that the walls between organizations hold")


def _clock(ahead_s: float) -> Finding:
    if abs(ahead_s) <= _SKEW_S:
        return ok("clock", f"this machine and the database agree within {abs(ahead_s):.1f} s")
    direction = "ahead of" if ahead_s > 0 else "behind"
    return warn(
        "clock",
        f"this machine's clock is {abs(ahead_s):.0f} s {direction} the database's: no deadline follows it, "
        "but logs mislead and certificates may seem invalid: set it, best by NTP",
    )


def _redis(url: str) -> Iterator[Finding]:
    where = endpoint_of(url)
    try:
        with redis.Redis.from_url(url, socket_timeout=_PATIENCE_S, socket_connect_timeout=_PATIENCE_S) as client:
            client.ping()
            yield ok("redis", f"answers at {where}")
            yield _eviction(client)
    except (redis.RedisError, OSError, ValueError) as problem:
        yield fail("redis", f"no answer from {where} ({_first_line(problem)}): start it, or correct REDIS_URL")


def _eviction(client: redis.Redis) -> Finding:
    try:
        policy = client.config_get("maxmemory-policy")["maxmemory-policy"]
    except (redis.ResponseError, KeyError):
        return warn("eviction", "Redis does not tell its maxmemory-policy: make sure that it is 'noeviction'")
    if policy != "noeviction":
        return fail(
            "eviction",
            f"maxmemory-policy is '{policy}', so that Redis may throw messages away: set it to 'noeviction'",
        )
    return ok("eviction", "maxmemory-policy is 'noeviction'")


def _first_line(problem: Exception) -> str:
    return str(problem).strip().partition("\n")[0] or type(problem).__name__
