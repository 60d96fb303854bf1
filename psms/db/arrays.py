"""Lists as PostgreSQL's array parameters, made quicker than by psycopg. Which statements take them is elsewhere.

A statement that writes a page of rows takes a list for each column. psycopg looks at every element with a regular
expression to find out whether it must be quoted; here the type of the elements says so.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
from psycopg.abc import Buffer
from psycopg.types.array import ListDumper
from typing_extensions import override

_NULL = "NULL"


def _uuids(values: Sequence[UUID | None]) -> list[str]:
    return [_NULL if value is None else value.hex for value in values]


def _integers(values: Sequence[int | None]) -> list[str]:
    return [_NULL if value is None else str(value) for value in values]


def _instants(values: Sequence[datetime | None]) -> list[str]:
    return [_NULL if value is None else value.isoformat() for value in values]


def _spans(values: Sequence[timedelta | None]) -> list[str]:
    # Days apart from the rest, as psycopg writes them.
    return [
        _NULL if value is None else f'"{value.days} days {value.seconds}.{value.microseconds:06} seconds"'
        for value in values
    ]


def _texts(values: Sequence[str | None]) -> list[str]:
    return [_NULL if value is None else '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"' for value in values]


def _bytes(values: Sequence[bytes | None]) -> list[str]:
    return [_NULL if value is None else '"\\\\x' + value.hex() + '"' for value in values]


_WRITERS: dict[type, Callable[[Sequence[Any]], list[str]]] = {
    UUID: _uuids,
    int: _integers,
    datetime: _instants,
    timedelta: _spans,
    str: _texts,
    bytes: _bytes,
}


class QuickListDumper(ListDumper):
    """Writes a list of one type, with None among it, in one go; leaves every other list to psycopg."""

    @override
    def dump(self, obj: list[Any]) -> Buffer | None:
        """Return the text of an array."""
        types = set(map(type, obj)) - {type(None)}
        write = _WRITERS.get(types.pop()) if len(types) == 1 else None
        if write is None:
            return super().dump(obj)
        # Much of a page is the same in every row, such as whose it is and the instant: written once.
        is_one = len(set(map(id, obj))) == 1
        return f"{{{','.join(write(obj[:1]) * len(obj) if is_one else write(obj))}}}".encode()


def quicken(driver: psycopg.Connection[Any]) -> None:
    """Let *driver* write the lists among its parameters so."""
    driver.adapters.register_dumper(list, QuickListDumper)
