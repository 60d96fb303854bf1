"""Time entries and timers, ratings, macros and mentions. The SQL stands beside it, one file per subject."""

from migrations.plain_sql import run_all, run_down

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables, empty; requesters are asked by mail only where an organization wants it."""
    run_all(revision)


def downgrade() -> None:
    """Take it back."""
    run_down(revision)
