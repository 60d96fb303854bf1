"""Months of events that an installation keeps no longer. The SQL stands beside it."""

from migrations.plain_sql import run_all, run_down

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the function; nothing that is there changes."""
    run_all(revision)


def downgrade() -> None:
    """Take it back."""
    run_down(revision)
