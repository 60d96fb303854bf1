"""A runtime that outlives one test, and the whole content of its database, for tests that change nothing."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from psms.adapters.egress import EgressGuard
from psms.adapters.http import RequestsSender
from psms.adapters.rates import LocalRates
from psms.adapters.slots import Slots
from psms.adapters.system import DatabaseClock, SystemChance
from psms.adapters.vault import vault_of
from psms.db.session import Database
from psms.domain.egress import parse_policy
from psms.runtime import Runtime
from psms.settings import LOOPBACK, Settings
from tests.support.databases import MigratedDatabase
from tests.support.fakes import RecordingNudger, ScriptedProbe
from tests.support.keys import TEST_KEK

# Without `log_unsealed`: each entry of `logs` waits there for its seal, whatever it is about; and without `data_keys`:
# an organization's are made before anything that may need them is looked at, whether it is then refused or not.
# A table without a page has no row: most have none, and to look into them takes longer than to look into the rest.
_TABLES = """
    SELECT c.relname,
        pg_relation_size(c.oid) + coalesce((SELECT sum(pg_relation_size(relid)) FROM pg_partition_tree(c.oid)), 0) > 0
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') AND NOT c.relispartition
        AND c.relname NOT IN ('log_unsealed', 'data_keys') ORDER BY 1
"""
_CONTENT = "SELECT '{0}', coalesce(md5(string_agg(t::text, '|' ORDER BY t::text)), '') FROM {0} t"
# Which transactions are seen, of the whole server: where it is what it was, every row is as it was.
_SEEN = "SELECT pg_current_snapshot()"
_READ: dict[tuple[str, str], dict[str, str]] = {}


@contextmanager
def runtime_on(database: MigratedDatabase) -> Iterator[Runtime]:
    """Lend a runtime on *database*; nudges are recorded, not sent."""
    settings = Settings.from_env(
        {"DATABASE_URL": database.app_url, "REDIS_URL": "redis://127.0.0.1:1/0", "PSMS_KEK": TEST_KEK}
    )
    connections = Database(settings.database_url, pool_size=20)
    guard = EgressGuard(parse_policy(LOOPBACK, plain_http=True))
    slots = Slots(4)
    yield Runtime(
        settings=settings,
        db=connections,
        clock=DatabaseClock(),
        chance=SystemChance(),
        sender=RequestsSender(guard),
        url_guard=guard,
        slots=slots,
        nudger=RecordingNudger(),
        redis=ScriptedProbe(),
        vault=vault_of(settings, SystemChance()),
        rates=LocalRates(),
        worker="test",
    )
    slots.close(5)
    connections.close()


def contents(database: MigratedDatabase) -> dict[str, str]:
    """Return the whole content of *database*, as a digest for each table.

    It is read anew only where some transaction has been since it was read last.
    """
    with psycopg.connect(database.superuser_url) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        seen = str(connection.execute(_SEEN).fetchall())
        if (database.name, seen) not in _READ:
            _READ.clear()
            _READ[database.name, seen] = _digests(connection)
        return dict(_READ[database.name, seen])


def _digests(connection: psycopg.Connection) -> dict[str, str]:
    has_rows = {str(name): bool(pages) for name, pages in connection.execute(_TABLES).fetchall()}
    query = " UNION ALL ".join(_CONTENT.format(table) for table, pages in has_rows.items() if pages)
    digests = connection.execute(query.encode()).fetchall()
    return dict.fromkeys(has_rows, "") | {str(table): str(digest) for table, digest in digests}
