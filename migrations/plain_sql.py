"""Runs a revision's SQL files, which stand in `migrations/sql/<revision>`, one file per subject."""

from pathlib import Path

from alembic import op

_SQL = Path(__file__).parent / "sql"


def run_all(revision: str) -> None:
    """Run the files of *revision*, in the order of their numbers."""
    for path in sorted((_SQL / revision).glob("*.sql")):
        _run(path)


def run_down(revision: str) -> None:
    """Take back what the files of *revision* built, in the order of the names."""
    for path in sorted((_SQL / revision / "down").glob("*.sql")):
        _run(path)


def _run(path: Path) -> None:
    # By the driver itself: SQLAlchemy would take each % in the SQL for a parameter.
    driver = op.get_bind().connection.driver_connection
    if driver is None:
        message = "migrations run on a live connection: `--sql` is not offered"
        raise RuntimeError(message)
    driver.execute(path.read_text(encoding="utf-8"))
