"""Statements that go straight to the driver, for the hottest paths. Engines, pools and sessions are in `session`.

SQLAlchemy's own work costs more than such a statement does. The texts are written out in `queries` all the same,
and the connections are the pool's.
"""

from collections.abc import Mapping, Sequence
from typing import Any, cast
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow, namedtuple_row
from sqlalchemy.orm import Session

Driver = Connection[TupleRow]
Values = Mapping[str, Any]
Record = Any
"""A row with the columns of its statement as attributes."""

# BEGIN travels with the first statement: of its own it would be one more round trip. A UUID and a number need no
# escaping.
BEGIN_IN = "BEGIN; SELECT set_config('psms.organization_id', '{}', true)"
_AND_LOCK = ", pg_try_advisory_xact_lock({:d})"


class Direct:
    """One connection of the pool, in the transaction that is open on it, or in none: then each statement commits."""

    def __init__(self, driver: Driver) -> None:
        """Speak over *driver*, which begins no transaction by itself."""
        self._driver = driver

    def row(self, statement: str, values: Values) -> TupleRow | None:
        """Return the first row of the answer, None when there is none."""
        return self._driver.execute(statement, values).fetchone()

    def rows(self, statement: str, values: Values) -> Sequence[TupleRow]:
        """Return the rows of the answer."""
        return self._driver.execute(statement, values).fetchall()

    def run(self, statement: str, values: Values) -> None:
        """Do what has no answer."""
        self._driver.execute(statement, values)

    def records(self, statement: str, values: Values) -> Sequence[Record]:
        """Return the rows of the answer, with their columns as attributes."""
        cursor = self._driver.cursor(row_factory=namedtuple_row)
        return cursor.execute(statement, values).fetchall()

    def record(self, statement: str, values: Values) -> Record:
        """Return the first row of the answer, with its columns as attributes; None when there is none."""
        cursor = self._driver.cursor(row_factory=namedtuple_row)
        return cursor.execute(statement, values).fetchone()


def direct(session: Session) -> Direct:
    """Return the way to the driver of an open *session*, past SQLAlchemy, inside the same transaction."""
    return Direct(cast("Driver", session.connection().connection.driver_connection))


class Brief(Direct):
    """A transaction inside one organization, in three exchanges: it begins, asks, and writes and commits."""

    def __init__(self, driver: Driver, organization_id: UUID, lock: int | None) -> None:
        """Begin, and take *lock*, a number of 64 bits, unless another transaction holds it."""
        super().__init__(driver)
        first = BEGIN_IN.format(organization_id)
        cursor = driver.execute(first if lock is None else first + _AND_LOCK.format(lock))
        cursor.nextset()
        entered = cursor.fetchone()
        self.is_alone = lock is None or bool(entered and entered[1])

    def finish(self, statement: str, values: Values) -> None:
        """Write and commit, in one exchange: whoever waits for a row of ours waits one round trip less."""
        with self._driver.pipeline():
            self._driver.execute(statement, values)
            self._driver.execute("COMMIT")
