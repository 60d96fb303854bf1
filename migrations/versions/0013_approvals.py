"""Approvals, and what a change is planned with. The SQL stands beside it, one file per subject."""

from migrations.plain_sql import run_all, run_down

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables, empty; no service asks anybody, so every ticket goes on as it did."""
    run_all(revision)


def downgrade() -> None:
    """Take it back."""
    run_down(revision)
