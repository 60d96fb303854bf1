"""The statements of a sweep, page by page, recorded from the product itself and run again through bare psycopg.

As a program it is one of several that run them at once. Arguments: database URL, file of pages, which of how many it
is, how many. Prints `ready`, waits for a line, and prints `done`.
"""

import pickle
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
from psycopg.abc import Params

from psms.db.arrays import quicken
from tests.support.statements import heard

Page = list[tuple[str, Params | None]]
_BEGINS, _CLAIM = "BEGIN", "FROM sla_timers\n    WHERE next_at"


def recorded_pages(sweep: Callable[[], object]) -> list[Page]:
    """Return the statements of each transaction of *sweep*, with their parameters; the last one found nothing due."""
    pages: list[Page] = []

    def note(statement: str, parameters: Params | None) -> None:
        if statement.startswith(_BEGINS):
            pages.append([])
        pages[-1].append((statement, parameters))

    with heard(str, note):
        sweep()
    return pages


def save_pages(path: Path, pages: list[Page]) -> None:
    """Keep pages for the programs that run them again."""
    path.write_bytes(pickle.dumps(pages))


def _run(connection: psycopg.Connection[Any], page: Page) -> None:
    for statement, parameters in page:
        is_claim = _CLAIM in statement
        if is_claim:
            # Of what it locks, most is in the pages of the other programs: let go of it.
            connection.execute("SAVEPOINT claimed")
        cursor = connection.execute(statement.encode(), parameters)
        while cursor.nextset():
            pass
        if cursor.description is not None:
            cursor.fetchall()
        if is_claim:
            connection.execute("ROLLBACK TO claimed")
    connection.commit()


def _main() -> None:
    url, path, which, count = sys.argv[1:5]
    pages: list[Page] = pickle.loads(Path(path).read_bytes())  # noqa: S301  # our own, of this run
    with psycopg.connect(url, autocommit=True) as connection:
        quicken(connection)
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        sys.stdin.readline()
        for page in pages[int(which) :: int(count)]:
            _run(connection, page)
    sys.stdout.write("done\n")


if __name__ == "__main__":
    _main()
