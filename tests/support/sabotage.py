"""Guards taken out: a clause struck from every statement on its way to PostgreSQL, and who waits for a lock there.

The product's code stays as it is. A test that strikes a clause fails when no statement has it any more.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.databases import MigratedDatabase
from tests.support.statements import heard
from tests.support.waiting import eventually

_WAITING = """SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock'"""


@contextmanager
def without(clause: str, instead: str = "") -> Iterator[None]:
    """Send every statement of this process with *instead* in the place of *clause*, during the block."""
    with without_all({clause: instead}):
        yield


@contextmanager
def without_all(clauses: dict[str, str]) -> Iterator[None]:
    """Strike several clauses, each for what is to stand in its place."""
    struck: Counter[str] = Counter()

    def strike(statement: str) -> str:
        for clause, instead in clauses.items():
            struck[clause] += statement.count(clause)
            statement = statement.replace(clause, instead)
        return statement

    with heard(strike):
        yield
    missing = [clause for clause in clauses if not struck[clause]]
    assert not missing, f"no statement had {missing}"


def until_waiting(database: MigratedDatabase, count: int, *, within: float = 5.0) -> None:
    """Return when exactly so many sessions of *database* wait for a lock."""
    found = f"{count} sessions to wait for a lock"
    eventually(lambda: database.rows(_WAITING) == [(count,)], within=within, what=found)
