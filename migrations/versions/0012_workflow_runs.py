"""Workflow runs, and when resolved tickets close by themselves. The SQL stands beside it, one file per subject."""

from migrations.plain_sql import run_all, run_down

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables, empty; tickets that are resolved already stay so until somebody closes them."""
    run_all(revision)


def downgrade() -> None:
    """Take it back."""
    run_down(revision)
