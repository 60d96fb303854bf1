"""The first schema: roles, clock, tables, walls, functions. The SQL stands beside it, a file per subject."""

from migrations.plain_sql import run_all, run_down

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Build everything."""
    run_all(revision)


def downgrade() -> None:
    """Remove everything but the roles, which other databases of the same server may use."""
    run_down(revision)
