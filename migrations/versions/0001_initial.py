"""The first schema: roles, clock, tables, walls, functions. The SQL stands beside it, a file per subject."""

from pathlib import Path

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_SQL = Path(__file__).parent.parent / "sql" / "0001"


def upgrade() -> None:
    """Build everything, in the order of the files' numbers."""
    for path in sorted(_SQL.glob("*.sql")):
        _run(path)


def downgrade() -> None:
    """Remove everything but the roles, which other databases of the same server may use."""
    _run(_SQL / "down" / "down.sql")


def _run(path: Path) -> None:
    # By the driver itself: SQLAlchemy would take each % in the SQL for a parameter.
    driver = op.get_bind().connection.driver_connection
    if driver is None:
        message = "migrations run on a live connection: `--sql` is not offered"
        raise RuntimeError(message)
    driver.execute(path.read_text(encoding="utf-8"))
