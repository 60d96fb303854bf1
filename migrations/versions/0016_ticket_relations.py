"""Links and merges of tickets, and how long deleted ones are kept. The SQL stands beside it, one file per subject."""

from migrations.plain_sql import run_all, run_down

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables, empty, and the columns with their defaults."""
    run_all(revision)


def downgrade() -> None:
    """Take it back."""
    run_down(revision)
