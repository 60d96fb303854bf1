"""Fixtures that every kind of test shares: real servers, a fresh migrated database, a runtime on them."""

import gc
import os
import shutil
import ssl
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from psms.adapters.egress import EgressGuard
from psms.adapters.http import RequestsSender
from psms.adapters.http_connection import public_context
from psms.adapters.rates import LocalRates
from psms.adapters.slots import Slots
from psms.adapters.system import DatabaseClock, SystemChance
from psms.adapters.vault import vault_of
from psms.db.session import Database
from psms.domain.egress import parse_policy
from psms.runtime import Runtime
from psms.settings import LOOPBACK, Settings
from tests.support.databases import LEASE_S, MigratedDatabase, fresh_database, make_template
from tests.support.fakes import RecordingNudger, ScriptedProbe
from tests.support.order import in_order
from tests.support.servers import PostgresServer, ValkeyServer, roomy_memory, running_postgres, running_valkey

# What a developer's shell sets must not change what the tests see.
for _name in [name for name in os.environ if name.startswith("PSMS_")]:
    del os.environ[_name]
for _name in ("DATABASE_URL", "REDIS_URL"):
    os.environ.pop(_name, None)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--soak", action="store_true", help="the long form: every fault many times, under more load")
    parser.addoption("--vectors", metavar="FILE", help="worked examples to try the SLA engine on, instead of ours")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Lay the run's directories in memory where there is room: thousands of databases and keys come and go in them."""
    # A process of a run that is shared out (xdist) gets its part of the directory from the one that shares it out.
    if config.option.basetemp is None and (memory := roomy_memory()):
        directory = tempfile.mkdtemp(prefix="psms-tests-", dir=memory)
        config.option.basetemp = f"{directory}/run"
        config.add_cleanup(lambda: shutil.rmtree(directory, ignore_errors=True))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items[:] = in_order(items)


def pytest_collection_finish() -> None:
    """Take the thousands of collected tests out of the collector's sight: it would look through them all the time."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """A PostgreSQL with a migrated template database; one for each process of the test run."""
    with running_postgres(tmp_path_factory.mktemp("postgres") / "data") as server:
        make_template(server)
        yield server


@pytest.fixture(scope="session")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ValkeyServer]:
    """A Valkey; one for each process of the test run. Whoever stops it starts it again."""
    with running_valkey(tmp_path_factory.mktemp("valkey")) as server:
        yield server


@pytest.fixture
def database(postgres: PostgresServer) -> Iterator[MigratedDatabase]:
    """A fresh migrated database."""
    with fresh_database(postgres) as fresh:
        yield fresh


@pytest.fixture
def settings(database: MigratedDatabase, tmp_path: Path) -> Settings:
    """The settings of a development installation on the fresh database, with short leases."""
    return Settings.from_env(
        {
            "DATABASE_URL": database.app_url,
            "PSMS_OWNER_DATABASE_URL": database.owner_url,
            "REDIS_URL": "redis://127.0.0.1:1/0",
            "PSMS_HOME": str(tmp_path / "home"),
            "PSMS_LEASE_SECONDS": str(LEASE_S),
        }
    )


@pytest.fixture(scope="session")
def authorities() -> ssl.SSLContext:
    """Whom the sender trusts: all that `requests` trusts, whose certificates take long to read."""
    return public_context()


@pytest.fixture
def rt(settings: Settings, authorities: ssl.SSLContext) -> Iterator[Runtime]:
    """A runtime on the fresh database: real sender and clock; nudges are recorded, not sent."""
    database = Database(settings.database_url, pool_size=40)
    guard = EgressGuard(parse_policy(LOOPBACK, plain_http=True))
    slots = Slots(16)
    yield Runtime(
        settings=settings,
        db=database,
        clock=DatabaseClock(),
        chance=SystemChance(),
        sender=RequestsSender(guard, tls=authorities),
        url_guard=guard,
        slots=slots,
        nudger=RecordingNudger(),
        redis=ScriptedProbe(),
        vault=vault_of(settings, SystemChance()),
        rates=LocalRates(),
        worker="test",
    )
    slots.close(5)
    database.close()
