"""A runtime that outlives one test, and the whole content of its database, for tests that change nothing."""

from collections.abc import Iterator
from contextlib import contextmanager

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
_TABLES = """
    SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') AND NOT c.relispartition
        AND c.relname NOT IN ('log_unsealed', 'data_keys') ORDER BY 1
"""
_CONTENT = "SELECT '{0}', coalesce(md5(string_agg(t::text, '|' ORDER BY t::text)), '') FROM {0} t"


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
    """Return the whole content of *database*, as a digest for each table."""
    tables = [str(name) for (name,) in database.rows(_TABLES)]
    query = " UNION ALL ".join(_CONTENT.format(table) for table in tables)
    return {str(table): str(digest) for table, digest in database.rows(query)}
