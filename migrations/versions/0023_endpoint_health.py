"""Notices on endpoints that fail, and backlogs that are thrown away piece by piece. The SQL stands beside it."""

from migrations.plain_sql import run_all, run_down

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; endpoints that fail already are counted from now on."""
    run_all(revision)


def downgrade() -> None:
    """Take it back."""
    run_down(revision)
