"""Guards taken out: a clause struck from every statement on its way to PostgreSQL, and who waits for a lock there.

The product's code stays as it is. A test that strikes a clause fails when no statement has it any more.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from sqlalchemy import Engine, event

from tests.support.databases import MigratedDatabase
from tests.support.waiting import eventually

_WAITING = """SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock'"""


@contextmanager
def without(clause: str, instead: str = "") -> Iterator[None]:
    """Send every statement of this process with *instead* in the place of *clause*, during the block."""
    struck = 0

    def strike(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> tuple[str, Any]:
        nonlocal struck
        struck += statement.count(clause)
        return statement.replace(clause, instead), parameters

    event.listen(Engine, "before_cursor_execute", strike, retval=True)
    try:
        yield
    finally:
        event.remove(Engine, "before_cursor_execute", strike)
    assert struck, f"no statement had {clause!r}"


@contextmanager
def without_all(clauses: dict[str, str]) -> Iterator[None]:
    """Strike several clauses, each for what is to stand in its place."""
    with ExitStack() as stack:
        for clause, instead in clauses.items():
            stack.enter_context(without(clause, instead))
        yield


def until_waiting(database: MigratedDatabase, count: int) -> None:
    """Return when exactly so many sessions of *database* wait for a lock."""
    eventually(lambda: database.rows(_WAITING) == [(count,)], what=f"{count} sessions to wait for a lock")
