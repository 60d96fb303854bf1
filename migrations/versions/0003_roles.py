"""Roles that organizations make, and what visibility needs. The SQL stands beside it, one file per subject."""

from migrations.plain_sql import run_all, run_down

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Build the table of roles and the index of the queue."""
    run_all(revision)


def downgrade() -> None:
    """Take them back."""
    run_down(revision)
