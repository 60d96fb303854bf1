"""The cursor of every pooled connection: names in a statement become numbers once. What is asked is in `queries`."""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, Self

from psycopg import RawCursor
from psycopg.abc import Params
from psycopg.rows import TupleRow
from typing_extensions import override

# A place for a value, or a percent sign that is meant.
_PLACE = re.compile(r"%(?:\((\w+)\)s|%)")


class NumberingCursor(RawCursor[TupleRow]):
    """Takes statements with named places, `%(name)s`, as psycopg's own cursor does, and remembers each of any length.

    psycopg remembers those of up to 4,096 characters and 50 values, and takes others apart each time: with the one
    that files a ticket that was a seventh of all the work of the request.
    """

    @override
    def execute(self, query: Any, params: Params | None = None, **options: Any) -> Self:
        if isinstance(params, Mapping) and isinstance(query, str):
            text, names = numbered(query)
            return super().execute(text, [params[name] for name in names], **options)
        return super().execute(query, params, **options)

    @override
    def executemany(self, query: Any, params_seq: Iterable[Params], **options: Any) -> None:
        rows = list(params_seq)
        if isinstance(query, str) and rows and isinstance(rows[0], Mapping):
            text, names = numbered(query)
            rows = [[row[name] for name in names] for row in rows if isinstance(row, Mapping)]
            query = text
        super().executemany(query, rows, **options)


@lru_cache(maxsize=2048)
def numbered(statement: str) -> tuple[str, tuple[str, ...]]:
    """Return *statement* with numbers for its names, as PostgreSQL wants it, and the names in that order."""
    numbers: dict[str, int] = {}

    def place(found: re.Match[str]) -> str:
        name = found[1]
        return "%" if name is None else f"${numbers.setdefault(name, len(numbers) + 1)}"

    return _PLACE.sub(place, statement), tuple(numbers)
