"""The heads of ordered lanes are found by an index. The SQL stands beside it."""

from migrations.plain_sql import run_all, run_down

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the index."""
    run_all(revision)


def downgrade() -> None:
    """Take it back."""
    run_down(revision)
