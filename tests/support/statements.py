"""Listens to every statement of this process on its way to the driver, and may alter it. What for, its users decide."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Self

import psycopg
from psycopg.abc import Params, Query
from psycopg.rows import TupleRow
from sqlalchemy import event
from sqlalchemy.pool import Pool
from typing_extensions import override

from psms.db.cursors import NumberingCursor


@contextmanager
def heard(alter: Callable[[str], str], note: Callable[[str, Params | None], None] | None = None) -> Iterator[None]:
    """Send what *alter* makes of each statement, and tell *note* of it, on connections lent out in the block."""

    class Hearing(NumberingCursor):
        @override
        def execute(self, query: Query, params: Params | None = None, **options: Any) -> Self:
            statement = alter(query.decode() if isinstance(query, bytes) else str(query))
            if note is not None:
                note(statement, params)
            return super().execute(statement, params, **options)

    def lend(driver: psycopg.Connection[TupleRow], *_: object) -> None:
        driver.cursor_factory = Hearing

    def take_back(driver: psycopg.Connection[TupleRow] | None, *_: object) -> None:
        # None where the connection was lost meanwhile.
        if driver is not None:
            driver.cursor_factory = NumberingCursor

    event.listen(Pool, "checkout", lend)
    event.listen(Pool, "checkin", take_back)
    try:
        yield
    finally:
        event.remove(Pool, "checkout", lend)
        event.remove(Pool, "checkin", take_back)
