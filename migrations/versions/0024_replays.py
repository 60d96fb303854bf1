"""Replays of what was not delivered, and counts that outlive deliveries. The SQL stands beside it."""

from migrations.plain_sql import run_all, run_down

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables; nothing that is there changes."""
    run_all(revision)


def downgrade() -> None:
    """Take it back."""
    run_down(revision)
