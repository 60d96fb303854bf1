"""The statements of one request, recorded from the product itself and run again through bare psycopg.

So the limits do the same SQL as the product, also after its SQL has changed.
"""

import pickle
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
from psycopg.abc import Params
from psycopg.rows import TupleRow

from tests.support.statements import heard

_COUNTER = "last_number"


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One statement and its parameters by name; *fresh* names those that are new with each request."""

    sql: str
    parameters: dict[str, Any]
    fresh: frozenset[str] = frozenset()


@contextmanager
def _noted(statements: list[Statement]) -> Iterator[None]:
    def note(sql: str, parameters: Params | None) -> None:
        statements.append(Statement(sql=sql, parameters=dict(parameters) if isinstance(parameters, Mapping) else {}))

    with heard(str, note):
        yield


def recorded(request: Callable[[], object]) -> list[Statement]:
    """Return the statements of one *request*, told apart by doing it again: what differs then is fresh."""
    request()
    first: list[Statement] = []
    with _noted(first):
        request()
    second: list[Statement] = []
    with _noted(second):
        request()
    return [
        Statement(
            sql=new.sql,
            parameters=new.parameters,
            fresh=frozenset(name for name, value in new.parameters.items() if value != old.parameters[name]),
        )
        for old, new in zip(first, second, strict=True)
    ]


def save(path: Path, recordings: dict[str, list[Statement]]) -> None:
    """Keep recordings for the programs that measure limits."""
    path.write_bytes(pickle.dumps(recordings))


def load(path: Path) -> dict[str, list[Statement]]:
    """Return what was kept."""
    recordings: dict[str, list[Statement]] = pickle.loads(path.read_bytes())  # noqa: S301  # our own, of this run
    return recordings


class Replay:
    """Runs a recording again and again on a connection of its own: as few steps as psycopg allows."""

    def __init__(self, url: str, statements: list[Statement]) -> None:
        """Connect to *url*, without SQLAlchemy."""
        self._connection = psycopg.connect(url, autocommit=True, prepare_threshold=2)
        self._statements = statements
        self._epoch = {value for s in statements for value in _uuids(s)}

    @property
    def backend(self) -> int:
        """The process of PostgreSQL that serves it."""
        return self._connection.info.backend_pid

    def run(self) -> list[TupleRow]:
        """Do what one request does, with new ids, and return the rows of the largest answer."""
        names = {old: UUID(int=old.int & ~((1 << 62) - 1) | uuid4().int & ((1 << 62) - 1)) for old in self._epoch}
        number = 0
        rows: list[TupleRow] = []
        for statement in self._statements:
            cursor = self._connection.execute(statement.sql.encode(), _renewed(statement, names, number))
            while cursor.nextset():
                pass
            if cursor.description is None:
                continue
            found = cursor.fetchall()
            if _COUNTER in statement.sql:
                number = found[0][0]
            if len(found) >= len(rows):
                rows = found
        return rows


def _uuids(statement: Statement) -> Iterator[UUID]:
    for name in statement.fresh:
        value = statement.parameters[name]
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, UUID):
                yield one


def _renewed(statement: Statement, names: dict[UUID, UUID], number: int) -> dict[str, Any] | None:
    if not statement.parameters:
        return None
    if not statement.fresh:
        return statement.parameters
    fresh = {name: _renewal(statement.parameters[name], names, number) for name in statement.fresh}
    return statement.parameters | fresh


def _renewal(value: Any, names: dict[UUID, UUID], number: int) -> Any:  # noqa: ANN401  # whatever a column takes
    if isinstance(value, list):
        return [_renewal(one, names, number) for one in value]
    if isinstance(value, UUID):
        return names[value]
    if isinstance(value, int):
        return number
    if isinstance(value, str):
        # A key, a path or a request's id: of the same length, and never seen before.
        return f"{value[: max(0, len(value) - 32)]}{uuid4().hex}"
    return value
